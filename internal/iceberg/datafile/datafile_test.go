package datafile_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"sluice/internal/iceberg/datafile"
	"sluice/internal/parquetread"
)

// Position deletes are sorted, complete, and read back; their bounds of paths are
// those of the first and the last file.
func TestWriteDeletes(t *testing.T) {
	for _, ranges := range [][]datafile.Range{
		{{"file:///a", 0, 1}},
		{{"file:///b", 7, 3}, {"file:///a", 1 << 33, 2}, {"file:///b", 1, 2}},
		{{"file:///a", 5, 1<<20 + 3}, {"file:///b", 0, 1}},
	} {
		var out bytes.Buffer
		d, err := datafile.WriteDeletes(t.Context(), &out, ranges, "sluice test")
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, r := range ranges {
			want += int(r.Rows)
		}
		if d.Rows != int64(want) || d.Bytes != int64(out.Len()) || (d.ReferencedFile != nil) != (len(ranges) == 1) {
			t.Errorf("%v: %+v, and %d bytes", ranges, d, out.Len())
		}
		f, err := parquetread.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Schema().Columns {
			if !c.NotNull || c.ID == 0 {
				t.Errorf("column %+v", c)
			}
		}
		type position struct {
			path string
			n    int64
		}
		var found, expected []position
		if err := f.Rows(want+1, func(row []string) error {
			n, err := strconv.ParseInt(row[1], 10, 64)
			found = append(found, position{row[0], n})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, r := range ranges {
			for n := range r.Rows {
				expected = append(expected, position{r.Path, r.First + n})
			}
		}
		slices.SortFunc(expected, func(a, b position) int {
			if a.path != b.path {
				return bytes.Compare([]byte(a.path), []byte(b.path))
			}
			return int(a.n - b.n)
		})
		if !slices.Equal(found, expected) {
			t.Errorf("%v: other rows: %d", ranges, len(found))
		}
		if got := fmt.Sprintf("%s %s", d.Lower[0].Value, d.Upper[0].Value); got != expected[0].path+" "+expected[want-1].path {
			t.Errorf("%v: bounds of the paths %s", ranges, got)
		}
	}
	if _, err := datafile.WriteDeletes(t.Context(), &bytes.Buffer{}, nil, ""); err == nil {
		t.Error("a file without deletes is written")
	}
}
