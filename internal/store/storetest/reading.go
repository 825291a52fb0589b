package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"sluice/internal/store"
)

func (st suite) pinned(t *testing.T) {
	s := st.open(t)
	for _, size := range []int{1000, 3*st.traits.LargeUpload + 1} {
		before, after := content(1, size), content(2, size)
		for what, change := range map[string]func(){
			"replaced": func() { put(t, s, "key", string(after), store.Unconditional()) },
			"deleted":  func() { s.Delete(t.Context(), "key") }, //nolint:errcheck // what is read says enough
		} {
			put(t, s, "key", string(before), store.Unconditional())
			o, err := s.Open(t.Context(), "key")
			if err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 100)
			if _, err := io.ReadFull(o, first); err != nil {
				t.Fatal(err)
			}
			change()
			rest, err := io.ReadAll(o)
			got := append(first, rest...)
			switch {
			case errors.Is(err, store.ErrChanged) && store.IsTransient(err):
				if !bytes.HasPrefix(before, got) {
					t.Errorf("%s: what was read is not of the state that was opened", what)
				}
			case err != nil:
				t.Errorf("%s: %v", what, err)
			case !bytes.Equal(got, before):
				t.Errorf("%s: %d bytes were read, not the %d of the state that was opened", what, len(got), size)
			}
			o.Close()
		}
	}
}

// ranges reads parts of an object, by the Info that Head, Open and List give.
func (st suite) ranges(t *testing.T) {
	s := st.open(t)
	data := content(1, st.traits.LargeUpload+100)
	put(t, s, "key", string(data), store.Unconditional())
	infos := map[string]store.Info{"head": head(t, s, "key")}
	o, err := s.Open(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	infos["open"] = o.Info()
	o.Close()
	if err := s.List(t.Context(), "key", func(info store.Info) error { infos["list"] = info; return nil }); err != nil {
		t.Fatal(err)
	}
	size := len(data)
	for what, info := range infos {
		for _, r := range [][2]int{{0, 4}, {size - 8, size}, {7, 7}, {size, size}, {100, size - 100}, {0, size}} {
			p := make([]byte, r[1]-r[0])
			if err := s.ReadAt(t.Context(), info, p, int64(r[0])); err != nil || !bytes.Equal(p, data[r[0]:r[1]]) {
				t.Errorf("%s, bytes %d: %v", what, r, err)
			}
		}
		for _, r := range [][2]int{{-1, 4}, {size - 3, 4}, {size + 1, 0}} {
			if err := s.ReadAt(t.Context(), info, make([]byte, r[1]), int64(r[0])); err == nil {
				t.Errorf("%s: %d bytes from %d are not there", what, r[1], r[0])
			}
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.ReadAt(ended, infos["list"], make([]byte, 4), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for what, change := range map[string]func(){
		"replaced": func() { put(t, s, "key", string(content(2, size)), store.Unconditional()) },
		"removed":  func() { s.Delete(t.Context(), "key") }, //nolint:errcheck // what is read says enough
	} {
		put(t, s, "key", string(data), store.Unconditional())
		before := head(t, s, "key")
		change()
		p := make([]byte, 10)
		err := s.ReadAt(t.Context(), before, p, 0)
		if before.VersionID != "" && err == nil && bytes.Equal(p, data[:10]) {
			continue // the bucket keeps the version
		}
		if !errors.Is(err, store.ErrChanged) || !store.IsTransient(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func (st suite) large(t *testing.T) {
	s := st.open(t)
	const size = 40<<20 + 3
	w, err := s.Create(t.Context(), "large", store.CreateOptions{Meta: map[string]string{"rows": "7"}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort(t.Context()) //nolint:errcheck // only after a failure
	hash := sha256.New()
	source := io.TeeReader(io.LimitReader(&pattern{}, size), hash)
	for _, n := range []int64{1, 7, 1 << 20, 0, 9 << 20, size} { // writes of all sizes
		if _, err := io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(source, n), make([]byte, max(1, n/3))); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Commit(t.Context(), store.IfNoneMatch())
	if err != nil {
		t.Fatal(err)
	}
	want := hash.Sum(nil)
	for _, chunk := range []int{1000, 1 << 20} {
		o, err := s.Open(t.Context(), "large")
		if err != nil {
			t.Fatal(err)
		}
		hash.Reset()
		n, err := io.CopyBuffer(hash, struct{ io.Reader }{o}, make([]byte, chunk))
		if err != nil || n != size || !bytes.Equal(hash.Sum(nil), want) {
			t.Errorf("read %d bytes with error %v, wrote %d; hashes are equal: %t", n, err, int64(size), bytes.Equal(hash.Sum(nil), want))
		}
		if _, err := o.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
		if got := o.Info(); got.Size != size || got.ETag != info.ETag || got.Meta["rows"] != "7" {
			t.Errorf("open gives %+v, commit gave %+v", got, info)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	// Closed half-way: nothing may hang or leak.
	o, err := s.Open(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, o, 9<<20); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if _, err := o.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("read after close: %v", err)
	}
	wantNoUploads(t, s)
}

func (st suite) cancelled(t *testing.T) {
	s := st.open(t)
	put(t, s, "key", "x", store.IfNoneMatch())
	put(t, s, "large", string(content(0, 3*st.traits.LargeUpload)), store.IfNoneMatch())
	ctx, cancel := context.WithCancel(t.Context())
	o, err := s.Open(ctx, "large")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	w, err := s.Create(ctx, "written", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("x")) //nolint:errcheck // the next one matters
	other := start(t, s, "other", 10)
	cancel()
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) || store.IsTransient(err) {
			t.Errorf("%s: %v, transient %t", what, err, store.IsTransient(err))
		}
	}
	_, err = s.Head(ctx, "key")
	check("head", err)
	_, err = s.Open(ctx, "key")
	check("open", err)
	_, err = io.Copy(io.Discard, o)
	check("read", err)
	_, err = w.Write([]byte("x"))
	check("write", err)
	check("list", s.List(ctx, "", func(store.Info) error { return nil }))
	_, err = other.Commit(ctx, store.IfNoneMatch())
	check("commit", err)
	if err := w.Abort(ctx); err != nil {
		t.Error(err)
	}
	if err := other.Abort(ctx); err != nil {
		t.Error(err)
	}
	wantNoUploads(t, s)
	if keys := keysOf(t.Context(), t, s, ""); len(keys) != 2 {
		t.Errorf("listed %q", keys)
	}
}

func (st suite) errors(t *testing.T) {
	s := st.open(t)
	key := "in/line\nend.json"
	_, err := s.Head(t.Context(), key)
	var e *store.Error
	if !errors.As(err, &e) || e.Op != "head" || !strings.HasPrefix(e.Location, s.String()) {
		t.Fatalf("head of what is not there: %#v", err)
	}
	if strings.ContainsRune(err.Error(), '\n') || !strings.Contains(err.Error(), `in/line\nend.json`) {
		t.Errorf("error text: %s", err)
	}
}
