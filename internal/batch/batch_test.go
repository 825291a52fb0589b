package batch

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sluice/internal/jsonscan"
	"sluice/schema"
)

// newTable has a text and a number on each of the levels up to depth.
func newTable(depth int) *Batch {
	return tableOf(depth, schema.Type{Kind: schema.String}, schema.Type{Kind: schema.Int64})
}

// tableOf has columns of these types on each of the levels up to depth.
func tableOf(depth int, types ...schema.Type) *Batch {
	s := schema.Schema{Table: "t"}
	var levels []int
	for l := range depth + 1 {
		for _, t := range types {
			s.Columns = append(s.Columns, schema.Column{Name: fmt.Sprint(t, l), Type: t})
			levels = append(levels, l)
		}
	}
	return New(s, levels, depth)
}

// filler adds elements to a batch and writes down what the rows must be.
type filler struct {
	t     *rapid.T
	b     *Batch
	input []byte
	rows  [][]string
}

// values fills the columns of level l of the current element.
func (f *filler) values(l int) (cells []string) {
	text, number := &f.b.Columns[2*l], &f.b.Columns[2*l+1]
	if rapid.IntRange(0, 4).Draw(f.t, "null") == 0 {
		cells = append(cells, "NULL")
	} else {
		s := rapid.SampledFrom([]string{"", "a", "b", "longer than a word", "é"}).Draw(f.t, "text")
		text.AddBytes(jsonscan.Hash([]byte(s)), len(f.input), len(s))
		f.input = append(f.input, s...)
		cells = append(cells, s)
	}
	if rapid.IntRange(0, 4).Draw(f.t, "null") == 0 {
		return append(cells, "NULL")
	}
	v := rapid.Int64Range(-3, 3).Draw(f.t, "number")
	number.AddFixed(uint64(v))
	return append(cells, fmt.Sprint(v))
}

// element fills an element of level l and all below it; it returns its rows.
func (f *filler) element(l int, above []string) int {
	cells := append(append([]string(nil), above...), f.values(l)...)
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

// TestRowsComeBack fills batches, with rollbacks and flushes at any time, and
// turns the columns into rows again.
func TestRowsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newTable(rapid.IntRange(0, 2).Draw(t, "depth"))
		for range rapid.IntRange(1, 2).Draw(t, "uses") {
			b.Reset()
			f := &filler{t: t, b: b}
			for range rapid.IntRange(0, 12).Draw(t, "records") {
				kept := len(f.rows)
				f.element(0, nil)
				if b.RecordRows() != len(f.rows)-kept {
					t.Fatalf("the record has %d rows, want %d", b.RecordRows(), len(f.rows)-kept)
				}
				if rapid.IntRange(0, 3).Draw(t, "rollback") == 0 {
					if rapid.Bool().Draw(t, "begun") {
						f.values(rapid.IntRange(0, b.Depth).Draw(t, "level"))
					}
					b.Rollback()
					f.rows = f.rows[:kept]
					continue
				}
				b.EndRecord()
				if rapid.Bool().Draw(t, "flush") {
					b.Flush(f.input, nil)
					clear(f.input) // its bytes may move now
				}
			}
			b.Flush(f.input, nil)
			b.Finish()
			if diff := cmp.Diff(f.rows, allRows(b), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
			if last := b.Pages[len(b.Pages)-1]; last.Rows != b.Rows || last.Elems[0] != b.Elements(0) {
				t.Fatalf("the last page ends at %+v, the batch has %d rows", last, b.Rows)
			}
		}
	})
}

// allRows writes out the rows of a batch.
func allRows(b *Batch) [][]string {
	rows := make([][]string, b.Rows)
	for i := range b.Columns {
		c := &b.Columns[i]
		row := 0
		for e, entry := range c.Index[:b.Elements(c.Level)] {
			n := 1
			if c.Level < b.Depth {
				n = int(b.Runs[c.Level][e])
			}
			cell := "NULL"
			switch {
			case entry == Null:
			case c.Type.Bytes():
				cell = string(c.Entry(entry))
			default:
				cell = fmt.Sprint(int64(c.Fixed[entry]))
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

// fill adds n records with the text and number that value gives, and flushes at
// regular intervals.
func fill(n, every int, value func(i int) int) *Batch {
	b := newTable(0)
	var input []byte
	for i := range n {
		v := value(i)
		s := fmt.Sprint("value ", v)
		b.Columns[0].AddBytes(jsonscan.Hash([]byte(s)), len(input), len(s))
		input = append(input, s...)
		b.Columns[1].AddFixed(uint64(v))
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

// TestReserve: a batch with room for some multiple of another batch takes that
// much without growing, and keeps what it held before.
func TestReserve(t *testing.T) {
	const n, times = 1000, 4
	sample := fill(n, 64, func(i int) int { return i })
	add := func(b *Batch) {
		var buf [8]byte
		for i := range n {
			s := strconv.AppendInt(buf[:0], int64(i), 10)
			b.Columns[0].AddBytes(jsonscan.Hash(s), 0, len(s))
			b.Columns[1].AddFixed(uint64(i))
			b.EndElement(0, 1)
			b.EndRecord()
			b.Flush(s, nil)
		}
	}
	b := newTable(0)
	add(b)
	before := allRows(b)
	b.Reserve(sample, 1.25*times) // places are made Null in advance
	if diff := cmp.Diff(before, allRows(b)); diff != "" {
		t.Fatalf("-before +after:\n%s", diff)
	}
	if got := testing.AllocsPerRun(times-2, func() { add(b) }); got > 0 {
		t.Errorf("%v allocations for each %d elements of %d times as many that were reserved", got, n, times)
	}
	if b.Rows != times*n {
		t.Errorf("%d rows, want %d", b.Rows, times*n)
	}

	one := newTable(0)
	one.EndElement(0, 1)
	one.EndRecord()
	b = newTable(0)
	if b.Reserve(one, 1e6); cap(b.Columns[0].Index) > 2e6 {
		t.Errorf("room for %d elements of a million times one", cap(b.Columns[0].Index))
	}
}

// TestDictionary: a dictionary is kept while values repeat and left when they
// do not; and when that happens does not depend on when Flush is called.
func TestDictionary(t *testing.T) {
	const n = 50_000
	for _, c := range []struct {
		name     string
		value    func(i int) int
		distinct bool
		entries  int
	}{
		{"a catalogue", func(i int) int { return i * 7919 % 5000 }, true, 5000},
		{"a catalogue larger than the sample", func(i int) int { return i * 7919 % 10007 }, true, 10007},
		{"all different", func(i int) int { return i }, false, n},
		{"a constant", func(int) int { return 1 }, true, 1},
	} {
		often, seldom := fill(n, 3, c.value), fill(n, 1009, c.value)
		for i := range often.Columns {
			col := &often.Columns[i]
			if col.Distinct != c.distinct || col.Entries() != c.entries {
				t.Errorf("%s, column %s: distinct=%v with %d entries, want %v with %d", c.name, col.Name, col.Distinct, col.Entries(), c.distinct, c.entries)
			}
			other := &seldom.Columns[i]
			if diff := cmp.Diff([]any{col.Index, col.Data, col.Fixed, col.Distinct}, []any{other.Index, other.Data, other.Fixed, other.Distinct}); diff != "" {
				t.Errorf("%s, column %s depends on when it is flushed", c.name, col.Name)
			}
		}
	}
}

// TestEmptyTable: a table that is emptied has no entry, however full it was.
func TestEmptyTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &newTable(0).Columns[1]
		for range rapid.IntRange(1, 3).Draw(t, "uses") {
			n := rapid.SampledFrom([]int{0, 1, 3, 40, 200, 3000}).Draw(t, "entries")
			for range n {
				c.fixedEntry(uint64(rapid.IntRange(0, 1<<20).Draw(t, "value")))
			}
			c.reset()
			for i, slot := range c.table.slots {
				if slot != 0 {
					t.Fatalf("after %d values slot %d of %d is taken", n, i, len(c.table.slots))
				}
			}
		}
	})
}

// TestFullDictionary: after maxEntries, each value gets its own entry, even one
// that is in the dictionary.
func TestFullDictionary(t *testing.T) {
	const full = maxEntries / 3 * 4  // the element at which it is full: one in four repeats the one before
	const n, again = full + 500, 300 // the last ones are the first ones again
	for name, sign := range map[string]int{"rising": 1, "falling": -1} {
		value := func(i int) int {
			i %= n - again
			return 5_000_000 + sign*(i-(i+1)/4)
		}
		b := fill(n, 1009, value)
		text, number := &b.Columns[0], &b.Columns[1]
		for _, c := range []*Column{text, number} {
			if want := maxEntries + n - full; c.Distinct || c.Entries() != want {
				t.Errorf("%s, column %s: distinct=%v with %d entries, want %d", name, c.Name, c.Distinct, c.Entries(), want)
			}
		}
		for i := range n {
			if v := value(i); string(text.Entry(text.Index[i])) != fmt.Sprint("value ", v) || number.Fixed[number.Index[i]] != uint64(v) {
				t.Fatalf("%s: record %d has another value", name, i)
			}
		}
	}
}

// TestPages: a page ends at the first border of records after PageRows rows.
func TestPages(t *testing.T) {
	b := fill(2*PageRows+5, 100, func(i int) int { return i % 10 })
	var ends []int
	for _, p := range b.Pages {
		ends = append(ends, p.Rows)
	}
	if diff := cmp.Diff([]int{PageRows, 2 * PageRows, 2*PageRows + 5}, ends); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A page may end earlier, after any record that has rows.
func TestEndPage(t *testing.T) {
	b := New(schema.Schema{Columns: []schema.Column{{Name: "n", Type: schema.Type{Kind: schema.Int64}}}}, []int{0}, 0)
	b.EndPage() // there is none
	for n := range 7 {
		b.Columns[0].AddFixed(uint64(n))
		b.EndElement(0, 1)
		b.EndRecord()
		if n == 2 || n == 5 {
			b.EndPage()
			b.EndPage() // it has ended
		}
	}
	b.Flush(nil, nil)
	b.Finish()
	var ends []int
	for _, p := range b.Pages {
		ends = append(ends, p.Rows)
	}
	if diff := cmp.Diff([]int{3, 6, 7}, ends); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
