package flatten

import (
	"sluice/internal/drift"
	"sluice/internal/jsonscan"
	"sluice/reason"
)

// cursor is a place in an object. Most objects have the same members in the
// same order, so a member says which one came after it in the last object.
type cursor struct {
	p    int     // position where a member begins or the object ends
	last *member // the member before, or the head of the node
	seen set     // the members before
}

// set is a set of members of a node, of the first 64, as bits.
type set uint64

// object reads the object at p for n. It returns the position after it, and the
// members that certainly gave values.
func (f *Flattener) object(p int, n *node, depth int) (end int, given set) {
	b := f.b
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p, 0
	}
	if n.every != nil {
		return f.every(p, n, depth), 0
	}
	if p++; b[p] <= ' ' {
		p = jsonscan.Space(b, p)
	}
	if b[p] == '}' {
		return p + 1, 0
	}
	return f.rest(cursor{p, &n.head, 0}, n, depth)
}

// rest reads the members of an object from c to its end: plain ones, then one
// that is not plain, then plain ones again, and so on. It returns what object
// returns.
func (f *Flattener) rest(c cursor, n *node, depth int) (end int, given set) {
	known := len(n.members) // more members may be learned in this object
	strangers := min(known, 64)
	what := unnamed
	switch {
	case n.silent:
		what = named
	case n.shared:
		what = n.standing()
	}
	if what == unnamed && (f.refuse || f.keep) || what != unnamed && !n.silent {
		strangers = 0 // strangers must be read by members
	}
	more := true
	if n.gated == nil || f.takesAll(n.gated) {
		c, more = f.plains(c, n, strangers)
	}
	end, given = c.p, c.seen
	if more {
		if end, given = f.members(c, n, depth, known, strangers, what); end < 0 {
			return end, 0
		}
	}
	if f.b[end] != '}' {
		return -1 - end, 0
	}
	return end + 1, given
}

// alone is value for a scalar where nothing else is wanted.
func (f *Flattener) alone(p int, n *node) int {
	if n.notes != nil {
		n.notes.note(p)
	}
	if n.leaves == nil {
		p = f.skip.Value(f.b, p, 0)
		f.found(n)
		return p
	}
	return f.scalar(p, n)
}

// plains reads members from c on, the fast way. It goes on while each member is
// the expected one and its value is one that quick takes, or, for one of the
// first strangers members, a scalar that the mapping does not name. It returns
// where it stopped: at a member if more is true, otherwise after a value
// without a comma after it.
func (f *Flattener) plains(c cursor, n *node, strangers int) (_ cursor, more bool) {
	b, p, last, seen := f.b, c.p, c.last, c.seen
	for {
		m := last.next
		if m == nil || seen&m.bit != 0 || !m.at(b, p) {
			return cursor{p, last, seen}, true
		}
		q := p + len(m.pattern)
		c := b[q]
		if c <= ' ' {
			q = jsonscan.Space(b, q)
			c = b[q]
		}
		switch l := m.only; {
		case l == nil:
			if c == '{' || c == '[' || !m.scalar && (!m.stranger || m.index >= strangers) {
				return cursor{p, last, seen}, true
			}
			if m.scalar {
				if q = f.alone(q, m.node); q < 0 {
					return cursor{p, last, seen}, true
				}
				break
			}
			if q = f.skip.Value(b, q, 0); q < 0 || f.skip.Found != "" {
				return cursor{p, last, seen}, true
			}
			if n.silent {
				break
			}
			if slot := m.slot - f.drifts.base; slot < drift.Slots {
				f.drifts.hit(slot)
			} else {
				f.drifts.learned(n, m, f.origin.Offset)
			}
		case c == '"' && l.quick <= quickTextInt:
			end, hash, flags := jsonscan.String(b, q+1)
			size := end - q - 1
			if flags != 0 || uint64(size-1) >= uint64(f.limits.FieldBytes) {
				return cursor{p, last, seen}, true
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
				return cursor{p, last, seen}, true
			}
		}
		seen |= m.bit
		last = m
		p = q
		if c = b[p]; c <= ' ' {
			p = jsonscan.Space(b, p)
			c = b[p]
		}
		if c != ',' {
			return cursor{p, last, seen}, false
		}
		if p++; b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
	}
}

// members reads the members from c on: some by name, and the plain ones between
// them. It returns the position after the last one, and the members that
// certainly gave a value.
func (f *Flattener) members(c cursor, n *node, depth int, known, strangers int, all standing) (end int, given set) {
	b := f.b
	var others set      // seen, but may have given no value
	repeated := false   // a stranger occurs twice
	bits := len(f.bits) // where the bits of members from the 64th on begin
	for range (known - 1) / 64 {
		f.bits = append(f.bits, 0)
	}
	keys := f.skip.Keys()
	for more := true; more; {
		start, p, what := c.p, c.p, all
		m := c.last.next
		if m != nil && m.index < known && m.at(b, p) {
			if p += len(m.pattern); b[p] <= ' ' {
				p = jsonscan.Space(b, p)
			}
		} else {
			var elsewhere bool
			if p, m, elsewhere = f.key(p, n, known); p < 0 {
				return p, 0
			}
			c.last.next = m
			if elsewhere {
				what = named
			}
		}
		if m == nil || m.index >= known { // learned in this object: duplicates of it are not noted here
			p = f.unknown(start, p, n, m, nil, depth, what)
		} else {
			if c.last = m; n.notes != nil {
				n.notes.member = start
			}
			word := &c.seen
			if m.index >= 64 {
				word = &f.bits[bits+m.index/64-1]
			}
			bit := set(1) << (m.index & 63)
			twice := *word&bit != 0
			*word |= bit
			others |= m.bit
			switch {
			case m.stranger:
				if twice && !repeated { // the first one is reported
					f.repeated(start)
					repeated = true
				}
				p = f.unknown(start, p, n, m, m.node, depth, what)
			case twice:
				f.bad(reason.DuplicateKey, m.node.path, start)
				p = f.skip.Value(b, p, depth)
			case m.node.ends == nil:
				p, _ = f.value(p, m.node, depth)
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
		if c.p, more = p, b[p] == ','; more {
			if c.p++; b[c.p] <= ' ' {
				c.p = jsonscan.Space(b, c.p)
			}
			if n.gated == nil || f.takesAll(n.gated) {
				c, more = f.plains(c, n, strangers)
			}
		}
	}
	if b[c.p] == '}' && f.skip.Keys() > keys {
		f.skip.EndKeys(b, keys)
		f.found(n)
	}
	f.bits = f.bits[:bits]
	return c.p, c.seen &^ others
}

// key reads a member name that was not expected. It returns the position of the
// value; the member, or nil if the node does not know it; and whether another
// node that reads the same object knows it. A member whose index is not below
// known was learned in the current object.
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
	switch {
	case m != nil || elsewhere:
	case n == f.top && string(name) == jsonscan.Entry:
		f.stop(p)
	case flags == 0:
		m = f.learn(n, name)
	}
	return jsonscan.Space(b, value+1), m, elsewhere
}

// unknown reads the value of a member that n does not name, and counts it if no
// other node names it. m and stranger are the member and the node of its value, if
// they were learned.
func (f *Flattener) unknown(key, p int, n *node, m *member, stranger *node, depth int, what standing) int {
	q := f.strange(p, stranger, depth)
	if q < 0 {
		return q
	}
	f.found(n)
	switch {
	case what != unnamed:
	case m != nil:
		f.drifts.learned(n, m, f.origin.Offset)
	default:
		f.drifts.hit(f.drifts.slot(n, f.nameAt(key).Name, f.origin.Offset))
	}
	switch {
	case what == named:
	case f.refuse:
		f.refused(n, key)
	case f.keep && f.code == "":
		f.rescueField(n, key, p, q)
	}
	return q
}
