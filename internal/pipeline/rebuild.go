package pipeline

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// rebuild makes a damaged ledger entry anew. The names of the outputs are
// fixed for ever, so they are looked for in the sink; only if there is none
// does the current source name them.
func (p *Pipeline) rebuild(ctx context.Context, src store.Store, bucket, key, etag string) (ledger.Entry, string, error) {
	entry := ledger.Entry{Bucket: bucket, Key: key}
	var times []time.Time
	err := p.outputs(ctx, func(id uint64, of []time.Time) {
		if id == named(ledger.ID(bucket, key)) {
			times = of
		}
	})
	if err == nil {
		entry.FirstSeen, err = p.standing(ctx, bucket, key, times)
	}
	if err != nil {
		return entry, "", fmt.Errorf("rebuild ledger entry: %w", err)
	}
	if entry.FirstSeen.IsZero() {
		info, err := src.Head(ctx, key)
		if err != nil {
			return entry, "", fmt.Errorf("rebuild ledger entry: look at source: %w", err)
		}
		entry.FirstSeen = info.Modified.UTC()
	}
	p.addTables(&entry)
	etag, err = p.Ledger.Put(ctx, entry, store.IfMatch(etag))
	return entry, etag, err
}
