package parquetfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/schema"
)

// A column that shares the bytes of another's pages is written as it would be
// alone. A column too far away shares nothing: otherwise each column of a wide
// table would be compared with all others.
func TestTwin(t *testing.T) {
	const records = 3000
	r := rand.New(rand.NewPCG(3, 4))
	types := []schema.Type{{Kind: schema.Int64}, {Kind: schema.String}, {Kind: schema.Timestamp}, {Kind: schema.Decimal, Precision: 38}}
	x := &table{pageEnds: make([]bool, records)}
	x.pageEnds[1000] = true
	together := []int{0, 1, 2, 3, 3 + near, 4 + 2*near} // the last one is too far away
	x.columns = make([]tableColumn, together[5]+1)
	for i := range x.columns {
		c := &x.columns[i]
		c.Name, c.Type, c.values = fmt.Sprint("c", i), types[i%len(types)], make([]any, records)
	}
	for row := range records {
		shared := r.IntN(50)
		for i := range x.columns {
			n := shared
			if !slices.Contains(together, i) {
				n = r.IntN(50)
			}
			if n > 0 { // else NULL
				x.columns[i].values[row] = repeated(x.columns[i].Type, n)
			}
		}
	}
	checkTwins(t, x, together[1:5])
}

// Elements of two levels may have the same index, and other rows.
func TestTwinOfAnotherLevel(t *testing.T) {
	x := &table{depth: 1, columns: make([]tableColumn, 2)}
	for level := range x.columns {
		c := &x.columns[level]
		c.level, c.Name, c.Type.Kind = level, fmt.Sprint("c", level), schema.String
	}
	for i := range 1000 {
		x.pageEnds = append(x.pageEnds, false)
		x.children[0] = append(x.children[0], i%2*2)
		for level := range x.columns {
			x.columns[level].values = append(x.columns[level].values, repeated(schema.Type{Kind: schema.String}, i%7))
		}
	}
	checkTwins(t, x, nil)
}

// repeated is the n-th value of the type, of some bytes.
func repeated(t schema.Type, n int) any {
	switch {
	case t.Wide():
		return fmt.Appendf(nil, "%016d", n*n)
	case t.Bytes():
		return fmt.Appendf(nil, "a longer text, %d", n*n)
	}
	return uint64(n * 1_000_003)
}

// checkTwins checks that these columns share pages, and that each is written as
// it would be alone.
func checkTwins(t *testing.T, x *table, twins []int) {
	t.Helper()
	for _, codec := range codecs {
		whole, _ := NewEncoder(codec)
		b := x.batch()
		got, err := whole.Encode(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.columns {
			if twin, want := whole.twin(b, i), slices.Contains(twins, i); twin != nil != want {
				t.Errorf("%s, column %d: it shares pages: %v, want %v", codec, i, twin != nil, want)
			}
			alone := *x
			alone.columns = x.columns[i : i+1]
			e, _ := NewEncoder(codec)
			want, err := e.Encode(t.Context(), alone.batch())
			if err != nil {
				t.Fatal(err)
			}
			ch := got.chunks[i]
			if !bytes.Equal(want.bytes, got.bytes[ch.start:ch.end]) {
				t.Errorf("%s, column %d: other bytes than alone", codec, i)
			}
			ch.pages = slices.Clone(ch.pages)
			for p := range ch.pages {
				ch.pages[p].offset -= ch.start
			}
			ch.start, ch.data, ch.end = 0, ch.data-ch.start, ch.end-ch.start
			ch.bloom, ch.bloomEnd = ch.end, ch.end
			if diff := cmp.Diff(want.chunks[0], ch, cmp.AllowUnexported(bounds{}, chunk{}, chunkPage{})); diff != "" {
				t.Errorf("%s, column %d (-alone +whole):\n%s", codec, i, diff)
			}
		}
	}
}

// With zstd, numbers of a record that repeat only in its own few rows are
// PLAIN; nothing else of a record is.
func TestDictionaryOfRecords(t *testing.T) {
	const records = 2000
	for name, c := range map[string]struct {
		kind       schema.Kind
		rows       int
		value      func(i int) int
		codec      string
		dictionary bool
	}{
		"all differ":            {schema.Timestamp, 4, func(i int) int { return i }, "zstd", false},
		"one of three differs":  {schema.Timestamp, 4, func(i int) int { return i % 3 / 2 * i }, "zstd", true},
		"few differ":            {schema.Timestamp, 4, func(i int) int { return i % 10 }, "zstd", true},
		"long runs":             {schema.Timestamp, 20, func(i int) int { return i }, "zstd", true},
		"one value":             {schema.Timestamp, 4, func(int) int { return 1 }, "zstd", true},
		"texts":                 {schema.String, 4, func(i int) int { return i }, "zstd", true},
		"snappy is worse at it": {schema.Timestamp, 4, func(i int) int { return i }, "snappy", true},
	} {
		t.Run(name, func(t *testing.T) {
			x := &table{depth: 1, pageEnds: make([]bool, records), columns: make([]tableColumn, 1)}
			x.columns[0].Name, x.columns[0].Type.Kind = "c", c.kind
			for i := range records {
				x.children[0] = append(x.children[0], c.rows)
				x.columns[0].values = append(x.columns[0].values, repeated(x.columns[0].Type, c.value(i)))
			}
			e, err := NewEncoder(c.codec)
			if err != nil {
				t.Fatal(err)
			}
			g, err := e.Encode(t.Context(), x.batch())
			if err != nil {
				t.Fatal(err)
			}
			if got := g.chunks[0].dictionary; got != c.dictionary {
				t.Errorf("dictionary %t, want %t", got, c.dictionary)
			}
		})
	}
}

// Elements whose rows do not add up give an error, not a wrong file.
func TestRowsOfElements(t *testing.T) {
	x := &table{depth: 1, pageEnds: make([]bool, 3), columns: make([]tableColumn, 1)}
	x.columns[0].Name, x.columns[0].Type.Kind = "c", schema.Int64
	for i := range 3 {
		x.children[0] = append(x.children[0], 2)
		x.columns[0].values = append(x.columns[0].values, uint64(i))
	}
	b := x.batch()
	b.Runs[0][1]++
	e, err := NewEncoder("zstd")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(t.Context(), b); err == nil || !strings.Contains(err.Error(), "elements of level 0 have 7") {
		t.Errorf("error %v, want one of the rows of level 0", err)
	}
}
