package pipeline

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// rebuild makes a damaged ledger entry anew. The names of the outputs are
// fixed for ever, so they are looked for in the sink; only if there is none
// does the current source name them.
func (p *Pipeline) rebuild(ctx context.Context, src store.Store, bucket, key, etag string) (ledger.Entry, string, error) {
	entry := ledger.Entry{Bucket: bucket, Key: key}
	end := "_" + ledger.ID(bucket, key)[:12] + ".parquet"
	err := p.Sink.List(ctx, p.SinkPrefix, func(info store.Info) error {
		name := info.Key[strings.LastIndexByte(info.Key, '/')+1:]
		if stamp, ok := strings.CutSuffix(name, end); ok && entry.FirstSeen.IsZero() {
			if at, err := time.Parse("orders_20060102T150405.000Z", stamp); err == nil {
				entry.FirstSeen = at
			}
		}
		return nil
	})
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
