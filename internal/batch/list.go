package batch

// List holds the lists of a column. The Index of the column has the ordinal of
// each element's list, or Null; an empty list is not Null. A list is stored once
// for an element, however many rows it stands in.
type List struct {
	// Items has the values of all lists, one after another: an entry of its
	// Index for each, or Null.
	Items Column
	// Ends holds how many values there are up to the end of each list.
	Ends []uint32

	item  int // the current value
	lists int // ended with the last record
	items int // in these lists
}

func newList(c *Column) *List {
	l := &List{}
	l.Items = Column{Column: c.Column, Level: c.Level, element: &l.item, deepest: c.deepest}
	l.Items.Type = c.Type.Value()
	return l
}

// Values are the entries of the i-th list.
func (l *List) Values(i uint32) []uint32 {
	from := uint32(0)
	if i > 0 {
		from = l.Ends[i-1]
	}
	return l.Items.Index[from:l.Ends[i]]
}

// Next begins a value of the current element's list. It is NULL unless Items
// gets a value before the next one begins.
func (l *List) Next() {
	l.item = len(l.Items.Index)
	l.Items.Index = append(l.Items.Index, Null)
}

// RecordValues is the number of values since the last record ended.
func (l *List) RecordValues() int { return len(l.Items.Index) - l.items }

// EndList gives the current element the values since the last list ended.
func (c *Column) EndList() {
	c.Index[*c.element] = uint32(len(c.List.Ends))
	c.List.Ends = append(c.List.Ends, uint32(len(c.List.Items.Index)))
}

func (l *List) keep() { l.lists, l.items = len(l.Ends), len(l.Items.Index) }

func (l *List) rollback() {
	l.Ends, l.Items.Index = l.Ends[:l.lists], l.Items.Index[:l.items]
	l.Items.dropPending(l.items)
}

func (l *List) reset() {
	l.Items.reset()
	l.Ends = l.Ends[:0]
	l.keep()
}

func (l *List) reserve(like *List, times float64) {
	l.Items.reserve(&like.Items, len(like.Items.Index), times)
	l.Ends = reserve(l.Ends, len(like.Ends), times)
}

func (l *List) held() int64 {
	return 4*int64(len(l.Ends)+len(l.Items.Index)) + l.Items.entriesHeld(l.items)
}

// RecordListValues is the number of values that the column of lists c got since the
// last record ended, each counted in each row it stands in.
func (b *Batch) RecordListValues(c *Column) (n int64) {
	from := b.record.Elems[c.Level]
	for i, list := range c.Index[from:b.elems[c.Level]] {
		switch {
		case list == Null:
		case c.Level == b.Depth:
			n += int64(len(c.List.Values(list)))
		default:
			n += int64(len(c.List.Values(list))) * int64(b.Runs[c.Level][from+i])
		}
	}
	return n
}
