package flatten

import "sluice/internal/jsonscan"

// line is element for an object at p whose node has a memo: it reuses the known
// text at its start, and reads the rest.
func (f *Flattener) line(p int, n *node, depth int) int {
	b, begin := f.b, p
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p
	}
	if p++; b[p] <= ' ' {
		p = jsonscan.Space(b, p)
	}
	e := &n.ends[0]
	e.start = e.t.b.Rows
	var given set
	if b[p] == '}' {
		p++
	} else if hash := n.memoKey(b, p); hash == 0 {
		p, given = f.rest(cursor{p, &n.head, 0}, n, depth)
	} else if size, shape := f.recall(n, begin, hash); shape == nil {
		faults := len(f.faults)
		if p, given = f.rest(cursor{p, &n.head, 0}, n, depth); p >= 0 && len(f.faults) == faults {
			f.remember(n, begin, p, hash)
		}
	} else {
		p, given = f.tail(begin+size-1, n, depth, shape)
	}
	if p >= 0 && f.code == "" {
		f.end(e, n, begin, given)
	}
	return p
}

// tail reads on after a known text of the given shape, where the object ends or
// a comma follows. It returns what object returns.
func (f *Flattener) tail(p int, n *node, depth int, shape *shape) (end int, given set) {
	if f.b[p] == ',' {
		return f.rest(cursor{jsonscan.Space(f.b, p+1), n.members[shape.last], shape.members}, n, depth)
	}
	return p + 1, shape.members
}

// plainLines reports whether elements read for n, in depth containers, may be
// known lines that need no other bookkeeping.
func (f *Flattener) plainLines(n *node, depth int) bool {
	if n.memo.slots == nil || !n.memo.on() || depth > f.limits.Depth {
		return false
	}
	e := &n.ends[0]
	return e.level == e.t.b.Depth && !e.t.traced && !e.t.gathers && !e.others
}

// known reads elements of an array from p on as long as they are known lines.
// It returns how many it read, and the position after the last. It does what
// line does, in one loop and without its calls; first is the ordinal of the
// element at p.
func (f *Flattener) known(p, first int, n *node, depth int) (count, end int) {
	b, m, e := f.b, n.memo, &n.ends[0]
	t := e.t.b
	for b[p] == '{' {
		q := p + 1
		if b[q] <= ' ' {
			q = jsonscan.Space(b, q)
		}
		hash := n.memoKey(b, q)
		s := m.slots[m.find(hash)]
		size := s.size()
		if hash == 0 || s&(slotTag|slotLive) != tag(hash)|slotLive || size == 0 || size > len(b)-p {
			break
		}
		if string(b[p:p+size]) != string(m.texts[s.text():s.text()+size]) {
			break
		}
		shape := m.give(s)
		seen := shape.members
		f.ord[n.wild] = first + count
		if q = p + size - 1; b[q] == '}' {
			q++
		} else if next := n.members[shape.last].next; next.digit(b, q+1) && seen&next.bit == 0 {
			q += 1 + len(next.pattern)
			next.only.c.AddFixed(uint64(b[q]-'0') * pow10[next.only.scale])
			seen |= next.bit
			q += len("0}")
		} else {
			if q, seen = f.tail(q, n, depth, shape); q < 0 {
				return count, q
			}
		}
		count, end = count+1, q
		if f.code != "" {
			break
		}
		if seen&e.needs == e.needs && int64(t.RecordRows()) < f.limits.RecordRows {
			t.EndElement(e.level, 1)
		} else if f.end(e, n, p, seen); f.code != "" {
			break
		}
		if p = q; b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
		if b[p] != ',' {
			break
		}
		if p++; b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
	}
	return count, end
}

// digit reports whether the member stands at b[p] with a number of one digit,
// and is the last of its object.
func (m *member) digit(b []byte, p int) bool {
	if m == nil || m.only == nil || m.only.quick < quickInt || m.only.whole == 0 || !m.at(b, p) {
		return false
	}
	p += len(m.pattern)
	return b[p]-'0' <= 9 && b[p+1] == '}'
}
