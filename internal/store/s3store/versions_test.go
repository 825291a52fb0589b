package s3store_test

import (
	"fmt"
	"slices"
	"testing"

	"sluice/internal/servertest"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

// All that a bucket keeps of an object is listed, and can be removed.
func TestVersions(t *testing.T) {
	for name, server := range map[string]*servertest.Server{"versitygw": servertest.Versitygw(t), "moto": servertest.Moto(t)} {
		t.Run(name, func(t *testing.T) {
			s := server.Store(t, server.Bucket(t, true), s3store.Config{})
			for _, key := range []string{"a/1 ü&", "a/2", "a/1 ü&", "b"} {
				if _, err := store.Put(t.Context(), s, key, []byte(key), store.CreateOptions{}, store.Unconditional()); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Delete(t.Context(), "a/1 ü&"); err != nil {
				t.Fatal(err)
			}
			var all []s3store.Version
			list := func() (texts []string) {
				all = nil
				if err := s.Versions(t.Context(), "a/", func(v s3store.Version) error {
					texts, all = append(texts, fmt.Sprint(v.Key, " ", v.Current, v.Deleted)), append(all, v)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				return texts
			}
			want := []string{"a/1 ü& true true", "a/1 ü& false false", "a/1 ü& false false", "a/2 true false"}
			if got := list(); !slices.Equal(got, want) {
				t.Fatalf("%q, and not %q", got, want)
			}
			o, err := s.OpenVersion(t.Context(), all[1].Key, all[1].VersionID)
			if err != nil {
				t.Fatal(err)
			}
			o.Close()
			for _, v := range []s3store.Version{all[1], all[1], all[2], all[0]} {
				if err := s.DeleteVersion(t.Context(), v.Key, v.VersionID); err != nil {
					t.Fatal(err)
				}
			}
			if got := list(); !slices.Equal(got, want[3:]) {
				t.Fatalf("%q are left", got)
			}
		})
	}
}
