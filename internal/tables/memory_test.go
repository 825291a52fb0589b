package tables_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/store"
)

// memory is a store in memory. Before each effect and each look it calls gate.
type memory struct {
	gate    func(ctx context.Context, op string) error
	objects map[string][]byte
	mu      sync.Mutex // of those who remove several at once
}

func (s *memory) String() string { return "mem://" }

func (s *memory) info(key string) store.Info {
	return store.Info{Key: key, Size: int64(len(s.objects[key])), ETag: "e"}
}

func (s *memory) fail(op, key string, err error) error {
	return &store.Error{Op: op, Location: key, Err: err}
}

func (s *memory) Head(ctx context.Context, key string) (store.Info, error) {
	if _, ok := s.objects[key]; !ok {
		return store.Info{}, s.fail("head", key, store.ErrNotFound)
	}
	return s.info(key), s.gate(ctx, "head")
}

type reader struct {
	*bytes.Reader
	info store.Info
}

func (r *reader) Info() store.Info { return r.info }
func (r *reader) Close() error     { return nil }

func (s *memory) Open(ctx context.Context, key string) (store.Object, error) {
	if !strings.Contains(key, "/staged/") { // these are read side by side, after their listing
		if err := s.gate(ctx, "open"); err != nil {
			return nil, err
		}
	}
	data, ok := s.objects[key]
	if !ok {
		return nil, s.fail("open", key, store.ErrNotFound)
	}
	return &reader{bytes.NewReader(data), s.info(key)}, nil
}

func (s *memory) OpenVersion(context.Context, string, string) (store.Object, error) {
	panic("not used")
}

func (s *memory) ReadAt(_ context.Context, info store.Info, p []byte, offset int64) error {
	copy(p, s.objects[info.Key][offset:])
	return nil
}

func (s *memory) Create(ctx context.Context, key string, _ store.CreateOptions) (store.Writer, error) {
	return &writer{s: s, key: key, ctx: ctx}, nil
}

type writer struct {
	bytes.Buffer
	s   *memory
	key string
	ctx context.Context
}

func (w *writer) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	if err := w.s.gate(ctx, "write"); err != nil {
		return store.Info{}, err
	}
	if _, exists := w.s.objects[w.key]; !p.Holds("e", exists) {
		return store.Info{}, w.s.fail("commit", w.key, store.ErrPrecondition)
	}
	w.s.objects[w.key] = slices.Clone(w.Bytes())
	return w.s.info(w.key), nil
}

func (w *writer) Abort(context.Context) error { return nil }

func (s *memory) List(ctx context.Context, prefix string, fn func(store.Info) error) error {
	if err := s.gate(ctx, "list"); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(key, prefix) {
			if err := fn(s.info(key)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *memory) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

func (s *memory) PendingUploads(context.Context, string) ([]store.Upload, error) { return nil, nil }
func (s *memory) AbortUpload(context.Context, store.Upload) error                { return nil }
func (s *memory) Sweep(context.Context, string) (int, error)                     { return 0, nil }

// catalog is a catalog in memory that loses replies and lands late.
type catalog struct {
	gate  func(ctx context.Context, op string) error
	fault func() fault
	table *iceberg.Table
	mu    sync.Mutex
	// created is the reply of Create that lands; nil: it succeeds.
	created   func() error
	late      []func() // commits that are under way, though their callers had an error
	setBacks  int
	compacted uint64                                               // the base of the compaction that lands
	landed    func(base, head *iceberg.Metadata, c iceberg.Change) // after each new head, or nil
	seen      []*iceberg.Metadata
}

// fault is what happens to a commit.
type fault int

const (
	none      fault = iota
	lostReply       // it lands, and the caller gets an error
	refused         // it does not land
	landsLate       // the caller gets an error, and it lands later if its base is still the head
	faults
)

func (c *catalog) Load(ctx context.Context, name string) (*iceberg.Table, error) {
	if err := c.gate(ctx, "load"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.table == nil {
		return nil, iceberg.ErrNoTable
	}
	t := *c.table
	return &t, nil
}

func (c *catalog) Create(_ context.Context, name string, first *iceberg.Metadata) (*iceberg.Table, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.table != nil {
		return nil, iceberg.ErrTableExists
	}
	c.table = &iceberg.Table{Name: name, Metadata: first}
	if c.created != nil {
		return c.table, c.created()
	}
	return c.table, nil
}

func (c *catalog) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	if err := c.gate(ctx, "commit"); err != nil {
		return nil, err
	}
	f := c.fault()
	switch f {
	case refused:
		return nil, io.ErrUnexpectedEOF
	case landsLate:
		c.late = append(c.late, func() { _ = c.land(base, change) })
		return nil, context.DeadlineExceeded
	}
	if err := c.land(base, change); err != nil {
		return nil, err
	}
	if f == lostReply {
		return nil, io.ErrUnexpectedEOF
	}
	t := *c.table
	return &t, nil
}

func (c *catalog) land(base *iceberg.Table, change iceberg.Change) error {
	if c.table.Metadata.UUID != base.Metadata.UUID || c.table.Metadata.Current != base.Metadata.Current {
		return iceberg.ErrConflict
	}
	m, err := change.Apply(c.table.Metadata, fmt.Sprint(len(c.seen)))
	if err != nil {
		return err
	}
	before := c.table.Metadata
	c.table = &iceberg.Table{Name: base.Name, Metadata: m}
	c.seen = append(c.seen, m)
	if c.landed != nil {
		c.landed(before, m, change)
	}
	return nil
}

// setBack makes a snapshot the head again.
func (c *catalog) setBack(id int64) {
	c.setBacks++
	m := *c.table.Metadata
	m.Current, m.Refs = id, maps.Clone(m.Refs)
	m.Refs[iceberg.Main] = iceberg.Ref{ID: id, Type: "branch"}
	c.table = &iceberg.Table{Name: c.table.Name, Metadata: &m}
	c.seen = append(c.seen, &m)
}

var start = time.UnixMilli(1700000000000).UTC()
