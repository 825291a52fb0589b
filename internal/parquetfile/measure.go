package parquetfile

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/batch"
)

// page is what is known about a page of one column before it is written.
type page struct {
	firstRow  int
	levels    int // rows; of lists, their values, and one for each row of a list that is empty or NULL
	from, to  int // elements
	nulls     int // levels without a value
	changes   int // repeated runs it takes to write the index
	plain     int // bytes of its values in PLAIN encoding
	low, high uint32
}

func (p *page) values() int { return p.levels - p.nulls }

// measurer reads the index of a column before anything is written. The
// encoding, the statistics and the page index depend on what it finds.
type measurer struct {
	pages    []page
	distinct int // entries that stand in some row

	sizes  []uint32 // of each entry of a BYTE_ARRAY, in PLAIN encoding
	keys   []uint64 // of each entry, see appendKeys
	onPage []byte   // 1: the entry stands on the page
	seen   []byte   // 1: the entry stands on some page
}

func (m *measurer) measure(c *column, borders []batch.Position) {
	m.reset(c)
	if c.list != nil {
		m.eachList(c)
		return
	}
	var begin batch.Position
	for _, end := range borders {
		p := page{
			firstRow: begin.Rows,
			levels:   end.Rows - begin.Rows,
			from:     begin.Elems[c.Level],
			to:       end.Elems[c.Level],
		}
		begin = end
		if p.levels == 0 { // records that gave no rows
			continue
		}
		if c.runs == nil {
			m.eachRow(c, &p)
		} else {
			m.eachElement(c, &p)
		}
		m.add(c, p)
	}
}

// add adds a page whose elements were measured.
func (m *measurer) add(c *column, p page) {
	if c.physical != format.ByteArray {
		p.plain = p.values() * c.width()
	}
	if c.physical == format.Boolean {
		p.plain = (p.values() + 7) / 8
	}
	if p.values() > 0 {
		p.low, p.high = m.bounds(c)
	}
	m.pages = append(m.pages, p)
}

func (m *measurer) reset(c *column) {
	n := c.Entries()
	m.pages, m.distinct = m.pages[:0], 0
	marks := (n + 7) &^ 7 // read eight at a time
	m.onPage = slices.Grow(m.onPage[:0], marks)[:marks]
	m.seen = slices.Grow(m.seen[:0], marks)[:marks]
	clear(m.onPage)
	clear(m.seen)
	m.keys = c.appendKeys(slices.Grow(m.keys[:0], n))
	m.sizes = slices.Grow(m.sizes[:0], n)[:n]
	if c.physical == format.ByteArray {
		for i := range m.sizes {
			m.sizes[i] = c.end(uint32(i)) - c.Offsets[i]
		}
	}
}

// eachRow measures a page of a column of the deepest level.
func (m *measurer) eachRow(c *column, p *page) {
	nulls, changes, plain := 0, 0, 0
	last := uint32(batch.Null)
	n := len(m.sizes)
	onPage, sizes := m.onPage[:n], m.sizes[:n]
	for _, entry := range c.Index[p.from:p.to] {
		if uint(entry) >= uint(n) { // Null: one test for this and for the bounds of both slices
			if nulls++; entry != batch.Null {
				panic("an index leads behind the entries of its column")
			}
			continue
		}
		if entry != last {
			changes++
		}
		last = entry
		onPage[entry] = 1
		plain += int(sizes[entry])
	}
	p.nulls, p.changes, p.plain = nulls, changes, plain
}

// eachElement measures a page of a column whose elements stand for several rows.
func (m *measurer) eachElement(c *column, p *page) {
	last := uint32(batch.Null)
	runs := c.runs[p.from:p.to]
	for i, entry := range c.Index[p.from:p.to] {
		rows := int(runs[i])
		switch {
		case rows == 0:
			continue
		case entry == batch.Null:
			p.nulls += rows
			continue
		case entry != last:
			p.changes++
		}
		last = entry
		m.onPage[entry] = 1
		p.plain += rows * int(m.sizes[entry])
	}
}

// bounds returns the smallest and the largest of the entries that stand on the
// page, and forgets them.
func (m *measurer) bounds(c *column) (low, high uint32) {
	first := bytes.IndexByte(m.onPage, 1)
	low, high = uint32(first), uint32(first)
	least := m.keys[first]
	most := least
	for i := first &^ 7; i < len(m.onPage); i += 8 {
		marks := binary.LittleEndian.Uint64(m.onPage[i : i+8])
		if marks == 0 {
			continue
		}
		binary.LittleEndian.PutUint64(m.onPage[i:i+8], 0)
		before := binary.LittleEndian.Uint64(m.seen[i : i+8])
		binary.LittleEndian.PutUint64(m.seen[i:i+8], before|marks)
		m.distinct += bits.OnesCount64(marks &^ before)
		for ; marks != 0; marks &= marks - 1 {
			entry := i + bits.TrailingZeros64(marks)/8
			key := m.keys[entry]
			if key > least && key < most {
				continue
			}
			if key < least || key == least && c.compare(uint32(entry), low) < 0 {
				low, least = uint32(entry), key
			}
			if key > most || key == most && c.compare(uint32(entry), high) > 0 {
				high, most = uint32(entry), key
			}
		}
	}
	return low, high
}
