package conversion_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"sluice/internal/conversion"
	"sluice/internal/gen"
	"sluice/internal/rejection"
)

// TestSize: a body that ends early is an error from outside and does not reject
// the object, whatever its bytes look like.
func TestSize(t *testing.T) {
	m := orders(t)
	doc := generate(t, gen.Options{Seed: 1, Orders: 5, Form: gen.NDJSON})
	zipped := []byte(gzipped(t, string(doc)))
	line := bytes.IndexByte(doc, '\n') + 1
	for name, c := range map[string]struct{ came, whole []byte }{
		"at a line end": {doc[:line], doc}, "in a line": {doc[:line+9], doc}, "gzip": {zipped[:len(zipped)-3], zipped}, "nothing": {nil, doc}, "too much": {append(doc[:len(doc):len(doc)], doc...), doc},
	} {
		got := convert(t, m, bytes.NewReader(c.came), conversion.Options{Size: int64(len(c.whole))})
		var reject *rejection.Error
		if got.err == nil || errors.As(got.err, &reject) {
			t.Errorf("%s: got %v, want an error that is no reject", name, got.err)
		}
	}
	if got := convert(t, m, bytes.NewReader(doc), conversion.Options{Size: int64(len(doc))}); got.err != nil {
		t.Error(got.err)
	}
}

// TestCancel: a conversion whose context ends stops, says why and leaves no
// goroutine running.
func TestCancel(t *testing.T) {
	defer goleak.VerifyNone(t)
	m := orders(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	src := &endless{doc: generate(t, gen.Options{Seed: 1, Orders: 100, Form: gen.NDJSON}), after: 40 << 20, then: func() { cancel(why) }}
	_, err := run(ctx, io.Discard, src, m, conversion.Options{Threads: 4})
	if !errors.Is(err, why) {
		t.Fatalf("got %v, want the cause of the end of the context", err)
	}
	if src.read > src.after+1<<20 {
		t.Errorf("read on for %d bytes", src.read-src.after)
	}
}

// TestFailingWorld: an error of the reader or of a writer is returned as it is,
// and never rejects the object.
func TestFailingWorld(t *testing.T) {
	defer goleak.VerifyNone(t)
	m := orders(t)
	doc := generate(t, gen.Options{Seed: 1, Bytes: 20 << 20, Form: gen.Array, Bad: 0.05})
	broken := errors.New("broken")
	for _, n := range []int{0, 1, 100, 1 << 20, 18 << 20} {
		src := io.MultiReader(bytes.NewReader(doc[:n]), iotest.ErrReader(broken))
		if got := convert(t, m, src, conversion.Options{Threads: 2}); !errors.Is(got.err, broken) {
			t.Errorf("source breaks after %d bytes: got %v", n, got.err)
		}
		opts := conversion.Options{Threads: 2, Quarantine: io.Discard}
		if _, err := run(t.Context(), &failing{n, broken}, bytes.NewReader(doc), m, opts); n < 1<<20 && !errors.Is(err, broken) {
			t.Errorf("output breaks after %d bytes: got %v", n, err)
		}
		if got := convert(t, m, bytes.NewReader(doc), conversion.Options{Quarantine: &failing{min(n, 1000), broken}}); !errors.Is(got.err, broken) {
			t.Errorf("quarantine breaks after %d bytes: got %v", n, got.err)
		}
	}
	if _, err := run(t.Context(), io.Discard, bytes.NewReader(doc), m, conversion.Options{}); err == nil {
		t.Error("records were dropped without a quarantine")
	}
}

// endless repeats doc, and calls then after some bytes.
type endless struct {
	doc         []byte
	rest        []byte
	read, after int
	then        func()
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		e.rest = e.doc
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	if e.read += n; e.read >= e.after {
		e.then()
	}
	return n, nil
}

// failing takes n bytes and then fails.
type failing struct {
	n   int
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.n {
		n := f.n
		f.n = 0
		return n, f.err
	}
	f.n -= len(p)
	return len(p), nil
}
