package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// claim is a ledger entry and the ETag for replacing it.
type claim struct {
	entry ledger.Entry
	etag  string
	// fresh says that this run made the entry, after a listing of the sink that
	// had no output of the key.
	fresh bool
}

// attempt is the protocol, from reading the ledger to writing it. Its correctness
// depends on the order of its steps: the fence is read before the source.
func (p *Pipeline) attempt(ctx context.Context, bucket, key string, c *claim) (Result, error) {
	src, err := p.Source(bucket)
	if err != nil {
		return Result{}, err
	}
	if err := p.step(Started); err != nil {
		return Result{}, err
	}
	if c == nil {
		if c, err = p.claim(ctx, src, bucket, key); err != nil {
			return Result{}, err
		}
	}
	if err := p.step(Claimed); err != nil {
		return Result{}, err
	}
	fences, err := p.fence(ctx, c)
	if err != nil {
		return Result{}, err
	}
	if err := p.step(Fenced); err != nil {
		return Result{}, err
	}
	object, state, err := p.open(ctx, src, key, p.Mapping.Hash())
	if err != nil {
		return Result{}, err
	}
	defer object.Close()
	if err := p.step(Opened); err != nil {
		return Result{}, err
	}
	w := newWork(p, src, c, fences, state)
	if w.settled() {
		return Result{Disposition: DidDuplicate, Outputs: c.entry.Outputs, Report: c.entry.State.Report, Written: p.written(w.wanted()), entry: c.entry, etag: c.etag}, nil
	}
	w.adopt()
	if state.Identity == ledger.Absent && !p.RemoveDeleted {
		w.state.Outcome = ledger.Absent
		return w.keep(ctx, DidSkip)
	}
	return w.publish(ctx, object)
}

// claim reads the ledger entry of a key, or creates it, which fixes the names of
// its outputs.
func (p *Pipeline) claim(ctx context.Context, src store.Store, bucket, key string) (*claim, error) {
	entry, etag, err := p.Ledger.Get(ctx, bucket, key)
	switch {
	case err == nil:
		p.place(&entry)
		return &claim{entry: entry, etag: etag}, nil
	case errors.Is(err, ledger.ErrDamaged):
		return p.rebuild(ctx, src, bucket, key, etag)
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	info, err := src.Head(ctx, key)
	if err != nil {
		// A key that never existed is an error: the event or its decoding is
		// wrong, or the source was deleted before it was read.
		return nil, fmt.Errorf("look at source: %w", err)
	}
	entry = ledger.Entry{Bucket: bucket, Key: key, FirstSeen: info.Modified.UTC()}
	p.place(&entry)
	if etag, err = p.Ledger.Put(ctx, &entry, store.IfNoneMatch()); err != nil {
		return nil, err
	}
	return &claim{entry: entry, etag: etag}, nil
}

// fence is the state of an output before the source was read.
type fence struct {
	etag     string // empty: there is none
	identity string // of the source state it was made from
	mapping  string
	columns  string
	software string
	replaces string // ETag of the publication before it
	damaged  bool   // its content is not what the other fields say
}

// Names of the metadata of output objects.
const (
	metaIdentity = "sluice-identity"
	metaMapping  = "sluice-mapping"
	metaColumns  = "sluice-columns"
	metaSoftware = "sluice-version"
	metaSource   = "sluice-source" // the ID of the source key
	metaReplaces = "sluice-replaces"
)

// fence looks at the outputs of a key, by their keys: at those that the
// configuration names, and at others that may have to be emptied.
//
// It looks at the last table first. Tables are published from the first to the
// last, so at any moment no table is newer than one before it. In this order that
// also holds for what was seen. Otherwise a table could be set back to the state
// of the first, if that was seen before all tables were replaced.
func (p *Pipeline) fence(ctx context.Context, c *claim) (map[string]fence, error) {
	fences := map[string]fence{}
	for i, out := range slices.Backward(c.entry.Outputs) {
		past := i >= len(p.Mapping.Tables)
		if past && !(p.mayRetire(out) && out.HasRows()) {
			continue
		}
		if c.fresh {
			fences[out.Key] = fence{}
			continue
		}
		f, err := p.fenceOf(ctx, &c.entry, out.Key)
		if err != nil {
			return nil, err
		}
		fences[out.Key] = f
	}
	return fences, nil
}

func (p *Pipeline) fenceOf(ctx context.Context, e *ledger.Entry, key string) (fence, error) {
	info, err := p.Sink.Head(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fence{}, nil
	case err != nil:
		return fence{}, fmt.Errorf("look at output: %w", err)
	case info.ETag == "":
		return fence{}, fmt.Errorf("look at output: the store gives no ETag for %q; without it no publication is safe", key)
	}
	if id := info.Meta[metaSource]; id != "" && id != e.ID().String() {
		return fence{}, fmt.Errorf("look at output: %q belongs to another source key", key)
	}
	return fence{
		etag: info.ETag, identity: info.Meta[metaIdentity], mapping: info.Meta[metaMapping], columns: info.Meta[metaColumns],
		software: info.Meta[metaSoftware], replaces: info.Meta[metaReplaces],
	}, nil
}

// newState is the state of a source; hash is that of the mapping. It is absent until a
// source is found.
func (p *Pipeline) newState(identity, hash string) ledger.State {
	return ledger.State{Identity: identity, Listed: ledger.Absent, MappingName: p.MappingName, Mapping: hash, Software: sluice.Version()}
}

// open pins the current state of the source; a deleted one has no content.
func (p *Pipeline) open(ctx context.Context, src store.Store, key, hash string) (source, ledger.State, error) {
	state := p.newState(ledger.Absent, hash)
	object, err := src.Open(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return source{ReadCloser: nothing{}}, state, nil
	}
	if err != nil {
		return source{}, state, fmt.Errorf("open source: %w", err)
	}
	info := object.Info()
	state.Identity, state.Listed = info.Identity(), info.State()
	s, err := pinned(object)
	s.modified = info.Modified.UTC()
	return s, state, err
}

// source is the content of a source state, and the number of bytes it must have.
type source struct {
	io.ReadCloser
	size     int64
	small    bool // it is in memory
	modified time.Time
}

// reader reads the content, the parts of a large one side by side if the store allows it.
func (s source) reader() io.Reader {
	if at, ok := s.ReadCloser.(io.ReaderAt); ok && !s.small {
		return io.NewSectionReader(at, 0, s.size)
	}
	return s
}

// pinned reads a small object into memory, so that no conversion waits for it.
func pinned(object store.Object) (source, error) {
	size := object.Info().Size
	if size > SmallObject {
		return source{ReadCloser: object, size: size}, nil
	}
	defer object.Close()
	b := &body{buf: bodies.Get().(*bytes.Buffer)}
	b.buf.Reset()
	b.buf.Grow(int(size) + bytes.MinRead) // it does not grow while it is filled
	if _, err := b.buf.ReadFrom(object); err != nil {
		_ = b.Close()
		return source{}, fmt.Errorf("read source: %w", err)
	}
	b.Reset(b.buf.Bytes())
	return source{ReadCloser: b, size: size, small: true}, nil
}

// body is a small object in memory, which is used again.
type body struct {
	bytes.Reader
	buf *bytes.Buffer // nil: it is closed
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Close implements [io.Closer].
func (b *body) Close() error {
	if b.buf != nil {
		b.Reset(nil)
		bodies.Put(b.buf)
		b.buf = nil
	}
	return nil
}

// nothing is the content of a deleted source.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }
