package tables_test

import (
	"errors"
	"slices"
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

// A table is divided otherwise once, whoever else commits, and whatever becomes of replies;
// what a batch has in files of the former spec lands beside it.
func TestDivide(t *testing.T) {
	s := newCalm(t)
	by := func(schema *iceberg.Schema) []iceberg.PartitionField {
		return []iceberg.PartitionField{{SourceID: schema.Field("n").ID, Name: "n_bucket", Transform: iceberg.Transform{Name: "bucket", N: 2}}}
	}
	head := s.bring(t, keyA).Head
	late := s.prepare(t, head, keyB)
	own := *s.table
	own.Catalog = &replyLost{s.catalog}
	divided, err := own.Divide(t.Context(), head, columns, by)
	if err != nil || divided.Metadata().SpecID == head.Metadata().SpecID || len(divided.Metadata().Specs) != 2 {
		t.Fatalf("a lost reply: %v", err)
	}
	if again, err := s.table.Divide(t.Context(), head, columns, by); err != nil || again.Metadata().SpecID != divided.Metadata().SpecID || len(again.Metadata().Specs) != 2 {
		t.Errorf("of an older head: %v", err)
	}
	if same, err := s.table.Divide(t.Context(), divided, columns, by); err != nil || same != divided {
		t.Errorf("it is so already: %v", err)
	}
	if same, err := s.table.Divide(t.Context(), divided, columns, func(*iceberg.Schema) []iceberg.PartitionField { return nil }); err != nil || same != divided {
		t.Errorf("no fields: %v", err)
	}
	if c, err := s.table.Commit(t.Context(), head, late); err != nil || c.Head.Rows() != 5 {
		t.Errorf("a batch of the former spec: %v", err)
	}
	s.bring(t, keyC)
	s.newVersion(keyB, 1) // in a file of the former spec
	s.bring(t, keyB)
	s.keeps(t)

	// A column that is new comes with it.
	more := append(slices.Clone(columns), schema.Column{Name: "region", Type: schema.Type{Kind: schema.String}})
	h, err := s.table.Divide(t.Context(), s.load(t), more, func(s *iceberg.Schema) []iceberg.PartitionField {
		return []iceberg.PartitionField{{SourceID: s.Field("region").ID, Name: "region", Transform: iceberg.Transform{Name: "identity"}}}
	})
	if m := h.Metadata(); err != nil || m.CurrentSchema().Field("region") == nil || m.Spec(m.SpecID).Fields[0].Name != "region" {
		t.Errorf("%v, %+v", err, m)
	}
}
