package flatten

import "slices"

// shares is for nodes that read the same value: [0] and [-1] may be the same
// element, and [*] reads all of them. Each node reads the value for itself, in
// the order of the nodes in the tree. A member that none of them names must
// count once.
type shares struct {
	also    []*node // nodes that may read the same value
	holders []*node // nodes that may know the value as a whole, or a value around it
	shared  bool    // also or holders is not empty
	order   int     // place in the tree
	gates   []*node // nodes of some elements of an array on the way to this one, itself included
	read    bool    // of a gate: it reads the current element
	fromEnd bool    // of an array: a node counts its elements from the end
}

// share finds out which nodes at and below n share values.
func (n *node) share() {
	order := 0
	n.walk(func(n *node) {
		n.order = order
		order++
		for _, m := range n.members {
			m.node.gates = n.gates
		}
		all := n.elements()
		for i, a := range all {
			a.gates = n.gates
			if a != n.each && a != n.every && !n.any { // n reads all elements, whatever it is
				a.gates = append(slices.Clone(n.gates), a)
			}
			for _, b := range all[i+1:] {
				if b != n.others { // which reads the elements that the others do not
					a.meets(b)
				}
			}
		}
	})
	n.walk(func(n *node) {
		n.shared = n.also != nil || n.holders != nil
		n.fromEnd = n.indexedFromEnd()
		for _, o := range n.also {
			n.fromEnd = n.fromEnd || o.indexedFromEnd()
		}
	})
}

// walk visits n and all below it, in the order in which they read.
func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, m := range n.members {
		m.node.walk(visit)
	}
	for _, e := range n.elements() {
		e.walk(visit)
	}
}

func (n *node) indexedFromEnd() bool {
	for _, x := range n.index {
		if x.i < 0 {
			return true
		}
	}
	return false
}

// meets notes that n and o may read the same value.
func (n *node) meets(o *node) {
	n.also, o.also = append(n.also, o), append(o.also, n)
	n.heldBy(o)
	o.heldBy(n)
	for _, a := range n.members {
		for _, b := range o.members {
			if a.name == b.name && n.object && o.object {
				a.node.meets(b.node)
			}
		}
	}
	for _, a := range n.elements() {
		for _, b := range o.elements() {
			a.meets(b)
		}
	}
	n.likeArray(o)
	o.likeArray(n)
}

// likeArray gives n, into which no path leads, a node for the elements of the
// array that o reads, and does the same for all nodes that share the array.
func (n *node) likeArray(o *node) {
	if !n.any || n.others != nil || !o.array && o.others == nil {
		return
	}
	n.others = &node{any: true, path: n.path, other: true, shares: shares{holders: slices.Clone(n.holders)}}
	n.others.finish(n.owners, n.silent)
	for _, o := range n.also {
		for _, e := range o.elements() {
			n.others.meets(e)
		}
		o.likeArray(n)
	}
}

// heldBy notes that o, if it knows its value as a whole, knows what n and all
// nodes below n read.
func (n *node) heldBy(o *node) {
	if o.holds() {
		n.walk(func(n *node) { n.holders = append(n.holders, o) })
	}
}

// pick notes which elements the i-th of count elements of an array is, for n
// and all that read the same array.
func (n *node) pick(i, count int) {
	n.pickOwn(i, count)
	for _, o := range n.also {
		o.pickOwn(i, count)
	}
}

func (n *node) pickOwn(i, count int) {
	named := false
	for _, x := range n.index {
		x.node.read = x.i == i || x.i < 0 && x.i+count == i
		named = named || x.node.read
	}
	if n.others != nil {
		n.others.read = !named
	}
}

// reads reports whether the node reads the current value, which it may share.
func (n *node) reads() bool {
	for _, g := range n.gates {
		if !g.read {
			return false
		}
	}
	return true
}

// standing says how a member that a node does not name is counted.
type standing uint8

const (
	unnamed standing = iota // no path names it
	told                    // no path names it either, but an earlier node has counted it
	named                   // one does, or it is known as part of a whole
)

// standing is the standing of members of the current value, which n shares,
// that neither n nor any other node names.
func (n *node) standing() standing {
	for _, o := range n.holders {
		if o.reads() {
			return named
		}
	}
	for _, o := range n.also {
		if o.order < n.order && o.object && o.reads() {
			return told
		}
	}
	return unnamed
}

// has reports whether the table of o, an owner of n, gets the members at n from
// another node: one with more wildcards in its path, or the first with as many.
func (n *node) has(o element) bool {
	for _, other := range n.also {
		for _, e := range other.owners {
			if e.table == o.table && (e.level > o.level || e.level == o.level && other.order < n.order) && other.object && other.reads() {
				return true
			}
		}
	}
	return false
}

// find is the member with a name, or nil; then elsewhere says whether another
// node that reads the same object has it.
func (n *node) find(name []byte) (m *member, elsewhere bool) {
	m = n.own(name)
	for _, o := range n.also {
		elsewhere = elsewhere || m == nil && (o.own(name) != nil || o.every != nil) && o.object && o.reads()
	}
	return m, elsewhere
}
