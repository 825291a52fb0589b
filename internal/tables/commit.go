package tables

import (
	"bytes"
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/schema"
)

// Batch is what is committed together.
type Batch struct {
	ID    string // random: 32 hex digits
	Files []iceberg.SpecFile
	// Columns are those of Files, with the IDs that they have there: those of the schema
	// that [iceberg.Metadata.Evolve] made for the head. That schema becomes the table's in
	// the same commit.
	Columns []schema.Column
	Changes []Change
	// Masks are rows of Files that no key shows: they go out of sight in the same commit.
	// No file has no others.
	Masks []runs.FileRange
}

// Change is what becomes of a source key.
type Change struct {
	Before *runs.Entry // as the head had it that was loaded before the source was read; nil: new
	// After is the entry of the batch, without fence. Its Shown has the rows of Files of
	// the batch if Replaces is set, and else is that of Before.
	After    runs.Entry
	Replaces bool // the rows that the key showed go; also if there are none now
}

// Committed is what a commit has done.
type Committed struct {
	Head *Head
	// Tries counts how often a snapshot was offered to the catalog, also after an error:
	// others were faster before, or a reply was lost.
	Tries int
	// Missing is the number of rows that the batch was to take out of sight, and that
	// the table no longer had: somebody else deleted them. They cannot be doubled.
	Missing int64
	// Resurrected is the number of rows that the table shows beyond those of its
	// ledger, as [Head.Resurrected] has it.
	Resurrected int64
}

// NewBatchID is a name that no other batch has.
func NewBatchID() string {
	var b [16]byte
	crand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// check refuses a batch that would break what a ledger says of its table.
func (b *Batch) check() error {
	if id, err := hex.DecodeString(b.ID); err != nil || len(id) != 16 {
		return errors.New("its ID is not 32 hex digits")
	}
	return b.checkChanges()
}

func (b *Batch) checkChanges() error {
	var ranges []runs.FileRange
	keys := make(map[runs.Key]struct{}, len(b.Changes))
	for i := range b.Changes {
		c := &b.Changes[i]
		if _, twice := keys[c.After.Key]; twice {
			return errors.New("it changes a key twice")
		}
		keys[c.After.Key] = struct{}{}
		if c.Before != nil && c.Before.Key != c.After.Key {
			return errors.New("it changes an entry to that of another key")
		}
		if !c.Replaces {
			continue
		}
		rows := int64(0)
		for _, r := range c.After.Shown.Files {
			rows += r.Rows
		}
		if rows != c.After.Shown.Rows {
			return fmt.Errorf("an entry has %d rows, and %d in files", c.After.Shown.Rows, rows)
		}
		ranges = append(ranges, c.After.Shown.Files...)
	}
	return b.checkRows(append(ranges, b.Masks...))
}

// checkRows compares the rows that entries have, or that are masked, with those of the
// files: each row is of one key.
func (b *Batch) checkRows(ranges []runs.FileRange) error {
	files := make(map[string]int64, len(b.Files))
	for i := range b.Files {
		files[b.Files[i].Path] = b.Files[i].Rows
	}
	slices.SortFunc(ranges, func(a, b runs.FileRange) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.First, b.First))
	})
	at := map[string]int64{}
	for _, r := range ranges {
		if r.First != at[r.Path] || r.Rows <= 0 {
			return fmt.Errorf("row %d of %s is of no key, or of two", min(r.First, at[r.Path]), r.Path)
		}
		at[r.Path] += r.Rows
	}
	for path, rows := range files {
		if at[path] != rows {
			return fmt.Errorf("%s has %d rows, and the entries have %d of them", path, rows, at[path])
		}
		delete(at, path)
	}
	if len(at) > 0 {
		return errors.New("entries have rows in files that are not of the batch")
	}
	return nil
}

// ErrOvertaken says that another batch changed one of the keys, or added columns under the
// IDs that the files of this one have for others: the whole batch begins again with Load,
// and reads the sources again.
var ErrOvertaken = errors.New("another batch changed a key, or the columns")

const (
	mostTries  = 20
	mergeAt    = 64 // small manifests of a kind that become one
	mergeBytes = 8 << 20
)

// Commit makes the batch visible in one snapshot, on the head that its changes were
// made for. After an error that is not [ErrOvertaken] it may have landed, or may land
// later: the same keys are tried again with a new Load, and find out.
//
// No file is deleted after an error: it may be live.
func (t *Table) Commit(ctx context.Context, h *Head, b *Batch) (Committed, error) {
	c, err := t.commit(ctx, h, b)
	if err != nil {
		return Committed{Tries: c.Tries}, fmt.Errorf("commit batch %s to table %s: %w", b.ID, t.Name, err)
	}
	c.Resurrected = c.Head.Resurrected()
	return c, nil
}

func (t *Table) commit(ctx context.Context, h *Head, b *Batch) (c Committed, err error) {
	if err := b.check(); err != nil {
		return c, err
	}
	if len(b.Changes) == 0 {
		return Committed{Head: h}, nil
	}
	rebuilt := h.Rebuilt()
	for try := 0; ; try++ {
		change, err := b.evolve(h.Metadata())
		if err != nil {
			return c, err // no other head of these columns comes by waiting
		}
		c.Tries++
		next, err := t.attempt(ctx, h, b, change, &c.Missing)
		if err == nil {
			c.Head = next
			return c, nil
		}
		if try == mostTries || ctx.Err() != nil {
			return c, err
		}
		if err := t.backOff(ctx, try); err != nil {
			return c, err
		}
		// Whatever the error says, only the head knows whether the commit landed.
		loaded, loadErr := t.Load(ctx)
		if loadErr != nil {
			return c, fmt.Errorf("%w; then %w", err, loadErr)
		}
		landed, err := b.compare(ctx, loaded, rebuilt)
		if err != nil {
			return c, err
		}
		if landed {
			c.Head = loaded
			return c, nil
		}
		h = loaded // others touched other keys, or moved rows: the files of the batch stay
	}
}

// tryName begins the names of the files of a try: a batch may be tried several times.
func tryName(id string, sequence int64) string {
	return fmt.Sprintf("%s-%d-%08x", id, sequence, rand.Uint32())
}

// backOff waits before another try of a commit.
func (t *Table) backOff(ctx context.Context, try int) error {
	if try == 0 {
		return nil
	}
	return t.Pause(ctx, rand.N(time.Duration(min(1<<try, 64))*50*time.Millisecond)) // full jitter
}

// compare says whether the batch is in a head; ErrOvertaken if another batch changed
// one of its keys, or the ledger was made anew since: that a key has no entry then does
// not say that nobody has changed it.
func (b *Batch) compare(ctx context.Context, h *Head, rebuilt int64) (landed bool, err error) {
	keys := make([]runs.Key, len(b.Changes))
	for i := range b.Changes {
		keys[i] = b.Changes[i].After.Key
	}
	found, err := h.Look(ctx, keys)
	if err != nil {
		return false, err
	}
	ours, unchanged := 0, 0
	for i := range b.Changes {
		c := &b.Changes[i]
		e, there := found[c.After.Key]
		switch {
		case there && e.Fence == b.ID:
			ours++
		case there == (c.Before != nil) && (!there || e.Fence == c.Before.Fence):
			unchanged++
		}
	}
	switch {
	case ours == len(b.Changes):
		return true, nil
	case unchanged == len(b.Changes) && h.Rebuilt() == rebuilt:
		return false, nil
	}
	return false, ErrOvertaken
}

// attempt builds the snapshot of the batch on a head, and commits it once, with what else
// the batch needs of the table. missing is
// set when it is known: an attempt that failed may have landed, and one that can still
// land has the same head, and so the same number.
func (t *Table) attempt(ctx context.Context, h *Head, b *Batch, change iceberg.Change, missing *int64) (*Head, error) {
	m, err := change.Apply(h.Metadata(), "") // the manifests are those of the new schema
	if err != nil {
		return nil, err
	}
	sequence := m.LastSequence + 1
	var replaced []runs.Entry
	entries := make([]runs.Entry, len(b.Changes))
	added := int64(0)
	for i := range b.Changes {
		c := &b.Changes[i]
		e := c.After
		e.Fence = b.ID
		if c.Replaces {
			if c.Before != nil && c.Before.Shown.Rows > 0 {
				replaced = append(replaced, *c.Before)
				added -= c.Before.Shown.Rows
			}
			e.Shown.Sequence = sequence
			added += e.Shown.Rows
		}
		entries[i] = e
	}
	try := tryName(b.ID, sequence)
	masks, drop, gone, err := t.mask(ctx, h, replaced, b, try)
	if err != nil {
		return nil, err
	}
	*missing = gone
	root, name, err := h.files.Add(ctx, h.root, entries, added, m.UUID, sequence, try, t.CreatedBy)
	if err != nil {
		return nil, err
	}
	return t.offer(ctx, h, m, offer{
		batch: b.ID, try: try, root: root, name: name, change: change,
		rows: iceberg.Rows{Add: append(slices.Clip(b.Files), masks...), Drop: drop, MergeAt: mergeAt, MergeBytes: mergeBytes},
	})
}

// offer is a snapshot that may become that of a table.
type offer struct {
	batch, try string       // its ID, and the name of this attempt
	rows       iceberg.Rows // without a summary
	root       *runs.Root   // of the ledger
	name       string       // of the root
	change     iceberg.Change
}

// offer commits a snapshot once on a head, whose metadata are m with what the change brings
// besides.
func (t *Table) offer(ctx context.Context, h *Head, m *iceberg.Metadata, o offer) (*Head, error) {
	o.rows.Summary = map[string]string{rootName: o.name, BatchName: o.batch}
	snapshot, err := h.place.Snapshot(ctx, m, o.rows, h.folder+"metadata/", o.try, t.Now())
	if err != nil {
		return nil, err
	}
	c := o.change
	c.Snapshot, c.Expire = snapshot, m.Expired(t.retention(), t.Now())
	c.Properties = map[string]string{rootName: o.name, rootSequence: strconv.FormatInt(m.LastSequence+1, 10)}
	maps.Copy(c.Properties, o.change.Properties)
	next, err := t.Catalog.Commit(ctx, h.table, c)
	if err != nil {
		return nil, err
	}
	return h.next(next, o.root), nil
}

// evolve is what the files of the batch need of a table besides their snapshot. IDs of new
// columns are guesses until they are committed: another batch may have taken them for
// other columns.
func (b *Batch) evolve(m *iceberg.Metadata) (c iceberg.Change, err error) {
	c.Properties = map[string]string{}
	if len(b.Files) == 0 {
		return c, nil
	}
	s, last, err := m.Evolve(b.Columns)
	if err != nil {
		return c, err
	}
	for _, column := range b.Columns {
		f := s.Field(column.Name)
		if f.ID != column.ID || f.Type.List != nil && f.Type.List.ElementID != column.ValueID {
			return c, ErrOvertaken
		}
	}
	setSchema(&c, m, s, last)
	return c, nil
}

// setSchema makes a schema that of a table, unless it is.
func setSchema(c *iceberg.Change, m *iceberg.Metadata, s *iceberg.Schema, last int) {
	if s == m.CurrentSchema() {
		return
	}
	c.Schema, c.LastColumn = s, last
	if names, ok := m.NameMappingOf(s); ok {
		c.Properties[iceberg.NameMapping] = names
	}
}

// mask writes the files that take the rows of entries out of sight, and those of the batch
// that no key shows. A data file all of whose rows go is dropped instead. missing is the
// number of rows that are not there.
func (t *Table) mask(ctx context.Context, h *Head, entries []runs.Entry, b *Batch, try string) (files []iceberg.SpecFile, drop map[string]struct{}, missing int64, err error) {
	l, err := h.locate(ctx, entries)
	if err != nil {
		return nil, nil, 0, err
	}
	if len(b.Masks) > 0 {
		// Spec, Scan Planning: position deletes apply to files of their own sequence number too.
		added := make(map[string]*liveFile, len(b.Files))
		for i := range b.Files {
			added[b.Files[i].Path] = &liveFile{DataFile: b.Files[i].DataFile, specID: b.Files[i].SpecID}
		}
		for _, r := range b.Masks {
			l.add(added[r.Path], r.First, r.Rows)
		}
	}
	files, drop, err = t.take(ctx, h, l.masks, try)
	return files, drop, l.missing, err
}

// take writes the files that take masks out of sight, and says which data files are
// dropped instead.
func (t *Table) take(ctx context.Context, h *Head, masks map[string]*mask, try string) (files []iceberg.SpecFile, drop map[string]struct{}, err error) {
	drop = map[string]struct{}{}
	groups := map[group][]*mask{}
	for path, m := range masks {
		if m.rows == m.file.Rows {
			drop[path] = struct{}{}
			continue
		}
		g := groupOf(m)
		groups[g] = append(groups[g], m)
	}
	for n, g := range slices.SortedFunc(maps.Keys(groups), func(a, b group) int {
		if a.specID != b.specID {
			return int(a.specID - b.specID)
		}
		return bytes.Compare([]byte(a.partition), []byte(b.partition))
	}) {
		f, err := t.writeMasks(ctx, h.place, groups[g], fmt.Sprintf("%sdata/%s-%d.deletes.parquet", h.folder, try, n))
		if err != nil {
			return nil, nil, fmt.Errorf("write position deletes: %w", err)
		}
		files = append(files, f)
	}
	return files, drop, nil
}

func (t *Table) writeMasks(ctx context.Context, files iceberg.Files, masks []*mask, key string) (f iceberg.SpecFile, err error) {
	var ranges []datafile.Range
	for _, m := range masks {
		ranges = append(ranges, m.ranges...)
	}
	out, err := files.Store.Create(ctx, key, store.CreateOptions{})
	if err != nil {
		return f, err
	}
	if f.DataFile, err = datafile.WriteDeletes(ctx, out, ranges, t.CreatedBy); err == nil {
		_, err = out.Commit(ctx, store.IfNoneMatch())
	}
	if err != nil {
		store.Abort(ctx, out)
		return f, err
	}
	f.Path, f.Partition, f.SpecID = files.URI(key), masks[0].file.Partition, masks[0].specID
	return f, nil
}

// Divide is a head whose new files are divided by fields, which by has of a schema with these
// columns. A spec that the table does not have is added, with the columns that it needs, in a
// change of its own: others write files for a batch too, and name the spec by its ID. Nobody
// waits for it, so it may be lost, and made again. No fields leave the table as it is.
func (t *Table) Divide(ctx context.Context, h *Head, columns []schema.Column, by func(*iceberg.Schema) []iceberg.PartitionField) (*Head, error) {
	for try := 0; ; try++ {
		m := h.Metadata()
		s, last, err := m.Evolve(columns)
		if err != nil {
			return nil, fmt.Errorf("divide table %s: %w", t.Name, err)
		}
		fields := by(s)
		if len(fields) == 0 {
			return h, nil
		}
		spec, err := m.Divide(s, fields)
		if err != nil {
			return nil, fmt.Errorf("divide table %s: %w", t.Name, err)
		}
		if spec.ID == m.SpecID {
			return h, nil
		}
		change := iceberg.Change{Spec: spec, Divides: true, Properties: map[string]string{}}
		if slices.ContainsFunc(fields, func(f iceberg.PartitionField) bool { return m.CurrentSchema().FieldByID(f.SourceID) == nil }) {
			setSchema(&change, m, s, last)
		}
		next, err := t.Catalog.Commit(ctx, h.table, change)
		if err == nil {
			return h.next(next, h.root), nil
		}
		if try == mostTries || ctx.Err() != nil {
			return nil, fmt.Errorf("divide table %s: %w", t.Name, err)
		}
		if err := t.backOff(ctx, try); err != nil {
			return nil, err
		}
		if h, err = t.Load(ctx); err != nil {
			return nil, err
		}
	}
}

// AddSpec adds a partition spec, which files may follow. After an error it may have
// been added.
func (t *Table) AddSpec(ctx context.Context, h *Head, s iceberg.PartitionSpec) error {
	_, err := t.Catalog.Commit(ctx, h.table, iceberg.Change{Spec: &s})
	return err
}
