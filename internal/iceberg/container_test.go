package iceberg

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"
)

var listed = []Manifest{
	{Path: "mem://t/metadata/a.avro", Bytes: 7, Sequence: 3, MinSequence: 1, AddedFiles: 2, Partitions: []Summary{{HasNull: true, Lower: []byte{1}, Upper: []byte{2}}}},
	{Path: "mem://t/metadata/b.avro", Content: DeleteManifest, DeletedRows: 1 << 40, Partitions: []Summary{}, KeyMetadata: []byte("k")},
}

// container is a file of the library, in blocks of one row.
func container(t testing.TB, codec ocf.Codec) []byte {
	t.Helper()
	s, err := avro.Parse(listSchema)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := ocf.NewWriter(&file, s, ocf.WithCodec(codec), ocf.WithBlockCount(1), ocf.WithMetadata(map[string][]byte{"format-version": []byte("2")}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range listed {
		if err := w.Encode(&listed[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

var codecs = []ocf.Codec{nil, deflate{}, ocf.DeflateCodec(1), ocf.SnappyCodec(), ocf.MustZstdCodec(nil, nil)}

// Files of every codec are read, and none that is cut short is read as a whole one.
func TestContainer(t *testing.T) {
	for _, codec := range codecs {
		file := container(t, codec)
		for size := range len(file) {
			if rows, err := readAll(file[:size]); err == nil && len(rows) == len(listed) {
				t.Errorf("%d of %d bytes are a whole file", size, len(file))
			}
		}
		rows, err := readAll(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(listed, rows); diff != "" {
			t.Error(diff)
		}
	}
	unknown := bytes.Replace(container(t, ocf.SnappyCodec()), []byte("snappy"), []byte("snappi"), 1)
	if _, err := readAll(unknown); err == nil {
		t.Error("a codec that nobody knows is read")
	}
}

// A block that would grow beyond its bound is refused.
func TestContainerBound(t *testing.T) {
	small, err := deflate{}.Compress(make([]byte, mostBlock+1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decompress("deflate", small); err == nil {
		t.Error("it is read")
	}
}

func readAll(file []byte) (rows []Manifest, err error) {
	err = readRows(file, func(m *Manifest) error {
		rows = append(rows, *m)
		return nil
	})
	return rows, err
}

// FuzzContainer compares files with what the library reads of them.
func FuzzContainer(f *testing.F) {
	for _, codec := range codecs {
		f.Add(container(f, codec))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := readAll(file)
		if err != nil {
			return
		}
		r, err := ocf.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var want []Manifest
		for {
			var m Manifest
			if err := r.Decode(&m); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			want = append(want, m)
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Error(diff)
		}
	})
}
