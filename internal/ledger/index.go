package ledger

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/store"
)

// indexKey begins with "_": Athena leaves out objects of such names
// (https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html).
const indexKey = "_index"

// maxIndex is the largest index that is used: some 6 million entries.
const maxIndex = 256 << 20

// Index reads what PutIndex has written; nil if there is none. The caller must
// check the content: it can be old, or of another configuration.
func (l *Ledger) Index(ctx context.Context) ([]byte, error) {
	data, info, err := store.Get(ctx, l.store, l.prefix+indexKey, maxIndex)
	if errors.Is(err, store.ErrNotFound) || info.Size > maxIndex {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read index of the ledger: %w", err)
	}
	return data, nil
}

// PutIndex replaces the index. It writes nothing if data is too large.
func (l *Ledger) PutIndex(ctx context.Context, data []byte) error {
	if len(data) > maxIndex {
		return nil
	}
	if _, err := store.Put(ctx, l.store, l.prefix+indexKey, data, store.CreateOptions{}, store.Unconditional()); err != nil {
		return fmt.Errorf("write index of the ledger: %w", err)
	}
	return nil
}
