package storetest

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/store"
)

// model compares the store with a map, over random operations.
func (st suite) model(t *testing.T) {
	s := st.open(t)
	operations := []string{"create", "match", "stale", "overwrite", "abort"}
	if !st.traits.DeleteMarkers {
		operations = append(operations, "delete")
	}
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		prefix := fmt.Sprintf("round%d/", round)
		type state struct{ content, etag string }
		model := map[string]state{}
		for range rapid.IntRange(1, 8).Draw(r, "operations") {
			key := prefix + rapid.SampledFrom([]string{"a", "b", "c/d", "c.e"}).Draw(r, "key")
			now, exists := model[key]
			switch rapid.SampledFrom(operations).Draw(r, "operation") {
			case "delete":
				if err := s.Delete(t.Context(), key); err != nil {
					r.Fatalf("%v", err)
				}
				delete(model, key)
			case "abort":
				w, err := s.Create(t.Context(), key, store.CreateOptions{})
				if err == nil {
					w.Write([]byte("never seen")) //nolint:errcheck // thrown away
					err = w.Abort(t.Context())
				}
				if err != nil {
					r.Fatalf("%v", err)
				}
			case "create":
				st.modelPut(t, r, s, key, model[key].content, store.IfNoneMatch(), !exists, func(c, e string) { model[key] = state{c, e} })
			case "match":
				st.modelPut(t, r, s, key, now.content, store.IfMatch(now.etag), exists, func(c, e string) { model[key] = state{c, e} })
			case "stale":
				st.modelPut(t, r, s, key, now.content, store.IfMatch("ffffffff"), false, nil)
			case "overwrite":
				st.modelPut(t, r, s, key, now.content, store.Unconditional(), true, func(c, e string) { model[key] = state{c, e} })
			}
		}
		var want []string
		for key, state := range model {
			want = append(want, key)
			if info := wantContent(t.Context(), r, s, key, state.content); info.ETag != state.etag {
				r.Fatalf("%s has ETag %s, commit gave %s", key, info.ETag, state.etag)
			}
		}
		slices.Sort(want)
		if got := keysOf(t.Context(), r, s, prefix); !slices.Equal(got, want) {
			r.Fatalf("listed %q, want %q", got, want)
		}
	})
	wantNoUploads(t, s)
}

// modelPut writes content that differs from what stands there, and expects the
// precondition to hold or not.
func (st suite) modelPut(t *testing.T, r *rapid.T, s store.Store, key, before string, p store.Precondition, holds bool, committed func(content, etag string)) {
	content := rapid.StringN(0, 20, -1).Filter(func(c string) bool { return c != before }).Draw(r, "content")
	meta := map[string]string{}
	if rapid.Bool().Draw(r, "meta") {
		meta["n"] = "1"
	}
	info, err := store.Put(t.Context(), s, key, []byte(content), store.CreateOptions{Meta: meta}, p)
	if !holds {
		wantErr(r, err, store.ErrPrecondition)
		return
	}
	if err != nil {
		r.Fatalf("%v", err)
	}
	committed(content, info.ETag)
}
