package iceberg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"
)

// Files of rows in Avro's container format: Avro specification, Object Container Files.
// The library writes them. It would read them too, but parses the schema of each file
// anew, which takes longer than all the rest: the manifests of a table have the same one.

// schemas are the schemas that were parsed last, by their texts.
var schemas schemaCache

type schemaCache struct {
	mutex  sync.Mutex
	parsed map[string]*avro.Schema
}

const (
	mostSchemas    = 64
	mostSchemaText = 64 << 10 // longer ones are not kept
)

func (c *schemaCache) parse(text []byte) (*avro.Schema, error) {
	c.mutex.Lock()
	s := c.parsed[string(text)]
	c.mutex.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := avro.Parse(string(text))
	if err != nil || len(text) > mostSchemaText {
		return s, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.parsed == nil || len(c.parsed) == mostSchemas {
		c.parsed = map[string]*avro.Schema{}
	}
	c.parsed[string(text)] = s
	return s, nil
}

// writeRows writes an Avro file of rows.
func writeRows[T any](schemaText string, header map[string]string, rows []T) ([]byte, error) {
	s, err := schemas.parse([]byte(schemaText))
	if err != nil {
		return nil, err
	}
	meta := map[string][]byte{}
	for name, value := range header {
		meta[name] = []byte(value)
	}
	var file bytes.Buffer
	// The text of the schema is written as it is: readers look for its field IDs.
	w, err := ocf.NewWriter(&file, s, ocf.WithCodec(deflate{}), ocf.WithMetadata(meta), ocf.WithSchema(schemaText))
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if err := w.Encode(&rows[i]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

var errContainer = errors.New("it is damaged, or no Avro file")

const syncBytes = 16 // of the marker that ends the header and each block

// readRows calls fn with each row of an Avro file.
func readRows[T any](file []byte, fn func(*T) error) error {
	header, rest, ok := readHeader(file)
	if !ok || len(rest) < syncBytes {
		return errContainer
	}
	schema, err := schemas.parse(header["avro.schema"])
	if err != nil {
		return err
	}
	marker := rest[:syncBytes]
	for rest = rest[syncBytes:]; len(rest) > 0; {
		var n, size int64
		n, rest, ok = long(rest)
		if ok {
			size, rest, ok = long(rest)
		}
		if !ok || size < 0 || size > int64(len(rest)-syncBytes) || !bytes.Equal(rest[size:size+syncBytes], marker) {
			return errContainer
		}
		var block []byte
		if block, err = decompress(string(header["avro.codec"]), rest[:size]); err != nil {
			return err
		}
		rest = rest[size+syncBytes:]
		if n < 0 || n > int64(len(block)) { // each row has a byte at least
			return errContainer
		}
		for range n {
			var row T
			if block, err = schema.Decode(block, &row); err != nil {
				return err
			}
			if err := fn(&row); err != nil {
				return err
			}
		}
		if len(block) > 0 {
			return errContainer
		}
	}
	return nil
}

// readHeader reads the names and values at the begin of a file.
func readHeader(file []byte) (header map[string][]byte, rest []byte, ok bool) {
	if rest, ok = bytes.CutPrefix(file, []byte("Obj\x01")); !ok {
		return nil, nil, false
	}
	header = map[string][]byte{}
	for {
		var n int64
		if n, rest, ok = long(rest); !ok || n == 0 {
			return header, rest, ok
		}
		if n < 0 { // then the size of the block follows
			if _, rest, ok = long(rest); !ok {
				return nil, nil, false
			}
			n = -n
		}
		for ; n > 0; n-- {
			var name, value []byte
			if name, rest, ok = text(rest); ok {
				value, rest, ok = text(rest)
			}
			if !ok {
				return nil, nil, false
			}
			header[string(name)] = value
		}
	}
}

// long cuts off a number.
func long(data []byte) (n int64, rest []byte, ok bool) {
	n, size := binary.Varint(data)
	return n, data[max(size, 0):], size > 0
}

// text cuts off bytes that follow their length.
func text(data []byte) (value, rest []byte, ok bool) {
	n, data, ok := long(data)
	if !ok || n < 0 || n > int64(len(data)) {
		return nil, nil, false
	}
	return data[:n], data[n:], true
}

// mostBlock bounds a block of rows after it was decompressed.
const mostBlock = 64 << 20

// decompress is a block before a codec compressed it; engines can be set to any of these.
func decompress(codec string, block []byte) ([]byte, error) {
	switch codec {
	case "", "null":
		return block, nil
	case "deflate":
		return deflate{}.Decompress(block)
	case "snappy":
		return ocf.SnappyCodec().(ocf.BoundedDecompressor).DecompressBounded(block, mostBlock)
	case "zstandard":
		c, err := ocf.ZstdCodec(nil, nil)
		if err != nil {
			return nil, err
		}
		defer c.Close() //nolint:errcheck // it holds nothing but memory
		return c.(ocf.BoundedDecompressor).DecompressBounded(block, mostBlock)
	}
	return nil, fmt.Errorf("its codec is %.20q; deflate, snappy, zstandard and null are read", codec)
}

// deflate keeps compressors for the next file: each has half a megabyte of tables.
type deflate struct{}

var (
	deflaters = sync.Pool{New: func() any { w, _ := flate.NewWriter(nil, 6); return w }} // the level is valid
	inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

func (deflate) Name() string { return "deflate" }
func (deflate) Close() error { return nil }

func (deflate) Compress(block []byte) ([]byte, error) {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	if _, err := w.Write(block); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

func (deflate) Decompress(data []byte) ([]byte, error) {
	r := inflaters.Get().(io.Reader)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(data), nil); err != nil {
		return nil, err
	}
	var block bytes.Buffer
	n, err := block.ReadFrom(io.LimitReader(r, mostBlock+1))
	if err == nil && n > mostBlock {
		err = fmt.Errorf("a block has more than %d bytes", mostBlock)
	}
	return block.Bytes(), err
}
