package flatten

import "sluice/internal/jsonscan"

// Most members that shops export are not named in the mapping. Their names are
// learned, so that in the next object they are compared with what came before,
// like names of the mapping, instead of being read, hashed and looked up. Below
// a stranger, a node only knows other strangers. Whether a name was learned
// changes nothing but time.
const (
	maxStrangers    = 2048 // of all objects
	maxMembers      = 256  // of one object, known ones included
	maxStrangerName = 64
)

// learn makes an unknown member one that is expected from the next object on,
// and returns it, or nil.
func (f *Flattener) learn(n *node, name []byte) *member {
	if n.also != nil || f.strangers == maxStrangers || len(n.members) >= maxMembers || len(name) > maxStrangerName {
		return nil
	}
	f.strangers++
	m := n.add(string(name), &node{strange: true, silent: true, path: n.path})
	m.expect()
	switch {
	case n.byName != nil:
		n.byName[m.name] = m
	case len(n.members) > mapMembers:
		n.byName = make(map[string]*member, 2*mapMembers)
		for _, m := range n.members {
			n.byName[m.name] = m
		}
	}
	return m
}

// strange reads the value at p, which the mapping does not name. n is what was
// learned about it, or nil.
func (f *Flattener) strange(p int, n *node, depth int) int {
	b := f.b
	switch {
	case n == nil || len(n.members) == maxMembers: // names that keep changing, such as ids
	case b[p] == '{':
		end, _ := f.object(p, n, depth+1)
		return end
	case b[p] == '[' && depth < f.limits.Depth:
		return f.strangeArray(p, n, depth+1)
	}
	return f.skip.Value(b, p, depth)
}

// strangeArray reads an array whose elements have the node n.
func (f *Flattener) strangeArray(p int, n *node, depth int) int {
	b := f.b
	p = jsonscan.Space(b, p+1)
	if b[p] == ']' {
		return p + 1
	}
	for {
		if p = f.strange(p, n, depth); p < 0 {
			return p
		}
		p = jsonscan.Space(b, p)
		switch b[p] {
		case ',':
			p = jsonscan.Space(b, p+1)
		case ']':
			return p + 1
		default:
			return -1 - p
		}
	}
}

// repeated notes that the name at p, of a stranger, occurs twice in its object.
// It is reported at the object's end, like a name that was not learned.
func (f *Flattener) repeated(p int) {
	end, hash, flags := jsonscan.String(f.b, p+1)
	f.skip.Push(hash, p+1, end, flags)
	f.skip.Push(hash, p+1, end, flags)
}
