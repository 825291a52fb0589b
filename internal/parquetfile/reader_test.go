package parquetfile

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"sluice/internal/parquetread"
	"sluice/schema"
)

func TestOpenRefuses(t *testing.T) {
	valid := writeFile(t, "none", randomTable(0, 3, rand.New(rand.NewPCG(1, 1))))
	longFooter := bytes.Clone(valid)
	binary.LittleEndian.PutUint32(longFooter[len(longFooter)-8:], 1<<31)
	for name, file := range map[string][]byte{
		"nothing":         {},
		"magic only":      []byte("PAR1PAR1"),
		"cut at the end":  valid[:len(valid)-1],
		"cut at the head": valid[1:],
		"long footer":     longFooter,
		"text":            bytes.Repeat([]byte("no parquet\n"), 10),
	} {
		if _, err := parquetread.Open(bytes.NewReader(file), int64(len(file))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whatever byte of a file is damaged, reading gives rows or an error.
func TestDamagedFile(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, codec := range codecs {
		valid := writeFile(t, codec, randomTable(1, 10, r))
		for range 250 {
			file := bytes.Clone(valid)
			for range 1 + r.IntN(3) {
				file[r.IntN(len(file))] = byte(r.Uint32())
			}
			tryRead(file)
		}
	}
}

// tryRead returns the number of rows; what it tests is that it returns.
func tryRead(file []byte) (rows int) {
	f, err := parquetread.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return 0
	}
	f.Schema()
	if err := f.Rows(100, func([]string) error { rows++; return nil }); err != nil {
		return 0
	}
	return rows
}

func FuzzOpen(f *testing.F) {
	for i, codec := range codecs {
		f.Add(writeFile(f, codec, randomTable(i%3, 8, rand.New(rand.NewPCG(1, 1)))))
	}
	c := tableColumn{values: []any{[]byte("a"), nil, []byte("b"), []byte("a")}}
	c.Name, c.Type.Kind, c.Bloom = "text", schema.String, true
	small := &table{pageEnds: []bool{false, true, false, true}, columns: []tableColumn{c}}
	for _, codec := range codecs {
		f.Add(writeFile(f, codec, small))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if n := tryRead(file); n > 100 {
			t.Errorf("%d rows, more than asked for", n)
		}
	})
}
