package parquetcodec

import (
	"bytes"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Of each codec: the Parquet library reads what is compressed, also with a
// used compressor, and the page says its size.
func TestPages(t *testing.T) {
	for _, name := range Names() {
		c, err := NewCompressor(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range [][]byte{{7}, bytes.Repeat([]byte("abcdefgh"), 1000), {1, 2, 3}} {
			packed := c.Compress(page, 8)
			if got, err := parquet.LookupCompressionCodec(c.Format).Decode(nil, packed); err != nil || !bytes.Equal(got, page) {
				t.Errorf("%s: a page of %d bytes is read as %d: %v", name, len(page), len(got), err)
			}
			if size, err := Size(c.Format, packed[:min(16, len(packed))], len(packed)); err != nil || size != uint64(len(page)) {
				t.Errorf("%s: a page of %d bytes says %d: %v", name, len(page), size, err)
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	if _, err := NewCompressor("lzo"); err == nil || err.Error() != `unknown codec "lzo"; use zstd, snappy or none` {
		t.Error(err)
	}
	if _, err := Size(format.Brotli, nil, 0); err == nil || err.Error() != "codec BROTLI, which sluice does not write" {
		t.Error(err)
	}
}
