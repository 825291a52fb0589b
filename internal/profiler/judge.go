package profiler

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"sluice/internal/profile"
	"sluice/mapping"
)

// Where the records of a document are: it is one itself, or it is a wrapper
// around an array of them. A wrong guess at a wrapper loses what stands beside
// the array; a wrong guess at a record only makes it large. So a document is a
// wrapper only if nothing stands beside the array that is its own.

// Why a place was taken, or was not.
const (
	whyGiven  = "it was given"
	whyArray  = "the document is an array"
	whyAlone  = "nothing stands beside the array"
	whyPaging = "what stands beside the array only describes the list"
	whyLarge  = "the document is larger than a record may be"

	whyNoArray    = "the document has no array of objects, so it is one record"
	whyIdentifier = "an identifier stands beside the array, so the document is one record"
	whySeveral    = "the document has several arrays of objects, so it is one record"
	whyOwn        = "values of its own stand beside the array, so the document is one record"
	whyLater      = "a later document does not have the array, so each document is a record"
	whySmaller    = "the records are in a larger array"
	whyLaterOwn   = "one of the documents has values of its own beside the array, so each document is a record"
	whyScalar     = "the document is neither an object nor an array"
)

// finding is what was found out about the place of the records in an input.
type finding struct {
	chosen place
	others []place  // arrays that were not chosen, with the reasons
	arrays []string // paths of all arrays in the first document, as those of records
	nulls  []string // paths of nulls, which stand for empty arrays
}

// place is a path of records.
type place struct {
	path   mapping.Path
	why    string
	beside []string // names of members left out
}

func (p place) profile() profile.Place {
	return profile.Place{Path: p.path.String(), Sources: 1, Why: []string{p.why}, Beside: p.beside}
}

// arrayIn is an array of objects in a document.
type arrayIn struct {
	*outline
	path   []string
	beside []string // names of members beside the array, and beside what it is in

	identified bool // one of these identifies the document
	arrays     int  // more arrays of objects
	own        int  // other values that are the document's own
}

func (a *arrayIn) place(why string) place {
	var p mapping.Path
	for _, name := range a.path {
		p = append(p, mapping.Segment{Kind: mapping.Name, Name: name})
	}
	return place{append(p, mapping.Segment{Kind: mapping.Wildcard}), why, a.beside}
}

// judge says where the records of a document are. large says that it is too
// large to be one.
func judge(doc *outline, large bool) finding {
	switch doc.kind {
	case '[':
		return finding{chosen: place{mapping.Path{{Kind: mapping.Wildcard}}, whyArray, nil}}
	case '{':
	default:
		return finding{chosen: place{nil, whyScalar, nil}}
	}
	found := arraysIn(doc, nil)
	if len(found) == 0 {
		return finding{chosen: place{nil, whyNoArray, nil}}
	}
	f := finding{chosen: place{path: nil}}
	slices.SortFunc(found, func(a, b *arrayIn) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), slices.Compare(a.path, b.path))
	})
	for i, a := range found {
		why, wraps := a.wraps()
		switch {
		case i == 0 && !wraps && large:
			why, wraps = whyLarge, true
		case i > 0 && wraps: // only one that is empty
			wraps = false
		}
		if i == 0 && !wraps {
			f.chosen.why = why
		}
		if wraps {
			f.chosen = a.place(why)
			continue
		}
		if f.chosen.path != nil {
			why = whySmaller
		}
		f.others = append(f.others, a.place(why))
	}
	return f
}

// wraps reports whether the document is a wrapper around the array.
func (a *arrayIn) wraps() (why string, wraps bool) {
	switch {
	case a.identified:
		return whyIdentifier, false
	case a.arrays > 0:
		return whySeveral, false
	case len(a.beside) == 0:
		return whyAlone, true
	case a.own == 0:
		return whyPaging, true
	}
	return whyOwn, false
}

// arraysIn are the arrays of objects under the members of an object, which has
// the path, and what stands beside each. Empty arrays are taken if there are no
// others.
func arraysIn(doc *outline, path []string) []*arrayIn {
	var found, empty []*arrayIn
	for _, m := range doc.members {
		below := append(slices.Clone(path), m.name)
		switch {
		case !isWord(m.name) || isPaging(m.name):
		case m.kind == '[' && m.elements == 0, m.kind == 'n' && isCollection(m.name): // null stands for an empty list
			empty = append(empty, &arrayIn{outline: m, path: below})
		case m.kind == '[' && m.objects*2 > m.elements:
			found = append(found, &arrayIn{outline: m, path: below})
		case m.kind == '{':
			found = append(found, arraysIn(m, below)...)
		}
	}
	if len(found) == 0 {
		found = empty
	}
	list := saysList(doc)
	for _, a := range found {
		for _, m := range doc.members {
			if m.name != a.path[len(path)] {
				a.add(m, list)
			}
		}
	}
	return found
}

// add takes account of a member beside the array, or beside what it is in. list
// says that the object with that member says it is a list.
func (a *arrayIn) add(m *outline, list bool) {
	a.beside = append(a.beside, m.name)
	switch {
	case m.kind == 'n' || len(m.members)+m.elements == 0 && (m.kind == '{' || m.kind == '['):
		// nothing
	case m.isTotal():
		// nothing
	case m.kind == '{' || m.kind == '[':
		if !isPaging(m.name) {
			own, arrays := m.leaves()
			a.own += own
			a.arrays += arrays
		}
	case list || isPaging(m.name) && !m.isText() || m.describes(a.elements):
	default:
		a.own++
		a.identified = a.identified || isIdentifier(m.name)
	}
}

// leaves is the number of scalars and of arrays of objects in an outline.
func (o *outline) leaves() (own, arrays int) {
	switch {
	case o.kind == '[' && o.objects > 0:
		return 0, 1
	case o.kind != '{':
		return 1, 0
	}
	for _, m := range o.members {
		n, more := m.leaves()
		own, arrays = own+n, arrays+more
	}
	return own, arrays
}

// isPaging reports whether members of that name describe a list, whatever their
// value.
func isPaging(name string) bool { return paging[joined(name)] }

// isTotal reports whether an object counts the elements, as Elasticsearch writes
// it.
func (o *outline) isTotal() bool {
	return o.kind == '{' && joined(o.name) == "total" && len(o.members) == 2 && o.find([]string{"value"}) != nil && o.find([]string{"relation"}) != nil
}

// isText reports whether a member has the name of a number or link, but its value
// is some other text, as in {"first":"Ann"}.
func (o *outline) isText() bool {
	value := strings.Trim(string(o.text), `"`)
	return o.kind == '"' && numeral[joined(o.name)] && !isLink(value) && strings.Trim(value, "0123456789") != ""
}

func isLink(value string) bool {
	return strings.HasPrefix(value, "http") || strings.HasPrefix(value, "/")
}

// describes reports whether a scalar describes a list of so many elements.
func (o *outline) describes(elements int) bool {
	value := strings.Trim(string(o.text), `"`)
	number := o.kind != '"' && !strings.ContainsAny(value, ".eE-")
	switch joined(o.name) {
	case "total":
		return number && len(value) > 0 && atLeast(value, elements)
	case "status", "statuscode", "code", "message", "result", "msg":
		return fine[strings.ToLower(value)] || value == "0"
	case "url":
		return isLink(value)
	case "object", "kind", "type", "resourcetype":
		return isList(value)
	case "version":
		return true
	}
	return false
}

func atLeast(digits string, n int) bool {
	v := 0
	for _, c := range digits {
		if v = v*10 + int(c-'0'); v > math.MaxInt32 {
			return true
		}
	}
	return v >= n
}

func isList(value string) bool { return lists[joined(value)] || strings.Contains(value, "#") }

// saysList reports whether an object says that it is a list.
func saysList(o *outline) bool {
	return slices.ContainsFunc(o.members, func(m *outline) bool {
		switch joined(m.name) {
		case "object", "kind", "type", "resourcetype":
			return m.kind == '"' && isList(strings.Trim(string(m.text), `"`))
		}
		return false
	})
}

// lists notes the arrays and nulls of an outline, which stands at the path.
func (f *finding) lists(o *outline, path mapping.Path) {
	for _, m := range o.members {
		below := append(path[:len(path):len(path)], mapping.Segment{Kind: mapping.Name, Name: m.name})
		list := append(below[:len(below):len(below)], mapping.Segment{Kind: mapping.Wildcard})
		switch m.kind {
		case '[':
			f.arrays = append(f.arrays, list.String())
		case 'n':
			f.nulls = append(f.nulls, list.String())
		case '{':
			f.lists(m, below)
		}
	}
}
