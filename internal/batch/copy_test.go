package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sluice/internal/jsonscan"
	"sluice/schema"
)

// copyTypes are the types of the columns on each level of the batches that are copied.
var copyTypes = []schema.Type{
	{Kind: schema.String},
	{Kind: schema.Int64},
	{Kind: schema.Decimal, Precision: 38, Scale: 4},
	{Kind: schema.List, Of: schema.String},
	{Kind: schema.List, Of: schema.Int32},
}

// add gives the current element a random value of a column, and says its cell.
func add(t *rapid.T, c *Column, scratch []byte) (cell string, used []byte) {
	if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return "NULL", scratch
	}
	if c.List == nil {
		return addValue(t, c, scratch)
	}
	cells := []string{}
	for range rapid.IntRange(0, 3).Draw(t, "values") {
		c.List.Next()
		cell := "NULL"
		if rapid.IntRange(0, 4).Draw(t, "null") > 0 {
			cell, scratch = addValue(t, &c.List.Items, scratch)
		}
		cells = append(cells, cell)
	}
	c.EndList()
	return fmt.Sprint(cells), scratch
}

func addValue(t *rapid.T, c *Column, scratch []byte) (cell string, used []byte) {
	v := rapid.Int64Range(-3, 100).Draw(t, "value")
	if !c.Type.Bytes() {
		c.AddFixed(uint64(v))
		return fmt.Sprint(v), scratch
	}
	from := len(scratch)
	if c.Type.Wide() {
		scratch = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(scratch, uint64(v>>63)), uint64(v))
	} else {
		scratch = fmt.Append(scratch, "text ", v)
	}
	text := scratch[from:]
	c.AddScratch(jsonscan.Hash(text), from, len(text))
	return fmt.Sprintf("%x", text), scratch
}

// addElement fills an element of level l and all below it, and appends its rows.
func addElement(t *rapid.T, b *Batch, l int, above []string, scratch []byte, rows [][]string) (int, []byte, [][]string) {
	cells := append([]string(nil), above...)
	for i := range copyTypes {
		var cell string
		cell, scratch = add(t, &b.Columns[l*len(copyTypes)+i], scratch)
		cells = append(cells, cell)
	}
	if l == b.Depth {
		b.EndElement(l, 1)
		return 1, scratch, append(rows, cells)
	}
	n := 0
	for range rapid.IntRange(0, 3).Draw(t, "elements") {
		var more int
		more, scratch, rows = addElement(t, b, l+1, cells, scratch, rows)
		n += more
	}
	b.EndElement(l, n)
	return n, scratch, rows
}

// drawBatch makes a finished batch, and its rows.
func drawBatch(t *rapid.T, b *Batch) (rows [][]string) {
	b.Reset()
	var scratch []byte
	for range rapid.IntRange(0, 6).Draw(t, "records") {
		_, scratch, rows = addElement(t, b, 0, nil, scratch, rows)
		b.EndRecord()
	}
	b.Flush(nil, scratch)
	b.Finish()
	return rows
}

// cellRows writes out the rows of a finished batch.
func cellRows(b *Batch) [][]string {
	rows := make([][]string, b.Rows)
	for i := range b.Columns {
		c := &b.Columns[i]
		row := 0
		for e, entry := range c.Index {
			n := 1
			if c.Level < b.Depth {
				n = int(b.Runs[c.Level][e])
			}
			cell := c.cell(entry)
			if c.List != nil && entry != Null {
				cells := []string{}
				for _, v := range c.List.Values(entry) {
					cells = append(cells, c.List.Items.cell(v))
				}
				cell = fmt.Sprint(cells)
			}
			for range n {
				rows[row] = append(rows[row], cell)
				row++
			}
		}
		if row != b.Rows {
			panic(fmt.Sprintf("column %s: %d rows, want %d", c.Name, row, b.Rows))
		}
	}
	return rows
}

func (c *Column) cell(entry uint32) string {
	switch {
	case entry == Null:
		return "NULL"
	case c.List != nil:
		return "" // written value by value
	case c.Type.Bytes():
		return fmt.Sprintf("%x", c.Entry(entry))
	}
	return fmt.Sprint(int64(c.Fixed[entry]))
}

// TestCopiedRows appends random batches, whole or in part, to batches that are used
// several times, and may be filled in between. Their rows are those that were selected.
func TestCopiedRows(t *testing.T) {
	c := NewCopier(jsonscan.Hash)
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(0, 2).Draw(t, "depth")
		from := tableOf(depth, copyTypes...)
		to := []*Batch{tableOf(depth, copyTypes...), tableOf(depth, copyTypes...)}
		for range rapid.IntRange(1, 2).Draw(t, "uses") {
			want := make([][][]string, len(to))
			for _, b := range to {
				b.Reset()
			}
			for range rapid.IntRange(1, 4).Draw(t, "batches") {
				rows := drawBatch(t, from)
				c.From(from)
				switch rapid.IntRange(0, 2).Draw(t, "what") {
				case 0:
					c.Append(to[0])
					want[0] = append(want[0], rows...)
				case 1: // each row goes to one of them
					var split [2][]uint32
					for row := range rows {
						i := rapid.IntRange(0, 1).Draw(t, "part")
						split[i] = append(split[i], uint32(row))
						want[i] = append(want[i], rows[row])
					}
					for i := range to {
						c.AppendRows(to[i], split[i])
					}
				default:
					_, scratch, more := addElement(t, to[1], 0, nil, nil, nil)
					to[1].EndRecord()
					to[1].Flush(nil, scratch)
					want[1] = append(want[1], more...)
				}
			}
			for i, b := range to {
				b.Finish()
				if diff := cmp.Diff(want[i], cellRows(b), cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("batch %d: -want +got:\n%s", i, diff)
				}
				checkCopy(t, b)
			}
		}
	})
}

// checkCopy compares what a finished batch counts with what it has.
func checkCopy(t *rapid.T, b *Batch) {
	if _, values := listRows(only(b, func(c *Column) bool { return c.List != nil })); values != b.ListValues {
		t.Fatalf("the batch counts %d values of lists; there are %d", b.ListValues, values)
	}
	if last := b.Pages[len(b.Pages)-1]; last.Rows != b.Rows || last.Elems != b.elems {
		t.Fatalf("the last page ends at %+v, the batch at %d rows, %v", last, b.Rows, b.elems)
	}
	for i := range b.Columns {
		c := &b.Columns[i]
		if c.List != nil {
			c = &c.List.Items
		}
		seen := map[string]bool{}
		for e := range uint32(c.Entries()) {
			if text := c.cell(e); !c.Distinct || seen[text] {
				t.Fatalf("column %s: entry %s repeats", c.Name, text)
			} else {
				seen[text] = true
			}
		}
	}
}

// only is a batch with some of the columns.
func only(b *Batch, keep func(*Column) bool) *Batch {
	some := *b
	some.Columns = nil
	for i := range b.Columns {
		if keep(&b.Columns[i]) {
			some.Columns = append(some.Columns, b.Columns[i])
		}
	}
	return &some
}

// TestCopiedDictionary: what many small batches are appended to has the entries and
// indices of a batch that was filled with all values, and leaves dictionaries where that
// does. What a large batch left, a column that takes a few of its rows does not leave.
func TestCopiedDictionary(t *testing.T) {
	const n = 50_000
	r := rand.New(rand.NewPCG(1, 1))
	c := NewCopier(jsonscan.Hash)
	for name, value := range map[string]func(i int) int{
		"a catalogue":   func(i int) int { return i * 7919 % 5000 },
		"all different": func(i int) int { return i },
		"all falling":   func(i int) int { return -i },
		"a constant":    func(int) int { return 1 },
	} {
		whole, copied := fill(n, 1009, value), newTable(0)
		for at := 0; at < n; {
			size := min(1+r.IntN(500), n-at)
			c.From(fill(size, 7, func(i int) int { return value(at + i) }))
			c.Append(copied)
			at += size
		}
		copied.Finish()
		compareBatches(t, name, whole, copied)

		again := newTable(0)
		c.From(whole)
		c.Append(again)
		again.Finish()
		compareBatches(t, name+", at once", whole, again)

		few := newTable(0)
		for range 2 {
			c.AppendRows(few, []uint32{3, n - 5, n - 2})
		}
		few.Finish()
		for i := range few.Columns {
			col := &few.Columns[i]
			if want := map[bool]int{true: 1, false: 3}[value(1) == value(2)]; !col.Distinct || col.Entries() != want {
				t.Errorf("%s, column %s: distinct=%t with %d entries of six rows, want %d", name, col.Name, col.Distinct, col.Entries(), want)
			}
		}
	}
}

func compareBatches(t *testing.T, name string, want, got *Batch) {
	t.Helper()
	for i := range want.Columns {
		w, g := &want.Columns[i], &got.Columns[i]
		if !slices.Equal(w.Index, g.Index) || !bytes.Equal(w.Data, g.Data) || !slices.Equal(w.Offsets, g.Offsets) || !slices.Equal(w.Fixed, g.Fixed) {
			t.Errorf("%s, column %s: the copy has other entries or indices", name, w.Name)
		}
		if w.Distinct != g.Distinct || w.Rising() != g.Rising() {
			t.Errorf("%s, column %s: distinct=%t, rising=%t; the copy: %t, %t", name, w.Name, w.Distinct, w.Rising(), g.Distinct, g.Rising())
		}
	}
	if diff := cmp.Diff(want.Pages, got.Pages); diff != "" {
		t.Errorf("%s: pages -filled +copied:\n%s", name, diff)
	}
	if w, g := want.Held(), got.Held(); w != g {
		t.Errorf("%s: the batch holds %d bytes, its copy %d", name, w, g)
	}
}

// TestCopiedPages: a page ends where one of a batch would end that is filled record by
// record, at each level.
func TestCopiedPages(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	c := NewCopier(jsonscan.Hash)
	for depth := range MaxLevels {
		filled, copied := newTable(depth), newTable(depth)
		for filled.Rows < 5*PageRows/2 {
			piece := newTable(depth)
			for range 1 + r.IntN(2000) {
				seed := r.Uint64()
				for _, b := range []*Batch{filled, piece} {
					addNumbers(b, 0, rand.New(rand.NewPCG(seed, 0)))
					b.EndRecord()
					b.Flush(nil, nil)
				}
			}
			piece.Finish()
			c.From(piece)
			c.Append(copied)
		}
		filled.Finish()
		copied.Finish()
		compareBatches(t, fmt.Sprint("depth ", depth), filled, copied)
	}
}

// addNumbers fills an element of level l and all below it with a number each.
func addNumbers(b *Batch, l int, r *rand.Rand) int {
	b.Columns[2*l+1].AddFixed(uint64(r.IntN(100)))
	if l == b.Depth {
		b.EndElement(l, 1)
		return 1
	}
	rows := 0
	for range 1 + r.IntN(4) {
		rows += addNumbers(b, l+1, r)
	}
	b.EndElement(l, rows)
	return rows
}

// TestAllocated: a batch counts the memory that it takes.
func TestAllocated(t *testing.T) {
	heap := func() int64 {
		// What pools keep goes with the second; what tests before left must not go in between.
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for _, n := range []int{0, 1, 100, 100_000} {
		var batches []*Batch
		before := heap()
		for range 1 + 100/(n+1) {
			batches = append(batches, fill(n, 64, func(i int) int { return i * 7919 % 5003 }))
		}
		taken, counted := heap()-before, int64(0)
		for _, b := range batches {
			counted += b.Allocated()
		}
		t.Logf("%d values: %d bytes, counted %d", n, taken, counted)
		if counted < taken*8/10 || counted > taken*11/10 {
			t.Errorf("batches of %d values take %d bytes, and count %d", n, taken, counted)
		}
		runtime.KeepAlive(batches)
	}
}
