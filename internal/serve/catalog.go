package serve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/catalog"
)

const (
	catalogFolderWait = 2 * time.Second // between two refreshes
	catalogCloudWait  = time.Minute
)

// refreshCatalog tells the catalog of the tables, after objects were committed, as a
// run does at its end. At the start it does what an earlier process left.
func (w *work) refreshCatalog(ctx context.Context) {
	wait := catalogFolderWait
	if w.arrivals.Load() == nil {
		wait = catalogCloudWait
	}
	refresh := w.s.Setup().Catalog.FollowUp
	for {
		at := w.s.Setup()
		w.mu.Lock()
		written := w.written
		w.mu.Unlock()
		_, err := refresh(ctx, at.TablesFound(written))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			err = fmt.Errorf("refresh catalog: %w", err)
		}
		w.s.problem("catalog", err)
		if refused := new(catalog.RefusedError); err != nil && !errors.As(err, &refused) {
			select {
			case w.catalog <- struct{}{}: // try again
			default:
			}
		}
		if !sleep(ctx, wait) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-w.catalog:
		}
		refresh = w.s.Setup().Catalog.Refresh
	}
}
