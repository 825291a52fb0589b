package batch

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/jsonscan"
	"sluice/schema"
)

// TestReturn fills a batch, in which some records are dropped by Return though they
// have ended. The rest is what a batch has that never had them, and once it is copied
// no entry is left of the dropped ones.
func TestReturn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := tableOf(rapid.IntRange(0, MaxLevels-1).Draw(t, "depth"), copyTypes...)
		b.Reset()
		var want [][]string
		for range rapid.IntRange(1, 5).Draw(t, "objects") {
			mark, was, generation := b.Mark(), len(want), b.Generation()
			var scratch []byte
			for range rapid.IntRange(0, 4).Draw(t, "records") {
				_, scratch, want = addElement(t, b, 0, nil, scratch, want)
				b.EndRecord()
				if rapid.Bool().Draw(t, "flush") {
					b.Flush(nil, scratch)
				}
			}
			drop := rapid.Bool().Draw(t, "drop")
			if drop && rapid.Bool().Draw(t, "in a record") {
				_, scratch, _ = addElement(t, b, 0, nil, scratch, nil)
			}
			if !drop || rapid.Bool().Draw(t, "flush") {
				b.Flush(nil, scratch)
			}
			if drop {
				b.Return(mark)
				want = want[:was]
				if b.Generation() == generation {
					t.Fatal("the batch is of the same generation")
				}
			}
			b.Held()
		}
		fresh := tableOf(b.Depth, copyTypes...)
		b.Finish()
		if diff := cmp.Diff(want, cellRows(b)); len(want) > 0 && diff != "" || b.Rows != len(want) {
			t.Fatalf("rows:\n%s", diff)
		}
		c := NewCopier(jsonscan.Hash)
		c.From(b)
		c.Append(fresh)
		fresh.Finish()
		if diff := cmp.Diff(want, cellRows(fresh)); len(want) > 0 && diff != "" || fresh.ListValues != b.ListValues {
			t.Fatalf("%d values of lists, want %d; copied rows:\n%s", b.ListValues, fresh.ListValues, diff)
		}
		for i := range fresh.Columns {
			column := &fresh.Columns[i]
			if column.List != nil {
				column = &column.List.Items
			}
			used := map[uint32]bool{}
			for _, entry := range column.Index {
				if entry != Null {
					used[entry] = true
				}
			}
			if len(used) != column.Entries() {
				t.Fatalf("column %s has %d entries, %d of them in rows", column.Name, column.Entries(), len(used))
			}
		}
	})
}

// TestFill gives the elements of objects that share a batch their constants.
func TestFill(t *testing.T) {
	b := New(schema.Schema{Columns: []schema.Column{
		{Name: "n", Type: schema.Type{Kind: schema.Int64}}, {Name: "of", Type: schema.Type{Kind: schema.String}},
	}}, []int{0, 0}, 0)
	var want [][]string
	for i, of := range []string{"b", "a", "", "c", "c"} {
		first := b.Elements(0)
		for n := range 3 * (i % 3) {
			b.Columns[0].AddFixed(uint64(n))
			b.EndElement(0, 1)
			b.EndRecord()
			want = append(want, []string{fmt.Sprint(n), fmt.Sprintf("%x", of)})
		}
		b.Flush(nil, nil)
		b.Columns[1].Fill(first, jsonscan.Hash([]byte(of)), of)
	}
	b.Finish()
	if diff := cmp.Diff(want, cellRows(b)); diff != "" || b.Columns[1].Entries() != 3 {
		t.Errorf("%d entries; rows:\n%s", b.Columns[1].Entries(), diff)
	}
}
