package parquetfile

import (
	"context"
	"fmt"
	"math"

	"sluice/internal/batch"
	"sluice/internal/parquetcodec"
)

// Encoder turns batches into row groups. Use one for many batches, so that its
// buffers are reused. It is not safe for concurrent use; several encoders can
// work at once.
type Encoder struct {
	compressor parquetcodec.Compressor
	measurer   measurer
	bounder    bounder
	pager      pager
	bloom      bloomFilter
	thrift     *thriftEncoder

	out     []byte // the row group
	indexes []byte // its column indexes
	group   RowGroup
}

// RowGroup is an encoded row group, to be handed to a [Writer].
type RowGroup struct {
	rows   int
	bytes  []byte // pages, then bloom filters
	chunks []chunk
}

// Rows is the number of rows.
func (g *RowGroup) Rows() int { return g.rows }

// IsNull reports whether the i-th column has no value in any row.
func (g *RowGroup) IsNull(i int) bool { return g.chunks[i].nulls == g.chunks[i].levels }

// Bytes is the number of bytes the row group takes in a file, without its part
// of the footer.
func (g *RowGroup) Bytes() int { return len(g.bytes) }

// NewEncoder makes an encoder that compresses pages with a codec of that name.
func NewEncoder(codec string) (*Encoder, error) {
	c, err := parquetcodec.NewCompressor(codec)
	if err != nil {
		return nil, err
	}
	e := &Encoder{compressor: c, thrift: newThriftEncoder()}
	e.bounder.buf = make([]byte, 0, 1024) // an empty bound must not be nil, which means none
	return e, nil
}

// Encode encodes a finished batch, or gives up when ctx ends. The row group is
// valid until the next call; the batch may be reset before that.
func (e *Encoder) Encode(ctx context.Context, b *batch.Batch) (*RowGroup, error) {
	e.out, e.indexes, e.bounder.buf = e.out[:0], e.indexes[:0], e.bounder.buf[:0]
	e.group.rows, e.group.bytes = 0, nil
	if cap(e.group.chunks) < len(b.Columns) {
		e.group.chunks = make([]chunk, len(b.Columns))
	}
	e.group.chunks = e.group.chunks[:len(b.Columns)]
	if b.Rows == 0 {
		return &e.group, nil
	}
	if n := len(b.Pages); n == 0 || b.Pages[n-1].Rows != b.Rows {
		return nil, fmt.Errorf("encode batch of %d rows: it is not finished", b.Rows)
	}
	if b.Rows > math.MaxInt32 {
		return nil, fmt.Errorf("encode batch of %d rows: more than a page can count", b.Rows)
	}
	for l, runs := range b.Runs[:b.Depth] {
		rows := 0
		for _, n := range runs {
			rows += int(n)
		}
		if rows != b.Rows {
			return nil, fmt.Errorf("encode batch of %d rows: elements of level %d have %d", b.Rows, l, rows)
		}
	}
	for i := range b.Columns {
		c := newColumn(b, i)
		e.measurer.measure(c, b.Pages)
		if err := e.chunk(ctx, b, i); err != nil {
			return nil, fmt.Errorf("encode column %s: %w", c.Name, err)
		}
		if err := e.columnIndex(&e.group.chunks[i], c); err != nil {
			return nil, fmt.Errorf("encode column index of %s: %w", c.Name, err)
		}
	}
	for i := range b.Columns {
		if err := e.bloomFilter(&e.group.chunks[i], newColumn(b, i)); err != nil {
			return nil, fmt.Errorf("encode bloom filter of %s: %w", b.Columns[i].Name, err)
		}
	}
	e.group.rows, e.group.bytes = b.Rows, e.out
	return &e.group, nil
}
