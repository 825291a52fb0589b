package parquetfile

import (
	"math"
	"math/bits"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/format"
)

// bloomFilter is a split block filter (spec, BloomFilter.md) over the entries
// of a column, reused for the next.
type bloomFilter struct {
	blocks bloom.SplitBlockFilter
	buf    []byte
}

// fill makes the filter of a column and returns its bits.
func (f *bloomFilter) fill(c *column) []byte {
	n := bloomBlocks(c)
	if cap(f.blocks) < n {
		f.blocks = make(bloom.SplitBlockFilter, n)
	}
	f.blocks = f.blocks[:n]
	f.blocks.Reset()
	var hash bloom.XXH64
	for entry := range uint32(c.Entries()) {
		f.buf = c.appendValue(f.buf[:0], entry)
		f.blocks.Insert(hash.Sum64(f.buf))
		if c.physical == format.Double && math.Float64frombits(c.Fixed[entry]) == 0 {
			// A search for one zero must find the other.
			f.blocks.Insert(hash.Sum64Uint64(0))
			f.blocks.Insert(hash.Sum64Uint64(1 << 63))
		}
	}
	return f.blocks.Bytes()
}

// bloomBlocks is the number of blocks of 256 bits for the values of a column at
// a rate of one false positive in a hundred (10.5 bits a value: spec,
// BloomFilter.md), rounded up to a power of two as other writers do.
func bloomBlocks(c *column) int {
	// In a column that has left its dictionary an entry may repeat; how often
	// must not matter.
	values := c.Entries()
	if !c.Distinct {
		values = c.values()
	}
	const bitsPerValue = 10.5
	blocks := math.Ceil(float64(values) * bitsPerValue / (8 * bloom.BlockSize))
	return 1 << bits.Len(uint(max(blocks, 1))-1)
}

// bloomFilter appends the bloom filter of a chunk to the row group, if the
// column has one. Booleans have none, since their bounds say everything. Nor
// has a chunk without values, nor one whose pages are smaller than the filter:
// reading the pages is then cheaper and says more.
func (e *Encoder) bloomFilter(ch *chunk, c *column) (err error) {
	ch.bloom, ch.bloomEnd = len(e.out), len(e.out)
	if !c.Bloom || c.physical == format.Boolean || ch.nulls == ch.levels || bloomBlocks(c)*bloom.BlockSize > ch.end-ch.start {
		return nil
	}
	bits := e.bloom.fill(c)
	if e.out, err = e.thrift.append(e.out, &format.BloomFilterHeader{
		NumBytes:    int32(len(bits)),
		Algorithm:   format.BloomFilterAlgorithm{Value: &format.SplitBlockAlgorithm{}},
		Hash:        format.BloomFilterHash{Value: &format.XxHash{}},
		Compression: format.BloomFilterCompression{Value: &format.BloomFilterUncompressed{}},
	}); err != nil {
		return err
	}
	e.out = append(room(e.out, len(bits)), bits...)
	ch.bloomEnd = len(e.out)
	return nil
}
