package flatten

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"

	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
)

// choice is a step of a path that has a filter: it goes on from one element of
// an array.
type choice struct {
	array  *spot
	index  *index
	wanted []want       // of the element, at each member of the index
	path   mapping.Path // up to the filter, which is its last step
	value  int          // of the element: of those that the index keeps
}

// want is what an element must have: a literal, or the value of a spot.
type want struct {
	key  []byte
	spot *spot
}

// index has the elements of an array by what they have at some members, so that
// many look-ups read the array once.
type index struct {
	members []mapping.Path // from the element
	values  []mapping.Path // that are wanted of it, from it
	built   bool           // of the current array
	entries []entry        // if they are many, in the order of their keys
	keys    []byte
	places  []int // of each value of each entry, once it was looked for
}

type entry struct {
	from, to int // of the key
	at       int // of the element
	places   int // where those of its values begin
}

// fewEntries are compared one by one.
const fewEntries = 8

// choose compiles the path p, whose i-th step has the last filter.
func (n *node) choose(p mapping.Path, i int, homes *homes, ahead bool) *spot {
	c := &choice{path: p[:i+1]}
	if path := p[:i]; path.LastFilter() >= 0 {
		c.array = n.spot(path, homes, ahead)
	} else {
		array := n.descend(path)
		array.chosen = append(array.chosen, c)
		c.array = array.located(path, homes, ahead)
	}
	s := &spot{path: p, level: c.array.level, home: c.array.home, ahead: ahead, choice: c}
	var members []mapping.Path
	for _, e := range p[i].Filter() {
		members = append(members, e.Member)
		w := want{}
		if e.Key == nil {
			w.key = literalKey(e.Value)
		} else {
			w.spot = n.spot(e.Key, homes, ahead)
			if w.spot.level > s.level {
				s.level, s.home = w.spot.level, w.spot.home
			}
		}
		c.wanted = append(c.wanted, w)
	}
	c.index = c.array.indexed(members)
	c.value = c.index.keep(p[i+1:])
	home := s.home.noting()
	for _, other := range home.below {
		if other.choice != nil && other.ahead == ahead && slices.Equal(other.path, p) {
			return other
		}
	}
	home.below = append(home.below, s)
	return s
}

// indexed is the index of the array at the spot by some members.
func (s *spot) indexed(members []mapping.Path) *index {
	for _, x := range s.indexes {
		if slices.EqualFunc(x.members, members, slices.Equal[mapping.Path]) {
			return x
		}
	}
	x := &index{members: members}
	s.indexes = append(s.indexes, x)
	home := s.home.noting()
	home.indexes = append(home.indexes, x)
	return x
}

// keep makes the index keep the positions of a value of each element.
func (x *index) keep(value mapping.Path) int {
	i := slices.IndexFunc(x.values, func(p mapping.Path) bool { return slices.Equal(p, value) })
	if i < 0 {
		i = len(x.values)
		x.values = append(x.values, value)
	}
	return i
}

// rest is the path of the value from the element.
func (c *choice) rest() mapping.Path { return c.index.values[c.value] }

// nameChosen makes the members known that filters of the array at n name, where other
// paths look into its elements.
func (n *node) nameChosen() {
	elements := n.elements()
	for _, c := range n.chosen {
		rest := c.rest()
		names := rest[:min(1, len(rest))]
		for _, member := range c.index.members {
			names = append(names[:len(names):len(names)], member[0])
		}
		for _, e := range elements {
			for _, s := range names {
				if s.Kind == mapping.Name && e.members != nil {
					known := e.child(s)
					known.path, known.dropped = append(slices.Clone(e.path), s), true
				}
			}
		}
	}
}

// misplaced says why a spot has no value, if its element is at fault.
type misplaced struct {
	code reason.Code
	path mapping.Path
	at   int
}

// chosen finds the value of a spot with a choice, for an element of the level.
// It returns unfit with what is wrong, or another negative number if there is none.
func (f *Flattener) chosen(c *choice, level int) (int, misplaced) {
	none := misplaced{}
	array := f.find(c.array, level)
	if array == unfit {
		return unfit, c.array.wrong
	}
	if array < 0 {
		return absent, none
	}
	if f.b[f.peel(array)] != '[' || f.envelope != nil && !f.composite(array) {
		if c.array.choice == nil || f.isNull(array) {
			return absent, none // the walk finds what is no array in a place of the tree
		}
		return unfit, misplaced{f.misread(f.peel(array), reason.NotArray), c.path[:len(c.path)-1], f.peel(array)}
	}
	key, ok := f.wantedKey(c, level)
	if !ok {
		return absent, none
	}
	if !c.index.built {
		f.build(c.index, f.peel(array))
	}
	one, other := c.index.find(key)
	switch {
	case one == nil:
		return absent, none
	case other != nil:
		return unfit, misplaced{reason.SeveralMatches, c.path, f.peel(other.at)}
	}
	place, rest := &c.index.places[one.places+c.value], c.rest()
	if *place != unread {
		return *place, none
	}
	p, steps := f.seek(one.at, rest, false)
	if p >= 0 || steps < 0 {
		*place = p
		return *place, none
	}
	code := reason.NotArray
	if rest[steps].Kind == mapping.Name {
		code = reason.NotObject
	}
	path := append(slices.Clone(c.path), rest[:steps]...)
	return unfit, misplaced{f.misread(-1-p, code), path, -1 - p}
}

// wantedKey is the key of the elements that a choice wants. There is none if a
// value that it depends on is missing.
func (f *Flattener) wantedKey(c *choice, level int) (key []byte, ok bool) {
	key = f.compared[:0]
	for _, w := range c.wanted {
		if w.spot == nil {
			key = append(key, w.key...)
			continue
		}
		p := f.find(w.spot, level)
		if p < 0 {
			return nil, false
		}
		if key, ok = f.appendKey(key, p); !ok {
			return nil, false
		}
	}
	f.compared = key
	return key, true
}

// build reads the elements of the array at p, which may not have been read yet.
func (f *Flattener) build(x *index, p int) {
	x.built, x.entries, x.keys, x.places = true, x.entries[:0], x.keys[:0], x.places[:0]
	b := f.b
	for p = jsonscan.Space(b, p+1); b[p] != ']'; {
		from, ok := len(x.keys), true
		for _, member := range x.members {
			var q int
			if q, _ = f.seek(p, member, false); ok && q >= 0 {
				x.keys, ok = f.appendKey(x.keys, q)
			} else {
				ok = false
			}
		}
		if ok {
			x.entries = append(x.entries, entry{from, len(x.keys), p, len(x.places)})
			for range x.values {
				x.places = append(x.places, unread)
			}
		}
		if p = jsonscan.Skim(b, p, f.limits.Depth); p < 0 {
			break
		}
		if p = jsonscan.Space(b, p); b[p] != ',' {
			break
		}
		p = jsonscan.Space(b, p+1)
	}
	if len(x.entries) > fewEntries {
		slices.SortStableFunc(x.entries, func(e, o entry) int { return bytes.Compare(x.key(e), x.key(o)) })
	}
}

func (x *index) key(e entry) []byte { return x.keys[e.from:e.to] }

// find is the first element that has a key, and the second one; nil where there
// is none.
func (x *index) find(key []byte) (one, other *entry) {
	all := x.entries
	if len(all) > fewEntries {
		first, _ := slices.BinarySearchFunc(all, key, func(e entry, key []byte) int { return bytes.Compare(x.key(e), key) })
		all = all[first:min(first+2, len(all))]
	}
	for i := range all {
		switch e := &all[i]; {
		case string(x.key(*e)) != string(key):
		case one == nil:
			one = e
		default:
			return one, e
		}
	}
	return one, nil
}

// A key is the same for scalars that are equal, and for no others. Keys may
// stand one after another.

// appendKey appends the key of the value at p, if it is a scalar.
func (f *Flattener) appendKey(dst []byte, p int) (key []byte, ok bool) {
	tag := tagNone
	if f.envelope != nil {
		p, tag = f.open(p)
	}
	return f.appendKeyIn(dst, p, tag)
}

// appendKeyIn is appendKey for a value that was in an envelope of that tag.
func (f *Flattener) appendKeyIn(dst []byte, p int, tag typeTag) (key []byte, ok bool) {
	b := f.b
	if tag == tagDate {
		if number, ok := f.inMillis(p); ok {
			s, _ := scalarText(b, number)
			return appendTextKey(dst, '"', f.date(s).text), true
		}
	}
	switch {
	case tag == tagNull:
	case b[p] == '"':
		s, end := text(b, p)
		if end < 0 {
			return dst, false
		}
		if tag == tagNumber {
			if _, ok := wholeNumber(append(s[:len(s):len(s)], 0)[:len(s)]); ok {
				return appendNumberKey(dst, s), true
			}
		}
		return appendTextKey(dst, '"', s), true
	case jsonscan.Literal(b, p, "true") > 0, jsonscan.Literal(b, p, "false") > 0:
		return appendTextKey(dst, b[p], nil), true
	default:
		if end, _ := jsonscan.ScanNumber(b, p); end > 0 {
			return appendNumberKey(dst, b[p:end]), true
		}
	}
	return dst, false
}

func literalKey(l mapping.Literal) []byte {
	switch l.Type {
	case mapping.FromString:
		return appendTextKey(nil, '"', []byte(l.Text))
	case mapping.FromNumber:
		return appendNumberKey(nil, []byte(l.Text))
	}
	return appendTextKey(nil, l.Text[0], nil)
}

func appendTextKey(dst []byte, kind byte, text []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, kind), uint32(len(text)))
	return append(dst, text...)
}

// appendNumberKey appends the key of a JSON number: of its value, as an integer
// that does not end in 0, times a power of ten.
func appendNumberKey(dst, text []byte) []byte {
	text, negative := bytes.CutPrefix(text, []byte("-"))
	var power int64
	var far []byte // the exponent, if it is too large for power
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		power, far = exponent(text[i+1:])
		text = text[:i]
	}
	whole, fraction, _ := bytes.Cut(text, []byte("."))
	var buffer [64]byte
	digits := bytes.TrimLeft(append(append(buffer[:0], whole...), fraction...), "0")
	power -= int64(len(fraction))
	for n := len(digits); n > 0 && digits[n-1] == '0'; n-- {
		digits = digits[:n-1]
		power++
	}
	if len(digits) == 0 {
		return appendTextKey(dst, '0', nil)
	}
	kind := byte('+')
	if negative {
		kind = '-'
	}
	dst = appendTextKey(dst, kind, digits)
	return append(strconv.AppendInt(dst, power, 10), append(far, ';')...)
}

// exponent reads the exponent of a number: as an integer, or as text if it has
// more than 15 digits.
func exponent(text []byte) (n int64, far []byte) {
	negative := text[0] == '-'
	digits := bytes.TrimLeft(text, "+-")
	digits = bytes.TrimLeft(digits, "0")
	if len(digits) > 15 {
		return 0, text
	}
	for _, c := range digits {
		n = 10*n + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, nil
}
