package dirstore_test

import (
	"strconv"
	"testing"

	"sluice/internal/store"
	"sluice/internal/store/dirstore"
)

func BenchmarkPut(b *testing.B) {
	for _, meta := range []map[string]string{nil, {"rows": "1"}} {
		b.Run("meta="+strconv.Itoa(len(meta)), func(b *testing.B) {
			s, err := dirstore.Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			i := 0
			for b.Loop() {
				i++
				if _, err := store.Put(b.Context(), s, "out/"+strconv.Itoa(i), []byte("x"), store.CreateOptions{Meta: meta}, store.IfNoneMatch()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
