package erase

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/internal/upkeep"
	"sluice/mapping"
)

// counted counts the calls of Write, and fails after some, if that is wanted.
type counted struct {
	bytes.Buffer
	calls int
	most  int // 0: any number
}

var errFull = errors.New("full")

func (c *counted) Write(p []byte) (int, error) {
	if c.calls++; c.most > 0 && c.calls > c.most {
		return 0, errFull
	}
	return c.Buffer.Write(p)
}

// A store gets an object in large pieces, however it is compressed, and its errors count.
func TestCutWritesLargePieces(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("table: t\ncolumns: [{name: id, path: $.id, type: int64}, {name: email, path: $.email, type: string}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	find, err := newFinder(m, []upkeep.Condition{{Column: "email", Value: "ada@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	e := &eraser{find: find}
	var text, left strings.Builder
	for i := range 20_000 {
		line := fmt.Sprintf(`{"id":%d,"email":"b%x@example.com","note":"%x"}`, i, i*7919, uint32(i)*2654435761) + "\n"
		if i == 10_000 {
			line = `{"id":1,"email":"ada@example.com"}` + "\n"
		} else {
			left.WriteString(line)
		}
		text.WriteString(line)
	}
	for name, form := range map[string]struct {
		stored []byte
		plain  func(io.Reader) (io.Reader, error)
	}{
		"plain": {[]byte(text.String()), func(r io.Reader) (io.Reader, error) { return r, nil }},
		"gzip":  {gzipped(text.String()), func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		"zstd":  {zstdOf(text.String()), func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
	} {
		t.Run(name, func(t *testing.T) {
			open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(form.stored)), nil }
			found, err := find.find(t.Context(), "a", open)
			if err != nil || len(found.cut) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			cut := func(ctx context.Context, out *counted) error {
				return e.cut(ctx, "a", cuts{found.cut, found.kept, found.state}, out, open)
			}
			out := &counted{}
			if err := cut(t.Context(), out); err != nil {
				t.Fatal(err)
			}
			if most := 10 + out.Len()>>14; out.calls > most {
				t.Errorf("%d bytes took %d calls of Write, and not at most %d", out.Len(), out.calls, most)
			}
			plain, err := form.plain(&out.Buffer)
			if err != nil {
				t.Fatal(err)
			}
			if data, err := io.ReadAll(plain); err != nil || string(data) != left.String() {
				t.Errorf("%d bytes are left, and not %d: %v", len(data), left.Len(), err)
			}
			for most := 1; most < out.calls; most++ {
				if err := cut(t.Context(), &counted{most: most}); !errors.Is(err, errFull) {
					t.Errorf("the store fails after %d calls, and the error is %v", most, err)
				}
			}
		})
	}
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

func zstdOf(text string) []byte {
	z, _ := zstd.NewWriter(nil)
	return z.EncodeAll([]byte(text), nil)
}
