package parquetfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/internal/parquetread"
)

// A scan of some columns from any row on gives what reading every row gives.
func TestScan(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for i := range 12 {
		file := writeFile(t, codecs[i%len(codecs)], randomTable(i%3, 500, r))
		f, err := parquetread.Open(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]string
		if err := f.Rows(1<<30, func(row []string) error { rows = append(rows, slices.Clone(row)); return nil }); err != nil {
			t.Fatal(err)
		}
		for first, group := 0, 0; group < f.NumRowGroups(); group++ {
			n := int(f.RowGroupRows(group))
			for range 10 {
				from := r.IntN(n + 1)
				to := from + r.IntN(n-from+1)
				columns := r.Perm(len(f.Schema().Columns))[:r.IntN(len(f.Schema().Columns)+1)]
				at := first + from
				err := f.Scan(group, columns, int64(from), int64(to), func(batch [][]parquetread.Value) error {
					for i := 0; len(columns) > 0 && i < len(batch[0]); i++ {
						for j, c := range columns {
							if got := batch[j][i].Text(f.Schema().Columns[c].Type); got != rows[at][c] {
								return fmt.Errorf("row %d, column %d: %q, want %q", at, c, got, rows[at][c])
							}
						}
						at++
					}
					return nil
				})
				if err != nil || len(columns) > 0 && at != first+to {
					t.Fatalf("table %d, rows %d to %d of %d, columns %d: %d rows, %v", i, from, to, n, columns, at-first-from, err)
				}
			}
			first += n
		}
	}
}
