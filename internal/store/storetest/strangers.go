package storetest

import (
	"errors"
	"slices"
	"testing"

	"sluice/internal/store"
)

// Strangers checks that a listing leaves nothing out. names are things under prefix
// that the store cannot read as objects. Only the test of an implementation can put
// them there, since the contract refuses them.
func Strangers(t *testing.T, s store.Store, prefix string, names ...string) {
	t.Helper()
	objects := []string{prefix + "!first", prefix + "~last"}
	for _, key := range objects {
		put(t, s, key, "content", store.IfNoneMatch())
	}
	var got []string
	err := s.List(t.Context(), prefix, func(i store.Info) error {
		got = append(got, i.Key)
		if known := slices.Contains(objects, i.Key); known != (i.Err == nil) || !known && !errors.Is(i.Err, store.ErrKey) {
			t.Errorf("%.60q is listed with %v", i.Key, i.Err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(slices.Values(append(objects, names...)))
	if !slices.Equal(got, want) {
		t.Errorf("listed\n%.60q, want\n%.60q", got, want)
	}
	for _, name := range names {
		if _, err := s.Head(t.Context(), name); !errors.Is(err, store.ErrKey) {
			t.Errorf("head %.60q: %v", name, err)
		}
		if o, err := s.Open(t.Context(), name); !errors.Is(err, store.ErrKey) {
			t.Errorf("open %.60q: %v, %v", name, o, err)
		}
	}
}
