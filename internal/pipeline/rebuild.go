package pipeline

import (
	"context"
	"fmt"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// rebuild makes a damaged ledger entry anew. The names of the outputs are
// fixed for ever, so they are looked for in the sink; only if there is none
// does the current source name them.
func (p *Pipeline) rebuild(ctx context.Context, src store.Store, bucket, key, etag string) (*claim, error) {
	entry := ledger.Entry{Bucket: bucket, Key: key}
	sink, err := p.listSink(ctx)
	if err == nil {
		entry, err = p.adopted(ctx, bucket, key, sink)
	}
	if err != nil {
		return nil, fmt.Errorf("rebuild ledger entry: %w", err)
	}
	if entry.FirstSeen.IsZero() {
		info, err := src.Head(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("rebuild ledger entry: look at source: %w", err)
		}
		entry.FirstSeen = info.Modified.UTC()
	}
	p.place(&entry)
	if etag, err = p.Ledger.Put(ctx, &entry, store.IfMatch(etag)); err != nil {
		return nil, err
	}
	return &claim{entry: entry, etag: etag}, nil
}
