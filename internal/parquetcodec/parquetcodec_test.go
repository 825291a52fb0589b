package parquetcodec

import (
	"bytes"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Of each codec: the Parquet library reads what is compressed, also with a
// used compressor, and so do we. A damaged page is an error.
func TestPages(t *testing.T) {
	for _, name := range Names() {
		c, err := NewCompressor(name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecompressor(c.Format)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range [][]byte{{7}, bytes.Repeat([]byte("abcdefgh"), 1000), {1, 2, 3}} {
			packed := slices.Clone(c.Compress(page, 8))
			if got, err := parquet.LookupCompressionCodec(c.Format).Decode(nil, packed); err != nil || !bytes.Equal(got, page) {
				t.Errorf("%s: the library reads a page of %d bytes as %d: %v", name, len(page), len(got), err)
			}
			if got, err := d.Decompress(packed, len(page)); err != nil || !bytes.Equal(got, page) {
				t.Errorf("%s: we read a page of %d bytes as %d: %v", name, len(page), len(got), err)
			}
			for what, damaged := range map[string][]byte{"cut": packed[:len(packed)-1], "empty": nil} {
				if got, err := d.Decompress(damaged, len(page)); err == nil {
					t.Errorf("%s: a page of %d bytes, %s, is read as %d", name, len(page), what, len(got))
				}
			}
			for _, size := range []int{0, len(page) - 1, len(page) + 1} {
				if got, err := d.Decompress(packed, size); err == nil {
					t.Errorf("%s: a page of %d bytes is read as %d, where its header says %d", name, len(page), len(got), size)
				}
			}
		}
	}
}

// A page that is larger than its header says is refused before it takes
// memory, also if it has several frames and only the first has that size.
func TestLargePages(t *testing.T) {
	page := bytes.Repeat([]byte("abcdefgh"), 1000)
	for _, c := range codecs {
		if c.compress == nil {
			continue
		}
		packed := c.compress()(nil, page, 8)
		for what, large := range map[string][]byte{"large": packed, "of two frames": append(packed, packed...)} {
			room := make([]byte, 0, len(page))
			if what == "large" {
				room = room[: 0 : len(page)-1]
			}
			if got, err := c.decompress(room, large); err == nil || cap(got) > len(page) {
				t.Errorf("%s: a page %s takes %d bytes where there is room for %d: %v", c.name, what, cap(got), cap(room), err)
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	if _, err := NewCompressor("lzo"); err == nil || err.Error() != `unknown codec "lzo"; use zstd, snappy or none` {
		t.Error(err)
	}
	if _, err := NewDecompressor(format.Brotli); err == nil || err.Error() != "codec BROTLI, which sluice does not write" {
		t.Error(err)
	}
}
