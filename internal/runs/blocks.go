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

// check compares data, which begin with a block, with the checksums of their blocks.
func (i *Info) check(number int64, data []byte) error {
	for ; len(data) > 0; number++ {
		block := data[:min(blockBytes, len(data))]
		if number >= int64(len(i.Blocks)) || crc32.Checksum(block, castagnoli) != i.Blocks[number] {
			return ErrDamaged
		}
		data = data[len(block):]
	}
	return nil
}

// blocks reads a large file some blocks at a time, and keeps what was read last: the
// columns of a row group lie beside one another, and so do the parts of the index. It is
// for one goroutine.
type blocks struct {
	store store.Store
	at    store.Info
	info  *Info
	size  int64 // of what is read at a time: a number of blocks
	most  int   // of these that are kept
	kept  []piece
}

// piece is what was read at a time.
type piece struct {
	number int64
	data   []byte
}

const blockBytes = 256 << 10

func (b *blocks) read(ctx context.Context, p []byte, offset int64) error {
	for len(p) > 0 {
		k, err := b.piece(ctx, offset/b.size)
		if err != nil {
			return err
		}
		n := copy(p, k.data[offset%b.size:])
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}

func (b *blocks) piece(ctx context.Context, number int64) (piece, error) {
	for i, k := range b.kept {
		if k.number == number {
			copy(b.kept[1:i+1], b.kept[:i]) // the last one that was used comes first
			b.kept[0] = k
			return k, nil
		}
	}
	if len(b.kept) == b.most {
		b.kept[b.most-1] = piece{} // before the next one takes memory
		b.kept = b.kept[:b.most-1]
	}
	k := piece{number, make([]byte, min(b.size, b.at.Size-number*b.size))}
	if err := b.store.ReadAt(ctx, b.at, k.data, number*b.size); err != nil {
		return k, err
	}
	if err := b.info.check(number*(b.size/blockBytes), k.data); err != nil {
		return k, err
	}
	b.kept = append([]piece{k}, b.kept...)
	return k, nil
}
