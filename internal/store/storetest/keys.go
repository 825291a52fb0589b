package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/internal/store"
)

func (st suite) keys(t *testing.T) {
	s := st.open(t)
	keys := []string{
		"plain.json", "red flower.json", "a+b.json", "100%.json", "a%2Bb.json", "a%20b.json", "ümlaut.json", "u\u0308mlaut.json",
		"日本/注文.json", "😀.json", "date=2024-01-10/hour=01/x.json", ".hidden", "_underscore", "~", "-dash", "a&b=c;d.json",
		"#fragment?query.json", "quote\"'`.json", "<xml>&amp;.json", "a:b*c|d.json", "a,b@c$d!.json", "[1]{2}(3)^.json",
		"new\nline.json", "tab\t.json", "return\r.json", "\u2028separator.json", "back\\slash.json",
		"trailing.", "trailing ", " leading", "con.json/x", "CON", "nul.txt", "...", "..a/b..",
		strings.Repeat("k", 255), strings.Repeat("long/", 50) + strings.Repeat("n", 255), strings.Repeat("d/", 100) + "x",
		strings.Repeat(strings.Repeat("é", 127)+"/", 4) + "xyz.", // 1,024 bytes
	}
	if !st.traits.FilePaths {
		keys = append(keys, "slash/", "slash", "slash/below", "a//b", "/absolute", "//", "bell\x07.json", "delete\x7f", strings.Repeat("k", 1024))
	}
	if st.traits.NoNewline {
		keys = slices.DeleteFunc(keys, func(key string) bool { return strings.ContainsAny(key, "\n\r\u2028") })
	}
	var held []string
	for _, key := range keys {
		if _, err := store.Put(t.Context(), s, key, []byte("content of "+key), store.CreateOptions{}, store.IfNoneMatch()); err != nil {
			t.Errorf("%.60q: %v", key, err)
			continue
		}
		held = append(held, key)
		wantContent(t.Context(), t, s, key, "content of "+key)
	}
	slices.Sort(held)
	if got := keysOf(t.Context(), t, s, ""); !slices.Equal(got, held) {
		t.Errorf("listed\n%q, want\n%q", got, held)
	}
	for _, key := range held {
		if !slices.Contains(keysOf(t.Context(), t, s, key), key) {
			t.Errorf("%.60q is not listed under itself", key)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	if got := keysOf(t.Context(), t, s, ""); len(got) > 0 {
		t.Errorf("left after delete: %q", got)
	}
	for _, key := range []string{"", strings.Repeat("k", 1025), "bad\xffutf8", ".", "..", "../up", "in/../up", "./dot", "in/.", "in/.."} {
		_, err := s.Head(t.Context(), key)
		wantErr(t, err, store.ErrKey)
		_, err = s.Open(t.Context(), key)
		wantErr(t, err, store.ErrKey)
		_, err = s.Create(t.Context(), key, store.CreateOptions{})
		wantErr(t, err, store.ErrKey)
		wantErr(t, s.Delete(t.Context(), key), store.ErrKey)
	}
}

func (st suite) list(t *testing.T) {
	s := st.open(t)
	// Where a folder stands among files is the trap: "a.b" < "a/b" < "a0b".
	want := []string{"list/a-", "list/a.b", "list/a/b", "list/a/c/d", "list/a0b", "list/é", "lisu"}
	for i := range 1200 { // more than one page
		want = append(want, fmt.Sprintf("list/many/%04d.json", i))
	}
	slices.Sort(want)
	var wg sync.WaitGroup
	work := make(chan string, len(want))
	for range 16 {
		wg.Go(func() {
			for key := range work {
				var opts store.CreateOptions
				if len(work)%8 == 0 {
					opts.Meta = map[string]string{"k": "v"}
				}
				if _, err := store.Put(t.Context(), s, key, []byte(key), opts, store.IfNoneMatch()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, key := range want {
		work <- key
	}
	close(work)
	wg.Wait()
	for _, prefix := range []string{"", "list", "list/", "list/a", "list/a/", "list/many/0", "list/many/11", "list/many/0007.json", "lisu", "x", "list/many/0007.json/"} {
		var under []string
		for _, key := range want {
			if strings.HasPrefix(key, prefix) {
				under = append(under, key)
			}
		}
		if got := keysOf(t.Context(), t, s, prefix); !slices.Equal(got, under) {
			t.Errorf("prefix %q: %d keys listed, want %d: %.200q", prefix, len(got), len(under), got)
		}
	}
	stop, count := errors.New("stop"), 0
	if err := s.List(t.Context(), "list/", func(i store.Info) error {
		if count++; count == 1100 {
			return stop
		}
		if count%100 == 1 {
			if h := head(t, s, i.Key); h.State() != i.State() || i.Meta != nil || i.Size != int64(len(i.Key)) {
				t.Errorf("listing says %+v, head %+v", i, h)
			}
		}
		return nil
	}); err != stop { //nolint:errorlint // returned as it is
		t.Errorf("the function's error comes back as %v", err)
	}
	if count != 1100 {
		t.Errorf("listing went on to %d", count)
	}
}
