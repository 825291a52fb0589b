package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/conversion"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/ledger"
	"sluice/internal/rejection"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// A huge NDJSON object can be converted in parts, by many processes that know nothing of
// one another:
//
//	plan ─> parts, in any order, by anybody ─> finish
//
// The plan is made after the heads of the tables were loaded, and names a state of the
// source. A part reads a range of that state, and leaves data files that nothing names
// yet, and an object that says what it found. To finish means to see that the parts join,
// and to commit them as one, if the tables still know nothing newer of the key than they
// did when the plan was made. Each step may be done again, by several at once: what it
// leaves appears once (If-None-Match), and whoever comes later uses it.

// ErrStale says that the plan of a split holds no more: the source was replaced, the
// tables know something newer of it, or the plan is too old. A new plan begins anew.
var ErrStale = errors.New("the plan of the split holds no more: the object, its tables or their columns have changed since, or it is too old")

// NotSplitError says why an object cannot be converted in parts.
type NotSplitError struct {
	Key string
	Why string
}

func (e *NotSplitError) Error() string {
	return fmt.Sprintf("split %q: %s; sluice run reads it in one process", e.Key, e.Why)
}

const (
	// DefaultPart is how many bytes of the object a part has, if nobody says.
	DefaultPart = 256 << 20
	// mostParts is how many parts there are at most: larger objects have larger parts.
	mostParts = 10_000
	// splitAge is how long a plan holds. Data files of its parts are named by no snapshot
	// until it is finished, and what nobody names is removed when it is a week old.
	splitAge = 72 * time.Hour

	mostPlan = 64 << 20 // bytes of a plan or part that is read
)

// planName is the name of a plan, in the folder of its split.
const planName = "plan.json"

// Split is an object that is converted in parts.
type Split struct {
	t      *Tables
	folder string // key under which its parts are, with a slash at its end
	plan   splitPlan
}

// splitPlan is what all parts have in common. It is a JSON object of the ledger.
type splitPlan struct {
	Version int       `json:"version"`
	ID      string    `json:"id"` // random
	Made    time.Time `json:"made"`
	Bucket  string    `json:"bucket"`
	Key     string    `json:"key"`

	// The state of the source.
	Identity  string    `json:"identity"`
	Listed    string    `json:"listed"`
	ETag      string    `json:"etag"`
	VersionID string    `json:"version_id"`
	Modified  time.Time `json:"modified"`
	Size      int64     `json:"size"`

	Mapping   string       `json:"mapping_sha256"`
	Place     int          `json:"place"` // of the records: index of their path in the mapping
	First     int64        `json:"first"` // offset of the first record
	PartBytes int64        `json:"part_bytes"`
	Tables    []splitTable `json:"tables"`
}

// splitTable is what a table knew before the source was looked at.
type splitTable struct {
	UUID      string    `json:"uuid"`
	Fence     string    `json:"fence"`             // of the key's entry; empty: there was none
	Rebuilt   int64     `json:"rebuilt,omitempty"` // as [tables.Head.Rebuilt] has it
	FirstSeen time.Time `json:"first_seen"`
	Columns   []int     `json:"columns"` // IDs, each with that of the values of a list
}

// splitFolder is where the splits of a key are.
func (t *Tables) splitFolder(bucket, key string) string {
	return t.SplitFolder() + ledger.IDOf(bucket, key).String() + "/"
}

// SplitFolder is where plans and parts of splits are, in the ledger.
func (t *Tables) SplitFolder() string { return t.Tables[0].LedgerPrefix + "split/" }

// splitting is the target as a split needs it: an object that was made with another
// mapping is made again.
func (t *Tables) splitting() *Tables {
	p := *t.Pipeline
	p.Redo = RedoChanged
	target := *t
	target.Pipeline = &p
	return &target
}

// PlanSplit plans how an object is converted in parts of partBytes, or finds the plan
// that another process has made. It returns no Split, but a result, if the tables have the
// current state of the object already.
func (t *Tables) PlanSplit(ctx context.Context, bucket, key string, partBytes int64) (*Split, Result, error) {
	t = t.splitting()
	if err := t.step(Started); err != nil {
		return nil, Result{}, err
	}
	heads, err := t.Open(ctx)
	if err != nil {
		return nil, Result{}, err
	}
	known, err := look(ctx, heads, []runs.Key{{Bucket: bucket, Key: key}})
	if err != nil {
		return nil, Result{}, err
	}
	if err := t.step(Fenced); err != nil {
		return nil, Result{}, err
	}
	src, err := t.Source(bucket)
	if err != nil {
		return nil, Result{}, err
	}
	info, err := src.Head(ctx, key)
	if err != nil {
		return nil, Result{}, fmt.Errorf("look at source: %w", err)
	}
	s := &Split{t: t, plan: splitPlan{
		Version: 1, ID: tables.NewBatchID(), Made: t.Tables[0].Now().UTC(), Bucket: bucket, Key: key,
		Identity: info.Identity(), Listed: info.State(), ETag: info.ETag, VersionID: info.VersionID, Modified: info.Modified.UTC(), Size: info.Size,
		Mapping: t.Mapping.Hash(), PartBytes: max(partBytes, (info.Size+mostParts-1)/mostParts, 1),
	}}
	if t.settled(known[0], s.plan.Identity, s.plan.Mapping) {
		t.cleanSplits(ctx, bucket, key)
		return nil, t.duplicate(bucket, key, known[0]), nil
	}
	if err := s.find(ctx, src); err != nil {
		return nil, Result{}, err
	}
	if err := s.know(heads, known[0]); err != nil {
		return nil, Result{}, err
	}
	if err := t.step(Opened); err != nil {
		return nil, Result{}, err
	}
	s.folder = t.splitFolder(bucket, key) + s.name() + "/"
	return s, Result{}, s.store(ctx)
}

// find finds the first record of the source, and whether it can be split.
func (s *Split) find(ctx context.Context, src store.Store) error {
	p := &s.plan
	if most := s.t.Mapping.Limits.DecompressedBytes; p.Size > most {
		return &NotSplitError{p.Key, fmt.Sprintf("it has %d bytes, and limits: decompressed_bytes of the mapping is %d", p.Size, most)}
	}
	r := newRangeReader(ctx, src, s.info(), 0, 0)
	defer r.close()
	l, err := conversion.FindLines(ctx, r, s.t.Mapping, p.Key)
	lines, reject := new(conversion.NotLines), new(rejection.Error)
	switch {
	case errors.As(err, &lines):
		return &NotSplitError{p.Key, lines.Why}
	case errors.As(err, &reject):
		return &NotSplitError{p.Key, reject.Error()}
	case err != nil:
		return fmt.Errorf("read source: %w", err)
	}
	p.Place, p.First = l.Place, l.First
	return nil
}

// know notes what the tables know.
func (s *Split) know(heads []*tables.Head, known entries) error {
	first := s.plan.Modified.Truncate(time.Millisecond)
	if first.IsZero() {
		first = s.plan.Made.Truncate(time.Millisecond)
	}
	o := batchObject{known: known, first: first}
	for i, h := range heads {
		columns, err := s.t.columnIDs(h, i)
		if err != nil {
			return err
		}
		at := splitTable{UUID: h.Metadata().UUID, Rebuilt: h.Rebuilt(), FirstSeen: o.firstSeen(i), Columns: columns}
		if known[i] != nil {
			at.Fence = known[i].Fence
		}
		s.plan.Tables = append(s.plan.Tables, at)
	}
	return nil
}

// columnIDs are the IDs that the columns of the mapping have in a table.
func (t *Tables) columnIDs(h *tables.Head, i int) (ids []int, err error) {
	s, err := t.schema(h, i)
	if err != nil {
		return nil, err
	}
	for _, c := range datafile.Columns(t.columnsOf(&t.Mapping.Tables[i]), s) {
		ids = append(ids, c.ID, c.ValueID)
	}
	return ids, nil
}

// name is different for each state of the source and of what the tables know of it: a plan
// that holds no more is not found again.
func (s *Split) name() string {
	p := s.plan
	p.ID, p.Made, p.PartBytes = "", time.Time{}, 0
	for i := range p.Tables {
		p.Tables = slices.Clone(p.Tables)
		p.Tables[i].FirstSeen = time.Time{}
	}
	data, _ := json.Marshal(p) // it has texts, numbers and times only
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// store stores the plan, or reads the one that is there.
func (s *Split) store(ctx context.Context) error {
	made := s.plan.Made
	for range maxAttempts {
		created, err := putOnce(ctx, s.t.ledgerStore(), s.folder+planName, &s.plan, func(other *splitPlan) bool { return other.ID == s.plan.ID })
		if err != nil {
			return fmt.Errorf("store the plan of a split: %w", err)
		}
		if created {
			return nil
		}
		stored, err := readJSON[splitPlan](ctx, s.t.ledgerStore(), s.folder+planName)
		switch {
		case errors.Is(err, store.ErrNotFound):
			continue // it was removed meanwhile
		case err != nil:
			return fmt.Errorf("read the plan of a split: %w", err)
		case made.Sub(stored.Made) < splitAge:
			s.plan = *stored
			return nil
		}
		if err := s.t.ledgerStore().Delete(ctx, s.folder+planName); err != nil {
			return fmt.Errorf("remove an old plan of a split: %w", err)
		}
	}
	return ErrStale
}

func (t *Tables) ledgerStore() store.Store { return t.Tables[0].Ledger }

// OpenSplit opens the split of an object that PlanSplit has named; ErrStale if it holds
// no more.
func (t *Tables) OpenSplit(ctx context.Context, bucket, key, name string) (*Split, error) {
	s := &Split{t: t.splitting(), folder: t.splitFolder(bucket, key) + name + "/"}
	if len(name) != 16 || strings.Trim(name, "0123456789abcdef") != "" {
		return nil, errors.New("open a split: its name is not one of a plan")
	}
	stored, err := readJSON[splitPlan](ctx, t.ledgerStore(), s.folder+planName)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrStale
	case err != nil:
		return nil, fmt.Errorf("read the plan of a split: %w", err)
	case stored.Bucket != bucket || stored.Key != key:
		return nil, errors.New("open a split: it is of another object")
	}
	s.plan = *stored
	return s, nil
}

// Name names the split among those of its object.
func (s *Split) Name() string {
	folder := strings.TrimSuffix(s.folder, "/")
	return folder[strings.LastIndexByte(folder, '/')+1:]
}

// Parts is the number of parts.
func (s *Split) Parts() int {
	return max(int((s.plan.Size-s.plan.First+s.plan.PartBytes-1)/s.plan.PartBytes), 1)
}

// Size is the number of bytes of the object.
func (s *Split) Size() int64 { return s.plan.Size }

// rangeOf is the range of a part.
func (s *Split) rangeOf(part int) conversion.Range {
	from := s.plan.First + int64(part)*s.plan.PartBytes
	return conversion.Range{
		Lines: conversion.Lines{Place: s.plan.Place, First: s.plan.First},
		From:  from, Until: min(from+s.plan.PartBytes, s.plan.Size),
	}
}

func (s *Split) info() store.Info {
	p := &s.plan
	return store.Info{Key: p.Key, Size: p.Size, ETag: p.ETag, VersionID: p.VersionID, Modified: p.Modified}
}

// state is the state of the source, without what was read of it.
func (s *Split) state() ledger.State {
	state := s.t.newState(s.plan.Identity, s.plan.Mapping)
	state.Listed = s.plan.Listed
	return state
}

// splitWork is a look at the tables: what a part, or the end, goes on from.
type splitWork struct {
	b *tableBatch
	o *batchObject
}

// begin loads the heads, and returns nil if the tables have the state already; ErrStale if
// the plan holds no more.
func (s *Split) begin(ctx context.Context) (*splitWork, error) {
	p := &s.plan
	if p.Mapping != s.t.Mapping.Hash() || len(p.Tables) != len(s.t.Tables) || s.t.Tables[0].Now().Sub(p.Made) > splitAge {
		return nil, ErrStale
	}
	heads, err := s.t.Open(ctx)
	if err != nil {
		return nil, err
	}
	b, err := s.t.begin(ctx, heads, []Object{{p.Bucket, p.Key, p.Size}})
	if err != nil {
		return nil, err
	}
	o := &b.objects[0]
	o.settled, o.ranges, o.files = make([]bool, len(heads)), make([][]runs.FileRange, len(heads)), make([][]iceberg.SpecFile, len(heads))
	o.first = p.Tables[0].FirstSeen
	for i, h := range heads {
		ids, err := s.t.columnIDs(h, i)
		if err != nil {
			return nil, err
		}
		fence := ""
		if o.known[i] != nil {
			fence = o.known[i].Fence
		}
		o.settled[i] = s.t.settledIn(o.known[i], p.Identity, p.Mapping)
		at := &p.Tables[i]
		if !o.settled[i] && (fence != at.Fence || at.Rebuilt != h.Rebuilt() || at.UUID != h.Metadata().UUID || !slices.Equal(ids, at.Columns)) {
			return nil, ErrStale
		}
	}
	if !slices.Contains(o.settled, false) {
		return nil, nil
	}
	return &splitWork{b, o}, nil
}

// cleanSplits removes what the splits of a key have left, once the tables have its state.
// What cannot be removed does no harm.
func (t *Tables) cleanSplits(ctx context.Context, bucket, key string) {
	remove := func(s store.Store, prefix, part string) {
		_ = s.List(ctx, prefix, func(i store.Info) error {
			if strings.Contains(i.Key[len(prefix):], part) {
				_ = s.Delete(ctx, i.Key)
			}
			return nil
		})
	}
	remove(t.ledgerStore(), t.splitFolder(bucket, key), "")
	remove(t.Quarantine, t.QuarantinePrefix+ledger.IDOf(bucket, key).String()+"/", splitQuarantine)
}

func readJSON[T any](ctx context.Context, s store.Store, key string) (*T, error) {
	data, _, err := store.Get(ctx, s, key, mostPlan)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return v, nil
}

// putOnce stores a JSON object, if none is there. mine tells whether what is there is this
// one all the same: a reply may have been lost.
func putOnce[T any](ctx context.Context, s store.Store, key string, v *T, mine func(*T) bool) (created bool, err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	_, err = store.Put(ctx, s, key, data, store.CreateOptions{ContentType: "application/json"}, store.IfNoneMatch())
	if !store.IsRace(err) {
		return err == nil, err
	}
	there, err := readJSON[T](ctx, s, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && mine(there), err
}
