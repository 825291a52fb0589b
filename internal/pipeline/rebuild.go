package pipeline

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// rebuild makes a damaged ledger entry anew. The names of the outputs are
// fixed for ever, so they are looked for in the sink; only if there is none
// does the current source name them.
func (p *Pipeline) rebuild(ctx context.Context, src store.Store, bucket, key, etag string) (ledger.Entry, string, error) {
	entry := ledger.Entry{Bucket: bucket, Key: key}
	err := p.Sink.List(ctx, p.SinkPrefix, func(info store.Info) error {
		id, at, ok := ledger.ParseOutputName(info.Key[strings.LastIndexByte(info.Key, '/')+1:])
		if ok && entry.FirstSeen.IsZero() && strings.HasPrefix(ledger.ID(bucket, key), id) {
			entry.FirstSeen = at
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
