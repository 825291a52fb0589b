package batch

// Mark is a border between records of a batch, to which it can go back.
type Mark struct {
	Position
	listValues int64
	pages      int
	lists      []listMark
}

// listMark is how many lists a column of lists had, and values in them.
type listMark struct{ lists, items int }

// Mark marks where the last record ended.
func (b *Batch) Mark() Mark {
	m := Mark{Position: b.record, listValues: b.ListValues, pages: len(b.Pages)}
	for _, c := range b.lists {
		m.lists = append(m.lists, listMark{c.List.lists, c.List.items})
	}
	return m
}

// Return drops all records after a mark, though they have ended, and those that are not
// flushed. Values that only they had stay among the entries: a batch that returned is
// copied before it is encoded, so that dictionaries and bounds have nothing of them.
func (b *Batch) Return(to Mark) {
	for i := range b.Columns {
		c := &b.Columns[i]
		n := to.Elems[c.Level]
		clearIndex(c.Index[n : max(b.elems[c.Level], b.reached[c.Level])+1])
		c.drop(n)
	}
	for i, c := range b.lists {
		l, m := c.List, to.lists[i]
		l.Ends, l.Items.Index = l.Ends[:m.lists], l.Items.Index[:m.items]
		l.Items.drop(m.items)
		l.keep()
	}
	b.Rows, b.elems, b.reached, b.record = to.Rows, to.Elems, to.Elems, to.Position
	b.ListValues, b.Pages, b.flushed = to.listValues, b.Pages[:to.pages], min(b.flushed, to.Elems[0])
	for l := range b.Depth {
		b.Runs[l] = b.Runs[l][:b.elems[l]]
	}
	b.generation++
}

// drop drops what is noted of elements from n on.
func (c *Column) drop(n int) {
	c.dropPending(n)
	if c.counted > n {
		c.counted, c.held = 0, 0
	}
}
