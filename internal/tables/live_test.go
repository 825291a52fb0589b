package tables_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/tables"
)

// places are the rows of live files that count, as "file row".
func places(live []tables.LiveFile) (all []string) {
	for _, f := range live {
		at := int64(0)
		for _, m := range append(slices.Clone(f.Masked), tables.Rows{From: f.Rows, To: f.Rows}) {
			for ; at < m.From; at++ {
				all = append(all, fmt.Sprint("mem://", f.Key, " ", at))
			}
			at = m.To
		}
	}
	slices.Sort(all)
	return all
}

// sameRows compares what [tables.Live] shows of the head with what the simulation reads.
func (s *simulation) sameRows(live *tables.Live) error {
	h, err := s.table.Load(context.Background())
	if err != nil {
		return err
	}
	files, err := live.Files(context.Background(), h)
	if err != nil {
		return err
	}
	shown, _, _, err := s.read(h.Metadata(), h.Metadata().Head())
	if err != nil {
		return err
	}
	var want []string
	for _, r := range shown {
		want = append(want, fmt.Sprint(r.file, " ", r.position))
	}
	slices.Sort(want)
	if got := places(files); !slices.Equal(got, want) {
		return fmt.Errorf("live rows are\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return nil
}

// The same reader follows a table from head to head.
func TestLiveFollows(t *testing.T) {
	s := newCalm(t)
	live := tables.NewLive(s.table.Files)
	s.bring(t, keyA, keyB, keyC)
	for i := range 12 {
		k := keyA
		if i%3 == 1 {
			k = keyB
		}
		s.sources[k] = append(s.sources[k], version{number: len(s.sources[k]) + 1, rows: i % 4})
		s.bring(t, k)
		if i%5 == 4 {
			c, err := s.compact(func(int) bool { return true }, func([]sourceRow) {})
			if err == nil && c != nil {
				err = s.finish(c, false)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := s.sameRows(live); err != nil {
			t.Fatal(err)
		}
	}
}

// Deletes apply to files that are not newer, each row once, however many delete files
// name it, and rows that a file does not have are none.
func TestLiveDeletes(t *testing.T) {
	s := newCalm(t)
	head := s.bring(t, keyA, keyC).Head
	files, err := tables.NewLive(s.table.Files).Files(t.Context(), head)
	if err != nil || len(files) != 1 || files[0].Rows != 6 || files[0].Masked != nil {
		t.Fatalf("%+v, %v", files, err)
	}
	path := s.table.Files.URI(files[0].Key)
	write := func(name string, ranges ...datafile.Range) iceberg.SpecFile {
		var b bytes.Buffer
		d, err := datafile.WriteDeletes(t.Context(), &b, ranges, "test")
		if err != nil {
			t.Fatal(err)
		}
		if d.Path, err = s.table.Files.Write(t.Context(), "t/data/"+name, b.Bytes()); err != nil {
			t.Fatal(err)
		}
		d.Bytes = int64(b.Len())
		return iceberg.SpecFile{DataFile: d}
	}
	s.foreign(t, iceberg.Rows{Add: []iceberg.SpecFile{
		write("a.parquet", datafile.Range{Path: path, First: 1, Rows: 2}, datafile.Range{Path: "mem://t/other", First: 0, Rows: 1}),
		write("b.parquet", datafile.Range{Path: path, First: 2, Rows: 1}, datafile.Range{Path: path, First: 5, Rows: 9}),
	}})
	files, err = tables.NewLive(s.table.Files).Files(t.Context(), s.load(t))
	if want := []tables.Rows{{From: 1, To: 3}, {From: 5, To: 6}}; err != nil || len(files) != 1 || !slices.Equal(files[0].Masked, want) {
		t.Errorf("%+v, %v, and not %v", files, err, want)
	}

	// A file that comes back under its name is newer than the deletes of before.
	data, _, err := firstFile(s)
	if err != nil {
		t.Fatal(err)
	}
	s.foreign(t, iceberg.Rows{Drop: map[string]struct{}{path: {}}})
	s.foreign(t, iceberg.Rows{Add: []iceberg.SpecFile{data}})
	files, err = tables.NewLive(s.table.Files).Files(t.Context(), s.load(t))
	if err != nil || len(files) != 1 || files[0].Masked != nil {
		t.Errorf("%+v, %v", files, err)
	}
}

func firstFile(s *simulation) (iceberg.SpecFile, int, error) {
	m := s.catalog.table.Metadata
	_, live, _, err := s.read(m, m.Head())
	if err != nil || len(live) == 0 {
		return iceberg.SpecFile{}, 0, fmt.Errorf("no file: %w", err)
	}
	return iceberg.SpecFile{DataFile: live[0].File}, len(live), nil
}

// What this reader does not read is an error, and never shows rows that do not count.
func TestLiveRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*iceberg.DataFile)
		want   string
	}{
		"equality deletes": {func(f *iceberg.DataFile) { f.Content, f.EqualityIDs = iceberg.EqualityDeletes, []int32{1} }, "it has equality deletes, which sluice does not read"},
		"format":           {func(f *iceberg.DataFile) { f.Format = "ORC" }, "a file in the format ORC"},
		"elsewhere":        {func(f *iceberg.DataFile) { f.Path = "s3://other/x.parquet" }, "a file outside of mem://"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newCalm(t)
			s.bring(t, keyA)
			f, _, err := firstFile(s)
			if err != nil {
				t.Fatal(err)
			}
			f.Path += "-2"
			c.change(&f.DataFile)
			s.foreign(t, iceberg.Rows{Add: []iceberg.SpecFile{f}})
			_, err = tables.NewLive(s.table.Files).Files(t.Context(), s.load(t))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, and not %q", err, c.want)
			}
		})
	}
}
