package dirstore_test

import (
	"testing"

	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/internal/store/storetest"
)

func open(t *testing.T) *dirstore.Store {
	t.Helper()
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, storetest.Traits{FilePaths: true, LargeUpload: 1 << 20}, func(t *testing.T) store.Store {
		s, err := dirstore.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}
