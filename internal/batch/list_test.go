package batch

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sluice/internal/jsonscan"
	"sluice/schema"
)

// listFiller fills a table of lists, and writes down the cells of the rows.
type listFiller struct {
	t     *rapid.T
	b     *Batch
	input []byte
	rows  [][]string
}

func newTableOfLists(depth int) *Batch {
	return tableOf(depth, schema.Type{Kind: schema.List, Of: schema.String}, schema.Type{Kind: schema.List, Of: schema.Int64})
}

// list gives the current element a list or nothing, and returns its cell. A
// list that is not ended is that of a record which does not fit.
func (f *listFiller) list(c *Column, ended bool) string {
	if rapid.IntRange(0, 4).Draw(f.t, "null") == 0 {
		return "NULL"
	}
	cell := []string{}
	for range rapid.IntRange(0, 3).Draw(f.t, "values") {
		c.List.Next()
		items := &c.List.Items
		switch v := rapid.IntRange(-1, 100).Draw(f.t, "value"); {
		case v < 0:
			cell = append(cell, "NULL")
		case items.Type.Bytes():
			s := fmt.Sprint("text ", v)
			items.AddBytes(jsonscan.Hash([]byte(s)), len(f.input), len(s))
			f.input = append(f.input, s...)
			cell = append(cell, s)
		default:
			items.AddFixed(uint64(v))
			cell = append(cell, fmt.Sprint(v))
		}
	}
	if ended {
		c.EndList()
	}
	return fmt.Sprint(cell)
}

// element fills an element of level l and all below it; it returns its rows.
func (f *listFiller) element(l int, above []string) int {
	cells := append([]string(nil), above...)
	for i := range 2 {
		cells = append(cells, f.list(&f.b.Columns[2*l+i], true))
	}
	if l == f.b.Depth {
		f.rows = append(f.rows, cells)
		f.b.EndElement(l, 1)
		return 1
	}
	rows := 0
	for range rapid.IntRange(0, 3).Draw(f.t, "elements") {
		rows += f.element(l+1, cells)
	}
	f.b.EndElement(l, rows)
	return rows
}

// TestListsComeBack fills lists, with rollbacks and flushes at any time, and
// turns them into rows again.
func TestListsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newTableOfLists(rapid.IntRange(0, 2).Draw(t, "depth"))
		for range rapid.IntRange(1, 2).Draw(t, "uses") {
			b.Reset()
			f := &listFiller{t: t, b: b}
			var values int64
			for range rapid.IntRange(0, 12).Draw(t, "records") {
				kept := len(f.rows)
				f.element(0, nil)
				if rapid.IntRange(0, 3).Draw(t, "rollback") == 0 {
					if rapid.Bool().Draw(t, "begun") {
						f.list(&b.Columns[len(b.Columns)-1], false)
					}
					b.Rollback()
					f.rows = f.rows[:kept]
					continue
				}
				for i := range b.Columns {
					values += b.RecordListValues(&b.Columns[i])
				}
				b.EndRecord()
				if rapid.Bool().Draw(t, "flush") {
					b.Flush(f.input, nil)
					clear(f.input) // its bytes may move now
				}
			}
			b.Flush(f.input, nil)
			b.Finish()
			rows, counted := listRows(b)
			if diff := cmp.Diff(f.rows, rows, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
			if b.ListValues != counted || values != counted {
				t.Fatalf("the batch counts %d values, %d record by record; there are %d", b.ListValues, values, counted)
			}
		}
	})
}

// listRows writes out the rows of a batch of lists, and counts their values.
func listRows(b *Batch) (rows [][]string, values int64) {
	rows = make([][]string, b.Rows)
	for i := range b.Columns {
		c := &b.Columns[i]
		row := 0
		for e, list := range c.Index {
			n := 1
			if c.Level < b.Depth {
				n = int(b.Runs[c.Level][e])
			}
			cell := "NULL"
			if list != Null {
				cell = fmt.Sprint(c.List.cells(list))
				values += int64(n * len(c.List.Values(list)))
			}
			for range n {
				rows[row] = append(rows[row], cell)
				row++
			}
		}
	}
	return rows, values
}

func (l *List) cells(list uint32) (cells []string) {
	for _, entry := range l.Values(list) {
		switch {
		case entry == Null:
			cells = append(cells, "NULL")
		case l.Items.Type.Bytes():
			cells = append(cells, string(l.Items.Entry(entry)))
		default:
			cells = append(cells, fmt.Sprint(l.Items.Fixed[entry]))
		}
	}
	return cells
}

// fillLists adds n records with a list of the value and the one after it, and
// flushes at regular intervals.
func fillLists(n, every int) *Batch {
	b := newTableOfLists(0)
	var input []byte
	for i := range n {
		for v := i; v < i+2; v++ {
			text, number := b.Columns[0].List, b.Columns[1].List
			s := fmt.Sprint("value ", v*7919)
			text.Next()
			text.Items.AddBytes(jsonscan.Hash([]byte(s)), len(input), len(s))
			number.Next()
			number.Items.AddFixed(uint64(v * 7919))
			input = append(input, s...)
		}
		b.Columns[0].EndList()
		b.Columns[1].EndList()
		b.EndElement(0, 1)
		b.EndRecord()
		if i%every == 0 {
			b.Flush(input, nil)
			input = input[:0]
		}
	}
	b.Flush(input, nil)
	b.Finish()
	return b
}

// TestListDictionary: when lists leave their dictionary, and what the batch
// holds, does not depend on when Flush is called.
func TestListDictionary(t *testing.T) {
	const n = 30_000
	often, seldom := fillLists(n, 3), fillLists(n, 1009)
	for i := range often.Columns {
		a, b := &often.Columns[i].List.Items, &seldom.Columns[i].List.Items
		if a.Distinct != b.Distinct || !cmp.Equal(a.Index, b.Index) {
			t.Errorf("column %s depends on when it is flushed", a.Name)
		}
		if !a.Distinct {
			t.Errorf("column %s left its dictionary, though each value stands in two lists", a.Name)
		}
	}
	if a, b := often.Held(), seldom.Held(); a != b {
		t.Errorf("a batch that is often flushed holds %d bytes, another %d", a, b)
	}
}

// TestReserveLists: room for some multiple of another batch is enough for it.
func TestReserveLists(t *testing.T) {
	sample := fillLists(1000, 64)
	b := newTableOfLists(0)
	b.Reserve(sample, 3)
	for i := range b.Columns {
		l, like := b.Columns[i].List, sample.Columns[i].List
		if cap(l.Ends) < 3*len(like.Ends) || cap(l.Items.Index) < 3*len(like.Items.Index) {
			t.Errorf("column %s: no room for 3000 lists", b.Columns[i].Name)
		}
	}
}
