// Package pipeline makes exactly one visible result for each source key, even if
// events are repeated, late or lost, and whenever a worker dies.
//
// An event only says "look at this key". Order comes from the strong consistency
// of the store and from one compare-and-set for each publication: the state of the
// output is read before the source, and the output is replaced only if it is still
// in that state. So each publication reads the source after the publication before
// it was visible, and published states never go back. ARCHITECTURE.md explains why
// nothing less is enough.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
	"sluice/mapping"
)

// Pipeline processes source keys. It is not changed after it was made, and is safe
// for use by several goroutines.
type Pipeline struct {
	Mapping     *mapping.Mapping
	MappingName string // for people; only the hash says which it is
	Codec       sluice.Codec
	Threads     int

	// Source opens the store of a bucket that events may name.
	Source func(bucket string) (store.Store, error)

	Sink       store.Store
	SinkPrefix string // of the outputs, with a slash at its end

	Ledger *ledger.Ledger

	Quarantine       store.Store
	QuarantinePrefix string // of quarantined records and reports, with a slash at its end

	// RemoveDeleted replaces the output of a deleted source by one without
	// rows. Otherwise it stays.
	RemoveDeleted bool

	// Redo publishes settled objects again. It also moves outputs to where the
	// configuration puts them now.
	Redo Redo

	// AcceptDrift publishes objects that the mapping would hold for on_drift.
	AcceptDrift bool

	// Computing has a memory for each conversion of a small object that may run at
	// once, while many other small objects wait for the store; nil: no bound.
	Computing chan *sluice.Memory

	// News, if not nil, is told of the paths that objects differ at.
	News *News

	// Hook, if not nil, is called at each step of the protocol, with its name
	// in Steps; an error ends the attempt there, as a crash would.
	Hook func(step Step) error

	alone bool // for the simulation: nothing waits, and nothing runs side by side
}

// Redo says which settled objects are published again.
type Redo string

const (
	RedoNothing Redo = ""        // a changed configuration alone changes no output
	RedoChanged Redo = "changed" // what was made with another mapping, or is elsewhere
	RedoAll     Redo = "all"
)

// Step names a point between two effects of the protocol.
type Step string

// Steps are all points at which a worker can die, in the order of the protocol.
const (
	Started     Step = "started"
	Claimed     Step = "claimed"     // the ledger entry exists
	Fenced      Step = "fenced"      // the state of the outputs is known
	Opened      Step = "opened"      // the state of the source is pinned
	Converted   Step = "converted"   // the output is written and invisible
	Quarantined Step = "quarantined" // quarantine and report are written
	Committed   Step = "committed"   // the output of a table is visible
	Accounted   Step = "accounted"   // the ledger entry describes it
)

// Steps lists them.
var Steps = []Step{Started, Claimed, Fenced, Opened, Converted, Quarantined, Committed, Accounted}

// Disposition says what Process did with a key.
type Disposition string

const (
	DidCommit    Disposition = "committed" // the state is published, or accounted for without rows
	DidDuplicate Disposition = "duplicate" // the state was published or accounted for before
	DidReject    Disposition = "rejected"  // it cannot be trusted; the older output stays
	DidSkip      Disposition = "skipped"   // the key was deleted, and there is nothing to do
	DidHandOver  Disposition = "split"     // others convert it in parts
)

// Result is the outcome of a key.
type Result struct {
	Disposition Disposition
	Stats       sluice.Stats // of this call; zero for a duplicate
	Detail      string       // of a reject
	Outputs     []ledger.Output
	Report      string // key of the report, if there is one
	Attempts    int
	Parts       int           // of a split: that this call has converted
	Took        time.Duration // by ProcessAll: of the object, or of the batch that it is in
	// Written says that the outputs of the key are known to exist with the columns
	// of this mapping, made now or before: the catalog must know them.
	Written bool

	// NewPaths is how many paths that differ from what the mapping expects were not
	// known before; Untold is why they could not be announced, or nil.
	NewPaths int
	Untold   error

	entry ledger.Entry // as it stands now
	etag  string       // of the entry
}

// Entry is what is known of the key after the call; empty after an error.
func (r *Result) Entry() ledger.Entry { return r.entry }

// maxAttempts bounds how often Process starts again because another worker was
// faster. That worker has made progress each time, so the loop would end anyway.
const maxAttempts = 20

// Process brings the output of a source key and its ledger entry up to the
// current state of the source. When it returns without an error, both describe
// that state, and the event may be acknowledged. After an error nothing is
// lost, and the same call may be made again.
func (p *Pipeline) Process(ctx context.Context, bucket, key string) (Result, error) {
	return p.process(ctx, bucket, key, nil)
}

// process is Process with the claim, if Run has just claimed the key.
func (p *Pipeline) process(ctx context.Context, bucket, key string, first *claim) (Result, error) {
	for attempt := 1; ; attempt++ {
		r, err := p.attempt(ctx, bucket, key, first)
		first = nil
		r.Attempts = attempt
		if err == nil {
			err = p.note(ctx, &r)
			return r, err
		}
		if !store.IsRace(err) {
			return r, err
		}
		if attempt == maxAttempts {
			return r, fmt.Errorf("process object: gave up after %d attempts: %w", attempt, err)
		}
		if err := p.wait(ctx, time.Duration(attempt)*10*time.Millisecond); err != nil {
			return r, err
		}
	}
}

// note tells News of an object that is accounted for. After an error the same call
// tells it again, as the ledger has what differs.
func (p *Pipeline) note(ctx context.Context, r *Result) (err error) {
	if p.News == nil {
		return nil
	}
	r.NewPaths, err = p.News.note(ctx, &r.entry)
	if errors.As(err, new(*AnnounceError)) {
		r.Untold, err = err, nil
	}
	return err
}

func (p *Pipeline) wait(ctx context.Context, d time.Duration) error {
	if p.alone {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func (p *Pipeline) step(s Step) error {
	if p.Hook == nil {
		return nil
	}
	return p.Hook(s)
}
