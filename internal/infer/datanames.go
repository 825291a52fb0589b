package infer

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/profile"
	"sluice/mapping"
)

// collapse takes the names of objects as data, where they are. The values seem to
// have that envelope.
func collapse(n *profile.Node, e mapping.Envelope) {
	if n == nil {
		return
	}
	if namesAreData(n, e) {
		emails := slices.ContainsFunc(slices.Collect(maps.Keys(n.Members)), emailName.MatchString)
		n.Collapse()
		if emails {
			n.Names.Strings.Forms.Add(profile.Email, profile.Seen{Count: 1})
		}
	}
	for _, m := range n.Members {
		collapse(m, e)
	}
	collapse(n.Map, e)
	collapse(n.Element, e)
}

// The names of an object may be data, such as ids: then it is a list of rows,
// and not a row of many columns. namesAreData reports whether those of a node
// are, which knows them all.
func namesAreData(n *profile.Node, e mapping.Envelope) bool {
	if len(n.Members) == 0 {
		return false
	}
	known, data, counted, codes := 0, 0, 0, 0
	prefix := ""
	for name, m := range n.Members {
		switch p, ok := numberedName(name); {
		case strings.HasPrefix(name, "$"): // an envelope, see tags
			return false
		case name == "":
		case isDataName(name):
			known, data = known+1, data+1
		case code.MatchString(name):
			known, codes = known+1, codes+1
		case ok && kindsInside(m, e)&^nullKind == objectKind && (prefix == "" || p == prefix):
			known, counted, prefix = known+1, counted+1, p
		default:
			known++
		}
	}
	switch {
	case known > 0 && data == known, known >= 10 && data*10 >= known*9:
		return true
	case counted > 1 && counted == known, codes >= 5 && codes == known:
		return alike(n, e, 0.5)
	}
	return rare(n, e)
}

// rare reports whether the members are alike, and either each in few objects or
// very many.
func rare(n *profile.Node, e mapping.Envelope) bool {
	present, all, always := int64(0), kinds(0), false
	for _, m := range n.Members {
		present += m.Values()
		always = always || m.Values() == n.Object.Count && n.Object.Count > 1
		all |= kindsInside(m, e)
	}
	share := float64(present) / float64(len(n.Members)) / float64(n.Object.Count)
	switch all &^ nullKind {
	case objectKind:
		return len(n.Members) >= 8 && share <= 0.34 && alike(n, e, 0.5) || len(n.Members) >= 20 && alike(n, e, 0.8)
	case 0, integerKind | stringKind: // fields of a wide record
		return false
	}
	return !always && len(n.Members) >= 64 && share <= 0.05 && alike(n, e, 0)
}

// alike reports whether the members are of one kind. Objects have, on average,
// this share of all names that objects have there.
func alike(n *profile.Node, e mapping.Envelope, share float64) bool {
	all := kinds(0)
	names, sum := map[string]bool{}, 0
	for _, m := range n.Members {
		all |= kindsInside(m, e)
		inside := m.Members
		if isEnvelope(m, e) {
			inside = nil
			if object := m.Members["M"]; object != nil {
				inside = object.Members
			}
		}
		sum += len(inside)
		for name := range inside {
			names[name] = true
		}
	}
	switch all &^ nullKind {
	case objectKind:
		return float64(sum) >= share*float64(len(names)*len(n.Members))
	case arrayKind, stringKind, booleanKind, integerKind, numberKind, integerKind | numberKind, integerKind | stringKind:
		return true
	}
	return false
}

// longestName is the longest name, in bytes, that is taken for one that
// somebody has chosen for a member.
const longestName = 255

// dataNames are forms of names that are data.
var dataNames = []*regexp.Regexp{
	regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`),                                                         // numbers
	regexp.MustCompile(`^[0-9]{4}-[0-9]{2}(-[0-9]{2}([T ][0-9:.+Z-]+)?)?$`),                             // dates and times
	regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`), // UUIDs
	emailName,
	regexp.MustCompile(`^\S*/`), // URLs, paths, types of media
}

var (
	emailName = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	wordOrID  = regexp.MustCompile(`^[0-9A-Za-z_-]{16,}$`)
	code      = regexp.MustCompile(`^[A-Z]{2,3}$`) // of a currency, country or language
	numbered  = regexp.MustCompile(`^[A-Za-z]+[-_:#]?$`)
)

func isDataName(name string) bool {
	if len(name) > longestName {
		return true
	}
	if !strings.ContainsAny(name, "0123456789@/") {
		return false
	}
	for _, form := range dataNames {
		if form.MatchString(name) {
			return true
		}
	}
	// An id that somebody's generator made has digits between its letters, such
	// as the push ids of Firebase.
	if !wordOrID.MatchString(name) {
		return false
	}
	changes := 0 // between letters and digits
	for i := 1; i < len(name); i++ {
		if isDigit(name[i]) != isDigit(name[i-1]) {
			changes++
		}
	}
	return changes >= 3
}

// numberedName is what stands before the number at the end of a name.
func numberedName(name string) (prefix string, ok bool) {
	prefix = strings.TrimRight(name, "0123456789")
	return prefix, prefix != name && numbered.MatchString(prefix)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
