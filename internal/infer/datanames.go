package infer

import (
	"regexp"
	"strings"

	"sluice/internal/profile"
)

// collapse takes the names of objects as data, where they are.
func collapse(n *profile.Node) {
	if n == nil {
		return
	}
	if namesAreData(n) {
		n.Collapse()
	}
	for _, m := range n.Members {
		collapse(m)
	}
	collapse(n.Map)
	collapse(n.Element)
}

// The names of an object may be data, such as ids: then it is a list of rows,
// and not a row of many columns. namesAreData reports whether those of a node
// are, which knows them all. In an envelope it looks at the names around it.
func namesAreData(n *profile.Node) bool {
	if len(n.Members) == 0 {
		return false
	}
	known, data, numbered := 0, 0, 0
	prefix := ""
	for name, m := range n.Members {
		switch p, ok := numberedName(name); {
		case strings.HasPrefix(name, "$"): // an envelope, see tags
			return false
		case name == "":
		case isDataName(name):
			known, data = known+1, data+1
		case ok && kindsOf(m)&^nullKind == objectKind && (prefix == "" || p == prefix):
			known, numbered, prefix = known+1, numbered+1, p
		default:
			known++
		}
	}
	switch {
	case known > 0 && data == known, known >= 10 && data*10 >= known*9:
		return true
	case numbered > 1 && numbered == known:
		return alike(n, 0.5)
	}
	return rare(n)
}

// rare reports whether the members are alike, many, and each in few objects.
func rare(n *profile.Node) bool {
	present, all := int64(0), kinds(0)
	for _, m := range n.Members {
		present += m.Values()
		all |= kindsOf(m)
	}
	share := float64(present) / float64(len(n.Members)) / float64(n.Object.Count)
	switch all &^ nullKind {
	case objectKind:
		return len(n.Members) >= 8 && share <= 0.34 && alike(n, 0.5)
	case 0:
		return false
	}
	return len(n.Members) >= 64 && share <= 0.05 && alike(n, 0)
}

// alike reports whether the members are of one kind. Objects have, on average,
// this share of all names that objects have there.
func alike(n *profile.Node, share float64) bool {
	all := kinds(0)
	names, sum := map[string]bool{}, 0
	for _, m := range n.Members {
		all |= kindsOf(m)
		sum += len(m.Members)
		for name := range m.Members {
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
	regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`),                                                    // e-mail addresses
	regexp.MustCompile(`^[a-z][a-z0-9+.-]*://`),                                                         // URLs
	regexp.MustCompile(`^/`),                                                                            // paths
}

var (
	wordOrID = regexp.MustCompile(`^[0-9A-Za-z_-]{16,}$`)
	number   = regexp.MustCompile(`^([A-Za-z]+[-_:#]?)[0-9]+$`)
)

func isDataName(name string) bool {
	if len(name) > longestName {
		return true
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
	return changes >= 3 && strings.ContainsFunc(name, func(r rune) bool { return r < 0x80 && isDigit(byte(r)) })
}

// numberedName is what stands before the number at the end of a name.
func numberedName(name string) (prefix string, ok bool) {
	m := number.FindStringSubmatch(name)
	if m == nil {
		return "", false
	}
	return m[1], true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
