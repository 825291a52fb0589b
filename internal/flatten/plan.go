package flatten

import (
	"encoding/binary"
	"slices"

	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/schema"
)

// node is a place in a record that the mapping speaks of.
type node struct {
	path    mapping.Path // as the mapping writes it, for reasons
	members []*member
	byName  map[string]*member // if there are many
	head    member             // stands before the first member
	each    *node              // the elements of an array: [*]
	index   []indexed          // single elements of an array: [0]
	every   *node              // the members of an object: .*
	others  *node              // elements that none of these names, if some are named
	chosen  []*choice          // of an element of an array, by filters
	leaves  []leaf
	only    *leaf     // of an element: its leaf, if it has one, quick takes its usual values and no filter decides about it
	names   []leaf    // columns of the name of the member that is here
	list    *list     // columns of lists that an array feeds; nil: none
	ends    []element // elements that are complete when the value here was read
	wild    int       // wildcards in path: the level of rows that end here
	record  bool      // the record itself
	around  bool      // the value contains the record
	other   bool      // the value is an element that no path names
	drift   []byte    // the path as drift has it, once it is needed
	owners  []element // tables that the record or element around the node gives rows to
	memo    *memo     // of objects that may repeat
	strange bool      // the mapping does not speak of it: see learn
	dropped bool      // the mapping drops what no other path leads to
	notes   *notes    // what late columns and filters need to know of it, or nil
	asked   bool      // a condition of where is about it
	gated   []*filter // of the columns of the plain members, if there are any
	users   []*filter // of the tables with paths here or through the node; nil: there are no filters
	leaders []*filter // of the tables whose paths lead through the node; nil: there are no filters
	silent  bool      // members that no path names do not count: strange, or known as a whole
	shares            // with nodes that read the same value

	// What the value may be, apart from what its columns take. If none is set,
	// it may be nothing else.
	object bool // an object
	array  bool // an array
	any    bool // whatever it is: no path leads into it
}

// member is a known member of an object.
type member struct {
	pattern    string    // the name in quotes, with its colon
	word, mask [2]uint64 // its first 16 bytes, and the bits of them that count
	rest       string    // the bytes after these
	index      int       // among the members of its node
	bit        set       // 1 << index, or none if it is too large
	only       *leaf     // the leaf of node, if node is plain and quick takes its usual values
	plain      bool      // node has one leaf and nothing else
	scalar     bool      // all that can stand there is a scalar, whose place may be noted
	stranger   bool      // node is one that the mapping does not speak of
	node       *node
	next       *member // that came next in the last object, or nil if it is unknown
	slot       uint64  // of a stranger: see drifts
	name       string
}

// at reports whether the pattern stands at b[p].
func (m *member) at(b []byte, p int) bool {
	w := (*[16]byte)(b[p : p+16])
	return (binary.LittleEndian.Uint64(w[:])^m.word[0])&m.mask[0]|(binary.LittleEndian.Uint64(w[8:])^m.word[1])&m.mask[1] == 0 && (m.rest == "" || m.restAt(b, p+16))
}

func (m *member) restAt(b []byte, p int) bool {
	return len(m.rest) <= len(b)-p && string(b[p:p+len(m.rest)]) == m.rest
}

type indexed struct {
	i    int // negative: from the end
	node *node
}

// leaf is a column that a node feeds.
type leaf struct {
	c      *batch.Column // of the current batch
	quick  quickKind
	scale  int // of a decimal, or 0
	whole  int // digits before the point that it may have
	kind   schema.Kind
	times  *times // of a date or timestamp
	table  int
	column int
	filter *filter     // of the rows that it is for, or nil
	late   bool        // see late: to have no value is not wrong yet
	minor  *minorUnits // of a decimal that counts minor units
	kept   []byte      // the last text that the transforms left as it is, and that is no null value
	mapping.Column
}

// quickKind says which values a column takes the fast way. The order matters:
// kinds up to quickTextInt take a string, kinds from quickInt on a number.
type quickKind uint8

const (
	quickNothing quickKind = iota
	quickText              // strings
	quickTextInt           // strings and integers
	quickTime              // times of a day, as text
	quickWide              // decimals of 128 bits, as numbers or text
	quickUnits             // the same in minor units of a currency, as integers
	quickInt               // integers of 64 bits
	quickDecimal           // decimals of 64 bits
)

// text reports whether strings that are not empty enter the column as they are.
func (k quickKind) text() bool { return k == quickText || k == quickTextInt }

// quickScale is the largest scale with which an integer of eight digits fits into
// 64 bits.
const quickScale = 11

// quickBytes is the longest text that is taken without a check of field_bytes.
const quickBytes = len("YYYY-MM-DDThh:mm:ssZ")

func newLeaf(m *mapping.Mapping, table, column int) leaf {
	col := m.Tables[table].Columns[column]
	if col.Type.Kind == schema.List { // the leaf takes its values
		col.Type, col.Required = col.Type.Value(), false
	}
	l := leaf{Column: col, table: table, column: column, kind: col.Type.Kind, scale: col.Type.Scale, whole: col.Type.Precision - col.Type.Scale}
	if l.kind == schema.Date || l.kind == schema.Timestamp {
		l.times = newTimes(&col)
	}
	number := col.From&mapping.FromNumber != 0 && l.times == nil
	switch {
	case l.edited(): // scalar.go reads it
	case l.kind == schema.String && col.From&mapping.FromString != 0 && col.From&mapping.FromInteger != 0:
		l.quick = quickTextInt
	case l.kind == schema.String && col.From&mapping.FromString != 0:
		l.quick = quickText
	case m.Limits.FieldBytes < int64(quickBytes):
	case l.kind == schema.Timestamp && col.From&mapping.FromString != 0 && col.Format == "":
		l.quick = quickTime
	case l.kind == schema.Int64 && number:
		l.quick, l.whole = quickInt, 18
	case l.kind == schema.Decimal && !col.Type.Wide() && number:
		l.quick = quickDecimal
	case l.kind == schema.Decimal && number && col.From&mapping.FromString != 0 && col.NumberFormat == mapping.JSONNumber && !col.Symbol && l.scale <= quickScale:
		l.quick = quickWide
	}
	return l
}

// element says that a level of a table ends where a node ends.
type element struct {
	table    int
	level    int
	required []required
	late     []*late
	filter   *filter // that decides whether the table takes it, or nil
	refuses  bool    // where takes no row that has nothing below it
	zip      *zip    // what it has to do with arrays of zip, or nil
	needs    set     // the members that give these
	others   bool    // some of them have no such member

	t     *table
	start int // rows of the batch when the element began
}

// required is a column of an element that must have a value.
type required struct {
	column int
	bit    set // bit of the member of the element's object that gives it, or none
}

// into reports whether a path leads into the value of the node, or a column
// takes it as a list.
func (n *node) into() bool { return (n.object || n.array) && !n.any || n.list != nil }

// compile makes the tree for records found at place. tail is the part of place
// that lies inside what the scanner finds.
func compile(m *mapping.Mapping, place mapping.Path) (top *node, tail mapping.Path) {
	tail = Inside(place)
	top = &node{}
	root := top
	for i, s := range tail {
		root.around = true
		root = root.child(s)
		root.path = tail[:i+1]
	}
	root.path = nil
	var allFilters []filters
	for t := range m.Tables {
		table := &m.Tables[t]
		homes := newHomes(root, t, table)
		filters := compileFilters(root, t, table, &homes)
		allFilters = append(allFilters, filters)
		for c, col := range table.Columns {
			if col.Key != "" {
				continue // it is read from the source: see key.go
			}
			if col.Late() {
				root.later(m, t, c, &homes)
				continue
			}
			n := root.descend(col.Path)
			l := newLeaf(m, t, c)
			l.filter = filters[col.Path.Wildcards()]
			switch {
			case col.MemberName:
				n.names = append(n.names, l)
			case col.Type.Kind == schema.List:
				n.addToList(l)
			default:
				n.leaves = append(n.leaves, l)
			}
		}
	}
	lead(root, m, allFilters)
	for _, p := range m.Drop {
		root.descend(p).dropped = true
	}
	root.walk((*node).nameChosen)
	root.embeds(m)
	root.record = true
	top.finish(root.ends, false)
	top.share()
	top.require(m)
	return top, tail
}

func (n *node) descend(path mapping.Path) *node {
	for i, s := range path {
		n = n.child(s)
		n.path = path[:i+1]
	}
	return n
}

func (n *node) child(s mapping.Segment) *node {
	switch s.Kind {
	case mapping.Wildcard:
		if n.each == nil {
			n.each = &node{}
		}
		return n.each
	case mapping.Members:
		if n.every == nil {
			n.every = &node{}
		}
		return n.every
	case mapping.Index:
		for _, x := range n.index {
			if x.i == s.Index {
				return x.node
			}
		}
		n.index = append(n.index, indexed{s.Index, &node{}})
		return n.index[len(n.index)-1].node
	}
	for _, m := range n.members {
		if m.name == s.Name {
			return m.node
		}
	}
	return n.add(s.Name, &node{}).node
}

func (n *node) add(name string, value *node) *member {
	m := &member{name: name, node: value, stranger: value.strange, index: len(n.members)}
	if m.index < 64 {
		m.bit = 1 << m.index
	}
	n.members = append(n.members, m)
	if n.head.next == nil && !value.strange {
		n.head.next = m
	}
	return m
}

// finish prepares the node and all below it for reading. owners are the owners
// of the value around it, and held says that that value is known as a whole.
func (n *node) finish(owners []element, held bool) {
	if n.ends != nil {
		owners = n.ends
	}
	n.owners = owners
	n.silent = held || n.holds()
	n.any = n.any || n.ends != nil && n.leaves == nil && n.list == nil && !n.leads() && !n.noted() && !n.asked
	n.array = n.each != nil || n.index != nil || n.chosen != nil
	n.object = n.any || n.every != nil || n.members != nil && n.each == nil // an exploded value is an array, whatever other paths say
	switch {
	case n.each != nil:
	case n.chosen != nil: // what only a filter looks into is known
		n.others = &node{dropped: true, path: n.path, other: true, shares: shares{read: true}}
	case n.index != nil:
		n.others = &node{any: true, path: n.path, other: true}
	}
	if len(n.members) > mapMembers {
		n.byName = make(map[string]*member, len(n.members))
	}
	for _, m := range n.members {
		m.expect()
		if n.byName != nil {
			n.byName[m.name] = m
		}
		m.node.finish(owners, n.silent)
		m.plain = len(m.node.leaves) == 1 && !m.node.into() && m.node.ends == nil && m.node.notes == nil
		m.scalar = m.bit != 0 && !m.node.into() && m.node.ends == nil && (m.node.notes == nil || !m.node.notes.parsed && !m.node.notes.zip) &&
			!(m.plain && m.node.leaves[0].Required) // members finds out whether it gave a value
		if m.plain && m.bit != 0 && m.node.leaves[0].quick != quickNothing {
			m.only = &m.node.leaves[0]
			n.gate(m.only.filter)
		}
	}
	for _, e := range n.elements() {
		e.finish(owners, n.silent)
		if len(e.leaves) == 1 && e.leaves[0].quick != quickNothing && e.leaves[0].filter == nil {
			e.only = &e.leaves[0]
		}
	}
}

// holds reports whether the value of the node is known as a whole: a json column
// takes it, a late column or _errors may, a condition is about it, or it is dropped.
func (n *node) holds() bool {
	return n.dropped || (n.noted() || n.asked) && !n.leads() || slices.ContainsFunc(n.leaves, func(l leaf) bool { return l.kind == schema.JSON || l.NullOnError })
}

// expect makes the pattern, by which the member is recognised.
func (m *member) expect() {
	m.pattern = pattern(m.name)
	m.rest = m.pattern[min(16, len(m.pattern)):]
	var text, mask [16]byte
	for i := range copy(text[:], m.pattern) {
		mask[i] = 0xff
	}
	for i := range m.word {
		m.word[i] = binary.LittleEndian.Uint64(text[8*i:])
		m.mask[i] = binary.LittleEndian.Uint64(mask[8*i:])
	}
}

// memos gives a memo to each node at and below n whose objects may repeat.
func (n *node) memos(all []*node) []*node {
	if n.remembers() {
		n.memo = newMemo(n)
		all = append(all, n)
	}
	for _, m := range n.members {
		all = m.node.memos(all)
	}
	for _, e := range n.elements() {
		all = e.memos(all)
	}
	return all
}

// elements are the nodes of the elements of an array, in the order in which
// they read an element, or that of all members of an object.
func (n *node) elements() (all []*node) {
	if n.every != nil {
		all = append(all, n.every)
	}
	if n.each != nil {
		all = append(all, n.each)
	}
	for _, x := range n.index {
		all = append(all, x.node)
	}
	if n.others != nil {
		all = append(all, n.others)
	}
	return all
}

// mapMembers is the number of members up to which a name is searched one by
// one.
const mapMembers = 8

// pattern is a member name as most writers write it, for a fast comparison.
func pattern(name string) string { return string(jsonscan.AppendQuoted(nil, name)) + ":" }

func (n *node) own(name []byte) *member {
	if n.byName != nil {
		return n.byName[string(name)]
	}
	for _, m := range n.members {
		if m.name == string(name) {
			return m
		}
	}
	return nil
}

// require notes which columns the elements at and below n must have.
func (n *node) require(m *mapping.Mapping) {
	for i := range n.ends {
		e := &n.ends[i]
		for column, col := range m.Tables[e.table].Columns {
			if !col.Required || col.Key != "" || col.Level() != e.level || e.ofZipped() && !n.feeds(&col) {
				continue
			}
			r := required{column: column}
			for _, m := range n.members {
				if m.plain && m.node.leaves[0].table == e.table && m.node.leaves[0].column == column {
					r.bit = m.bit
				}
			}
			e.required = append(e.required, r)
			e.needs |= r.bit
			e.others = e.others || r.bit == 0
		}
	}
	for _, member := range n.members {
		member.node.require(m)
	}
	for _, e := range n.elements() {
		e.require(m)
	}
}

// bind points the nodes to their tables, and to the columns of the current batches.
func (n *node) bind(tables []table) {
	for i := range n.ends {
		n.ends[i].t = &tables[n.ends[i].table]
		for _, c := range n.ends[i].late {
			for _, v := range c.values {
				v.node.bind(tables)
			}
		}
	}
	for i := range n.leaves {
		l := &n.leaves[i]
		l.c = &tables[l.table].b.Columns[l.column]
	}
	for i := range n.names {
		l := &n.names[i]
		l.c = &tables[l.table].b.Columns[l.column]
	}
	if n.list != nil {
		n.list.bind(tables)
	}
	for _, m := range n.members {
		if m.stranger {
			break // and so are those after it
		}
		m.node.bind(tables)
	}
	for _, e := range n.elements() {
		e.bind(tables)
	}
}
