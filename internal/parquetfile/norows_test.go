package parquetfile_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"sluice"
	"sluice/internal/parquetfile"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

// A file loses its rows and keeps its columns; damage at any byte of its end
// is an error or another such file, and no panic.
func TestWithoutRows(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("table: t\ncolumns: [{name: id, path: $.id, type: int64}, {name: d, path: $.d, type: \"decimal(18,4)\"}, {name: at, path: $.at, type: timestamp}, {name: tags, path: $.tags, type: list<string>}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := sluice.Convert(t.Context(), &file, bytes.NewReader([]byte(`[{"id":1,"d":2.5,"tags":["a","b"]},{"id":2}]`)), m, nil); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	kv := map[string]string{"b": "2", "a": "1"}
	empty, err := parquetfile.WithoutRows(whole, kv)
	if err != nil {
		t.Fatal(err)
	}
	before, err := parquetread.Open(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	after, err := parquetread.Open(bytes.NewReader(empty), int64(len(empty)))
	if err != nil {
		t.Fatal(err)
	}
	if before.NumRows() != 2 || after.NumRows() != 0 || after.NumRowGroups() != 0 || !slices.Equal(before.Schema().Columns, after.Schema().Columns) || after.Schema().Table != "t" {
		t.Errorf("%d rows, schema %+v", after.NumRows(), after.Schema())
	}
	if again, err := parquetfile.WithoutRows(whole, maps.Clone(kv)); err != nil || !bytes.Equal(again, empty) {
		t.Errorf("other bytes the second time: %v", err)
	}
	for i := range whole {
		damaged := slices.Clone(whole)
		damaged[i] ^= 0x41
		parquetfile.WithoutRows(damaged, nil)
		if file, err := parquetfile.WithoutRows(whole[i+1:], nil); err != nil && file != nil {
			t.Fatalf("byte %d: a file and an error", i)
		}
	}
}
