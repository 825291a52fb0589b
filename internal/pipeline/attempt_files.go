package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice/internal/store"
)

// attemptFiles are the objects of an attempt while they are written, invisible.
type attemptFiles struct {
	tables     []*tableFile // in the order of the mapping's tables
	names      []string
	quarantine *lazyWriter
}

// role is what an attempt does with the output of a table.
type role uint8

const (
	publishes role = iota
	finds          // it is published; only the ledger does not know it
	leaves         // it is not touched
)

// create begins the outputs of the tables, each in its role. The caller must abort
// them, also after an error.
func (w *work) create(ctx context.Context, outs *attemptFiles, roleOf func(table int) role) error {
	outs.quarantine = w.p.quarantineOf(ctx, w.entry.Bucket, w.entry.Key, &w.state)
	for i, out := range w.wanted() {
		o, err := w.tableFile(ctx, i, roleOf(i))
		if err != nil {
			return err
		}
		outs.tables, outs.names = append(outs.tables, o), append(outs.names, out.Table)
	}
	return nil
}

func (w *work) tableFile(ctx context.Context, i int, r role) (o *tableFile, err error) {
	if r == finds {
		if o, err = w.standing(ctx, w.known[i].Key); err != nil || o != nil {
			return o, err
		}
		r = publishes // it is damaged
	}
	o = &tableFile{hash: sha256.New()}
	if r == publishes {
		if o.w, err = w.begin(ctx, i, w.state.Identity, w.state.Mapping, w.p.columns(i)); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// begin begins an output with the metadata of its state.
func (w *work) begin(ctx context.Context, i int, identity, mapping, columns string) (store.Writer, error) {
	writer, err := w.p.Sink.Create(ctx, w.known[i].Key, store.CreateOptions{
		ContentType: "application/vnd.apache.parquet",
		Meta: map[string]string{
			metaIdentity: identity,
			metaMapping:  mapping,
			metaColumns:  columns,
			metaSoftware: w.state.Software,
			metaSource:   w.entry.ID().String(),
			metaReplaces: w.replaces(i),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("create output: %w", err)
	}
	return writer, nil
}

// standing reads the published output, so that the ledger gets its size and sum
// and not those of a file that this worker would write. It is nil if the output is
// not a whole file.
func (w *work) standing(ctx context.Context, key string) (*tableFile, error) {
	object, err := w.p.Sink.Open(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && object.Info().ETag != w.fences[key].etag {
		err = store.ErrChanged
	}
	if err != nil {
		if object != nil {
			object.Close()
		}
		return nil, fmt.Errorf("read output: %w", err)
	}
	defer object.Close()
	o := &tableFile{hash: sha256.New(), stands: true}
	if _, err := io.Copy(o, object); err != nil {
		return nil, fmt.Errorf("read output: %w", err)
	}
	if o.check() != nil {
		return nil, nil
	}
	return o, nil
}

func (o *attemptFiles) table(name string) (io.Writer, error) {
	out := o.tables[slices.Index(o.names, name)]
	if out.stands {
		return io.Discard, nil
	}
	return out, nil
}

// bytes is the size of the outputs that were found or written.
func (o *attemptFiles) bytes() (n int64) {
	for _, out := range o.tables {
		n += out.n
	}
	return n
}

// check verifies the ends of all files before any becomes visible: one broken file
// breaks every query of its table.
func (o *attemptFiles) check() error {
	for i, out := range o.tables {
		if err := out.check(); err != nil {
			return fmt.Errorf("check output of table %s: %w", o.names[i], err)
		}
	}
	return nil
}

// abort discards what was not committed.
func (o *attemptFiles) abort(ctx context.Context) {
	var writers []store.Writer
	if o.quarantine != nil {
		writers = append(writers, o.quarantine.w)
	}
	for _, out := range o.tables {
		writers = append(writers, out.w)
	}
	store.Abort(ctx, writers...)
}

// lazyWriter creates its object at the first byte: most objects have no quarantine.
type lazyWriter struct {
	create  func() (store.Writer, error)
	w       store.Writer
	discard bool // nothing is written
}

func (l *lazyWriter) Write(p []byte) (int, error) {
	if l.discard {
		return len(p), nil
	}
	if l.w == nil {
		w, err := l.create()
		if err != nil {
			return 0, fmt.Errorf("create quarantine: %w", err)
		}
		l.w = w
	}
	return l.w.Write(p)
}
