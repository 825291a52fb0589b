package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"sluice/internal/store"
)

func (st suite) roundTrip(t *testing.T) {
	s := st.open(t)
	for name, content := range map[string]string{
		"empty": "", "byte": "x", "text": "{\"order_id\":1}\n", "zeros": strings.Repeat("\x00", 100_000),
		"gzip": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		key := "in/" + name + ".json"
		meta := map[string]string{"identity": "version:1", "rows": "12"}
		committed, err := store.Put(t.Context(), s, key, []byte(content), store.CreateOptions{Meta: meta}, store.IfNoneMatch())
		if err != nil {
			t.Fatal(err)
		}
		opened := wantContent(t.Context(), t, s, key, content)
		for what, info := range map[string]store.Info{"commit": committed, "head": head(t, s, key), "open": opened} {
			if info.Key != key || info.Size != int64(len(content)) || info.ETag != committed.ETag ||
				info.VersionID != committed.VersionID || !maps.Equal(info.Meta, meta) {
				t.Errorf("%s gives %+v, commit gave %+v", what, info, committed)
			}
			if strings.ContainsAny(info.ETag, "\"\n") || info.ETag == "" {
				t.Errorf("%s: ETag %q", what, info.ETag)
			}
		}
		if h := head(t, s, key); h.Identity() != opened.Identity() || h.State() != opened.State() {
			t.Errorf("head and open disagree: %q, %q", h.Identity(), opened.Identity())
		}
		if age := time.Since(opened.Modified); age < -time.Minute || age > time.Hour {
			t.Errorf("modified %v ago", age)
		}
	}
	wantNoUploads(t, s)
}

func (st suite) absent(t *testing.T) {
	s := st.open(t)
	put(t, s, "in/there.json", "x", store.IfNoneMatch())
	if !st.traits.DeleteMarkers { // such a server fails, since it writes a marker over the folder
		if err := s.Delete(t.Context(), "in"); err != nil {
			t.Errorf("delete of what is not there: %v", err)
		}
	}
	for _, key := range []string{"absent", "in/absent.json", "in/there.json/below", "in/there.jso"} {
		_, err := s.Head(t.Context(), key)
		wantErr(t, err, store.ErrNotFound)
		_, err = s.Open(t.Context(), key)
		wantErr(t, err, store.ErrNotFound)
		if store.IsTransient(err) {
			t.Errorf("%v is said to be transient", err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete of what is not there: %v", err)
		}
	}
	wantContent(t.Context(), t, s, "in/there.json", "x")
	if keys := keysOf(t.Context(), t, s, "absent/"); len(keys) > 0 {
		t.Errorf("listed %q", keys)
	}
}

func (st suite) preconditions(t *testing.T) {
	s := st.open(t)
	for i, size := range []int{10, st.traits.LargeUpload} { // one request, and several
		key := fmt.Sprintf("key%d", i)
		if i > 0 && st.traits.IfMatchIgnored {
			break
		}
		replace := func(p store.Precondition, seed byte) (store.Info, error) {
			return store.Put(t.Context(), s, key, content(seed, size), store.CreateOptions{}, p)
		}
		wantNo := func(p store.Precondition) {
			t.Helper()
			_, err := replace(p, 9)
			wantErr(t, err, store.ErrPrecondition)
			if store.IsTransient(err) {
				t.Errorf("%v is said to be transient", err)
			}
		}
		wantYes := func(p store.Precondition, seed byte) store.Info {
			t.Helper()
			info, err := replace(p, seed)
			if err != nil {
				t.Fatal(err)
			}
			return info
		}
		wantNo(store.IfMatch("0123456789abcdef0123456789abcdef"))
		wantNo(store.IfMatch(""))
		wantNo(store.Precondition{})
		first := wantYes(store.IfNoneMatch(), 1)
		wantNo(store.IfNoneMatch())
		second := wantYes(store.IfMatch(first.ETag), 2)
		wantNo(store.IfMatch(first.ETag))
		wantNo(store.IfMatch(""))
		wantNo(store.Precondition{})
		third := wantYes(store.Unconditional(), 3)
		wantNo(store.IfMatch(second.ETag))
		wantContent(t.Context(), t, s, key, string(content(3, size)))
		if got := head(t, s, key); got.ETag != third.ETag {
			t.Errorf("head gives ETag %s, commit gave %s", got.ETag, third.ETag)
		}
		wantNoUploads(t, s)
		if st.traits.DeleteMarkers {
			continue
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		wantNo(store.IfMatch(third.ETag))
	}
}

func (st suite) identity(t *testing.T) {
	s := st.open(t)
	seen := map[string]string{}
	for _, content := range []string{"a1", "a2", "b1", "", "longer"} {
		put(t, s, "key", content, store.Unconditional())
		info := wantContent(t.Context(), t, s, "key", content)
		for _, id := range []string{info.Identity(), info.State(), info.ETag} {
			if before, ok := seen[id]; ok && before != content {
				t.Errorf("%q names %q and %q", id, before, content)
			}
			seen[id] = content
		}
	}
}

func (st suite) invisible(t *testing.T) {
	s := st.open(t)
	for i, size := range []int{0, 10, st.traits.LargeUpload} {
		key := fmt.Sprintf("key%d", i)
		w := start(t, s, key, size)
		defer w.Abort(t.Context()) //nolint:errcheck // only after a failure
		_, err := s.Head(t.Context(), key)
		wantErr(t, err, store.ErrNotFound)
		_, err = s.Open(t.Context(), key)
		wantErr(t, err, store.ErrNotFound)
		if keys := keysOf(t.Context(), t, s, key); len(keys) > 0 {
			t.Fatalf("listed before commit: %q", keys)
		}
		if _, err := w.Commit(t.Context(), store.IfNoneMatch()); err != nil {
			t.Fatal(err)
		}
		wantContent(t.Context(), t, s, key, string(content(0, size)))
		if keys := keysOf(t.Context(), t, s, key); len(keys) != 1 {
			t.Fatalf("listed after commit: %q", keys)
		}
	}
}

func (st suite) abort(t *testing.T) {
	s := st.open(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i, size := range []int{0, 10, st.traits.LargeUpload} {
		kept := fmt.Sprintf("kept%d", i)
		w := start(t, s, "key", size)
		if err := w.Abort(gone); err != nil { // also when the time is up
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("write after abort succeeds")
		}
		if _, err := w.Commit(t.Context(), store.Unconditional()); err == nil {
			t.Error("commit after abort succeeds")
		}
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("second abort: %v", err)
		}
		_, err := s.Head(t.Context(), "key")
		wantErr(t, err, store.ErrNotFound)
		wantNoUploads(t, s)

		w = start(t, s, kept, size)
		if _, err := w.Commit(t.Context(), store.IfNoneMatch()); err != nil {
			t.Fatal(err)
		}
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("abort after commit: %v", err)
		}
		if _, err := w.Commit(t.Context(), store.Unconditional()); err == nil {
			t.Error("second commit succeeds")
		}
		wantContent(t.Context(), t, s, kept, string(content(0, size)))

		w = start(t, s, kept, size)
		_, err = w.Commit(t.Context(), store.IfNoneMatch())
		wantErr(t, err, store.ErrPrecondition)
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("abort after a failed commit: %v", err)
		}
		wantNoUploads(t, s)
	}
}

func (st suite) pending(t *testing.T) {
	s := st.open(t)
	w := start(t, s, "out/key", st.traits.LargeUpload)
	defer w.Abort(t.Context()) //nolint:errcheck // only after a failure
	other := start(t, s, "other/key", st.traits.LargeUpload)
	uploads, err := s.PendingUploads(t.Context(), "out/")
	if err != nil {
		t.Fatal(err)
	}
	if !st.traits.BegunLongAgo {
		if n, err := s.Sweep(t.Context(), ""); n != 0 || err != nil {
			t.Errorf("%d uploads of a living writer were swept: %v", n, err)
		}
	}
	if len(uploads) != 1 || uploads[0].Key != "out/key" || uploads[0].Started.After(time.Now().Add(time.Minute)) {
		t.Fatalf("pending uploads: %v", uploads)
	}
	for range 2 {
		if err := s.AbortUpload(t.Context(), uploads[0]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(t.Context(), store.Unconditional()); err == nil {
		t.Error("commit of an upload that was aborted by another succeeds")
	}
	_, err = s.Head(t.Context(), "out/key")
	wantErr(t, err, store.ErrNotFound)
	if _, err := other.Commit(t.Context(), store.IfNoneMatch()); err != nil {
		t.Error(err)
	}
	wantNoUploads(t, s)
}

func (st suite) recreate(t *testing.T) {
	s := st.open(t)
	for i := range 3 {
		content := strings.Repeat("x", i+1)
		p := store.IfNoneMatch()
		if i > 0 && st.traits.DeleteMarkers {
			p = store.Unconditional()
		}
		put(t, s, "key", content, p)
		wantContent(t.Context(), t, s, "key", content)
		if err := s.Delete(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Head(t.Context(), "key")
		wantErr(t, err, store.ErrNotFound)
		if keys := keysOf(t.Context(), t, s, ""); len(keys) > 0 {
			t.Fatalf("listed after delete: %q", keys)
		}
	}
}

func (st suite) meta(t *testing.T) {
	s := st.open(t)
	printable := ""
	for c := '!'; c <= '~'; c++ {
		printable += string(c)
	}
	for _, meta := range []map[string]string{
		nil,
		{"a": "1", "mapping-sha256": strings.Repeat("0f", 32), "0": "-"},
		{"printable": printable, "empty": "", "spaces": "a b  c"},
		{"long": strings.Repeat("x", 2000)},
	} {
		if _, err := store.Put(t.Context(), s, "key", []byte("x"), store.CreateOptions{Meta: meta, ContentType: "application/json"}, store.Unconditional()); err != nil {
			t.Fatal(err)
		}
		if got := head(t, s, "key").Meta; !maps.Equal(got, meta) {
			t.Errorf("meta %q comes back as %q", meta, got)
		}
		if got := wantContent(t.Context(), t, s, "key", "x").Meta; !maps.Equal(got, meta) {
			t.Errorf("meta %q comes back as %q", meta, got)
		}
	}
	for _, meta := range []map[string]string{
		{"Upper": "x"}, {"": "x"}, {"a b": "x"}, {"a_b": "x"}, {"é": "x"},
		{"a": "é"}, {"a": "line\nend"}, {"a": " x"}, {"a": "x "}, {"a": "\x00"}, {"a": strings.Repeat("x", 2048)},
	} {
		_, err := s.Create(t.Context(), "key", store.CreateOptions{Meta: meta})
		var e *store.Error
		if !errors.As(err, &e) || e.Transient {
			t.Errorf("meta %q: error %v", meta, err)
		}
	}
}

// What was replaced can be read by its version, where the store keeps versions,
// and is never taken for another state.
func (st suite) versions(t *testing.T) {
	s := st.open(t)
	const key = "in/a.json"
	first := put(t, s, key, "one", store.Unconditional())
	put(t, s, key, "two", store.Unconditional())
	for _, version := range []string{first.VersionID, "", "never-there"} {
		o, err := s.OpenVersion(t.Context(), key, version)
		if version == "" || version != first.VersionID {
			wantErr(t, err, store.ErrNotFound)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(o)
		if err != nil || string(data) != "one" || o.Info().VersionID != version {
			t.Errorf("version %s: %q %+v, %v", version, data, o.Info(), err)
		}
		o.Close()
	}
	wantContent(t.Context(), t, s, key, "two")
}
