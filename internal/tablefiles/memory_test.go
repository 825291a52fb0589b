package tablefiles_test

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"sluice/internal/store"
)

var errFault = errors.New("the store does not answer")

// memory is a store in memory, which fails at a call of its own choice.
type memory struct {
	store.Store // nil: what is not here is not called

	mu       sync.Mutex
	objects  map[string][]byte
	meta     map[string]map[string]string
	calls    int
	failAt   int  // the call that fails; 0: none
	lands    bool // the failed call does its work
	repeated bool
	repeats  bool // a Commit that fails is repeated by the store, and finds what it did

	part       int64 // bytes of a writer that stay in memory, at most; 0: all
	written    int64 // by all writers
	held, most int64 // by all writers, now and ever
}

func newMemory() *memory {
	return &memory{objects: map[string][]byte{}, meta: map[string]map[string]string{}}
}

// call does the work of a call, or fails.
func (m *memory) call(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.calls != m.failAt {
		return do()
	}
	if m.lands {
		_ = do()
	}
	return &store.Error{Op: "call", Location: "memory", Err: errFault}
}

func (m *memory) Create(_ context.Context, key string, o store.CreateOptions) (w store.Writer, err error) {
	err = m.call(func() error {
		w = &memoryWriter{m: m, key: key, meta: o.Meta}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (m *memory) Head(_ context.Context, key string) (info store.Info, err error) {
	err = m.call(func() error {
		data, ok := m.objects[key]
		if !ok {
			return store.ErrNotFound
		}
		info = store.Info{Key: key, Size: int64(len(data)), Meta: m.meta[key]}
		return nil
	})
	return info, err
}

func (m *memory) Open(_ context.Context, key string) (object store.Object, err error) {
	err = m.call(func() error {
		data, ok := m.objects[key]
		if !ok {
			return store.ErrNotFound
		}
		object = memoryObject{bytes.NewReader(data), store.Info{Key: key, Size: int64(len(data))}}
		return nil
	})
	return object, err
}

type memoryObject struct {
	*bytes.Reader
	info store.Info
}

func (o memoryObject) Info() store.Info { return o.info }
func (o memoryObject) Close() error     { return nil }

func (m *memory) Delete(_ context.Context, key string) error {
	return m.call(func() error {
		delete(m.objects, key)
		return nil
	})
}

type memoryWriter struct {
	m     *memory
	key   string
	meta  map[string]string
	data  bytes.Buffer
	ended bool
}

func (w *memoryWriter) Write(p []byte) (n int, err error) {
	err = w.m.call(func() error {
		before := w.kept()
		n, err = w.data.Write(p)
		w.m.written += int64(n)
		w.m.held += w.kept() - before
		w.m.most = max(w.m.most, w.m.held)
		return err
	})
	return n, err
}

func (w *memoryWriter) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	info, err := w.commit(ctx, p)
	if err != nil && w.m.repeats {
		w.m.repeated = true
		return w.commit(ctx, p)
	}
	return info, err
}

func (w *memoryWriter) commit(_ context.Context, p store.Precondition) (store.Info, error) {
	return store.Info{}, w.m.call(func() error {
		w.end()
		if _, exists := w.m.objects[w.key]; !p.Holds("", exists) {
			return store.ErrPrecondition
		}
		w.m.objects[w.key], w.m.meta[w.key] = bytes.Clone(w.data.Bytes()), w.meta
		return nil
	})
}

func (w *memoryWriter) Abort(context.Context) error {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	w.end()
	return nil
}

func (w *memoryWriter) end() {
	if !w.ended {
		w.ended = true
		w.m.held -= w.kept()
	}
}

func (w *memoryWriter) kept() int64 {
	n := int64(w.data.Len())
	if w.m.part > 0 {
		n = min(n, w.m.part)
	}
	return n
}

// bytes is how many bytes the store has, in files and in writers.
func (m *memory) bytes() int64 { return m.written }
