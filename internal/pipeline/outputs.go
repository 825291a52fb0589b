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

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// outputs are the objects of an attempt while they are written, invisible.
type outputs struct {
	tables     map[string]*output
	quarantine *lazyWriter
}

// create begins the outputs. If they are carried already, what is written is
// only counted: it gives the account the figures that the dead worker took along.
func (w *work) create(ctx context.Context) (*outputs, error) {
	outs := &outputs{tables: map[string]*output{}}
	outs.quarantine = &lazyWriter{create: func() (store.Writer, error) {
		return w.p.Quarantine.Create(ctx, w.quarantineKey(), store.CreateOptions{ContentType: "application/x-ndjson"})
	}}
	carried := w.carried()
	for _, t := range w.p.Mapping.Tables {
		o := &output{hash: sha256.New()}
		outs.tables[t.Name] = o
		if carried {
			continue
		}
		var err error
		o.w, err = w.p.Sink.Create(ctx, w.entry.Output(t.Name).Key, store.CreateOptions{
			ContentType: "application/vnd.apache.parquet",
			Meta: map[string]string{
				metaIdentity: w.state.Identity,
				metaMapping:  w.state.Mapping,
				metaSoftware: w.state.Software,
				metaSource:   ledger.ID(w.entry.Bucket, w.entry.Key),
			},
		})
		if err != nil {
			outs.abort(ctx)
			return nil, fmt.Errorf("create output: %w", err)
		}
	}
	return outs, nil
}

func (o *outputs) table(name string) (io.Writer, error) { return o.tables[name], nil }

// check verifies the ends of the files, before one becomes visible: one broken
// file breaks every query of its table.
func (o *outputs) check() error {
	for name, out := range o.tables {
		if err := out.check(); err != nil {
			return fmt.Errorf("check output of table %s: %w", name, err)
		}
	}
	return nil
}

// abort throws away what was not committed.
func (o *outputs) abort(ctx context.Context) {
	writers := []store.Writer{o.quarantine.w}
	for _, out := range o.tables {
		writers = append(writers, out.w)
	}
	store.Abort(ctx, writers...)
}

// output is a Parquet file on its way into the sink.
type output struct {
	w     store.Writer // nil: it stands there already
	hash  hash.Hash
	n     int64
	first []byte // up to 4 bytes
	last  []byte // up to 8 bytes
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
	create func() (store.Writer, error)
	w      store.Writer
}

func (l *lazyWriter) Write(p []byte) (int, error) {
	if l.w == nil {
		var err error
		if l.w, err = l.create(); err != nil {
			return 0, fmt.Errorf("create quarantine: %w", err)
		}
	}
	return l.w.Write(p)
}
