package batch

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// A column of the deepest level leaves its dictionary when new values keep
// coming: look-ups then cost more than they save, and PLAIN pages are smaller.
// That is decided after each stride of values, from firstStride on, by the
// share of the stride that was new; so that it does not depend on when Flush
// is called. A dictionary of a catalogue fills up and stays. Every column
// leaves it at maxEntries, which is what an entry of the table can count.
const (
	stride      = 4096
	firstStride = 4 * stride
	maxEntries  = 1<<20 - 1
)

// table is an open-addressing hash table over the entries of a column. A slot
// holds the entry plus one in its lower 20 bits and a tag of the hash above;
// 0 is free.
type table struct {
	slots  []uint32
	shift  uint
	hashes []uint64 // of each entry, so that growing does not hash again
}

const (
	slotEntry = 1<<20 - 1
	minSlots  = 10 // as a power of two
)

func (t *table) init() {
	t.slots, t.shift = make([]uint32, 1<<minSlots), 64-minSlots
}

func (t *table) reset() {
	clear(t.slots)
	t.hashes = t.hashes[:0]
}

func tag(h uint64) uint32 { return uint32(h<<4>>32) &^ slotEntry }

func (t *table) insert(h uint64, entry int) {
	t.hashes = append(t.hashes, h)
	if len(t.hashes)*2 > len(t.slots) {
		t.slots = make([]uint32, 2*len(t.slots))
		t.shift--
		for e, h := range t.hashes {
			t.put(h, e)
		}
		return
	}
	t.put(h, entry)
}

func (t *table) put(h uint64, entry int) {
	mask := uint64(len(t.slots) - 1)
	i := h >> t.shift
	for t.slots[i&mask] != 0 {
		i++
	}
	t.slots[i&mask] = tag(h) | uint32(entry+1)
}

// touch loads the slots of all values, and then what the slots lead to, one
// independent load after another: so many cache misses are under way at once
// before the look-ups begin.
func (c *Column) touch() (sum uint32) {
	t := &c.table
	for i := range c.pending {
		sum += t.slots[c.pending[i].hash>>t.shift]
	}
	for i := range c.pending {
		if slot := t.slots[c.pending[i].hash>>t.shift]; slot != 0 {
			sum += uint32(c.Data[c.Offsets[slot&slotEntry-1]])
		}
	}
	return sum
}

// factor spreads hashes over the table: 2^64 / golden ratio.
const factor = 0x9E3779B97F4A7C15

// numberKey is drawn anew in each process, so that nobody can choose numbers
// that collide. What is written does not depend on it: entries are in the
// order of their first use.
var numberKey = rand.Uint64() | 1

// spread makes all bits of a value count in the upper bits of its hash.
func spread(v uint64) uint64 {
	hi, lo := bits.Mul64(v^numberKey, numberKey)
	return (hi ^ lo) * factor
}

// value ends a value that is not NULL, and leaves the dictionary if it is time.
func (c *Column) value(entry uint32) {
	c.Index = append(c.Index, entry)
	if c.values++; c.values&(stride-1) != 0 || !c.Distinct || !c.deepest {
		return
	}
	n := c.Entries()
	if c.values >= firstStride && (n-c.entries)*4 > 3*stride {
		c.Distinct = false
	}
	c.entries = n
}

func (c *Column) null() {
	c.Index = append(c.Index, Null)
	c.Nulls++
}

func (c *Column) flushBytes(input, scratch []byte) {
	if c.Distinct {
		for i := range c.pending {
			p := &c.pending[i]
			p.hash = (p.hash ^ uint64(p.n)*0xff51afd7ed558ccd) * factor
		}
		c.touched += c.touch()
	}
	for i := range c.pending {
		p := &c.pending[i]
		if p.n == Null {
			c.null()
			continue
		}
		src, off := input, p.off
		if off&scratchBit != 0 {
			src, off = scratch, off&^scratchBit
		}
		c.value(c.bytesEntry(src[off:off+p.n], p.hash))
	}
}

// bytesEntry is the entry of s, whose hash is h.
func (c *Column) bytesEntry(s []byte, h uint64) uint32 {
	if c.Distinct {
		t := &c.table
		mask := uint64(len(t.slots) - 1)
		want := tag(h)
		for i := h >> t.shift; ; i++ {
			slot := t.slots[i&mask]
			if slot == 0 {
				break
			}
			if slot&^slotEntry == want {
				if e := slot&slotEntry - 1; string(c.Entry(e)) == string(s) {
					return e
				}
			}
		}
		c.inserted(h, len(c.Offsets))
	}
	c.Offsets = append(c.Offsets, uint32(len(c.Data)))
	c.Data = binary.LittleEndian.AppendUint32(c.Data, uint32(len(s)))
	c.Data = append(c.Data, s...)
	return uint32(len(c.Offsets) - 1)
}

// inserted makes a new entry known to the table, which has room for maxEntries.
func (c *Column) inserted(h uint64, entry int) {
	if entry == maxEntries {
		c.Distinct = false
		return
	}
	c.table.insert(h, entry)
}

func (c *Column) flushFixed() {
	if c.Distinct && len(c.table.slots) > 1<<minSlots {
		var sum uint32 // as touch does; a small table is in cache anyway
		for i := range c.pending {
			sum += c.table.slots[spread(c.pending[i].hash)>>c.table.shift]
		}
		c.touched += sum
	}
	for i := range c.pending {
		p := &c.pending[i]
		if p.n == Null {
			c.null()
			continue
		}
		c.value(c.fixedEntry(p.hash))
	}
}

// fixedEntry is the entry of v.
func (c *Column) fixedEntry(v uint64) uint32 {
	if c.Distinct {
		t := &c.table
		h := spread(v)
		mask := uint64(len(t.slots) - 1)
		for i := h >> t.shift; ; i++ {
			slot := t.slots[i&mask]
			if slot == 0 {
				break
			}
			if e := slot&slotEntry - 1; c.Fixed[e] == v {
				return e
			}
		}
		c.inserted(h, len(c.Fixed))
	}
	c.Fixed = append(c.Fixed, v)
	return uint32(len(c.Fixed) - 1)
}
