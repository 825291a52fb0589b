package lake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/schema"
)

// objects are lakes with files for each object, which its ledger entry names.
type objects struct {
	l    *Lake
	sink map[string]store.Info // by key: what is there. Locked as the entries of the lake
}

// refresh lists ledger and sink, and reads the entries that have changed.
func (o *objects) refresh(ctx context.Context) error {
	// The sink is listed after the ledger: a publication comes before its account.
	listed, err := o.listed(ctx)
	if err != nil {
		return err
	}
	sink, err := o.l.listSink(ctx)
	if err != nil {
		return err
	}
	before := o.l.before()
	read := make([]*Entry, len(listed))
	if err := Each(ctx, atOnce, len(listed), func(ctx context.Context, i int) (err error) {
		if old := before[listed[i].ID]; old != nil && old.ETag == listed[i].ETag {
			read[i] = old
			return nil
		}
		read[i], err = o.read(ctx, listed[i])
		return err
	}); err != nil {
		return err
	}
	o.l.read(read, func() { o.sink = sink })
	return nil
}

// listSink are the Parquet files of the sink.
func (l *Lake) listSink(ctx context.Context) (map[string]store.Info, error) {
	p, sink := l.at().Pipeline, map[string]store.Info{}
	if err := p.Sink.List(ctx, p.SinkPrefix, func(info store.Info) error {
		if info.Err == nil && strings.HasSuffix(info.Key, ".parquet") {
			sink[info.Key] = info
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return sink, nil
}

func (o *objects) note(ctx context.Context, ids []ledger.ID) error {
	for _, id := range ids {
		if err := o.noteOne(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (o *objects) noteOne(ctx context.Context, id ledger.ID) error {
	p := o.l.at().Pipeline
	e, err := o.read(ctx, ledger.Listed{ID: id, Written: time.Now().UTC()})
	if err != nil {
		return err
	}
	found := map[string]*store.Info{}
	if e != nil {
		for _, out := range p.Published(&e.Entry) {
			info, err := p.Sink.Head(ctx, out.Key)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("read tables: %w", err)
			}
			found[out.Key] = &info
		}
	}
	o.l.mu.Lock()
	defer o.l.mu.Unlock()
	if e == nil {
		delete(o.l.entries, id)
		return nil
	}
	o.l.entries[id] = e
	for key, info := range found {
		if delete(o.sink, key); info.Key != "" {
			info.Meta = nil
			o.sink[key] = *info
		}
	}
	return nil
}

// read reads an entry; nil if it is gone.
func (o *objects) read(ctx context.Context, listed ledger.Listed) (*Entry, error) {
	e, etag, err := o.l.at().Pipeline.Ledger.Read(ctx, listed.ID)
	r := &Entry{Entry: e, ID: listed.ID, ETag: etag, Written: listed.Written}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case errors.Is(err, ledger.ErrDamaged) || errors.Is(err, ledger.ErrNewer):
		at := o.l.at().Config.Ledger
		r.Entry, r.Err = ledger.Entry{}, fmt.Errorf("%w (%s%s.json): the rows of its object would be missing; sluice run makes the entry again", err, at, listed.ID)
	case err != nil:
		return nil, err
	}
	o.l.trim(r)
	return r, nil
}

func (o *objects) files(at *setup.Setup, entries []*Entry) map[string][]*File {
	files := map[string][]*File{}
	for _, e := range entries {
		for _, out := range at.Pipeline.Published(&e.Entry) {
			files[out.Table] = append(files[out.Table], &File{Entry: e, Output: out, Info: o.sink[out.Key]})
		}
	}
	return files
}

func (o *objects) columns(_ string, mapped []schema.Column) ([]schema.Column, bool) {
	return mapped, false
}

func (o *objects) entry(ctx context.Context, bucket, key string) (ledger.Entry, string, error) {
	return o.l.at().Pipeline.Ledger.Get(ctx, bucket, key)
}

func (o *objects) listed(ctx context.Context) (all []ledger.Listed, err error) {
	err = o.l.at().Pipeline.Ledger.List(ctx, func(l ledger.Listed) error { all = append(all, l); return nil })
	return all, err
}

func (o *objects) parts(ctx context.Context, e *ledger.Entry) (all []Part, err error) {
	for _, out := range e.Outputs {
		if out.ETag == "" {
			continue
		}
		info, err := o.l.at().Pipeline.Sink.Head(ctx, out.Key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		p := Part{Output: out, Bytes: info.Size, Missing: err != nil}
		if err == nil {
			f, err := o.l.footer(ctx, &File{Output: out, Info: info})
			if err != nil {
				return nil, fmt.Errorf("read rows of %q: %w", out.Key, err)
			}
			p.Rows, p.Damaged = f.rows, f.err != nil
		}
		all = append(all, p)
	}
	return all, nil
}
