package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"sluice/internal/ledger"
	"sluice/internal/parquetfile"
	"sluice/internal/store"
)

// outputs are the objects of an attempt while they are written, invisible.
type outputs struct {
	tables     []*output // in the order of the mapping's tables
	names      []string
	quarantine *lazyWriter
}

// role is what an attempt does about the output of a table.
type role uint8

const (
	publishes role = iota
	finds          // it stands there; only the account of it is missing
	leaves         // it is no part of this
)

// create begins the outputs of the tables, each in its role. The caller aborts
// them, also after an error.
func (w *work) create(ctx context.Context, outs *outputs, roleOf func(table int) role) error {
	outs.quarantine = &lazyWriter{create: func() (store.Writer, error) {
		return w.p.Quarantine.Create(ctx, w.quarantineKey(), store.CreateOptions{ContentType: "application/x-ndjson"})
	}}
	for i, out := range w.wanted() {
		o, err := w.output(ctx, i, roleOf(i))
		if err != nil {
			return err
		}
		outs.tables, outs.names = append(outs.tables, o), append(outs.names, out.Table)
	}
	return nil
}

func (w *work) output(ctx context.Context, i int, r role) (o *output, err error) {
	if r == finds {
		if o, err = w.standing(ctx, w.known[i].Key); err != nil || o != nil {
			return o, err
		}
		r = publishes // it is damaged
	}
	o = &output{hash: sha256.New()}
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

// standing reads the output that stands there, so that the account tells its
// size and sum and not those that this worker would give it; nil if it is no
// whole file.
func (w *work) standing(ctx context.Context, key string) (*output, error) {
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
	o := &output{hash: sha256.New(), stands: true}
	if _, err := io.Copy(o, object); err != nil {
		return nil, fmt.Errorf("read output: %w", err)
	}
	if o.check() != nil {
		return nil, nil
	}
	return o, nil
}

// empty replaces an output by one with its columns and no rows.
func (w *work) empty(ctx context.Context, i int, f fence) error {
	out := &w.entry.Outputs[i]
	if f.etag == "" {
		out.ETag, out.Identity, out.SHA256 = "", ledger.Absent, ""
		return nil // somebody deleted it
	}
	object, err := w.p.Sink.Open(ctx, out.Key)
	if err != nil {
		return err
	}
	defer object.Close()
	end := &tail{keep: parquetfile.Tail}
	if _, err := io.Copy(end, object); err != nil {
		return err
	}
	file, err := parquetfile.WithoutRows(end.b, w.footer(i, ledger.Absent))
	if err != nil {
		return err
	}
	writer, err := w.begin(ctx, i, ledger.Absent, out.Mapping, out.Columns)
	if err != nil {
		return err
	}
	defer writer.Abort(ctx) //nolint:errcheck // after a commit it does nothing; else what stays is invisible
	o := &output{hash: sha256.New(), w: writer}
	if _, err := o.Write(file); err != nil {
		return err
	}
	if out.ETag, err = w.put(ctx, writer, out.Key); err != nil {
		return err
	}
	out.Identity, out.SHA256 = ledger.Absent, o.sum()
	return w.p.step(Committed)
}

// tail keeps the end of what is written to it.
type tail struct {
	b    []byte
	keep int
}

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2*t.keep {
		t.b = append(t.b[:0], t.b[len(t.b)-t.keep:]...)
	}
	return len(p), nil
}

func (o *outputs) table(name string) (io.Writer, error) {
	out := o.tables[slices.Index(o.names, name)]
	if out.stands {
		return io.Discard, nil
	}
	return out, nil
}

// bytes is the size of what stands, or was written.
func (o *outputs) bytes() (n int64) {
	for _, out := range o.tables {
		n += out.n
	}
	return n
}

// check verifies the ends of the files, before one becomes visible: one broken
// file breaks every query of its table.
func (o *outputs) check() error {
	for i, out := range o.tables {
		if err := out.check(); err != nil {
			return fmt.Errorf("check output of table %s: %w", o.names[i], err)
		}
	}
	return nil
}

// abort throws away what was not committed.
func (o *outputs) abort(ctx context.Context) {
	var writers []store.Writer
	if o.quarantine != nil {
		writers = append(writers, o.quarantine.w)
	}
	for _, out := range o.tables {
		writers = append(writers, out.w)
	}
	store.Abort(ctx, writers...)
}

// output is a Parquet file on its way into the sink, or one that stands there.
type output struct {
	w      store.Writer // nil: it is not written
	stands bool         // what the fields below tell is of the file in the sink
	hash   hash.Hash
	n      int64
	first  []byte // up to 4 bytes
	last   []byte // up to 8 bytes
}

func (o *output) Write(p []byte) (int, error) {
	o.hash.Write(p)
	o.n += int64(len(p))
	if free := 4 - len(o.first); free > 0 {
		o.first = append(o.first, p[:min(free, len(p))]...)
	}
	o.last = append(o.last, p[max(0, len(p)-8):]...)
	o.last = o.last[max(0, len(o.last)-8):]
	if o.w == nil {
		return len(p), nil
	}
	return o.w.Write(p)
}

func (o *output) sum() string { return hex.EncodeToString(o.hash.Sum(nil)) }

// check looks at the magic numbers at both ends and the length of the footer
// (https://parquet.apache.org/docs/file-format/).
func (o *output) check() error {
	if string(o.first) != "PAR1" || len(o.last) < 8 || string(o.last[4:]) != "PAR1" {
		return errors.New("it does not begin and end as a Parquet file")
	}
	if footer := int64(binary.LittleEndian.Uint32(o.last)); footer+12 > o.n {
		return fmt.Errorf("its footer of %d bytes is longer than the file of %d", footer, o.n)
	}
	return nil
}

// lazyWriter begins its object with the first byte: most have no quarantine.
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
		var err error
		if l.w, err = l.create(); err != nil {
			return 0, fmt.Errorf("create quarantine: %w", err)
		}
	}
	return l.w.Write(p)
}
