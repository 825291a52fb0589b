package flatten

import (
	"sluice/internal/jsonscan"
	"sluice/internal/reason"
)

// object reads the object at p for n.
func (f *Flattener) object(p int, n *node, depth int) int {
	b := f.b
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p
	}
	if p++; b[p] <= ' ' {
		p = jsonscan.Space(b, p)
	}
	if b[p] == '}' {
		return p + 1
	}
	return f.rest(p, n, depth, &n.first, 0)
}

// rest reads the members of an object from p on, to its end: the plain ones,
// then one that is not and the plain ones behind it, and so on. Most objects
// have the same members in the same order: last is the place that says which
// is expected. seen holds those that were read.
func (f *Flattener) rest(p int, n *node, depth int, last **member, seen uint64) int {
	known := len(n.members) // more may be learned on the way
	strangers := min(known, 64)
	what := unnamed
	switch {
	case n.silent:
		what = named
	case n.shared:
		what = n.standing()
	}
	if what == unnamed && (f.refuse || f.keep) || what != unnamed && !n.silent {
		strangers = 0 // they want a closer look
	}
	p, last, given, more := f.plains(p, n, last, seen, strangers)
	if more {
		if p, given = f.members(p, n, depth, last, given, known, strangers, what); p < 0 {
			return p
		}
	}
	if f.b[p] != '}' {
		return -1 - p
	}
	f.given = given
	return p + 1
}

// plains reads members from p on while they are those that are expected, the
// first of them at last, and their values what their columns mostly get, or
// scalars that nobody asked for, of the first so many members. seen holds the
// members that were met. It returns where it ends: at a member if there is
// more, or behind a value that no comma follows.
func (f *Flattener) plains(p int, n *node, last **member, seen uint64, strangers int) (end int, _ **member, _ uint64, more bool) {
	b := f.b
	for {
		m := *last
		if m == nil || seen&m.bit != 0 || !m.at(b, p) {
			return p, last, seen, true
		}
		q := p + len(m.pattern)
		c := b[q]
		if c <= ' ' {
			q = jsonscan.Space(b, q)
			c = b[q]
		}
		switch l := m.only; {
		case l == nil:
			if !m.stranger || m.index >= strangers || c == '{' || c == '[' {
				return p, last, seen, true
			}
			if q = f.skip.Value(b, q, 0); q < 0 || f.skip.Found != "" {
				return p, last, seen, true
			}
			if !n.silent {
				f.fields++
			}
		case c == '"' && l.quick <= quickTextInt:
			end, hash, flags := jsonscan.String(b, q+1)
			size := end - q - 1
			if flags != 0 || uint64(size-1) >= uint64(f.limits.FieldBytes) {
				return p, last, seen, true
			}
			l.c.AddBytes(hash, q+1, size)
			q = end + 1
		case c-'0' <= 9 && l.quick >= quickInt:
			if end := quickNumber(b, q, l); end > 0 {
				q = end
				break
			}
			fallthrough
		default:
			if q = f.quick(b, q, l); q == 0 {
				return p, last, seen, true
			}
		}
		seen |= m.bit
		last = &m.next
		p = q
		if c = b[p]; c <= ' ' {
			p = jsonscan.Space(b, p)
			c = b[p]
		}
		if c != ',' {
			return p, last, seen, false
		}
		if p++; b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
	}
}

// members reads the members from p on of an object of which those in seen were
// read: some by name, and the plain ones between them. It returns the position
// behind the last and those that gave a value for sure.
func (f *Flattener) members(p int, n *node, depth int, last **member, seen uint64, known, strangers int, all standing) (end int, given uint64) {
	b := f.b
	var others uint64   // those among seen that may have given no value
	repeated := false   // a stranger stands twice
	bits := len(f.bits) // where those of members from 64 on begin
	for range (known - 1) / 64 {
		f.bits = append(f.bits, 0)
	}
	keys := f.skip.Keys()
	for more := true; more; {
		start, what := p, all
		m := *last
		if m != nil && m.index < known && m.at(b, p) {
			if p += len(m.pattern); b[p] <= ' ' {
				p = jsonscan.Space(b, p)
			}
		} else {
			var elsewhere bool
			if p, m, elsewhere = f.key(p, n, known); p < 0 {
				return p, 0
			}
			*last = m
			if elsewhere {
				what = named
			}
		}
		if m == nil || m.index >= known { // learned in this object: whether it stands twice is not noted
			p = f.unknown(start, p, n, nil, depth, what)
		} else {
			last = &m.next
			word := &seen
			if m.index >= 64 {
				word = &f.bits[bits+m.index/64-1]
			}
			bit := uint64(1) << (m.index & 63)
			twice := *word&bit != 0
			*word |= bit
			others |= m.bit
			switch {
			case m.stranger:
				if twice && !repeated { // the first is the one to be told
					f.repeated(start)
					repeated = true
				}
				p = f.unknown(start, p, n, m.node, depth, what)
			case twice:
				f.bad(reason.DuplicateKey, m.node.path, start)
				p = f.skip.Value(b, p, depth)
			case m.node.ends == nil:
				p = f.value(p, m.node, depth)
			default:
				p = f.element(p, m.node, depth)
			}
		}
		if p < 0 {
			return p, 0
		}
		if b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
		if more = b[p] == ','; more {
			if p++; b[p] <= ' ' {
				p = jsonscan.Space(b, p)
			}
			p, last, seen, more = f.plains(p, n, last, seen, strangers)
		}
	}
	if b[p] == '}' && f.skip.Keys() > keys {
		f.skip.EndKeys(b, keys)
		f.found(n)
	}
	f.bits = f.bits[:bits]
	return p, seen &^ others
}

// key reads a member name that was not expected. It returns the position of
// the value, the member, or nil if the node does not know it, and whether
// another node that reads the same object does. A member whose index is not below known was learned
// in the object that is being read.
func (f *Flattener) key(p int, n *node, known int) (value int, m *member, elsewhere bool) {
	b := f.b
	if b[p] != '"' {
		return -1 - p, nil, false
	}
	end, hash, flags := jsonscan.String(b, p+1)
	if end < 0 {
		return end, nil, false
	}
	value = jsonscan.Space(b, end+1)
	if b[value] != ':' {
		return -1 - value, nil, false
	}
	name := b[p+1 : end]
	if flags == jsonscan.Escaped {
		from := len(f.scratch)
		f.scratch = jsonscan.Unescape(f.scratch, name)
		name = f.scratch[from:]
		f.scratch = f.scratch[:from]
	}
	m, elsewhere = n.find(name)
	if m == nil || m.index >= known {
		f.skip.Push(hash, p+1, end, flags)
	}
	if m == nil && !elsewhere && flags == 0 {
		m = f.learn(n, name)
	}
	return jsonscan.Space(b, value+1), m, elsewhere
}

// unknown reads the value of a member that n does not name, and says so if
// nobody does. stranger is the node of the value, if it was learned.
func (f *Flattener) unknown(key, p int, n, stranger *node, depth int, what standing) int {
	q := f.strange(p, stranger, depth)
	if q < 0 {
		return q
	}
	f.found(n)
	if what == unnamed {
		f.fields++
	}
	switch {
	case what == named:
	case f.refuse:
		f.bad(reason.UnknownField, n.path, key)
	case f.keep && f.code == "":
		f.rescueField(n, key, p, q)
	}
	return q
}
