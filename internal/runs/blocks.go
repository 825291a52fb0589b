package runs

import (
	"context"
	"hash/crc32"
	"io"

	"sluice/internal/store"
)

// A run has a checksum for each block, which the root knows. So damage is noticed
// wherever it is, also if only parts of a run are read.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sums makes the checksums of what is written.
type sums struct {
	io.Writer
	blocks []uint32 // CRC-32C; the last one may grow
	size   int64
}

func (s *sums) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	for left := p[:n]; len(left) > 0; {
		room := int(blockBytes - s.size%blockBytes)
		if room == blockBytes {
			s.blocks = append(s.blocks, 0)
		}
		part := left[:min(room, len(left))]
		last := &s.blocks[len(s.blocks)-1]
		*last = crc32.Update(*last, castagnoli, part)
		left, s.size = left[len(part):], s.size+int64(len(part))
	}
	return n, err
}

// check compares a block with its checksum.
func (i *Info) check(number int64, data []byte) error {
	if number >= int64(len(i.Blocks)) || crc32.Checksum(data, castagnoli) != i.Blocks[number] {
		return errDamaged
	}
	return nil
}

// checkAll compares all blocks.
func (i *Info) checkAll(data []byte) error {
	for n := int64(0); len(data) > 0; n++ {
		block := data[:min(blockBytes, len(data))]
		if err := i.check(n, block); err != nil {
			return err
		}
		data = data[len(block):]
	}
	return nil
}

// blocks reads a large file in blocks, and keeps the last few: the columns of a row
// group lie beside one another, and so do the parts of the index. It is for one
// goroutine.
type blocks struct {
	store store.Store
	at    store.Info
	info  *Info
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
	if err := b.info.check(number, k.data); err != nil {
		return k, err
	}
	b.kept = append([]block{k}, b.kept[:min(len(b.kept), mostBlocks-1)]...)
	return k, nil
}
