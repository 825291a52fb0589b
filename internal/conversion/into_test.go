package conversion_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"testing"

	"sluice/internal/batch"
	"sluice/internal/conversion"
	"sluice/internal/gen"
	"sluice/internal/parquetfile"
	"sluice/schema"
)

// TestInto converts inputs one after another into the same batches. Each has the counts
// and sums that it has alone, and the batches have the rows of all, with the constants
// of each, but for those of inputs that were rejected, and left them.
func TestInto(t *testing.T) {
	m := orders(t)
	table := &m.Tables[0]
	s := m.Schema(table)
	s.Columns = append(slices.Clone(s.Columns), schema.Column{Name: "of", Type: schema.Type{Kind: schema.String}})
	for _, group := range []int64{0, 4096} { // the second has inputs of several row groups
		memory := new(conversion.Memory)
		into := batch.New(s, conversion.Levels(m, table, 1), table.Levels())
		var want, got [][]string
		returned := false
		for seed := range uint64(80) {
			in := generate(t, gen.Options{Seed: seed, Orders: int64(seed % 40), Form: gen.Form(seed % 5), Catalogue: seed%2 == 0, Wide: seed%3 == 0, Bad: float64(seed%4) / 8})
			if seed%7 == 3 {
				in = in[:len(in)-len(in)/3]
			}
			opts := conversion.Options{Source: "a", RowGroupBytes: group, RowGroupRows: 1 << 20}
			if group == 0 {
				opts.RowGroupRows = 0
			}
			alone := convert(t, m, bytes.NewReader(in), opts)
			mark := into.Mark()
			name := string(rune('a' + seed%26))
			var rest [][]string // of the row groups after the first
			var bad bytes.Buffer
			opts.Quarantine, opts.Codec = &bad, "none"
			out := conversion.Output{Schema: s, Constants: []string{name}, Into: into, Take: func(b *batch.Batch) (*batch.Batch, error) {
				if b != into {
					rest = append(rest, batchRows(t, s, b)...)
				}
				return nil, nil
			}}
			stats, err := conversion.RunWith(context.Background(), memory, []conversion.Output{out}, bytes.NewReader(in), m, opts)
			if (err != nil) != (alone.err != nil) {
				t.Fatalf("seed %d: error %v, alone %v", seed, err, alone.err)
			}
			if err != nil {
				into.Return(mark)
				returned = true
				continue
			}
			stats.BytesWritten = alone.stats.BytesWritten
			if !maps.Equal(stats.Sums, alone.stats.Sums) || !maps.Equal(stats.RecordSums, alone.stats.RecordSums) || !slices.Equal(stats.Drifted, alone.stats.Drifted) ||
				stats.RowsWritten != alone.stats.RowsWritten || !bytes.Equal(bad.Bytes(), alone.bad) {
				t.Fatalf("seed %d: %+v, alone %+v", seed, stats, alone.stats)
			}
			first := into.Rows - mark.Rows
			for i, row := range alone.rows {
				if row = append(slices.Clone(row), name); i < first {
					want = append(want, row)
				} else {
					got, want = append(got, rest[i-first]), append(want, row)
				}
			}
			if group != 0 || seed%20 == 19 {
				into.Finish()
				joined := batchRows(t, s, into)
				if group != 0 { // those of this input come before its rest
					n := len(got) - (len(alone.rows) - first)
					got = slices.Insert(got, n, joined...)
				} else {
					got = append(got, joined...)
				}
				into.Reset()
			}
		}
		if !returned || len(want) < 1000 {
			t.Fatalf("%d rows, some returned: %v", len(want), returned)
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("row groups of %d bytes: %d rows are not those %d of the inputs alone", group, len(got), len(want))
		}
	}
}

// batchRows are the rows of a finished batch, as a reader finds them.
func batchRows(t *testing.T, s schema.Schema, b *batch.Batch) [][]string {
	t.Helper()
	e, err := parquetfile.NewEncoder("none")
	if err != nil {
		t.Fatal(err)
	}
	g, err := e.Encode(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := parquetfile.NewWriter(&file, s, parquetfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(g); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return readRows(t, file.Bytes())
}
