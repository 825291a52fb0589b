package erase

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"sync"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/store"
	"sluice/internal/upkeep"
	"sluice/mapping"
	"sluice/schema"
)

// files takes rows of persons out of the files of objects.
func (e *eraser) files(ctx context.Context) error {
	p := e.s.Pipeline
	f := &fileErasure{eraser: e, seed: maphash.MakeSeed(), named: map[uint64]struct{}{}, of: map[string]*upkeep.Erased{}}
	for i := range p.Mapping.Tables {
		f.table(p.Mapping.Tables[i].Name)
	}
	w := newWorkers(ctx, e.workers)
	err := p.Ledger.List(ctx, func(l ledger.Listed) error {
		return w.start(func(ctx context.Context) error { return f.entry(ctx, l.ID) })
	})
	if err := errors.Join(w.wait(), err); err != nil {
		return err
	}
	return f.unnamed(ctx)
}

// fileErasure is what is done with the files of objects.
type fileErasure struct {
	*eraser
	seed maphash.Seed

	mu    sync.Mutex
	named map[uint64]struct{} // hashes of the keys of outputs: two that are alike only keep one from being looked at
	of    map[string]*upkeep.Erased
}

// table is what is reported of a table.
func (f *fileErasure) table(name string) *upkeep.Erased {
	if f.of[name] == nil {
		f.of[name] = upkeep.NewErased(name)
		f.report.Tables = append(f.report.Tables, f.of[name])
	}
	return f.of[name]
}

// entry erases rows of the outputs of an object, and reads them again.
func (f *fileErasure) entry(ctx context.Context, id ledger.ID) error {
	p := f.s.Pipeline
	e, _, err := p.Ledger.Read(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !f.o.DryRun {
		for try := 0; ; try++ {
			if _, err = pipeline.Shorten(ctx, p, e.Bucket, e.Key, f.shortening()); !errors.Is(err, pipeline.ErrBehind) && !errors.Is(err, store.ErrNotFound) || try == mostTries {
				break
			}
			if _, err := p.Process(ctx, e.Bucket, e.Key); err != nil {
				return fmt.Errorf("bring the outputs of %q up to date: %w", e.Key, err)
			}
		}
		if err != nil {
			return fmt.Errorf("erase rows of %q: %w", e.Key, err)
		}
		if e, _, err = p.Ledger.Read(ctx, id); err != nil {
			return err
		}
	}
	for _, out := range e.Outputs {
		if err := f.proof(ctx, out); err != nil {
			return fmt.Errorf("read output %q: %w", out.Key, err)
		}
	}
	f.progress(1)
	return nil
}

// shortening takes the rows out of outputs.
func (f *fileErasure) shortening() pipeline.Shortening {
	var rows int64
	return pipeline.Shortening{
		Look: func(ctx context.Context, out ledger.Output, info store.Info) (bool, error) {
			file, err := f.open(ctx, out.Table, info)
			if err == nil {
				rows, err = file.Matches(ctx)
			}
			return rows > 0, err
		},
		Write: func(ctx context.Context, out ledger.Output, info store.Info, to io.Writer, footer map[string]string) error {
			file, err := f.open(ctx, out.Table, info)
			if err != nil {
				return err
			}
			if err := file.Cut(ctx, to, out.Table, f.codec(), "sluice version "+sluice.Version(), footer); err != nil {
				return err
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			t := f.table(out.Table)
			t.Rows, t.Rewritten = t.Rows+rows, t.Rewritten+1
			return nil
		},
		Sums: func(ctx context.Context, out ledger.Output, info store.Info) (int64, map[string]string, error) {
			file, err := f.open(ctx, out.Table, info)
			if err != nil {
				return 0, nil, err
			}
			s, err := file.Sums(ctx)
			return s.Rows, s.Columns, err
		},
	}
}

// open opens an output.
func (f *fileErasure) open(ctx context.Context, table string, info store.Info) (*upkeep.File, error) {
	m := f.s.Pipeline.Mapping
	var like []schema.Column
	if i := slices.IndexFunc(m.Tables, func(t mapping.Table) bool { return t.Name == table }); i >= 0 {
		like = m.Schema(&m.Tables[i]).Columns
	}
	r, err := upkeep.ReaderAt(ctx, f.s.Pipeline.Sink, info)
	if err != nil {
		return nil, err
	}
	return upkeep.OpenFile(r, info.Size, like, f.o.Conditions)
}

// proof reads an output once more.
func (f *fileErasure) proof(ctx context.Context, out ledger.Output) error {
	p := f.s.Pipeline
	if out.Key == "" || !strings.HasPrefix(out.Key, p.SinkPrefix) {
		return nil
	}
	f.mu.Lock()
	f.named[maphash.String(f.seed, out.Key)] = struct{}{}
	f.mu.Unlock()
	info, err := p.Sink.Head(ctx, out.Key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	file, err := f.open(ctx, out.Table, info)
	var rows int64
	if err == nil {
		rows, err = file.Matches(ctx)
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.table(out.Table)
	for _, c := range file.Columns() {
		if !slices.Contains(t.Columns, c) {
			t.Columns = append(t.Columns, c)
			slices.Sort(t.Columns)
		}
	}
	if t.Files++; f.o.DryRun && rows > 0 {
		t.Rows, t.Rewritten = t.Rows+rows, t.Rewritten+1
	}
	t.Matches += rows
	return nil
}

// unnamed reads files of the sink that no entry of the ledger names: they are not changed.
func (f *fileErasure) unnamed(ctx context.Context) error {
	p := f.s.Pipeline
	err := p.Sink.List(ctx, p.SinkPrefix, func(info store.Info) error {
		if _, named := f.named[maphash.String(f.seed, info.Key)]; named || info.Err != nil || !strings.HasSuffix(info.Key, ".parquet") {
			return nil
		}
		file, err := f.open(ctx, "", info)
		var rows int64
		if err == nil {
			rows, err = file.Matches(ctx)
		}
		switch {
		case errors.As(err, new(*store.Error)) && !errors.Is(err, store.ErrNotFound):
			return err
		case err != nil:
			f.report.Unread = append(f.report.Unread, info.Key)
		case rows > 0:
			f.report.Unnamed = append(f.report.Unnamed, info.Key)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list sink: %w", err)
	}
	return nil
}
