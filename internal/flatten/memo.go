package flatten

import (
	"sluice/internal/batch"
	"sluice/internal/jsonscan"
)

// memo remembers the texts of the objects that were read for a node, so that
// one which begins with the same bytes need not be read again: up to there,
// its columns get the entries of the element that had them first. The lines of
// orders repeat so, as far as a catalogue wrote them.
//
// It changes nothing but time: what it finds is what reading would find. Texts
// are kept from row group to row group, but in each the first object of a text
// is read, because a batch has elements of its own.
type memo struct {
	b       *batch.Batch
	round   uint32          // counts the batches
	level   int             // of the element that the object is
	columns []*batch.Column // of the plain members
	slots   *[memoSlots]slot
	objects []object
	texts   []byte // of the objects, one after another
	bounds  []bound
	copies  []copied // since the last flush

	// Of the record that is being read:
	fresh []int // objects that got their element from it
	first int   // of its copies

	// Of the object that is being read:
	slot int     // the last one that was looked at
	same *object // with its text, from an earlier batch

	hits, misses int
}

// slot leads to an object. It holds what is needed to read on behind it, so
// that nothing waits for what is farther away:
//
//	bits 0 to 10   size of its text, up to the last bound
//	     11 to 16  the last member before that bound
//	     17 to 33  place of its text in texts, in units of 8 bytes
//	     34 to 46  index in objects
//	     47 to 63  tag of the key, never 0
type slot uint64

func (s slot) size() int   { return int(s & 0x7ff) }
func (s slot) last() int   { return int(s >> 11 & 0x3f) }
func (s slot) text() int   { return int(s >> 17 & 0x1ffff * 8) }
func (s slot) object() int { return int(s >> 34 & 0x1fff) }
func (s slot) tag() slot   { return s &^ (1<<47 - 1) }

func tag(hash uint64) slot { return slot(hash|1<<63) &^ (1<<47 - 1) }

// object is one that is remembered.
type object struct {
	element uint32 // of the table and level that it feeds, in the batch of that round
	round   uint32
	members uint64 // whose values stand in its text, as bits
	first   uint32 // of its bounds in bounds
	bounds  uint32 // less than 2: it must not be used
}

// bound is a place behind the value of a plain member: a comma, or the end of
// the object, stands at offset.
type bound struct{ offset, member uint16 }

// copied is an element that has the values of an earlier one, for some members.
type copied struct {
	element, from uint32
	members       uint64
}

const (
	memoSlots   = 1 << 13
	memoSteps   = 8  // slots looked at
	memoWarmUp  = 16 // objects before any is remembered: a small input needs no memo
	memoObjects = memoSlots * 3 / 4
	memoTexts   = 1 << 20 // bytes; texts begin at multiples of 8
	memoObject  = 1 << 10 // longest text of an object
	memoTrial   = 1 << 12 // misses before the hits must be worth it
	memoMembers = 64      // most members of an object
)

// remembers reports whether objects read for n are worth a memo: they are
// elements of one table, and have plain members. Objects of a record, such as
// its customer, seldom repeat within a row group.
func (n *node) remembers() bool {
	if n.record || len(n.ends) != 1 || n.also != nil || len(n.members) > memoMembers {
		return false
	}
	plain := 0
	for _, m := range n.members {
		if m.plain {
			plain++
		}
	}
	return plain > 1
}

func newMemo(members int) *memo {
	return &memo{columns: make([]*batch.Column, members)}
}

// reset goes on with a new batch.
func (m *memo) reset(n *node, b *batch.Batch, level int) {
	m.b, m.level = b, level
	for i := range m.columns {
		if n.members[i].plain {
			m.columns[i] = n.members[i].node.leaves[0].c
		}
	}
	if m.full() { // of what is no longer met, perhaps
		clear(m.slots[:])
		m.objects, m.texts, m.bounds = m.objects[:0], m.texts[:0], m.bounds[:0]
	}
	m.round++
	m.copies = m.copies[:0]
	m.hits, m.misses = 0, 0
	m.begin()
}

func (m *memo) full() bool {
	return len(m.objects) == memoObjects || len(m.texts) > memoTexts-memoObject
}

// begin begins a record.
func (m *memo) begin() { m.fresh, m.first = m.fresh[:0], len(m.copies) }

// on reports whether looking pays. A catalogue must be met once before it
// repeats.
func (m *memo) on() bool { return m.misses < memoTrial || 4*m.hits > m.misses }

// forget forgets the elements and copies of a record that is rolled back.
func (m *memo) forget() {
	for _, i := range m.fresh {
		m.objects[i].round = 0
	}
	m.fresh, m.copies = m.fresh[:0], m.copies[:m.first]
}

// flush gives the copies their entries, once those they are copies of have theirs.
func (m *memo) flush() {
	for i, c := range m.columns {
		if c == nil {
			continue
		}
		index := c.Index
		for _, x := range m.copies {
			if x.members>>(i&63)&1 != 0 {
				index[x.element] = index[x.from]
			}
		}
	}
	m.copies = m.copies[:0]
}

// memoKey hashes 32 bytes of the object whose first member stands at b[p]: the
// value of that member, which is mostly an id, and what follows if it is short.
func (n *node) memoKey(b []byte, p int) uint64 {
	if n.first == nil || !n.first.plain {
		return 0
	}
	if p += len(n.first.pattern); p+32 > len(b) {
		return 0
	}
	return jsonscan.Hash32((*[32]byte)(b[p : p+32]))
}

// recall gives columns what the object at b[p] begins with, if it is known. It
// returns the object, whose bounds were all reached, or nil, and its slot. A
// first member alone is read as fast as found again.
func (f *Flattener) recall(n *node, p int, hash uint64) (*object, slot) {
	m := n.memo
	m.same = nil
	if m.slots == nil {
		if m.misses++; m.misses <= memoWarmUp {
			return nil, 0
		}
		m.slots = new([memoSlots]slot)
	}
	want := tag(hash)
	for i := range memoSteps {
		m.slot = int(hash+uint64(i)) & (memoSlots - 1)
		s := m.slots[m.slot]
		if s == 0 {
			break
		}
		if s.tag() != want {
			continue
		}
		text := m.texts[s.text() : s.text()+s.size()]
		o := &m.objects[s.object()]
		if q := p + len(text); q > len(f.b) || string(f.b[p:q]) != string(text) {
			s = m.shorten(s, commonPrefix(f.b[p:], text))
			m.slots[m.slot] = s
		}
		if o.bounds < 2 {
			break
		}
		if o.round != m.round {
			m.same = o
			break
		}
		m.hits++
		m.copies = append(m.copies, copied{uint32(m.b.Elements(m.level)), o.element, o.members})
		return o, s
	}
	m.misses++
	return nil, 0
}

// shorten drops the bounds that lie behind n bytes of an object, so that what
// changes from order to order is not compared again. It returns its slot then.
func (m *memo) shorten(s slot, n int) slot {
	o := &m.objects[s.object()]
	bounds := m.bounds[o.first : o.first+o.bounds]
	for len(bounds) > 0 && int(bounds[len(bounds)-1].offset) >= n {
		bounds = bounds[:len(bounds)-1]
	}
	return o.reach(bounds) | s&^(1<<17-1)
}

// reach makes the last of bounds the one up to which o is used, and returns
// the lower bits of its slot.
func (o *object) reach(bounds []bound) (s slot) {
	o.bounds, o.members = uint32(len(bounds)), 0
	for _, b := range bounds {
		o.members |= 1 << b.member
		s = slot(b.member)<<11 | slot(b.offset+1)
	}
	return s
}

// commonPrefix is the number of equal bytes at the start of a and b.
func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// remember keeps the object b[p:q], which was read because it was not found, up
// to the last of the plain members that it begins with.
func (f *Flattener) remember(n *node, p, q int, hash uint64) {
	m := n.memo
	element := uint32(m.b.Elements(m.level))
	if o := m.same; o != nil {
		o.element, o.round = element, m.round
		m.fresh = append(m.fresh, m.slots[m.slot].object())
		return
	}
	if m.slots == nil || m.full() || q-p > memoObject {
		return
	}
	o := object{element: element, round: m.round, first: uint32(len(m.bounds))}
	m.bounds = f.plainBounds(m.bounds, n, p)
	bounds := m.bounds[o.first:]
	if len(bounds) < 2 {
		m.bounds = m.bounds[:o.first]
		return
	}
	s := o.reach(bounds) | slot(len(m.texts)/8)<<17 | slot(len(m.objects))<<34 | tag(hash)
	m.texts = append(m.texts, f.b[p:p+s.size()]...)
	for len(m.texts)%8 != 0 {
		m.texts = append(m.texts, 0)
	}
	m.fresh = append(m.fresh, len(m.objects))
	m.objects = append(m.objects, o)
	m.slots[m.slot] = s
}

// plainBounds appends the bounds of the object at b[p], which was read.
func (f *Flattener) plainBounds(bounds []bound, n *node, p int) []bound {
	begin := p
	p = jsonscan.Space(f.b, p+1)
	// What came next is what is expected to come next again.
	for m := n.first; m != nil && m.plain && m.at(f.b, p); m = m.next {
		p = f.skip.Value(f.b, jsonscan.Space(f.b, p+len(m.pattern)), 0)
		p = jsonscan.Space(f.b, p)
		bounds = append(bounds, bound{uint16(p - begin), uint16(m.index)})
		if f.b[p] != ',' {
			break
		}
		p = jsonscan.Space(f.b, p+1)
	}
	return bounds
}
