package meaning

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/internal/batch"
	"sluice/internal/conversion"
	"sluice/internal/parquetfile"
	"sluice/internal/parquetread"
	"sluice/mapping"
	"sluice/schema"
)

// joined converts the texts of a mapping one after another into the same batches, with
// the memory of those before.
type joined struct {
	m      *mapping.Mapping
	memory sluice.Memory
	tables []*joinedTable
}

// joinedTable is the batch of a table, and the rows that it must have.
type joinedTable struct {
	io.Writer
	into *batch.Batch
	s    schema.Schema
	want [][]string
}

func newJoined(m *mapping.Mapping) *joined {
	j := &joined{m: m}
	for i := range m.Tables {
		t := &m.Tables[i]
		s := m.Schema(t)
		j.tables = append(j.tables, &joinedTable{s: s, into: batch.New(s, conversion.Levels(m, t, 0), t.Levels())})
	}
	return j
}

// Output implements [conversion.Rows].
func (t *joinedTable) Output(s schema.Schema) (conversion.Output, error) {
	return conversion.Output{Schema: s, Into: t.into, Take: func(b *batch.Batch) (*batch.Batch, error) {
		if b != t.into {
			return nil, fmt.Errorf("a text has several row groups")
		}
		return nil, nil
	}}, nil
}

// add converts a text, and says what differs from what it gave alone.
func (j *joined) add(t *testing.T, text, source string, alone *made) string {
	t.Helper()
	marks := make([]batch.Mark, len(j.tables))
	for i, table := range j.tables {
		marks[i] = table.into.Mark()
	}
	stats, err := sluice.Convert(t.Context(), nil, strings.NewReader(text), j.m, &sluice.Options{
		Codec: sluice.None, Source: source, Quarantine: io.Discard, Memory: &j.memory,
		Table: func(name string) (io.Writer, error) {
			return j.tables[slices.IndexFunc(j.m.Tables, func(t mapping.Table) bool { return t.Name == name })], nil
		},
	})
	if fmt.Sprint(err) != fmt.Sprint(alone.err) {
		return fmt.Sprintf("behind other texts: error %v, alone %v", err, alone.err)
	}
	stats.BytesWritten = alone.stats.BytesWritten
	if diff := cmp.Diff(alone.stats, stats); diff != "" {
		return "behind other texts (+) than alone (-):\n" + diff
	}
	for i, table := range j.tables {
		if err != nil {
			table.into.Return(marks[i])
			continue
		}
		for _, row := range alone.tables[table.s.Table] {
			table.want = append(table.want, slices.Clone(row))
		}
	}
	return ""
}

// rows compares the rows of the batches with those that the texts gave alone.
func (j *joined) rows(t *testing.T) string {
	t.Helper()
	for _, table := range j.tables {
		table.into.Finish()
		var file bytes.Buffer
		e, err := parquetfile.NewEncoder("none")
		if err != nil {
			t.Fatal(err)
		}
		g, err := e.Encode(t.Context(), table.into)
		if err != nil {
			t.Fatal(err)
		}
		w, err := parquetfile.NewWriter(&file, table.s, parquetfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if g.Rows() > 0 {
			err = w.Write(g)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(table.want, readFile(t, file.Bytes())); diff != "" {
			return "rows of texts in one batch (+), alone (-):\n" + diff
		}
	}
	return ""
}

// readFile reads the rows of a file.
func readFile(t *testing.T, file []byte) (rows [][]string) {
	t.Helper()
	f, err := parquetread.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	err = f.Rows(math.MaxInt, func(row []string) error {
		row = slices.Clone(row)
		for i, c := range row {
			if c == parquetread.Null {
				row[i] = null
			}
		}
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
