package store

// Precondition must hold for a Commit to publish. The zero value never holds: a
// forgotten precondition must not become a blind overwrite.
type Precondition struct {
	kind preconditionKind
	etag string
}

type preconditionKind int

const (
	kindNever preconditionKind = iota
	kindNone
	kindAbsent
	kindMatch
)

// IfNoneMatch holds if there is no object under the key (If-None-Match: * of
// RFC 9110, section 13.1.2).
func IfNoneMatch() Precondition { return Precondition{kind: kindAbsent} }

// IfMatch holds if the current state has this ETag (If-Match of RFC 9110,
// section 13.1.1). It never holds for an empty ETag.
func IfMatch(etag string) Precondition {
	if etag == "" {
		return Precondition{}
	}
	return Precondition{kind: kindMatch, etag: etag}
}

// Unconditional always holds. It is for objects whose content follows from their
// name, so that overwriting changes nothing.
func Unconditional() Precondition { return Precondition{kind: kindNone} }

// Never reports whether p can never hold.
func (p Precondition) Never() bool { return p.kind == kindNever }

// Absent reports whether p requires that there is no object.
func (p Precondition) Absent() bool { return p.kind == kindAbsent }

// Match returns the ETag that p requires, if it requires one.
func (p Precondition) Match() (etag string, ok bool) { return p.etag, p.kind == kindMatch }

// Holds reports whether p holds for a current state with this ETag, or for
// none where there is no object.
func (p Precondition) Holds(etag string, exists bool) bool {
	switch p.kind {
	case kindNone:
		return true
	case kindAbsent:
		return !exists
	case kindMatch:
		return exists && etag == p.etag
	}
	return false
}
