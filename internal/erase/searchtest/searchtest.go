// Package searchtest searches objects of any kind for what is known of a person, for
// tests: their names and bytes, what is compressed in them, the values, dictionaries,
// bounds and bloom filters of Parquet files, and the encodings that a value may have there.
package searchtest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

// Value is a value that is searched for.
type Value struct {
	patterns [][]byte
	digits   *regexp.Regexp // of a number: not as a part of a longer one
	bloom    parquet.Value
}

// boundBytes is how much of a text bounds of columns have at least.
const boundBytes = 16

// Text is a text of at least 16 bytes.
func Text(text string) Value {
	begin := []byte(text[:boundBytes])
	v := Value{bloom: parquet.ValueOf(text), patterns: [][]byte{begin}}
	add := func(text string) { v.patterns = append(v.patterns, []byte(text)) }
	add(hex.EncodeToString(begin))
	add(strings.ToUpper(hex.EncodeToString(begin)))
	var wide []byte
	for _, unit := range utf16.Encode([]rune(string(begin))) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	v.patterns = append(v.patterns, wide)
	// In base64 a text has one of three forms, by its place; its ends depend on what is
	// beside it.
	for place := range 3 {
		add(base64.RawStdEncoding.EncodeToString(append(make([]byte, place), begin...))[4:20])
	}
	return v
}

// Number is a whole number that is so large that nothing else looks like it by chance.
func Number(n int64) Value {
	return Value{
		patterns: [][]byte{binary.LittleEndian.AppendUint64(nil, uint64(n)), big.NewInt(n).Bytes(), binary.AppendVarint(nil, n)},
		digits:   regexp.MustCompile(`(^|[^0-9])` + strconv.FormatInt(n, 10) + `([^0-9]|$)`), bloom: parquet.ValueOf(n),
	}
}

// In reports whether an object has the value, or its name.
func (v Value) In(t testing.TB, name string, data []byte) bool {
	t.Helper()
	text := append([]byte(name+"\n"), data...)
	more, err := decoded(data)
	if err != nil {
		t.Fatalf("search %s: %v", name, err)
	}
	text = append(text, more...)
	if v.inText(text) || v.inText(unescaped(text)) {
		return true
	}
	is, err := v.inBlooms(data)
	if err != nil {
		t.Fatalf("search %s: %v", name, err)
	}
	return is
}

func (v Value) inText(text []byte) bool {
	for _, p := range v.patterns {
		if bytes.Contains(text, p) {
			return true
		}
	}
	return v.digits != nil && v.digits.Match(text)
}

var escape = regexp.MustCompile(`(?:\\u00|%)[0-9A-Fa-f]{2}`)

// unescaped is a text without the escapes of JSON and of URLs.
func unescaped(text []byte) []byte {
	return escape.ReplaceAllFunc(text, func(e []byte) []byte {
		b, _ := hex.DecodeString(string(e[len(e)-2:]))
		return b
	})
}

// decoded is what an object has beside its bytes.
func decoded(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return io.ReadAll(z)
	case bytes.HasPrefix(data, []byte("Obj\x01")):
		return avroBlocks(data)
	case bytes.HasPrefix(data, []byte("PAR1")):
		return parquetValues(data)
	}
	return nil, nil
}

var errAvro = errors.New("it is no Avro file")

// avroBlocks are the blocks of an Avro file: Avro specification, Object Container Files.
func avroBlocks(data []byte) (all []byte, err error) {
	in := bytes.NewReader(data[4:])
	bytesOf := func() []byte {
		n, e := binary.ReadVarint(in)
		if err != nil || e != nil || n < 0 || n > int64(in.Len()) {
			err = errAvro
			return nil
		}
		b := make([]byte, n)
		_, _ = in.Read(b)
		return b
	}
	codec := ""
	for {
		n, e := binary.ReadVarint(in)
		if e != nil || n < 0 || err != nil {
			return nil, errAvro
		}
		if n == 0 {
			break
		}
		for range n {
			if name, value := bytesOf(), bytesOf(); string(name) == "avro.codec" {
				codec = string(value)
			}
		}
	}
	const marker = 16
	_, _ = in.Seek(marker, io.SeekCurrent)
	for in.Len() > 0 {
		if _, e := binary.ReadVarint(in); e != nil {
			return nil, errAvro
		}
		block := bytesOf()
		switch codec {
		case "deflate":
			if block, err = io.ReadAll(flate.NewReader(bytes.NewReader(block))); err != nil {
				return nil, err
			}
		case "", "null":
		default:
			return nil, fmt.Errorf("its codec is %s", codec)
		}
		if all = append(all, block...); err != nil {
			return nil, err
		}
		_, _ = in.Seek(marker, io.SeekCurrent)
	}
	return all, nil
}

// parquetValues are the values of all pages and dictionaries of a Parquet file. Bounds and
// indexes are not compressed.
func parquetValues(data []byte) (all []byte, err error) {
	err = chunks(data, func(chunk parquet.ColumnChunk) error {
		pages := chunk.Pages()
		defer pages.Close()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if d := page.Dictionary(); d != nil {
				for i := range int32(d.Len()) {
					all = append(d.Index(i).AppendBytes(all), '\n')
				}
			}
			values := make([]parquet.Value, page.NumValues())
			n, err := page.Values().ReadValues(values)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			for _, v := range values[:n] {
				all = append(v.AppendBytes(all), '\n')
			}
		}
	})
	return all, err
}

// inBlooms reports whether a bloom filter of a Parquet file has the value.
func (v Value) inBlooms(data []byte) (is bool, err error) {
	if !bytes.HasPrefix(data, []byte("PAR1")) {
		return false, nil
	}
	err = chunks(data, func(chunk parquet.ColumnChunk) error {
		bloom := chunk.BloomFilter()
		if bloom == nil || chunk.Type().Kind() != v.bloom.Kind() {
			return nil
		}
		has, err := bloom.Check(v.bloom)
		is = is || has
		return err
	})
	return is, err
}

// chunks calls fn with the chunks of all columns.
func chunks(data []byte, fn func(parquet.ColumnChunk) error) error {
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, group := range file.RowGroups() {
		for _, chunk := range group.ColumnChunks() {
			if err := fn(chunk); err != nil {
				return err
			}
		}
	}
	return nil
}
