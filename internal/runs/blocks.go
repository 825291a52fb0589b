package runs

import (
	"context"

	"sluice/internal/store"
)

// blocks reads a large file in blocks, and keeps the last few: the columns of a row
// group lie beside one another, and so do the parts of the index. It is for one
// goroutine.
type blocks struct {
	store store.Store
	at    store.Info
	kept  []block // the last one that was used comes first
}

type block struct {
	number int64
	data   []byte
}

const (
	blockBytes = 1 << 20
	mostBlocks = 4
)

func (b *blocks) read(ctx context.Context, p []byte, offset int64) error {
	for len(p) > 0 {
		k, err := b.block(ctx, offset/blockBytes)
		if err != nil {
			return err
		}
		n := copy(p, k.data[offset%blockBytes:])
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}

func (b *blocks) block(ctx context.Context, number int64) (block, error) {
	for i, k := range b.kept {
		if k.number == number {
			copy(b.kept[1:i+1], b.kept[:i])
			b.kept[0] = k
			return k, nil
		}
	}
	k := block{number, make([]byte, min(blockBytes, b.at.Size-number*blockBytes))}
	if err := b.store.ReadAt(ctx, b.at, k.data, number*blockBytes); err != nil {
		return k, err
	}
	b.kept = append([]block{k}, b.kept[:min(len(b.kept), mostBlocks-1)]...)
	return k, nil
}
