package flatten

import (
	"slices"

	"sluice/internal/batch"
	"sluice/internal/jsonscan"
)

// memo remembers the texts of the objects that were read for a node. An object
// that begins with the same bytes need not be read again: up to there, its
// columns get the entries of the element that had them first. Lines of orders
// repeat like this in the part that comes from a catalogue.
//
// It changes nothing but time: it finds what reading would find. Texts are kept
// from row group to row group, but in each row group the first object with a
// text is read, because each batch has its own elements.
type memo struct {
	filter  *filter // of the element
	b       *batch.Batch
	of      int   // generation of the batch
	level   int   // of the element that the object is
	plain   []int // the plain members
	columns []*batch.Column
	slots   *[memoSlots]slot
	shapes  [memoShapes]shape
	shaped  int // shapes in use
	objects []object
	entries []uint32 // of each object: one for each plain member
	texts   []byte   // of the objects; each begins at a multiple of 8
	bounds  []bound
	news    []int    // objects that got an element since the last flush
	copies  []copied // since the last flush

	// About the record that is being read:
	fresh []int // slots of the objects that got their element from it
	first struct{ news, copies int }

	// About the object that is being read:
	slot int  // the last slot looked at
	same bool // its object has that text, but no element of the batch

	hits, misses int
}

// slot leads to an object. It holds all that is needed to read on after its
// text, so that nothing waits for memory farther away:
//
//	bits 0 to 10   size of its text, up to the last bound; 0: it must not be used
//	     11 to 18  shape
//	     19 to 35  place of its text in texts, in units of 8 bytes
//	     36 to 48  index in objects
//	     49        it has an element of the batch
//	     50 to 63  tag of the key, never 0
type slot uint64

const (
	slotUse  slot = 1<<19 - 1
	slotLive slot = 1 << 49
	slotTag  slot = -1 << 50 & (1<<64 - 1)
)

func (s slot) size() int   { return int(s & 0x7ff) }
func (s slot) shape() int  { return int(s >> 11 & 0xff) }
func (s slot) text() int   { return int(s >> 19 & 0x1ffff * 8) }
func (s slot) object() int { return int(s >> 36 & 0x1fff) }

func tag(hash uint64) slot { return slot(hash|1<<63) & slotTag }

// object is a remembered object.
type object struct {
	element int // of the table and level that it feeds, which has its entries
	first   int // of its bounds in bounds
}

// shape says which members stand before a bound.
type shape struct {
	members set
	last    int
}

// bound is the place after the value of a plain member: at offset is a comma,
// or the end of the object.
type bound struct{ offset, member uint16 }

// copied is an element that has the values of an object.
type copied struct {
	element uint32
	entries uint32 // where those of the object begin
	shape   uint8
}

const (
	memoSlots   = 1 << 13
	memoSteps   = 8  // slots looked at
	memoWarmUp  = 16 // objects before any is remembered: a small input needs no memo
	memoShapes  = 256
	memoObjects = memoSlots * 3 / 4
	memoTexts   = 1 << 20 // bytes
	memoObject  = 1 << 10 // longest text of an object
	memoTrial   = 1 << 12 // misses allowed before hits must pay for them
	memoMembers = 64      // most members of an object
)

// remembers reports whether objects read for n are worth a memo: they are
// elements of one table, have plain members and no late columns, and are not
// also taken as a whole or as an array. Objects of a record, such as its customer, seldom repeat
// within a row group.
func (n *node) remembers() bool {
	if !n.object || n.record || len(n.ends) != 1 || n.ends[0].late != nil || n.notes != nil || n.shared || n.leaves != nil || len(n.members) > memoMembers {
		return false
	}
	return len(n.plainMembers()) > 1
}

func (n *node) plainMembers() (plain []int) {
	for i, m := range n.members {
		if m.plain {
			plain = append(plain, i)
		}
	}
	return plain
}

func newMemo(n *node) *memo {
	plain := n.plainMembers()
	return &memo{filter: n.ends[0].filter, plain: plain, columns: make([]*batch.Column, len(plain))}
}

// reset goes on with a new batch.
func (m *memo) reset(n *node, b *batch.Batch, level int) {
	if m.b == b && m.of == b.Generation() && !m.full() && len(m.news)+len(m.copies) == 0 {
		m.begin() // the batch goes on, with the elements that it has
		return
	}
	m.b, m.of, m.level = b, b.Generation(), level
	for i, member := range m.plain {
		m.columns[i] = n.members[member].node.leaves[0].c
	}
	switch {
	case m.full(): // perhaps of texts that no longer occur
		clear(m.slots[:])
		m.shaped, m.objects, m.entries, m.texts, m.bounds = 0, m.objects[:0], m.entries[:0], m.texts[:0], m.bounds[:0]
	case m.slots != nil:
		for i := range m.slots {
			m.slots[i] &^= slotLive
		}
	}
	m.news, m.copies = m.news[:0], m.copies[:0]
	m.hits, m.misses = 0, 0
	m.begin()
}

func (m *memo) full() bool {
	return len(m.objects) == memoObjects || len(m.texts) > memoTexts-memoObject
}

// begin begins a record.
func (m *memo) begin() {
	m.fresh = m.fresh[:0]
	m.first.news, m.first.copies = len(m.news), len(m.copies)
}

// on reports whether looking pays off. A catalogue must be read once before it
// repeats.
func (m *memo) on() bool { return m.misses < memoTrial || 4*m.hits > m.misses }

// recalls reports whether elements read for n may be recalled while looking pays
// off. A node with a memo has no conditions of its own: what is said of one
// element holds for those beside it.
func (f *Flattener) recalls(n *node) bool { return n.memo != nil && f.takes(n.memo.filter) }

// forget forgets the elements and copies of a record that is rolled back.
func (m *memo) forget() {
	for _, i := range m.fresh {
		m.slots[i] &^= slotLive
	}
	m.fresh, m.news, m.copies = m.fresh[:0], m.news[:m.first.news], m.copies[:m.first.copies]
}

// flush notes the entries of the new objects, and gives them to the copies.
func (m *memo) flush() {
	if len(m.objects) == 0 {
		return
	}
	for i, c := range m.columns {
		entries, member := m.entries[i:], set(1)<<m.plain[i]
		for _, o := range m.news {
			entries[o*len(m.columns)] = c.Index[m.objects[o].element]
		}
		for _, x := range m.copies {
			if m.shapes[x.shape].members&member != 0 {
				c.Share(x.element, entries[x.entries])
			}
		}
	}
	m.news, m.copies = m.news[:0], m.copies[:0]
}

// memoKey hashes 32 bytes of the object whose first member stands at b[p]: the
// value of that member, which is mostly an id, and what follows if it is short.
func (n *node) memoKey(b []byte, p int) uint64 {
	first := n.head.next
	if first == nil || !first.plain {
		return 0
	}
	if p += len(first.pattern); p+32 > len(b) {
		return 0
	}
	return jsonscan.Hash32((*[32]byte)(b[p : p+32]))
}

// recall gives columns the values that the object at b[p] begins with, if its
// text is known. It returns the size of that text and its shape, or nil. For a
// first member alone it does not pay: reading is as fast.
func (f *Flattener) recall(n *node, p int, hash uint64) (size int, _ *shape) {
	m := n.memo
	m.same = false
	if m.slots == nil {
		if m.misses++; m.misses <= memoWarmUp {
			return 0, nil
		}
		m.slots = new([memoSlots]slot)
	}
	m.slot = m.find(hash)
	if s := m.slots[m.slot]; s&slotTag == tag(hash) {
		size := s.size()
		text := m.texts[s.text() : s.text()+size]
		if size > len(f.b)-p || string(f.b[p:p+size]) != string(text) {
			s = m.shorten(s, commonPrefix(f.b[p:], text))
			size = s.size()
		}
		m.same = size > 0 && s&slotLive == 0
		if size > 0 && !m.same {
			return size, m.give(s)
		}
	}
	m.misses++
	return 0, nil
}

// find is the slot of the object with that hash, else the first free slot, else
// the last slot looked at.
func (m *memo) find(hash uint64) int {
	i := int(hash) & (memoSlots - 1)
	for range memoSteps - 1 {
		if s := m.slots[i]; s&slotTag == tag(hash) || s == 0 {
			break
		}
		i = (i + 1) & (memoSlots - 1)
	}
	return i
}

// give notes that the current element has the values of the object of s, and
// returns its shape.
func (m *memo) give(s slot) *shape {
	m.hits++
	m.copies = append(m.copies, copied{uint32(m.b.Elements(m.level)), uint32(s.object() * len(m.columns)), uint8(s.shape())})
	return &m.shapes[s.shape()]
}

// shorten drops the bounds after the first n bytes of an object, so that text
// that changes from order to order is not compared again. It returns the
// object's new slot.
func (m *memo) shorten(s slot, n int) slot {
	bounds := m.bounds[m.objects[s.object()].first:]
	known := 0
	for known < len(bounds) && int(bounds[known].offset) < n {
		known++
	}
	s = s&^slotUse | m.use(bounds[:known])
	m.slots[m.slot] = s
	return s
}

// use is the slot of an object that is used up to the last of bounds.
func (m *memo) use(bounds []bound) slot {
	if len(bounds) < 2 {
		return 0
	}
	last := bounds[len(bounds)-1]
	x := shape{last: int(last.member)}
	for _, b := range bounds {
		x.members |= 1 << b.member
	}
	i := slices.Index(m.shapes[:m.shaped], x)
	if i < 0 {
		if i = m.shaped; i == memoShapes {
			return 0
		}
		m.shapes[i] = x
		m.shaped++
	}
	return slot(i)<<11 | slot(last.offset+1)
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
	if m.slots == nil {
		return
	}
	element := m.b.Elements(m.level)
	if m.same {
		s := &m.slots[m.slot]
		*s |= slotLive
		m.objects[s.object()].element = element
		m.news, m.fresh = append(m.news, s.object()), append(m.fresh, m.slot)
		return
	}
	if m.full() || q-p > memoObject {
		return
	}
	o := object{element: element, first: len(m.bounds)}
	m.bounds = f.plainBounds(m.bounds, n, p)
	s := m.use(m.bounds[o.first:])
	if s == 0 {
		m.bounds = m.bounds[:o.first]
		return
	}
	m.slots[m.slot] = s | slot(len(m.texts)/8)<<19 | slot(len(m.objects))<<36 | slotLive | tag(hash)
	m.texts = append(m.texts, f.b[p:p+s.size()]...)
	for len(m.texts)%8 != 0 {
		m.texts = append(m.texts, 0)
	}
	m.news, m.fresh = append(m.news, len(m.objects)), append(m.fresh, m.slot)
	m.objects = append(m.objects, o)
	for range m.columns {
		m.entries = append(m.entries, 0)
	}
}

// plainBounds appends the bounds of the object at b[p], which was read.
func (f *Flattener) plainBounds(bounds []bound, n *node, p int) []bound {
	begin := p
	p = jsonscan.Space(f.b, p+1)
	// The member that came next is expected to come next again.
	for m := n.head.next; m != nil && m.plain && m.at(f.b, p); m = m.next {
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
