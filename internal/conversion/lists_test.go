package conversion_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/internal/conversion"
)

const listsMapping = `table: t
explode: $.items[*]
columns:
  - {name: id, path: $.id, type: int64}
  - {name: tags, path: $.tags, type: list<string>}
  - {name: sku, path: "$.items[*].sku", type: string}
  - {name: sizes, path: "$.items[*].sizes", type: "list<decimal(9,2)>"}
`

// TestListsAnyThreads: a file with lists is the same for any number of threads,
// and the lists of a record stand in each of its rows.
func TestListsAnyThreads(t *testing.T) {
	m := parseMapping(t, listsMapping)
	r := rand.New(rand.NewPCG(1, 2))
	list := func(kinds int, format string) string {
		var values []string
		for range r.IntN(5) {
			values = append(values, fmt.Sprintf(format, r.IntN(kinds)))
		}
		return "[" + strings.Join(values, ",") + "]"
	}
	var in bytes.Buffer
	var want [][]string
	for id := range 6000 {
		tags := list(1<<20, `"tag %d"`)
		fmt.Fprintf(&in, `{"id":%d,"tags":%s,"items":[`, id, tags)
		for i := range 1 + r.IntN(3) {
			sku, sizes := fmt.Sprint("sku ", r.IntN(50)), list(300, "%d.50")
			if i > 0 {
				in.WriteByte(',')
			}
			fmt.Fprintf(&in, `{"sku":%q,"sizes":%s}`, sku, sizes)
			want = append(want, []string{fmt.Sprint(id), tags, sku, sizes})
		}
		in.WriteString("]}\n")
	}
	var first []byte
	for _, threads := range []int{1, 2, 5} {
		got := convert(t, m, bytes.NewReader(in.Bytes()), conversion.Options{Threads: threads, RowGroupBytes: 1 << 16, RowGroupRows: 1 << 20})
		if got.err != nil {
			t.Fatal(got.err)
		}
		if threads == 1 {
			first = got.parquet
			if groups := openRows(t, first).NumRowGroups(); groups < 4 {
				t.Fatalf("%d row groups, too few to test", groups)
			}
			for i := range max(len(got.rows), len(want)) {
				if fmt.Sprint(got.rows[i]) != fmt.Sprint(want[i]) {
					t.Fatalf("row %d is %q, want %q", i, got.rows[i], want[i])
				}
			}
		} else if !bytes.Equal(got.parquet, first) {
			t.Errorf("%d threads give another file than one", threads)
		}
	}
}

// TestManyListValues: a row group ends before the values of its lists, which are
// written for each row, become too many, whatever the input has.
func TestManyListValues(t *testing.T) {
	m := parseMapping(t, "table: t\nexplode: $.items[*]\ncolumns:\n  - {name: tags, path: $.tags, type: list<int64>}\n")
	record := fmt.Sprintf("{\"tags\":[1%s],\"items\":[{}%s]}\n", strings.Repeat(",1", 99), strings.Repeat(",{}", 99))
	in := strings.Repeat(record, 40) // 10,000 values of each record, in 500 bytes
	got := convert(t, m, strings.NewReader(in), conversion.Options{RowGroupBytes: 16 << 20, RowGroupRows: 10_000})
	if got.err != nil || len(got.rows) != 4000 {
		t.Fatalf("%d rows, %v", len(got.rows), got.err)
	}
	if groups := openRows(t, got.parquet).NumRowGroups(); groups != 10 {
		t.Errorf("%d row groups, want 10 of 40,000 values", groups)
	}
}
