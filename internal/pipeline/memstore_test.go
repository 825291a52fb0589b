package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/store"
)

// memStore is a store in memory for the simulation, with ETags of the content,
// as S3 has them. Its clock is a counter, so that a schedule gives the same
// bytes each time. Before every effect and every look it calls gate.
type memStore struct {
	versioned bool
	versions  map[string]memObject // by version id
	name      string
	gate      func(op, key string)
	now       *int64
	objects   map[string]memObject
	mu        sync.Mutex // of pending: aborts run side by side
	pending   map[*memWriter]bool
	commits   func(key string, o memObject)
	lose      func() int // what happens to the reply of a commit; see simulation.lose
}

type memObject struct {
	data []byte
	info store.Info
}

var _ store.Store = (*memStore)(nil)

func newMemStore(name string, now *int64) *memStore {
	return &memStore{name: name, gate: func(op, key string) {}, now: now, objects: map[string]memObject{}, versions: map[string]memObject{}, pending: map[*memWriter]bool{}, commits: func(string, memObject) {}, lose: func() int { return 0 }}
}

func (s *memStore) String() string { return "mem://" + s.name }

func (s *memStore) fail(op, key string, err error) error {
	return &store.Error{Op: op, Location: s.String() + "/" + key, Err: err}
}

func (s *memStore) Head(_ context.Context, key string) (store.Info, error) {
	s.gate("head", key)
	o, ok := s.objects[key]
	if !ok {
		return store.Info{}, s.fail("head", key, store.ErrNotFound)
	}
	return o.info, nil
}

func (s *memStore) Open(_ context.Context, key string) (store.Object, error) {
	s.gate("open", key)
	o, ok := s.objects[key]
	if !ok {
		return nil, s.fail("open", key, store.ErrNotFound)
	}
	return &memReader{bytes.NewReader(o.data), o.info}, nil
}

func (s *memStore) OpenVersion(_ context.Context, key, versionID string) (store.Object, error) {
	s.gate("open version", key)
	o, ok := s.versions[versionID]
	if !ok || o.info.Key != key {
		return nil, s.fail("open", key, store.ErrNotFound)
	}
	return &memReader{bytes.NewReader(o.data), o.info}, nil
}

func (s *memStore) ReadAt(_ context.Context, info store.Info, p []byte, offset int64) error {
	s.gate("read", info.Key)
	o, ok := s.objects[info.Key]
	if !ok || o.info.ETag != info.ETag {
		return s.fail("read", info.Key, store.ErrChanged)
	}
	_, err := bytes.NewReader(o.data).ReadAt(p, offset)
	return err
}

type memReader struct {
	*bytes.Reader
	info store.Info
}

func (r *memReader) Close() error     { return nil }
func (r *memReader) Info() store.Info { return r.info }

func (s *memStore) Create(_ context.Context, key string, opts store.CreateOptions) (store.Writer, error) {
	w := &memWriter{s: s, key: key, meta: opts.Meta}
	s.pending[w] = true
	return w, nil
}

type memWriter struct {
	bytes.Buffer
	s    *memStore
	key  string
	meta map[string]string
}

func (w *memWriter) Commit(_ context.Context, p store.Precondition) (store.Info, error) {
	defer delete(w.s.pending, w) // the memory of a dead process is gone
	w.s.gate("commit", w.key)
	old, exists := w.s.objects[w.key]
	if !p.Holds(old.info.ETag, exists) {
		return store.Info{}, w.s.fail("commit", w.key, store.ErrPrecondition)
	}
	o := w.s.put(w.key, w.Bytes(), w.meta)
	switch w.s.lose() {
	case 1:
		return store.Info{}, &store.Error{Op: "commit", Location: w.key, Err: io.ErrUnexpectedEOF, Transient: true}
	case 2:
		return store.Info{}, w.s.fail("commit", w.key, store.ErrPrecondition)
	}
	return o.info, nil
}

func (w *memWriter) Abort(context.Context) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	delete(w.s.pending, w)
	return nil
}

// put replaces an object at once.
func (s *memStore) put(key string, data []byte, meta map[string]string) memObject {
	*s.now++
	o := memObject{slices.Clone(data), store.Info{
		Key: key, Size: int64(len(data)), ETag: fmt.Sprintf("%.8x", sha256.Sum256(data)), Modified: time.Unix(1_700_000_000+*s.now, 0).UTC(), Meta: maps.Clone(meta),
	}}
	if s.versioned {
		o.info.VersionID = fmt.Sprint("v", *s.now)
		s.versions[o.info.VersionID] = o
	}
	s.objects[key] = o
	s.commits(key, o)
	return o
}

func (s *memStore) List(_ context.Context, prefix string, fn func(store.Info) error) error {
	s.gate("list", prefix)
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if o, ok := s.objects[key]; ok && strings.HasPrefix(key, prefix) { // it may be gone by now
			o.info.Meta = nil
			if err := fn(o.info); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *memStore) Delete(_ context.Context, key string) error {
	s.gate("delete", key)
	delete(s.objects, key)
	return nil
}

func (s *memStore) PendingUploads(context.Context, string) ([]store.Upload, error) {
	return make([]store.Upload, len(s.pending)), nil
}

func (s *memStore) AbortUpload(context.Context, store.Upload) error { return nil }

func (s *memStore) Sweep(context.Context, string) (int, error) { return 0, nil }

var _ io.Writer = (*memWriter)(nil)
