package datafile

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetfile"
	"sluice/schema"
)

// Range is rows of a data file, by their positions.
type Range struct {
	Path        string // URI of the data file
	First, Rows int64
}

// deletes are the columns of position deletes: Spec, Position Delete Files.
var deletes = schema.Schema{Table: "deletes", Columns: []schema.Column{
	{Name: "file_path", Type: schema.Type{Kind: schema.String}, ID: iceberg.DeletePathID, NotNull: true},
	{Name: "pos", Type: schema.Type{Kind: schema.Int64}, ID: iceberg.DeletePositionID, NotNull: true},
}}

// groupRows bounds the positions that are in memory at once.
const groupRows = 1 << 20

// WriteDeletes writes a file of position deletes, sorted by path and position, and
// returns its entry, without path and partition. Ranges do not overlap.
func WriteDeletes(ctx context.Context, w io.Writer, ranges []Range, createdBy string) (iceberg.DataFile, error) {
	ranges = slices.SortedFunc(slices.Values(ranges), func(a, b Range) int {
		if a.Path != b.Path {
			return strings.Compare(a.Path, b.Path)
		}
		return cmp.Compare(a.First, b.First)
	})
	f, err := parquetfile.NewWriter(w, deletes, parquetfile.Options{CreatedBy: createdBy})
	if err != nil {
		return iceberg.DataFile{}, err
	}
	e, err := parquetfile.NewEncoder("zstd")
	if err != nil {
		return iceberg.DataFile{}, err
	}
	// The path of a file stands at the level of the record, its positions below it: it
	// is held once, whatever number of rows it has.
	b := batch.New(deletes, []int{0, 1}, 1)
	end := func() error {
		b.Finish()
		g, err := e.Encode(ctx, b)
		if err != nil {
			return err
		}
		err = f.Write(g)
		b.Reset()
		return err
	}
	for _, r := range ranges {
		for first, left := r.First, r.Rows; left > 0; {
			n := min(left, groupRows-int64(b.Rows))
			addRange(b, r.Path, first, n)
			if first, left = first+n, left-n; b.Rows == groupRows {
				if err := end(); err != nil {
					return iceberg.DataFile{}, err
				}
			}
		}
	}
	if err := end(); err != nil {
		return iceberg.DataFile{}, err
	}
	if err := f.Close(); err != nil {
		return iceberg.DataFile{}, err
	}
	if f.Rows() == 0 {
		return iceberg.DataFile{}, fmt.Errorf("write position deletes: there are none")
	}
	d := Describe(f, deletes.Columns)
	d.Content = iceberg.PositionDeletes
	if last := len(ranges) - 1; ranges[0].Path == ranges[last].Path {
		d.ReferencedFile = &ranges[0].Path
	}
	return d, nil
}

func addRange(b *batch.Batch, path string, first, rows int64) {
	text := []byte(path)
	b.Columns[0].AddBytes(jsonscan.Hash(text), 0, len(text))
	for pos := first; pos < first+rows; pos++ {
		b.Columns[1].AddFixed(uint64(pos))
		b.EndElement(1, 1)
	}
	b.EndElement(0, int(rows))
	b.EndRecord()
	b.Flush(text, nil)
}
