// Package flatten turns the text of a record into rows: it holds a mapping
// compiled to a tree of JSON paths and appends what it reads, in one pass
// over the text, to the batches of the tables.
package flatten

import (
	"sluice/internal/batch"
	"sluice/mapping"
	"sluice/schema"
)

// node is a place in a record that the mapping speaks of.
type node struct {
	path    mapping.Path // as the mapping writes it, for reasons
	members []member
	byName  map[string]int // index into members, if there are many
	first   int            // member that came first in the last object seen here
	each    *node          // the elements of an array: [*]
	index   []indexed      // single elements of an array: [0]
	leaves  []leaf
	only    *leaf     // the leaf of a node that has one and nothing else
	ends    []element // what is complete when the value here was read
	wild    int       // wildcards in path: the level of rows that end here
	record  bool      // the record itself
	owners  []element // tables that the record or element around the node gives rows to
}

// member is a known member of an object.
type member struct {
	name    string
	pattern string // the name in quotes, with its colon
	node    *node
	next    int // member that came next in the last object, or unknown
}

// unknown is the index of a member that the mapping does not name.
const unknown = -1

type indexed struct {
	i    int // negative: from the end
	node *node
}

// leaf is a column that a node feeds.
type leaf struct {
	mapping.Column
	table  int
	column int
	kind   schema.Kind
	whole  int           // digits before the point of a decimal of 64 bits; -1 for other types
	c      *batch.Column // of the current batch
}

// element says that a level of a table ends where a node ends.
type element struct {
	table int
	level int
	start int // rows of the batch when the element began
}

// container reports whether the node wants an object or an array.
func (n *node) container() bool { return n.members != nil || n.each != nil || n.index != nil }

// compile makes the tree for records found at place. tail is the part of
// place behind its wildcard: the wildcard itself was taken by whoever finds
// the records.
func compile(m *mapping.Mapping, place mapping.Path) (top *node, tail mapping.Path) {
	tail = place
	for i, s := range place {
		if s.Kind == mapping.Wildcard {
			tail = place[i+1:]
		}
	}
	top = &node{}
	root := top
	for i, s := range tail {
		root = root.child(s)
		root.path = tail[:i+1]
	}
	root.path = nil
	for t := range m.Tables {
		table := &m.Tables[t]
		root.ends = append(root.ends, element{table: t})
		level := 0
		for i, s := range table.Explode {
			if s.Kind == mapping.Wildcard {
				level++
				n := root.descend(table.Explode[:i+1])
				n.wild = level
				n.ends = append(n.ends, element{table: t, level: level})
			}
		}
		for c, col := range table.Columns {
			n := root.descend(col.Path)
			l := leaf{Column: col, table: t, column: c, kind: col.Type.Kind, whole: -1}
			if l.kind == schema.Decimal && !l.Type.Wide() {
				l.whole = l.Type.Precision - l.Type.Scale
			}
			n.leaves = append(n.leaves, l)
		}
	}
	root.record = true
	top.finish(nil)
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
	case mapping.Index:
		for _, x := range n.index {
			if x.i == s.Index {
				return x.node
			}
		}
		n.index = append(n.index, indexed{s.Index, &node{}})
		return n.index[len(n.index)-1].node
	}
	for i := range n.members {
		if n.members[i].name == s.Name {
			return n.members[i].node
		}
	}
	n.members = append(n.members, member{name: s.Name, node: &node{}, next: unknown})
	return n.members[len(n.members)-1].node
}

// finish prepares the node and all below it for reading.
func (n *node) finish(owners []element) {
	if n.ends != nil {
		owners = n.ends
	}
	n.owners = owners
	if len(n.members) > 8 {
		n.byName = make(map[string]int, len(n.members))
	}
	for i := range n.members {
		m := &n.members[i]
		m.pattern = pattern(m.name)
		if n.byName != nil {
			n.byName[m.name] = i
		}
		m.node.finish(owners)
	}
	for _, x := range n.index {
		x.node.finish(owners)
	}
	if n.each != nil {
		n.each.finish(nil)
	}
}

// pattern is how most writers write a member name: the quick guess.
func pattern(name string) string { return `"` + name + `":` }

func (n *node) find(name []byte) int {
	if n.byName != nil {
		if i, ok := n.byName[string(name)]; ok {
			return i
		}
		return unknown
	}
	for i := range n.members {
		if n.members[i].name == string(name) {
			return i
		}
	}
	return unknown
}

// bind points the leaves to the columns of the current batches.
func (n *node) bind(tables []*batch.Batch) {
	for i := range n.leaves {
		l := &n.leaves[i]
		l.c = &tables[l.table].Columns[l.column]
	}
	if n.only = nil; len(n.leaves) == 1 && !n.container() && n.ends == nil {
		n.only = &n.leaves[0]
	}
	for i := range n.members {
		n.members[i].node.bind(tables)
	}
	for _, x := range n.index {
		x.node.bind(tables)
	}
	if n.each != nil {
		n.each.bind(tables)
	}
}
