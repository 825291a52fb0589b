package pipeline

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/schema"
)

// Seen is what the tables show at one time, for those who only read.
type Seen struct {
	t *Tables
	// Heads are those of the tables of the mapping, in their order; nil: there is none.
	Heads []*tables.Head
}

// See loads the heads. A table may have other columns than the mapping.
func (t *Tables) See(ctx context.Context) (*Seen, error) {
	s := &Seen{t: t}
	for _, table := range t.Tables {
		h, err := table.Load(ctx)
		if err != nil && !errors.Is(err, iceberg.ErrNoTable) {
			return nil, err
		}
		s.Heads = append(s.Heads, h)
	}
	return s, nil
}

// Entries calls fn for each source key, in the order of [runs.Key], with what each table
// has of it.
func (s *Seen) Entries(ctx context.Context, fn func(e ledger.Entry, known []*runs.Entry) error) error {
	scan := newScan(ctx, s.Heads, (*tables.Head).Scan)
	defer scan.stop()
	for {
		key, k, err := scan.next()
		if err != nil || k == nil {
			return err
		}
		if err := fn(s.t.entry(key.Bucket, key.Key, k), k); err != nil {
			return err
		}
	}
}

// Entry is what is known of a source key, and what each table has of it.
func (s *Seen) Entry(ctx context.Context, bucket, key string) (ledger.Entry, []*runs.Entry, error) {
	k, err := look(ctx, s.Heads, []runs.Key{{Bucket: bucket, Key: key}})
	if err != nil {
		return ledger.Entry{}, nil, err
	}
	if k[0].first() == nil {
		return ledger.Entry{}, nil, fmt.Errorf("look up %q: %w", key, store.ErrNotFound)
	}
	return s.t.entry(bucket, key, k[0]), k[0], nil
}

// SourceColumns are the columns that each table has after those of the mapping.
func SourceColumns() []schema.Column {
	text := schema.Type{Kind: schema.String}
	return []schema.Column{{Name: sourceColumn, Type: text}, {Name: stateColumn, Type: text}}
}
