package pipeline

import (
	"context"
	"fmt"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// rebuild makes a damaged ledger entry again. The names of the outputs never change,
// so they are looked up in the sink. If the sink has none, the current source
// determines them.
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
