package storetest

import (
	"context"
	"errors"
	"io"
	"testing"

	"sluice/internal/store"
)

// fataler is what helpers need of a *testing.T or *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func put(t testing.TB, s store.Store, key, content string, p store.Precondition) store.Info {
	t.Helper()
	info, err := store.Put(t.Context(), s, key, []byte(content), store.CreateOptions{}, p)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func head(t testing.TB, s store.Store, key string) store.Info {
	t.Helper()
	info, err := s.Head(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func wantContent(ctx context.Context, t fataler, s store.Store, key, want string) store.Info {
	t.Helper()
	got, info, err := store.Get(ctx, s, key, 1<<30)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if string(got) != want {
		t.Fatalf("%q holds %d bytes %.40q, want %d bytes %.40q", key, len(got), got, len(want), want)
	}
	return info
}

func wantErr(t fataler, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func keysOf(ctx context.Context, t fataler, s store.Store, prefix string) []string {
	t.Helper()
	var keys []string
	if err := s.List(ctx, prefix, func(i store.Info) error {
		keys = append(keys, i.Key)
		return nil
	}); err != nil {
		t.Fatalf("%v", err)
	}
	return keys
}

func wantNoUploads(t testing.TB, s store.Store) {
	t.Helper()
	uploads, err := s.PendingUploads(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(uploads) > 0 {
		t.Fatalf("pending uploads: %v", uploads)
	}
}

// start begins an object and writes size bytes of it.
func start(t testing.TB, s store.Store, key string, size int) store.Writer {
	t.Helper()
	w, err := s.Create(t.Context(), key, store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(w, io.LimitReader(&pattern{}, int64(size))); err != nil || n != int64(size) {
		t.Fatalf("wrote %d of %d bytes: %v", n, size, err)
	}
	return w
}

// pattern is endless content. Every eight bytes say where they are, so parts in the
// wrong order are noticed.
type pattern struct {
	seed   byte
	offset uint64
}

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		if p.offset%8 == 0 {
			b[i] = 'a' + p.seed
		} else {
			b[i] = byte(p.offset / 8 >> (8 * (p.offset%8 - 1)))
		}
		p.offset++
	}
	return len(b), nil
}

func content(seed byte, size int) []byte {
	b := make([]byte, size)
	io.ReadFull(&pattern{seed: seed}, b) //nolint:errcheck // it is endless
	return b
}
