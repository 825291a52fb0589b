package conversion_test

import (
	"bytes"
	"fmt"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/gen"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

// rowGroups is the number of row groups that an input gives.
func rowGroups(t *testing.T, m *mapping.Mapping, in []byte, opts conversion.Options) int {
	t.Helper()
	r := convert(t, m, bytes.NewReader(in), opts)
	if r.err != nil {
		t.Fatal(r.err)
	}
	f, err := parquetread.Open(bytes.NewReader(r.parquet), int64(len(r.parquet)))
	if err != nil {
		t.Fatal(err)
	}
	return f.NumRowGroups()
}

// TestStride: the more of the input is kept, the shorter are its row groups.
func TestStride(t *testing.T) {
	const size = 33 << 20
	for _, c := range []struct {
		name   string
		gen    gen.Options
		groups int // of 8, 16, 64 MiB
	}{
		{"no value repeats", gen.Options{Shop: true}, 5},
		{"orders of a shop", gen.Options{Shop: true, Catalogue: true}, 3},
		{"most members are not asked for", gen.Options{Shape: gen.Shopify}, 1},
	} {
		m := orders(t)
		if c.gen.Shape == gen.Shopify {
			var err error
			if m, err = mapping.Load("../../bench/shopify.yaml"); err != nil {
				t.Fatal(err)
			}
		}
		c.gen.Bytes, c.gen.Form = size, gen.NDJSON
		if n := rowGroups(t, m, generate(t, c.gen), conversion.Options{Threads: 2}); n != c.groups {
			t.Errorf("%s: %d row groups, want %d", c.name, n, c.groups)
		}
	}
}

// TestStrideTooLong: an input of which little is kept at first, and then much,
// gets shorter row groups, so that memory is bounded.
func TestStrideTooLong(t *testing.T) {
	m := parseMapping(t, "table: t\ncolumns:\n  - {name: a, path: $.a, type: string}\n")
	const rowGroup, width = 1 << 16, 200
	line := func(b *bytes.Buffer, name string, i int) { fmt.Fprintf(b, "{%q:\"%0*d\"}\n", name, width, i) }
	var in bytes.Buffer
	for in.Len() < rowGroup/8 {
		line(&in, "other", in.Len())
	}
	first := in.Len()
	for i := 0; in.Len() < 16*rowGroup; i++ {
		line(&in, "a", i)
	}
	// A value and its index take a little more than its line: after two
	// multiples, more is held than allowed. The stride alone would be four.
	got := rowGroups(t, m, in.Bytes(), conversion.Options{Codec: "none", RowGroupBytes: rowGroup, RowGroupRows: 1 << 20})
	if want := 8; got != want {
		t.Errorf("%d row groups of %d bytes, of which the first %d keep nothing; want %d", got, in.Len(), first, want)
	}
}
