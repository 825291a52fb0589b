// Package mappingdiff compares a mapping with another mapping, or with what was
// seen in documents, and changes it so that it takes the documents.
package mappingdiff

import (
	"cmp"
	"slices"

	"sluice/internal/profile"
)

// Class says what a change asks of who reads the tables.
type Class uint8

const (
	Additive Class = iota + 1 // all that was there stays as it is
	Widening                  // a column takes more than before, and what it took
	Breaking                  // what the mapping counts on is gone, or is something else
)

var classWords = [...]string{Additive: "additive", Widening: "widening", Breaking: "breaking"}

func (c Class) String() string { return classWords[c] }

// MarshalText writes the word.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Kind says what a change is.
type Kind string

// The kinds of changes.
const (
	Added    Kind = "added"    // a path that the mapping does not name, or a column
	Gone     Kind = "gone"     // nothing stands at the path any more, or the column is removed
	Renamed  Kind = "renamed"  // it perhaps stands at another path now
	Type     Kind = "type"     // values of another type
	Form     Kind = "form"     // texts of another form, or numbers that count another unit
	Null     Kind = "null"     // no value where one is required
	Empty    Kind = "empty"    // "" where it is none of the type
	Shape    Kind = "shape"    // an object, array or plain value in place of another of these
	Rows     Kind = "rows"     // other rows
	Records  Kind = "records"  // the records stand elsewhere
	Settings Kind = "settings" // another key of the mapping
)

// Change is one difference. Its JSON names are a contract.
type Change struct {
	Class  Class  `json:"class"`
	Kind   Kind   `json:"change"`
	Table  string `json:"table"`  // empty if it is not about one table
	Column string `json:"column"` // empty if it is not about one column
	Path   string `json:"path"`
	Old    string `json:"old"`
	New    string `json:"new"`
	Values int64  `json:"values"` // that differ; 0 between mappings
	First  *First `json:"first,omitempty"`
	Patch  string `json:"patch"` // what is changed in the mapping; empty if nothing
}

// Text says what differs.
func (x *Change) Text() string {
	text := string(x.Kind)
	switch {
	case x.Column != "" && x.Table != "":
		text += " " + x.Table + "." + x.Column
	case x.Table != "":
		text += " table " + x.Table
	}
	if x.Path != "" {
		text += " at " + x.Path
	}
	switch {
	case x.Old != "" && x.New != "":
		text += ": was " + x.Old + ", is " + x.New
	case x.Old != "":
		text += ": was " + x.Old
	case x.New != "":
		text += ": " + x.New
	}
	return text
}

// First is where the first value stands that differs.
type First struct {
	Source string `json:"source"`
	Offset int64  `json:"offset"` // byte in the decompressed source
}

// Worst is the worst class; 0 if nothing differs.
func Worst(changes []Change) (worst Class) {
	for i := range changes {
		worst = max(worst, changes[i].Class)
	}
	return worst
}

// sorted has the worst changes first.
func sorted(changes []Change) []Change {
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(b.Class, a.Class) })
	return changes
}

// first is where values were seen first.
func first(p *profile.Profile, s profile.Seen) *First {
	if s.Count == 0 || s.First.Source >= len(p.Sources) {
		return nil
	}
	return &First{p.Sources[s.First.Source], s.First.Offset}
}
