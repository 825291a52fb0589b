package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// attempt is the protocol, from the ledger to the ledger. The order of its
// steps is what it stands on: the fence is read before the source.
func (p *Pipeline) attempt(ctx context.Context, bucket, key string) (Result, error) {
	src, err := p.Source(bucket)
	if err != nil {
		return Result{}, err
	}
	if err := p.step(Started); err != nil {
		return Result{}, err
	}
	entry, etag, err := p.claim(ctx, src, bucket, key)
	if err != nil {
		return Result{}, err
	}
	if err := p.step(Claimed); err != nil {
		return Result{}, err
	}
	fences, err := p.fence(ctx, entry)
	if err != nil {
		return Result{}, err
	}
	if err := p.step(Fenced); err != nil {
		return Result{}, err
	}
	object, state, err := p.open(ctx, src, key)
	if err != nil {
		return Result{}, err
	}
	defer object.Close()
	if err := p.step(Opened); err != nil {
		return Result{}, err
	}
	w := &work{p: p, entry: entry, etag: etag, fences: fences, state: state}
	if w.settled() {
		return Result{Disposition: DidDuplicate, Outputs: entry.Outputs, Report: entry.State.Report, Written: w.written()}, nil
	}
	w.adopt()
	if state.Identity == ledger.Absent && !p.RemoveDeleted {
		w.state.Outcome = ledger.Absent
		return w.account(ctx, DidSkip)
	}
	return w.publish(ctx, object)
}

// claim reads the ledger entry of a key, or creates it and so fixes the names
// of its outputs for ever.
func (p *Pipeline) claim(ctx context.Context, src store.Store, bucket, key string) (ledger.Entry, string, error) {
	entry, etag, err := p.Ledger.Get(ctx, bucket, key)
	switch {
	case err == nil:
		p.addTables(&entry)
		return entry, etag, nil
	case errors.Is(err, ledger.ErrDamaged):
		return p.rebuild(ctx, src, bucket, key, etag)
	case !errors.Is(err, store.ErrNotFound):
		return entry, "", err
	}
	info, err := src.Head(ctx, key)
	if err != nil {
		// A key that was never there is no success: the event or its decoding
		// is wrong, or the source was deleted before it was read.
		return entry, "", fmt.Errorf("look at source: %w", err)
	}
	entry = ledger.Entry{Bucket: bucket, Key: key, FirstSeen: info.Modified.UTC()}
	p.addTables(&entry)
	etag, err = p.Ledger.Put(ctx, entry, store.IfNoneMatch())
	return entry, etag, err
}

// addTables gives the entry an output for each table of the mapping.
func (p *Pipeline) addTables(e *ledger.Entry) {
	for _, t := range p.Mapping.Tables {
		if e.Output(t.Name) != nil {
			continue
		}
		e.Outputs = append(e.Outputs, ledger.Output{Table: t.Name, Key: p.folder(t.Name) + ledger.OutputName(e.Bucket, e.Key, e.FirstSeen)})
	}
}

// folder is where the outputs of a table are.
func (p *Pipeline) folder(table string) string {
	if len(p.Mapping.Tables) == 1 {
		return p.SinkPrefix
	}
	return p.SinkPrefix + table + "/"
}

// fence is the state of an output before the source was looked at.
type fence struct {
	etag     string // empty: there is none
	identity string // of the source state it was made from
	mapping  string
	software string
}

// Names of the metadata of output objects.
const (
	metaIdentity = "sluice-identity"
	metaMapping  = "sluice-mapping"
	metaSoftware = "sluice-version"
	metaSource   = "sluice-source" // ledger.ID of the source key
)

func (p *Pipeline) fence(ctx context.Context, e ledger.Entry) (map[string]fence, error) {
	fences := map[string]fence{}
	for _, t := range p.Mapping.Tables {
		info, err := p.Sink.Head(ctx, e.Output(t.Name).Key)
		if errors.Is(err, store.ErrNotFound) {
			fences[t.Name] = fence{}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at output: %w", err)
		}
		if id := info.Meta[metaSource]; id != "" && id != ledger.ID(e.Bucket, e.Key) {
			return nil, fmt.Errorf("look at output: %q belongs to another source key", info.Key)
		}
		fences[t.Name] = fence{info.ETag, info.Meta[metaIdentity], info.Meta[metaMapping], info.Meta[metaSoftware]}
	}
	return fences, nil
}

// state is that of a deleted source, until another is found.
func (p *Pipeline) state() ledger.State {
	return ledger.State{Identity: ledger.Absent, Listed: ledger.Absent, Mapping: p.Mapping.Hash(), Software: sluice.Version()}
}

// open pins the current state of the source; a deleted one is an empty array.
func (p *Pipeline) open(ctx context.Context, src store.Store, key string) (io.ReadCloser, ledger.State, error) {
	state := p.state()
	object, err := src.Open(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nothing{}, state, nil
	}
	if err != nil {
		return nil, state, fmt.Errorf("open source: %w", err)
	}
	info := object.Info()
	state.Identity, state.Listed = info.Identity(), info.State()
	return sized{object, info.Size}, state, nil
}

// sized is a source object with the number of bytes it must give.
type sized struct {
	io.ReadCloser
	size int64
}

// nothing stands for the content of a deleted source.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }
