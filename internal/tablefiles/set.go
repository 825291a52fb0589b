package tablefiles

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/store"
)

// sideBySide is how many files end, or are removed, at the same time.
const sideBySide = 8

// removal is how long the files of a batch may take to be removed.
const removal = 10 * time.Second

// set is files that have ended. Several may end at the same time.
type set struct {
	o     *Options
	mu    sync.Mutex
	keys  []string // that are visible, or may be
	files []iceberg.SpecFile
}

// end ends a file, which becomes visible.
func (s *set) end(ctx context.Context, f *file) error {
	if err := f.parquet.Close(); err != nil {
		return err
	}
	d := iceberg.SpecFile{SpecID: int32(s.o.Spec.ID), DataFile: datafile.Describe(f.parquet, s.o.Columns)}
	d.Path, d.Partition = s.o.Files.URI(f.key), f.partition
	s.mu.Lock()
	s.keys = append(s.keys, f.key) // before anybody knows whether Commit does it
	s.mu.Unlock()
	if err := f.commit(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.files = append(s.files, d)
	s.mu.Unlock()
	return nil
}

// bytes is how long the files are.
func (s *set) bytes() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.files {
		n += s.files[i].Bytes
	}
	return n
}

// abort discards files that have not ended, and removes those that have, also after
// ctx has ended.
func (s *set) abort(ctx context.Context, open []*file) error {
	writers := make([]store.Writer, 0, len(open))
	for _, f := range open {
		if f.out != nil {
			writers = append(writers, f.out)
		}
	}
	store.Abort(ctx, writers...)
	ctx, cancel := store.CleanUp(ctx, removal)
	defer cancel()
	work := newWork()
	for _, key := range s.keys {
		work.start(func() error { return s.o.Files.Store.Delete(ctx, key) })
	}
	if err := work.wait(); err != nil {
		return fmt.Errorf("remove data files that no snapshot names: %w", err)
	}
	s.keys, s.files = nil, nil
	return nil
}

// work is some calls of a store at the same time.
type work struct {
	slots  chan struct{}
	all    sync.WaitGroup
	mu     sync.Mutex
	errors []error
}

func newWork() *work { return &work{slots: make(chan struct{}, sideBySide)} }

// start calls fn in a goroutine, when there is room for it.
func (w *work) start(fn func() error) {
	w.slots <- struct{}{}
	w.all.Go(func() {
		defer func() { <-w.slots }()
		if err := fn(); err != nil {
			w.mu.Lock()
			w.errors = append(w.errors, err)
			w.mu.Unlock()
		}
	})
}

// failed reports whether a call has failed.
func (w *work) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.errors) > 0
}

// wait waits for all calls.
func (w *work) wait() error {
	w.all.Wait()
	return errors.Join(w.errors...)
}
