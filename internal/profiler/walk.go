package profiler

import (
	"math"
	"strconv"

	"sluice/internal/jsonscan"
	"sluice/internal/profile"
	"sluice/mapping"
)

// walker counts what stands in records. Each goroutine has its own.
type walker struct {
	root    *node
	nodes   int   // of the trie, below the root; some may be gone since
	records int64 // so far

	// Of the record:
	b      []byte // the text, with jsonscan.Padding
	source int
	base   int64 // offset of b[0] in the input

	scratch []byte // a text without its escapes
	padded  []byte // a text that is JSON itself
	skip    jsonscan.Skipper
}

func newWalker(depth int) *walker {
	return &walker{root: &node{last: -1}, skip: jsonscan.Skipper{MaxDepth: depth}}
}

// record counts the record at b[p], which is known to be sound. inside leads
// from there to what is counted.
func (w *walker) record(b []byte, p, source int, base int64, inside mapping.Path) {
	w.b, w.source, w.base = b, source, base
	if p = w.find(p, inside); p >= 0 {
		w.value(p, w.root)
	}
	w.records++
}

// find follows names from the value at p, to a position or -1.
func (w *walker) find(p int, path mapping.Path) int {
	b := w.b
	for _, s := range path {
		if b[p] != '{' {
			return -1
		}
		found := -1
		p = jsonscan.Space(b, p+1)
		for b[p] != '}' && found < 0 {
			end, _ := jsonscan.SkipString(b, p+1)
			name := b[p+1 : end]
			p = jsonscan.Space(b, jsonscan.Space(b, end+1)+1)
			if jsonscan.SameName(name, s.Name) {
				found = p
				break
			}
			p = jsonscan.Space(b, w.skip.Value(b, p, 0))
			if b[p] == ',' {
				p = jsonscan.Space(b, p+1)
			}
		}
		if p = found; p < 0 {
			return -1
		}
	}
	return p
}

// value counts the value at p and returns the position after it.
func (w *walker) value(p int, n *node) int {
	if n.last != w.records {
		n.last = w.records
		n.records++
	}
	b := w.b
	at := profile.Position{Source: w.source, Offset: w.base + int64(p)}
	switch c := b[p]; c {
	case '"':
		end, flags := jsonscan.SkipString(b, p+1)
		s := b[p+1 : end]
		if flags != 0 {
			w.scratch = append(jsonscan.Unescape(w.scratch[:0], s), 0)
			s = w.scratch[:len(w.scratch)-1]
		}
		w.text(s, n, at)
		return end + 1
	case '{':
		see(&n.kinds[object], at)
		return w.object(p, n)
	case '[':
		see(&n.kinds[array], at)
		return w.array(p, n)
	case 'n':
		see(&n.kinds[null], at)
		return p + len("null")
	case 't', 'f':
		see(&n.kinds[boolean], at)
		end := p + len("true")
		if c == 'f' {
			end++
		}
		n.distinct.Add(profile.Hash(b[p:end]))
		return end
	}
	return w.number(p, n, at)
}

func (w *walker) object(p int, n *node) int {
	b := w.b
	p = jsonscan.Space(b, p+1)
	if b[p] == '}' {
		return p + 1
	}
	var member *node
	for {
		end, flags := jsonscan.SkipString(b, p+1)
		raw := b[p+1 : end]
		p = jsonscan.Space(b, jsonscan.Space(b, end+1)+1)
		if n.mapped == nil {
			member = w.follow(n, member, raw, flags != 0)
			if len(n.members) > profile.MaxMembers {
				// The value is not counted yet; a name without values is nothing.
				n.collapse()
				w.nodes = w.root.size()
			}
		}
		if n.mapped != nil {
			name := string(raw)
			if flags != 0 {
				name = string(jsonscan.Unescape(nil, raw))
			}
			n.names.AddName(name, profile.Seen{Count: 1, First: profile.Position{Source: w.source, Offset: w.base + int64(p)}})
			member = n.mapped
		}
		p = jsonscan.Space(b, w.value(p, member))
		if b[p] == '}' {
			return p + 1
		}
		p = jsonscan.Space(b, p+1)
	}
}

func (w *walker) array(p int, n *node) int {
	b := w.b
	p = jsonscan.Space(b, p+1)
	count := int64(0)
	if b[p] == ']' {
		p++
		n.empty++
	} else {
		if n.element == nil {
			n.element = &node{last: -1}
			w.nodes++
		}
		for {
			count++
			p = jsonscan.Space(b, w.value(p, n.element))
			if b[p] == ']' {
				p++
				break
			}
			p = jsonscan.Space(b, p+1)
		}
	}
	n.elements.Add(count, n.kinds[array].Count == 1)
	return p
}

// number counts the number at p.
func (w *walker) number(p int, n *node, at profile.Position) int {
	end, num := jsonscan.ScanNumber(w.b, p)
	s := w.b[p:end]
	if num.Integer() {
		see(&n.kinds[integer], at)
	} else {
		see(&n.kinds[number], at)
	}
	d := n.numbers
	if d == nil {
		d = &profile.Numbers{}
		n.numbers = d
	}
	n.distinct.Add(profile.Hash(s))
	if num.Exponent {
		see(&d.Exponent, at)
		if isDouble(s, num) {
			d.Doubles++
		}
	} else {
		before, after := digits(s, num)
		d.Digits, d.Fraction = max(d.Digits, before), max(d.Fraction, after)
	}
	if num.Negative && (num.Mantissa != 0 || num.Digits > 19) {
		d.Negative++
	}
	if v, ok := whole(s, num); ok {
		if d.Fits == 0 {
			d.Least, d.Greatest = v, v
		} else {
			d.Least, d.Greatest = min(d.Least, v), max(d.Greatest, v)
		}
		d.Fits++
	}
	return end
}

// digits are the digits of a number without exponent: before the point without
// leading zeros, and after it without trailing ones.
func digits(s []byte, num jsonscan.Number) (before, after int) {
	before = num.Digits - num.Fraction
	first := 0
	if num.Negative {
		first = 1
	}
	if s[first] == '0' {
		before = 0
	}
	after = num.Fraction
	for i := len(s) - 1; after > 0 && s[i] == '0'; i-- {
		after--
	}
	return before, after
}

// isDouble reports whether a double holds the number, with all its digits.
func isDouble(s []byte, num jsonscan.Number) bool {
	const digits, normal = 17, 0x1p-1022
	v, err := strconv.ParseFloat(string(s), 64)
	return err == nil && num.Digits <= digits && (num.Mantissa == 0 || math.Abs(v) >= normal)
}

// whole is the value of an integer that an int64 holds.
func whole(s []byte, num jsonscan.Number) (v int64, ok bool) {
	if !num.Integer() || num.Digits > 19 {
		return 0, false
	}
	switch m := num.Mantissa; {
	case num.Negative && m <= 1<<63:
		return -int64(m), true
	case !num.Negative && m <= math.MaxInt64:
		return int64(m), true
	}
	return 0, false
}

// text counts a string. A byte that cannot belong to a number follows it.
func (w *walker) text(s []byte, n *node, at profile.Position) {
	t := n.texts
	if t == nil {
		t = &profile.Strings{}
		n.texts = t
	}
	t.Length.Add(int64(len(s)), n.kinds[text].Count == 0)
	see(&n.kinds[text], at)
	n.distinct.Add(profile.Hash(s))
	if len(s) == 0 {
		see(&t.Empty, at)
		return
	}
	set, num := w.forms(s)
	if set&(1<<profile.Decimal) != 0 {
		before, after := digits(s, num)
		t.Digits, t.Fraction = max(t.Digits, before), max(t.Fraction, after)
		t.Scale.Add(int64(num.Fraction), t.Forms.Of(profile.Decimal).Count == 0)
	}
	for f := profile.Form(0); set != 0; f++ {
		if set&1 != 0 {
			t.Forms.Add(f, profile.Seen{Count: 1, First: at})
		}
		set >>= 1
	}
}
