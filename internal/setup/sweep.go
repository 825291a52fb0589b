package setup

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sluice/internal/catalog/dircatalog"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
)

// written is a place where the pipeline writes.
type written struct {
	name   string
	st     store.Store
	prefix string
}

// writes are the places where the pipeline writes. The source is one of them if it is a folder:
// sluice erase writes there, and nobody else has uploads in it.
func (s *Setup) writes() ([]written, error) {
	all := []written{
		{"sink", s.Pipeline.Sink, s.Pipeline.SinkPrefix},
		{"ledger", s.Ledger, s.Config.Ledger.Prefix},
		{"quarantine", s.Pipeline.Quarantine, s.Pipeline.QuarantinePrefix},
	}
	if _, ok := s.Catalog.(*dircatalog.Catalog); ok {
		all = append(all, written{"catalog", s.Ledger, catalogFolder})
	}
	src, err := s.Pipeline.Source(s.Config.Source.Bucket)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	if _, ok := src.(*dirstore.Store); ok {
		all = append(all, written{"source", src, s.Config.Source.Prefix})
	}
	return all, nil
}

// Sweep removes the uploads of dead workers from the places where the pipeline
// writes, and returns their number. If one place fails it still sweeps the others.
func (s *Setup) Sweep(ctx context.Context) (int, error) {
	places, err := s.writes()
	if err != nil {
		return 0, err
	}
	numbers, failed := make([]int, len(places)), make([]error, len(places))
	var all sync.WaitGroup
	for i, p := range places {
		all.Go(func() { numbers[i], failed[i] = p.st.Sweep(ctx, p.prefix) })
	}
	all.Wait()
	n := 0
	for _, swept := range numbers {
		n += swept
	}
	return n, errors.Join(failed...)
}

// Uploads calls fn with the pending uploads of each place where the pipeline writes, or
// with why they are not known.
func (s *Setup) Uploads(ctx context.Context, fn func(place string, all []store.Upload, err error)) error {
	places, err := s.writes()
	if err != nil {
		return err
	}
	for _, p := range places {
		all, err := p.st.PendingUploads(ctx, p.prefix)
		fn(p.name, all, err)
	}
	return nil
}
