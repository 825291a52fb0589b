package searchtest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"
)

const text, number = "somebody-of-this-test@example.com", int64(7_340_231_958_643)

type row struct {
	Text   string `parquet:"text,dict,zstd" avro:"text"`
	Number int64  `parquet:"number,zstd" avro:"number"`
}

func parquetOf(t *testing.T, rows ...row) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.BloomFilters(parquet.SplitBlockFilter(10, "text")))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func avroOf(t *testing.T, r row) []byte {
	t.Helper()
	s, err := avro.Parse(`{"type":"record","name":"row","fields":[{"name":"text","type":"string"},{"name":"number","type":"long"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := ocf.NewWriter(&b, s, ocf.WithCodec(ocf.DeflateCodec(9)))
	if err == nil {
		err = w.Encode(&r)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

// A value is found in each form that it may have, and only there.
func TestIn(t *testing.T) {
	z, _ := zstd.NewWriter(nil)
	long := strings.Repeat("much that can be compressed ", 100)
	for name, data := range map[string][]byte{
		"plain": []byte(`{"a":"` + text + `"}`), "escaped": []byte(`{"a":"somebody\u002dof\u002Dthis-test@example.com"}`), "url": []byte("x=somebody%2Dof-this-test%40example.com"),
		"bound": []byte("..." + text[:16]), "gzip": zipped(long + text), "zstd": z.EncodeAll([]byte(long+text), nil),
		"base64": []byte(base64.StdEncoding.EncodeToString([]byte("{" + text))), "base64, elsewhere": []byte(base64.StdEncoding.EncodeToString([]byte("{{" + text))),
		"base64, at the begin": []byte(base64.StdEncoding.EncodeToString([]byte(text))), "hex": fmt.Appendf(nil, "%x", text),
		"avro": avroOf(t, row{long + text, 1}), "parquet": parquetOf(t, row{"a", 1}, row{text, 2}),
		"folder/" + text + "/a": nil,
	} {
		if !Text(text).In(t, name, data) {
			t.Errorf("%s: it is not found", name)
		}
	}
	for name, data := range map[string][]byte{
		"json": []byte(`{"a":7340231958643}`), "little": binary.LittleEndian.AppendUint64([]byte{1}, uint64(number)),
		"avro": avroOf(t, row{long, number}), "parquet": parquetOf(t, row{"a", 1}, row{"b", number}, row{"c", number}), "x=7340231958643/a": nil,
	} {
		if !Number(number).In(t, name, data) {
			t.Errorf("%s: the number is not found", name)
		}
	}
	for name, data := range map[string][]byte{
		"plain": []byte(`{"a":"nobody-of-this-test@example.com","n":97340231958643}`), "gzip": zipped(long),
		"avro": avroOf(t, row{long, 1}), "parquet": parquetOf(t, row{"a", 1}, row{"b", 2}),
	} {
		if Text(text).In(t, name, data) || Number(number).In(t, name, data) {
			t.Errorf("%s: it is found", name)
		}
	}
	// A dictionary or a bloom filter may have what no row has.
	without := parquetOf(t, row{"a", 1}, row{"b", 2})
	if is, err := Text("a" + strings.Repeat(" ", 20)).inBlooms(without); err != nil || is {
		t.Errorf("%t, %v", is, err)
	}
	is, err := Value{bloom: parquet.ValueOf("a")}.inBlooms(without)
	if err != nil || !is {
		t.Errorf("%t, %v", is, err)
	}
}
