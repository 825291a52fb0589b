package s3store_test

import (
	"io"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"sluice/internal/servertest"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, // but connections that are kept for the next request
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// What is allocated for an object does not grow with it: buffers are used
// again.
func TestMemory(t *testing.T) {
	const partSize, size = 5 << 20, 200 << 20
	server := servertest.Versitygw(t)
	s := server.Store(t, server.Bucket(t, false), s3store.Config{PartSize: partSize, Parallel: 4})
	write := allocated(func() {
		w, err := s.Create(t.Context(), "key", store.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort(t.Context()) // only after a failure
		chunk := random(1 << 20)
		for range size / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Commit(t.Context(), store.IfNoneMatch()); err != nil {
			t.Fatal(err)
		}
	})
	read := allocated(func() {
		o, err := s.Open(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		if n, err := io.Copy(io.Discard, o); err != nil || n != size {
			t.Fatalf("read %d bytes: %v", n, err)
		}
	})
	t.Logf("writing 200 MiB allocated %d MiB, reading %d MiB", write>>20, read>>20)
	if limit := uint64(12 * partSize); write > limit || read > limit {
		t.Errorf("the limit is %d MiB", limit>>20)
	}
}

func allocated(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
