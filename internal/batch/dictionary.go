package batch

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// A column of the deepest level leaves its dictionary when new values keep
// coming: look-ups then cost more than they save, and PLAIN pages are smaller.
// This is decided after each stride of elements, from firstStride on, by the
// number of new entries in that stride. So it does not depend on when Flush is
// called, nor on which values were known without a look-up. The dictionary of a
// catalogue stops growing and stays. Every column leaves its dictionary at
// maxEntries, the most that a slot of the table can count.
const (
	stride      = 4096
	firstStride = 4 * stride
	maxEntries  = 1<<20 - 1
)

// table is an open-addressing hash table over the entries of a column. A slot
// holds the entry plus one in its lower 20 bits and a tag of the hash above;
// 0 is free. It is made when the column falls.
type table struct {
	slots  []uint32
	shift  uint
	hashes []uint64 // hash of each entry, so that growing need not hash again
}

const (
	slotEntry   = 1<<20 - 1
	minSlots    = 1 << 6  // of a table
	cachedSlots = 1 << 10 // a table that is in cache anyway
)

// reset empties the table. If only a few of its slots are taken, it clears only these:
// each is behind the home of an entry, with no free one between them.
func (t *table) reset() {
	if len(t.hashes) > len(t.slots)/16 {
		clear(t.slots)
		t.hashes = t.hashes[:0]
		return
	}
	mask := uint64(len(t.slots) - 1)
	for _, h := range t.hashes {
		for i := h >> t.shift & mask; t.slots[i] != 0; i = (i + 1) & mask {
			t.slots[i] = 0
		}
	}
	t.hashes = t.hashes[:0]
}

func tag(h uint64) uint32 { return uint32(h<<4>>32) &^ slotEntry }

func (t *table) insert(h, slot uint64, entry int) {
	t.hashes = append(t.hashes, h)
	t.slots[slot] = tag(h) | uint32(entry+1)
	if t.crowded(len(t.slots)) {
		t.fill()
	}
}

// crowded reports whether a look-up in a table of that size would take too many
// steps.
func (t *table) crowded(slots int) bool { return len(t.hashes)*4 > slots*3 }

// fill puts all entries into the table, which grows as needed.
func (t *table) fill() {
	if size := len(t.slots); t.crowded(size) {
		for size = max(size, minSlots); t.crowded(size); size *= 2 {
		}
		t.shift = uint(64 - bits.TrailingZeros(uint(size)))
		t.slots = make([]uint32, size)
		clear(t.slots) // a page of memory that is read before it is written causes two page faults, and the second interrupts all threads
	}
	for e, h := range t.hashes {
		t.put(h, e)
	}
}

func (t *table) put(h uint64, entry int) {
	mask := uint64(len(t.slots) - 1)
	i := h >> t.shift
	for t.slots[i&mask] != 0 {
		i++
	}
	t.slots[i&mask] = tag(h) | uint32(entry+1)
}

// touch loads the slots of all values, and then what the slots lead to. The
// loads do not depend on each other, so their cache misses overlap before the
// look-ups begin.
func (c *Column) touch() (sum uint32) {
	t := &c.table
	for i := range c.pending {
		sum += t.slots[c.pending[i].hash>>t.shift]
	}
	for i := range c.pending {
		h := c.pending[i].hash
		if slot := t.slots[h>>t.shift]; slot != 0 && slot&^slotEntry == tag(h) {
			sum += uint32(c.Data[c.Offsets[slot&slotEntry-1]])
		}
	}
	return sum
}

// factor spreads hashes over the table: 2^64 / golden ratio.
const factor = 0x9E3779B97F4A7C15

// numberKey is random in each process, so that nobody can choose numbers that
// collide. The output does not depend on it: entries are in the order of their
// first use.
var numberKey = rand.Uint64() | 1

// spread makes all bits of a value count in the upper bits of its hash.
func spread(v uint64) uint64 {
	hi, lo := bits.Mul64(v^numberKey, numberKey)
	return (hi ^ lo) * factor
}

// cross handles the borders of strides up to element i, and leaves the
// dictionary at one of them if most values are new.
func (c *Column) cross(i int) {
	for i >= c.border && c.deepest && c.Distinct {
		n := c.Entries()
		if c.border >= firstStride && (n-c.entries)*4 > 3*stride {
			c.Distinct = false
		}
		c.entries = n
		c.border += stride
	}
}

func (c *Column) flushBytes(input, scratch []byte) {
	if c.Distinct && !c.rising {
		c.touched += c.touch()
	}
	for i := 0; i < len(c.pending); {
		switch {
		case !c.Distinct:
			i = c.appendBytes(i, input, scratch)
		case c.rising:
			i = c.riseBytes(i, input, scratch)
		default:
			i = c.findBytes(i, input, scratch)
		}
	}
}

// text is the bytes of a pending value.
func (p *pending) text(input, scratch []byte) []byte {
	if p.off&scratchBit != 0 {
		return scratch[p.off&^scratchBit:][:p.n]
	}
	return input[p.off : p.off+p.n]
}

// appendBytes gives each pending value, from the i-th on, an entry of its own.
func (c *Column) appendBytes(i int, input, scratch []byte) int {
	for ; i < len(c.pending); i++ {
		p := &c.pending[i]
		c.Index[p.i] = c.newBytes(p.text(input, scratch))
	}
	return i
}

// riseBytes looks up the pending values from the i-th on as long as they rise.
func (c *Column) riseBytes(i int, input, scratch []byte) int {
	for ; i < len(c.pending); i++ {
		p := &c.pending[i]
		if c.cross(int(p.i)); !c.Distinct {
			break
		}
		s, last := p.text(input, scratch), len(c.Offsets)-1
		if last >= 0 && p.hash == c.table.hashes[last] && string(s) == string(c.Entry(uint32(last))) {
			c.Index[p.i] = uint32(last)
			continue
		}
		switch order := c.afterLast(s, last); {
		case order < 0:
			c.fall()
			return i
		case order > 0:
			c.inserted(p.hash, 0, last+1)
			c.newBytes(s)
			last++
		}
		c.Index[p.i] = uint32(last)
	}
	return i
}

// findBytes looks up the pending values from the i-th on in the table.
func (c *Column) findBytes(i int, input, scratch []byte) int {
	t := &c.table
	slots := t.slots
	for ; i < len(c.pending); i++ {
		p := &c.pending[i]
		if c.cross(int(p.i)); !c.Distinct {
			break
		}
		s, want := p.text(input, scratch), tag(p.hash)
		var entry uint32
		for at := p.hash >> t.shift; ; at++ {
			slot := slots[at&uint64(len(slots)-1)]
			if slot == 0 {
				c.inserted(p.hash, at&uint64(len(slots)-1), len(c.Offsets))
				entry = c.newBytes(s)
				slots = t.slots
				break
			}
			if slot&^slotEntry != want {
				continue
			}
			if entry = slot&slotEntry - 1; string(c.Entry(entry)) == string(s) {
				break
			}
		}
		c.Index[p.i] = entry
	}
	return i
}

// key combines the hash of a text with its length, to look it up in the table.
func key(hash uint64, n int) uint64 { return (hash ^ uint64(n)*0xff51afd7ed558ccd) * factor }

func (c *Column) afterLast(s []byte, last int) int {
	if last < 0 {
		return 1
	}
	return bytes.Compare(s, c.Entry(uint32(last)))
}

func (c *Column) newBytes(s []byte) uint32 {
	c.Offsets = append(c.Offsets, uint32(len(c.Data)))
	c.Data = binary.LittleEndian.AppendUint32(c.Data, uint32(len(s)))
	c.Data = append(c.Data, s...)
	return uint32(len(c.Offsets) - 1)
}

// inserted adds a new entry, of which a column has at most maxEntries, to the
// table at the free slot.
func (c *Column) inserted(h, slot uint64, entry int) {
	switch {
	case entry == maxEntries:
		c.Distinct = false
	case c.rising:
		c.table.hashes = append(c.table.hashes, h)
	default:
		c.table.insert(h, slot, entry)
	}
}

// fall puts the entries into the table, because a value that does not rise can
// only be found there.
func (c *Column) fall() {
	c.rising = false
	c.table.fill()
}

func (c *Column) flushFixed() {
	if c.Distinct && !c.rising && len(c.table.slots) > cachedSlots {
		var sum uint32 // as touch does; a small table is in cache anyway
		for i := range c.pending {
			sum += c.table.slots[spread(c.pending[i].hash)>>c.table.shift]
		}
		for i := range c.pending {
			if e := c.table.slots[spread(c.pending[i].hash)>>c.table.shift] & slotEntry; e != 0 {
				sum += uint32(c.Fixed[e-1])
			}
		}
		c.touched += sum
	}
	for i := range c.pending {
		p := &c.pending[i]
		c.cross(int(p.i))
		c.Index[p.i] = c.fixedEntry(p.hash)
	}
}

// fixedEntry is the entry of v.
func (c *Column) fixedEntry(v uint64) uint32 {
	if !c.Distinct {
		return c.newFixed(v)
	}
	if c.rising {
		last := len(c.Fixed) - 1
		switch {
		case last < 0 || int64(v) > int64(c.Fixed[last]):
			c.inserted(spread(v), 0, last+1)
			return c.newFixed(v)
		case v == c.Fixed[last]:
			return uint32(last)
		}
		c.fall()
	}
	t := &c.table
	h := spread(v)
	mask := uint64(len(t.slots) - 1)
	i := h >> t.shift & mask
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if e := t.slots[i]&slotEntry - 1; c.Fixed[e] == v {
			return e
		}
	}
	c.inserted(h, i, len(c.Fixed))
	return c.newFixed(v)
}

func (c *Column) newFixed(v uint64) uint32 {
	c.Fixed = append(c.Fixed, v)
	if v < smallNumbers {
		c.small[v] = uint32(len(c.Fixed))
	}
	return uint32(len(c.Fixed) - 1)
}
