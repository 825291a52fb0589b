package setup

import (
	"context"
	"errors"
	"sync"

	"sluice/internal/catalog/dircatalog"
	"sluice/internal/store"
)

// Sweep removes the uploads of dead workers from the places where the pipeline
// writes, and returns their number. If one place fails it still sweeps the others.
func (s *Setup) Sweep(ctx context.Context) (int, error) {
	type place struct {
		st     store.Store
		prefix string
	}
	places := []place{
		{s.Pipeline.Sink, s.Pipeline.SinkPrefix},
		{s.Ledger, s.Config.Ledger.Prefix},
		{s.Pipeline.Quarantine, s.Pipeline.QuarantinePrefix},
	}
	if _, ok := s.Catalog.(*dircatalog.Catalog); ok {
		places = append(places, place{s.Ledger, catalogFolder})
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
