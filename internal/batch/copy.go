package batch

import "slices"

// Copier appends rows of finished batches to other batches of the same columns,
// levels and depth. A value that stands once in the one stands once in the other. A
// Copier is not safe for concurrent use; its memory is reused.
type Copier struct {
	hash func([]byte) uint64
	from *Batch

	owners   [MaxLevels - 1][]uint32 // of each row of from: its element of the level; empty: not known yet
	elements [MaxLevels][]uint32     // of from, that have selected rows
	runs     [MaxLevels - 1][]uint32 // how many rows of these are selected

	first []uint32 // of each entry of a column: the element that got it first; Null between copies
	index []uint32 // of the selected elements
	items []uint32 // entries of the values in lists
}

// NewCopier makes a Copier. hash is the function whose hashes the batches were filled
// with: it is asked for values of columns that left their dictionary.
func NewCopier(hash func([]byte) uint64) *Copier { return &Copier{hash: hash} }

// From makes b the batch whose rows are appended. It is finished, and stays as it is
// until the last of them was.
func (c *Copier) From(b *Batch) {
	c.from = b
	for l := range c.owners {
		c.owners[l] = c.owners[l][:0]
	}
}

// Append appends all rows to a batch. That is flushed, and its last record has ended.
func (c *Copier) Append(to *Batch) {
	for l := range to.Depth {
		to.Runs[l] = append(to.Runs[l], c.from.Runs[l]...)
	}
	c.append(to, c.from.elems, func(column *Column) []uint32 { return column.Index })
}

// AppendRows appends some rows: their numbers rise. An element without any of them is
// left out, so a record may be in several batches, with a part of its rows in each.
func (c *Copier) AppendRows(to *Batch, rows []uint32) {
	c.elements[to.Depth] = rows
	for l := range to.Depth {
		c.selectElements(l, rows)
		to.Runs[l] = append(to.Runs[l], c.runs[l]...)
	}
	var n [MaxLevels]int
	for l := range to.Depth + 1 {
		n[l] = len(c.elements[l])
	}
	c.append(to, n, func(column *Column) []uint32 {
		c.index = c.index[:0]
		for _, element := range c.elements[column.Level] {
			c.index = append(c.index, column.Index[element])
		}
		return c.index
	})
}

// selectElements finds the elements of a level that have some of the rows.
func (c *Copier) selectElements(l int, rows []uint32) {
	owners := c.owners[l]
	if len(owners) == 0 {
		for element, n := range c.from.Runs[l] {
			for range n {
				owners = append(owners, uint32(element))
			}
		}
		c.owners[l] = owners
	}
	elements, runs := c.elements[l][:0], c.runs[l][:0]
	for _, row := range rows {
		element := owners[row]
		if last := len(elements) - 1; last >= 0 && elements[last] == element {
			runs[last]++
			continue
		}
		elements, runs = append(elements, element), append(runs, 1)
	}
	c.elements[l], c.runs[l] = elements, runs
}

// append appends n elements of each level, whose entries index returns for a column.
func (c *Copier) append(to *Batch, n [MaxLevels]int, index func(*Column) []uint32) {
	for l := range to.Depth + 1 {
		for to.room[l] <= to.elems[l]+n[l] {
			to.grow(l)
		}
	}
	for i := range to.Columns {
		column, from := &to.Columns[i], &c.from.Columns[i]
		at, entries := to.elems[column.Level], index(from)
		if column.List != nil {
			c.lists(column, from.List, entries, at)
			continue
		}
		c.values(column, from, entries, at)
	}
	for l := range to.Depth + 1 {
		to.elems[l] += n[l]
	}
	to.Rows, to.flushed = to.elems[to.Depth], to.elems[0]
	to.endRecords()
}

// values gives the elements from at on the values that entries of from have. Each
// entry is looked up once, by its first element, as if the column were being filled.
func (c *Copier) values(column, from *Column, entries []uint32, at int) {
	for len(c.first) < from.Entries() {
		c.first = append(c.first, nulls...)
	}
	first := c.first
	for i, entry := range entries {
		if entry != Null && first[entry] == Null {
			first[entry] = uint32(at + i)
			column.wait(c.pending(from, entry, at+i))
		}
	}
	column.flush(from.Data, nil)
	column.cross(at + len(entries) - 1)
	for i, entry := range slices.Backward(entries) {
		if entry == Null {
			continue
		}
		element := first[entry]
		column.Index[at+i] = column.Index[element]
		if int(element) == at+i { // no element before it has the entry
			first[entry] = Null
		}
	}
}

// pending is an entry that waits for its look-up in the column of another batch.
func (c *Copier) pending(from *Column, entry uint32, element int) pending {
	if !from.Type.Bytes() {
		return pending{hash: from.Fixed[entry], i: uint32(element)}
	}
	p := pending{off: from.Offsets[entry] + 4, i: uint32(element)}
	text := from.Entry(entry)
	p.n = uint32(len(text))
	if hashes := from.table.hashes; int(entry) < len(hashes) {
		p.hash = hashes[entry]
	} else {
		p.hash = key(c.hash(text), len(text))
	}
	return p
}

// lists gives the elements from at on the lists that stand in from.
func (c *Copier) lists(column *Column, from *List, lists []uint32, at int) {
	l := column.List
	begin := len(l.Items.Index)
	c.items = c.items[:0]
	for i, list := range lists {
		if list == Null {
			continue
		}
		c.items = append(c.items, from.Values(list)...)
		column.Index[at+i] = uint32(len(l.Ends))
		l.Ends = append(l.Ends, uint32(begin+len(c.items)))
	}
	for range c.items {
		l.Items.Index = append(l.Items.Index, Null)
	}
	c.values(&l.Items, &from.Items, c.items, begin)
}

// endRecords is EndRecord for each of the records since its last call.
func (b *Batch) endRecords() {
	for _, c := range b.lists {
		b.ListValues += b.RecordListValues(c)
		c.List.keep()
	}
	begin := 0
	if n := len(b.Pages); n > 0 {
		begin = b.Pages[n-1].Rows
	}
	for p := b.record; b.Rows-begin >= PageRows && p.Elems[0] < b.elems[0]; {
		b.pass(&p)
		if p.Rows-begin >= PageRows {
			b.Pages = append(b.Pages, p)
			begin = p.Rows
		}
	}
	b.record = Position{b.Rows, b.elems}
}

// pass moves a position behind the next record.
func (b *Batch) pass(p *Position) {
	rows := 1
	if b.Depth > 0 {
		rows = int(b.Runs[0][p.Elems[0]])
	}
	p.Elems[0]++
	p.Rows += rows
	for l := 1; l < b.Depth; l++ {
		runs := b.Runs[l]
		for left := rows; p.Elems[l] < len(runs) && (left > 0 || runs[p.Elems[l]] == 0); p.Elems[l]++ {
			left -= int(runs[p.Elems[l]])
		}
	}
	p.Elems[b.Depth] = p.Rows
}
