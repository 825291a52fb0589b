//go:build corpora

package corpora

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

// shared is the folder of the files, beside the repository.
const shared = "../../../shared"

func read(t *testing.T, name ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(shared, filepath.Join(name...)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// list gives the names of the files in a folder of shared that match one of
// the patterns, in order; there must be want of them, so that a missing file
// is not a green test.
func list(t *testing.T, want int, dir string, patterns ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(shared, dir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && slices.ContainsFunc(patterns, func(p string) bool {
			ok, err := filepath.Match(p, e.Name())
			return err == nil && ok
		}) {
			names = append(names, e.Name())
		}
	}
	if len(names) != want {
		t.Fatalf("%s holds %d files %v, want %d", dir, len(names), patterns, want)
	}
	return names
}

func parse(t *testing.T, text string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func preset(t *testing.T, name string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// result is what a conversion gave. A reject is a result, not an error.
type result struct {
	sluice.Stats
	parquet    map[string]*bytes.Buffer // by table
	quarantine []byte
}

func convert(t *testing.T, m *mapping.Mapping, input []byte) result {
	t.Helper()
	var bad bytes.Buffer
	out := map[string]*bytes.Buffer{}
	table := func(name string) (io.Writer, error) {
		out[name] = &bytes.Buffer{}
		return out[name], nil
	}
	stats, err := sluice.Convert(context.Background(), nil, bytes.NewReader(input), m,
		&sluice.Options{Codec: sluice.None, Quarantine: &bad, Size: int64(len(input)), Table: table})
	if reject := new(sluice.RejectError); err != nil && (!errors.As(err, &reject) || stats.Outcome != sluice.Reject) {
		t.Fatalf("outcome %q, and an error that is no reject: %v", stats.Outcome, err)
	}
	return result{stats, out, bad.Bytes()}
}

// rows reads a Parquet file back; the first row has the names of the columns.
func rows(t *testing.T, data []byte) [][]string {
	t.Helper()
	f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Schema().Columns {
		names = append(names, c.Name)
	}
	all := [][]string{names}
	err = f.Rows(int(f.NumRows()), func(row []string) error {
		copied := make([]string, len(row))
		for i, cell := range row {
			copied[i] = strings.Clone(cell)
		}
		all = append(all, copied)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// allFiles are the names of the files below a folder of shared.
func allFiles(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(filepath.Join(shared, dir), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(shared, name)
			names = append(names, rel)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("files of %s: %d, %v", dir, len(names), err)
	}
	return names
}

// column is a cell of what rows gave; row 0 is the first with values.
func column(t *testing.T, table [][]string, row int, name string) string {
	t.Helper()
	i := slices.Index(table[0], name)
	if i < 0 || row+1 >= len(table) {
		t.Fatalf("no column %s, or no row %d of %d", name, row, len(table)-1)
	}
	return table[row+1][i]
}
