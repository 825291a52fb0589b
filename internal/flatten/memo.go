package flatten

import (
	"encoding/binary"

	"sluice/internal/batch"
	"sluice/internal/jsonscan"
)

// memo remembers the texts of the objects that were read for a node, so that
// one which begins with the same bytes need not be read again: up to there,
// its columns get the entries of the element that had them first. The lines of
// orders repeat so, as far as a catalogue wrote them.
//
// It changes nothing but time: what it finds is what reading would find. It is
// emptied with each row group, because it counts elements of a batch.
type memo struct {
	b       *batch.Batch
	level   int             // of the element that the object is, or is part of
	columns []*batch.Column // of the plain members
	slots   []uint32        // tag of the key, and place of the object
	objects []byte          // see object
	count   int             // slots in use
	slot    uint64          // of the object that was last looked for
	fresh   []uint32        // places of the objects of the record that is being read
	begun   []bound         // of the object that is being read

	hits, misses int
}

// bound is a place behind the value of a plain member: a comma, or the end of
// the object, stands at offset.
type bound struct{ offset, member int }

// object is what is remembered of one, in one piece, so that a look at it
// costs few cache lines:
//
//	bytes 0 to 3  its element, of the table and level that it feeds
//	      4, 5    size of the text that is compared, up to the last bound
//	      6, 7    where the bounds begin
//	      8       number of bounds; 0: it must not be used
//	      9       1: the entries are there
//	      10 on   its text
//	then for each bound 2 bytes offset, 2 bytes member, 4 bytes entry
type object []byte

const objectHead = 10

func (o object) element() int   { return int(binary.LittleEndian.Uint32(o)) }
func (o object) size() int      { return int(binary.LittleEndian.Uint16(o[4:])) }
func (o object) text() []byte   { return o[objectHead : objectHead+o.size()] }
func (o object) bounds() int    { return int(o[8]) }
func (o object) resolved() bool { return o[9] != 0 }
func (o object) bound(i int) []byte {
	at := int(binary.LittleEndian.Uint16(o[6:])) + 8*i
	return o[at : at+8]
}
func (o object) offset(i int) int { return int(binary.LittleEndian.Uint16(o.bound(i))) }
func (o object) member(i int) int { return int(binary.LittleEndian.Uint16(o.bound(i)[2:])) }

// resolve notes the entries of its columns.
func (o object) resolve(columns []*batch.Column) {
	for i := range o.bounds() {
		binary.LittleEndian.PutUint32(o.bound(i)[4:], columns[o.member(i)].Index[o.element()])
	}
	o[9] = 1
}

// shorten drops the bounds that lie behind n bytes, so that what changes from
// order to order is not compared again.
func (o object) shorten(n int) {
	known := o.bounds()
	for known > 0 && o.offset(known-1) >= n {
		known--
	}
	o[8] = byte(known)
	if known > 0 {
		binary.LittleEndian.PutUint16(o[4:], uint16(o.offset(known-1)+1))
	}
}

const (
	memoSlots   = 1 << 14
	memoSteps   = 8       // slots looked at
	memoWarmUp  = 16      // objects before any is remembered: a small input needs no memo
	memoBytes   = 1 << 20 // of objects, which begin at multiples of 8
	memoPlace   = memoBytes/8 - 1
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
	for i := range n.members {
		if n.members[i].plain {
			plain++
		}
	}
	return plain > 1
}

func newMemo(members int) *memo {
	return &memo{columns: make([]*batch.Column, members)}
}

// reset forgets everything, and goes on with a new batch.
func (m *memo) reset(n *node, b *batch.Batch, level int) {
	m.b, m.level = b, level
	for i := range n.members {
		if n.members[i].plain {
			m.columns[i] = n.members[i].node.leaves[0].c
		}
	}
	clear(m.slots)
	m.objects, m.fresh, m.count = m.objects[:0], m.fresh[:0], 0
	m.hits, m.misses = 0, 0
}

// on reports whether looking pays. A catalogue must be met once before it
// repeats.
func (m *memo) on() bool { return m.misses < memoTrial || 4*m.hits > m.misses }

// forget forgets the objects of a record that is rolled back.
func (m *memo) forget() {
	for _, place := range m.fresh {
		m.objects[8*place+8] = 0
	}
	m.fresh = m.fresh[:0]
}

// memoKey hashes 32 bytes of the object whose first member stands at b[p]: the
// value of that member, which is mostly an id, and what follows if it is short.
func (n *node) memoKey(b []byte, p int) uint64 {
	if n.first < 0 || !n.members[n.first].plain {
		return 0
	}
	if p += len(n.members[n.first].pattern); p+32 > len(b) {
		return 0
	}
	return jsonscan.Hash32((*[32]byte)(b[p:]))
}

// recall gives columns what the object at b[p] begins with, if it is known. It
// returns the object, whose bounds were all reached, and its members, or nil. A first member
// alone is read as fast as found again.
func (f *Flattener) recall(n *node, p int, hash uint64) (o object, members uint64) {
	m := n.memo
	if m.slots == nil {
		if m.misses++; m.misses <= memoWarmUp {
			return nil, 0
		}
		m.slots = make([]uint32, memoSlots)
	}
	tag := uint32(hash>>32) &^ memoPlace
	slot := hash % memoSlots
	for range memoSteps {
		m.slot = slot
		s := m.slots[slot]
		if s == 0 {
			break
		}
		slot = (slot + 1) % memoSlots
		if s&^memoPlace != tag {
			continue
		}
		o = m.objects[8*(s&memoPlace):]
		b, text := f.b[p:], o.text()
		if len(text) > len(b) || string(b[:len(text)]) != string(text) {
			o.shorten(commonPrefix(b, text))
		}
		if o.bounds() < 2 {
			break
		}
		m.hits++
		return o, m.give(o)
	}
	m.misses++
	return nil, 0
}

// give gives columns the values of the object, and returns which members of
// it these are.
func (m *memo) give(o object) (members uint64) {
	if !o.resolved() {
		element := o.element()
		if element >= m.b.Flushed(m.level) {
			for i := range o.bounds() {
				m.columns[o.member(i)].AddSame(element)
				members |= 1 << o.member(i)
			}
			return members
		}
		o.resolve(m.columns)
	}
	at := int(binary.LittleEndian.Uint16(o[6:]))
	for range o.bounds() {
		bound := binary.LittleEndian.Uint64(o[at:])
		member := bound >> 16 & (memoMembers - 1)
		m.columns[member].AddEntry(uint32(bound >> 32))
		members |= 1 << member
		at += 8
	}
	return members
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

// remember keeps the object b[p:q], which was not found, with the bounds in
// begun.
func (f *Flattener) remember(n *node, p, q int, hash uint64) {
	m := n.memo
	if m.slots == nil || len(m.begun) < 2 || q-p > memoObject || len(m.objects)+objectHead+q-p+8*len(m.begun) >= memoBytes {
		return
	}
	if m.slots[m.slot] == 0 {
		if m.count == memoSlots/2 {
			return
		}
		m.count++
	}
	if len(m.objects) == 0 {
		m.objects = append(m.objects, make([]byte, 8)...) // a place of 0 would be a free slot
	}
	place := uint32(len(m.objects) / 8)
	m.slots[m.slot] = uint32(hash>>32)&^memoPlace | place
	m.fresh = append(m.fresh, place)

	size := m.begun[len(m.begun)-1].offset + 1
	o := binary.LittleEndian.AppendUint32(m.objects, uint32(m.b.Elements(m.level)))
	o = binary.LittleEndian.AppendUint16(o, uint16(size))
	o = binary.LittleEndian.AppendUint16(o, uint16(objectHead+size))
	o = append(o, byte(len(m.begun)), 0)
	o = append(o, f.b[p:p+size]...)
	for _, at := range m.begun {
		o = binary.LittleEndian.AppendUint16(o, uint16(at.offset))
		o = binary.LittleEndian.AppendUint16(o, uint16(at.member))
		o = append(o, 0, 0, 0, 0)
	}
	for len(o)%8 != 0 {
		o = append(o, 0)
	}
	m.objects = o
}
