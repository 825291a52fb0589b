package flatten

import "sluice/internal/jsonscan"

// line is element for an object at p whose node has a memo: it takes over what
// is known, and reads the rest. Most have no more than a few numbers behind
// that, as a quantity, which are read here.
func (f *Flattener) line(p int, n *node, depth int) int {
	b, begin := f.b, p
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p
	}
	if p++; b[p] <= ' ' {
		p = jsonscan.Space(b, p)
	}
	f.given = 0
	if b[p] == '}' {
		p++
	} else if hash := n.memoKey(b, p); hash == 0 {
		p = f.rest(p, n, depth, &n.first, 0)
	} else if size, shape := f.recall(n, begin, hash); shape == nil {
		if p = f.rest(p, n, depth, &n.first, 0); p >= 0 {
			f.remember(n, begin, p, hash)
		}
	} else {
		p = f.tail(begin+size-1, n, depth, shape)
	}
	if p >= 0 && f.code == "" {
		f.end(&n.ends[0], n, begin)
	}
	return p
}

// tail reads what stands behind a known text of the given shape: the end of
// the object, or a comma.
func (f *Flattener) tail(p int, n *node, depth int, shape *shape) int {
	b, seen, last := f.b, shape.members, &n.members[shape.last].next
	for b[p] == ',' {
		if p++; b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
		m := *last
		if m == nil || m.only == nil || m.only.quick < quickInt || seen&m.bit != 0 || !m.at(b, p) {
			return f.rest(p, n, depth, last, seen)
		}
		q := p + len(m.pattern)
		if b[q] <= ' ' {
			q = jsonscan.Space(b, q)
		}
		if b[q]-'0' > 9 {
			return f.rest(p, n, depth, last, seen)
		}
		if q = quickNumber(b, q, m.only); q == 0 {
			return f.rest(p, n, depth, last, seen)
		}
		seen |= m.bit
		last = &m.next
		if p = q; b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
	}
	if b[p] != '}' {
		return -1 - p
	}
	f.given = seen
	return p + 1
}
