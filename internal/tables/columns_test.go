package tables_test

import (
	"errors"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/tables"
	"sluice/schema"
)

// with gives a batch a column more, with the ID that the head gives it.
func with(t *testing.T, h *tables.Head, b *tables.Batch, name string, kind schema.Kind) *tables.Batch {
	t.Helper()
	all := append(columns[:len(columns):len(columns)], schema.Column{Name: name, Type: schema.Type{Kind: kind}})
	s, _, err := h.Metadata().Evolve(all)
	if err != nil {
		t.Fatal(err)
	}
	b.Columns = datafile.Columns(all, s)
	return b
}

// The ID of a new column is a guess: a batch whose guess went to another column does not
// land, and one whose guess was right does, without another schema.
func TestColumnsOfBatches(t *testing.T) {
	s := newCalm(t)
	h := s.load(t)
	first := with(t, h, s.prepare(t, h, keyA), "a", schema.String)
	other := with(t, h, s.prepare(t, h, keyB), "b", schema.String)
	same := with(t, h, s.prepare(t, h, keyC), "a", schema.String)
	done, err := s.table.Commit(t.Context(), h, first)
	if err != nil {
		t.Fatal(err)
	}
	m := done.Head.Metadata()
	if f := m.CurrentSchema().Field("a"); f == nil || f.ID != 4 || *m.Head().SchemaID != m.SchemaID || len(m.Schemas) != 2 {
		t.Fatalf("columns %+v, snapshot of schema %d", m.CurrentSchema(), *m.Head().SchemaID)
	}
	if _, err := s.table.Commit(t.Context(), h, other); !errors.Is(err, tables.ErrOvertaken) {
		t.Errorf("a batch whose column has the ID of another one: %v", err)
	}
	if done, err = s.table.Commit(t.Context(), h, same); err != nil {
		t.Fatal(err)
	}
	if m := done.Head.Metadata(); len(m.Schemas) != 2 || m.LastSequence != 2 {
		t.Errorf("%d schemas, %d snapshots", len(m.Schemas), m.LastSequence)
	}
	h = done.Head
	if _, err := s.table.Commit(t.Context(), h, with(t, h, s.prepare(t, h, keyB), "b", schema.String)); err != nil {
		t.Errorf("the batch that was made again: %v", err)
	}
}

// A batch that the table cannot take, since another one was faster, is refused at once.
func TestColumnsThatDoNotFit(t *testing.T) {
	s := newCalm(t)
	h := s.load(t)
	first := with(t, h, s.prepare(t, h, keyA), "a", schema.String)
	other := with(t, h, s.prepare(t, h, keyB), "a", schema.Int64)
	if _, err := s.table.Commit(t.Context(), h, first); err != nil {
		t.Fatal(err)
	}
	c, err := s.table.Commit(t.Context(), h, other)
	if refused := new(iceberg.ColumnsError); !errors.As(err, &refused) || c.Tries != 1 {
		t.Errorf("%d tries: %v", c.Tries, err)
	}
}

// A batch without rows, as of objects that are gone, needs no columns.
func TestColumnsWithoutRows(t *testing.T) {
	s := newCalm(t)
	s.bring(t, keyA)
	s.sources[keyA] = append(s.sources[keyA], version{})
	h := s.load(t)
	done, err := s.table.Commit(t.Context(), h, with(t, h, s.prepare(t, h, keyA), "a", schema.String))
	if err != nil {
		t.Fatal(err)
	}
	if m := done.Head.Metadata(); len(m.Schemas) != 1 {
		t.Errorf("%d schemas", len(m.Schemas))
	}
}
