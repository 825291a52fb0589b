package flatten

import (
	"sluice/internal/jsonscan"
	"sluice/internal/reason"
	"sluice/mapping"
)

// element reads the value at p for n and ends what is complete with it.
func (f *Flattener) element(p int, n *node, depth int) int {
	f.seen = f.seen || n.record
	for i := range n.ends {
		e := &n.ends[i]
		e.start = f.tables[e.table].b.Rows
	}
	q := f.value(p, n, depth)
	if q < 0 {
		return q
	}
	for i := range n.ends {
		if f.code != "" {
			break // nothing of the record will be kept
		}
		f.end(&n.ends[i], n, p)
	}
	return q
}

// value reads the value at p for n, which lies in depth containers.
func (f *Flattener) value(p int, n *node, depth int) int {
	var q int
	switch c := f.b[p]; {
	case c == '{' && n.members != nil:
		q = f.object(p, n, depth+1)
	case c == '[' && (n.each != nil || n.index != nil):
		q = f.array(p, n, depth+1)
	case c == '{' || c == '[':
		if q = f.skip.Value(f.b, p, depth); q < 0 {
			return q
		}
		f.found(n)
		if n.leaves == nil {
			f.bad(n.wants(), n.path, p)
		}
	default:
		q = f.scalar(p, n)
		// null is as good as absent, but not as an element or a record.
		if q >= 0 && n.container() && n.leaves == nil && (c != 'n' || n.ends != nil) {
			f.bad(n.wants(), n.path, p)
		}
		return q
	}
	if q >= 0 && n.leaves != nil {
		f.text(n, p, q)
	}
	return q
}

// wants says what is wrong with a value that is no container of the right kind.
func (n *node) wants() reason.Code {
	if n.members != nil {
		return reason.NotObject
	}
	return reason.NotArray
}

func (f *Flattener) object(p int, n *node, depth int) int {
	b := f.b
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p
	}
	begin := p
	p++
	if b[p] <= ' ' {
		p = jsonscan.Space(b, p)
	}
	if b[p] == '}' {
		return p + 1
	}
	known := len(n.members) // more may be learned on the way
	var seen uint64         // members 0 to 63; the others are in f.bits
	repeated := false       // a stranger stands twice
	more := len(f.bits)
	if known > 64 {
		for range (known - 1) / 64 {
			f.bits = append(f.bits, 0)
		}
	}
	keys := f.skip.Keys()
	last := &n.first
	var hash uint64 // of an object to be remembered
	plain := false  // its members were all plain so far
	if n.memo != nil && n.memo.on() {
		if hash = n.memoKey(b, p); hash != 0 {
			if o, members := f.recall(n, begin, hash); o != nil {
				seen = members
				last = &n.members[o.member(o.bounds()-1)].next
				if p = begin + o.size() - 1; b[p] == '}' {
					f.bits = f.bits[:more]
					return p + 1
				}
				if p++; b[p] <= ' ' {
					p = jsonscan.Space(b, p)
				}
				hash = 0
			}
			n.memo.begun, plain = n.memo.begun[:0], hash != 0
		}
	}
	for {
		// Most objects have the same members in the same order.
		i, start := *last, p
		if i >= known {
			i = unknown
		}
		if i >= 0 {
			if m := &n.members[i]; m.at(b, p) {
				p += len(m.pattern)
				if b[p] <= ' ' {
					p = jsonscan.Space(b, p)
				}
			} else {
				i = unknown
			}
		}
		if i < 0 {
			if p, i = f.key(p, n, known); p < 0 {
				return p
			}
			if *last = i; i >= known { // learned in this object: whether it stands twice is not noted
				i = unknown
			}
		}
		if i < 0 {
			p = f.unknown(start, p, n, nil, depth, i == unknown && !f.again)
		} else {
			m := &n.members[i]
			last = &m.next
			word := &seen
			if i >= 64 {
				word = &f.bits[more+i/64-1]
			}
			twice := *word&(1<<(i&63)) != 0
			*word |= 1 << (i & 63)
			if m.node.strange {
				if twice && !repeated { // the first is the one to be told
					f.repeated(start)
					repeated = true
				}
				p = f.unknown(start, p, n, m.node, depth, !f.again)
			} else if twice {
				f.bad(reason.DuplicateKey, m.node.path, start)
				plain = false
				p = f.skip.Value(b, p, depth)
			} else {
				q := 0
				if m.only != nil {
					q = f.quick(b, p, m.only)
				}
				switch {
				case q > 0:
					p = q
				case m.node.ends == nil:
					p = f.value(p, m.node, depth)
				default:
					p = f.element(p, m.node, depth)
				}
			}
		}
		if p < 0 {
			return p
		}
		if b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
		if plain {
			if plain = i >= 0 && n.members[i].plain; plain {
				n.memo.begun = append(n.memo.begun, bound{p - begin, i})
			}
		}
		switch b[p] {
		case ',':
			p++
			if b[p] <= ' ' {
				p = jsonscan.Space(b, p)
			}
			continue
		case '}':
			if hash != 0 {
				f.remember(n, begin, p+1, hash)
			}
			if f.skip.Keys() > keys {
				f.skip.EndKeys(b, keys)
				f.found(n)
			}
			f.bits = f.bits[:more]
			return p + 1
		}
		return -1 - p
	}
}

// key reads a member name that was not expected and returns the position of
// the value and the index of the member. One from known on was learned in the
// object that is being read.
func (f *Flattener) key(p int, n *node, known int) (value, i int) {
	b := f.b
	if b[p] != '"' {
		return -1 - p, 0
	}
	end, hash, flags := jsonscan.String(b, p+1)
	if end < 0 {
		return end, 0
	}
	value = jsonscan.Space(b, end+1)
	if b[value] != ':' {
		return -1 - value, 0
	}
	name := b[p+1 : end]
	if flags == jsonscan.Escaped {
		from := len(f.scratch)
		f.scratch = jsonscan.Unescape(f.scratch, name)
		name = f.scratch[from:]
		f.scratch = f.scratch[:from]
	}
	if i = n.find(name); i < 0 || i >= known {
		f.skip.Push(hash, p+1, end, flags)
	}
	if i == unknown && flags == 0 {
		i = f.learn(n, name)
	}
	return jsonscan.Space(b, value+1), i
}

// unknown reads the value of a member that the mapping does not name. It
// counts if no other node knows it. stranger is the node of the value, if it
// was learned.
func (f *Flattener) unknown(key, p int, n, stranger *node, depth int, counts bool) int {
	counts = counts && !n.strange
	q := f.strange(p, stranger, depth)
	if q < 0 {
		return q
	}
	f.found(n)
	if counts {
		f.fields++
	}
	switch {
	case !counts:
	case f.refuse:
		f.bad(reason.UnknownField, n.path, key)
	case f.keep && f.code == "":
		f.rescueField(n, key, p, q)
	}
	return q
}

func (f *Flattener) array(p int, n *node, depth int) int {
	b := f.b
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p
	}
	count := -1
	for _, x := range n.index {
		if x.i < 0 && count < 0 {
			// An index from the end needs the number of elements first.
			var q int
			if count, q = f.count(p, depth); q < 0 {
				return q
			}
		}
	}
	p = jsonscan.Space(b, p+1)
	if b[p] == ']' {
		return p + 1
	}
	for i := 0; ; i++ {
		q := 0 // position behind the element, once it was read
		if f.code == "" {
			if n.each != nil {
				f.ord[n.each.wild] = i
				q = f.element(p, n.each, depth)
			}
			for _, x := range n.index {
				if q >= 0 && (x.i == i || x.i < 0 && x.i+count == i) {
					before := f.again
					f.again = before || q > 0
					q = f.value(p, x.node, depth)
					f.again = before
				}
			}
		}
		if q == 0 {
			q = f.skip.Value(b, p, depth)
			f.found(n)
		}
		if p = q; p < 0 {
			return p
		}
		if b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
		switch b[p] {
		case ',':
			p++
			if b[p] <= ' ' {
				p = jsonscan.Space(b, p)
			}
			continue
		case ']':
			return p + 1
		}
		return -1 - p
	}
}

// count is the number of elements of the array at p.
func (f *Flattener) count(p, depth int) (n, q int) {
	b := f.b
	if p = jsonscan.Space(b, p+1); b[p] == ']' {
		return 0, p
	}
	for n = 1; ; n++ {
		if p = f.skip.Value(b, p, depth); p < 0 {
			return 0, p
		}
		switch p = jsonscan.Space(b, p); b[p] {
		case ',':
			p = jsonscan.Space(b, p+1)
		case ']':
			return n, p
		default:
			return 0, -1 - p
		}
	}
}

// end ends the element e, whose value began at p: columns that got no value
// become NULL, and rows are counted.
func (f *Flattener) end(e *element, n *node, p int) {
	t := &f.tables[e.table]
	b := t.b
	f.provenance(t, e.level)
	full := b.Elements(e.level) + 1
	for i, col := range t.bound[e.level] {
		if len(col.Index) == full {
			continue
		}
		if col.Required {
			f.bad(reason.MissingField, t.columns[t.levels[e.level][i]].Path, p)
			return
		}
		col.AddNull()
	}
	rows := b.Rows - e.start
	if e.level < b.Depth && rows == 0 {
		switch t.when {
		case mapping.Quarantine:
			f.bad(reason.NoRows, t.target(e.level+1), p)
			return
		case mapping.Skip:
			if e.level == 0 {
				t.skipped = true
				return
			}
			f.empty++
		case mapping.Keep:
			f.emptyRow(t, e.level+1)
			rows = 1
		}
	}
	if f.keep && e.level == b.Depth {
		t.rescue.row(b, e.level+1)
	}
	b.EndElement(e.level, rows)
	if e.level == b.Depth && int64(b.RecordRows()) > f.limits.RecordRows {
		f.bad(reason.TooManyRows, n.path, p)
	}
}

// emptyRow gives a record or an element that has none a row: NULL in all
// columns of level from and below.
func (f *Flattener) emptyRow(t *table, from int) {
	b := t.b
	for l := from; l <= b.Depth; l++ {
		for _, c := range t.levels[l] {
			b.Columns[c].AddNull()
		}
		if t.extra.line >= 0 && l == 1 {
			b.Columns[t.extra.line].AddNull()
		}
		if t.extra.subline >= 0 && l == 2 {
			b.Columns[t.extra.subline].AddNull()
		}
		if f.keep && l == b.Depth {
			t.rescue.row(b, from)
		}
		b.EndElement(l, 1)
	}
}

// target is the path of the array whose elements are level l of the table.
func (t *table) target(l int) mapping.Path {
	for i, s := range t.explode {
		if s.Kind == mapping.Wildcard {
			if l--; l == 0 {
				return t.explode[:i]
			}
		}
	}
	return t.explode
}

// provenance fills the columns that say where a row comes from.
func (f *Flattener) provenance(t *table, level int) {
	cols := t.b.Columns
	switch level {
	case 0:
		if t.extra.source >= 0 {
			cols[t.extra.source].AddScratch(f.sourceHash, 0, f.source)
			cols[t.extra.offset].AddFixed(uint64(f.origin.Offset))
			cols[t.extra.record].AddFixed(uint64(f.origin.Record))
		}
	case 1:
		if t.extra.line >= 0 {
			cols[t.extra.line].AddFixed(uint64(f.ord[1]))
		}
	case 2:
		if t.extra.subline >= 0 {
			cols[t.extra.subline].AddFixed(uint64(f.ord[2]))
		}
	}
}
