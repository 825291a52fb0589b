package pipeline

import (
	"errors"
	"time"

	"sluice/internal/iceberg"
	"sluice/mapping"
	"sluice/schema"
)

// TableChange is what another mapping means to a table that has the columns of the former
// one.
type TableChange struct {
	Table string   `json:"table"`
	Taken []string `json:"taken"` // what changes with the next commit of rows
	Held  []string `json:"held"`  // why nothing is committed; empty: the mapping fits
}

// TableChanges are the tables of both mappings whose columns change, or would. A table
// that has had other mappings too, or columns of others, may hold more.
func TableChanges(old, next *mapping.Mapping) []TableChange {
	all := []TableChange{}
	for i := range old.Tables {
		for j := range next.Tables {
			if old.Tables[i].Name != next.Tables[j].Name {
				continue
			}
			c := tableChange(withSource(old, &old.Tables[i]), withSource(next, &next.Tables[j]))
			if c.Table = old.Tables[i].Name; len(c.Taken)+len(c.Held) > 0 {
				all = append(all, c)
			}
		}
	}
	return all
}

func tableChange(old, next []schema.Column) (c TableChange) {
	c.Taken, c.Held = []string{}, []string{}
	m, err := iceberg.New("", old, nil, nil, time.Time{})
	var s *iceberg.Schema
	if err == nil {
		s, _, err = m.Evolve(next)
	}
	refused := new(ColumnsError)
	switch {
	case errors.As(err, &refused):
		c.Held = refused.Reasons
	case err == nil:
		c.Taken = append(c.Taken, s.Changes(m.CurrentSchema())...)
	}
	return c
}

// withSource are the columns of a table of a mapping, with those of the source.
func withSource(m *mapping.Mapping, t *mapping.Table) []schema.Column {
	return append(m.Schema(t).Columns, SourceColumns()...)
}
