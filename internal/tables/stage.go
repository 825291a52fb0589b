package tables

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/schema"
)

// A catalog takes about one commit a second of a table. Where more batches come than that,
// a batch is not committed by whoever made it: it is staged, which needs no catalog, and
// [Table.CommitStaged] commits many at once.
//
// A staged batch is one object, so it is there as a whole or not at all. It is gzip of JSON:
// it is read once, as a whole, and seldom lives for more than minutes, so it needs none of
// what a run has; gzip has a checksum. What manifests say of the files is a manifest, since
// JSON does not know the types of partitions.

// stagedFolder is below the folder of the ledger: no snapshot names what is in it, and
// cleaners of orphan files look only where the table is.
const stagedFolder = "staged/"

// damagedFolder has the batches that [Table.SetAside] has moved there.
const damagedFolder = "damaged/"

// DamagedFolder is the key of the folder of staged batches that were set aside.
func (h *Head) DamagedFolder() string { return h.files.Folder + damagedFolder }

// StagedFolder is the key of the folder of what is staged, with a slash at its end.
func (h *Head) StagedFolder() string { return h.files.Folder + stagedFolder }

// Staged is a batch that waits for [Table.CommitStaged].
type Staged struct {
	Key   string
	Since time.Time
	Bytes int64
}

// stagedVersion is that of the JSON.
const stagedVersion = 1

// mostStaged bounds a staged batch that is read.
const mostStaged = 256 << 20

// stagedBatch is what is stored of a batch.
type stagedBatch struct {
	Version int               `json:"version"`
	Rebuilt int64             `json:"rebuilt,omitempty"` // of the head that was loaded before the sources were read
	Columns []stagedColumn    `json:"columns"`
	Files   []iceberg.Unnamed `json:"files"`
	Changes []stagedChange    `json:"changes"`
}

// stagedColumn is what [iceberg.Metadata.Evolve] asks of a column.
type stagedColumn struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	ID      int    `json:"id"`
	ValueID int    `json:"value_id,omitempty"`
}

// stagedChange is a change. The fence of its entry is the one that was seen before the
// source was read; empty: the key was new.
type stagedChange struct {
	runs.Entry
	Replaces bool `json:"replaces"`

	rebuilt int64 // of its batch
}

// Stage leaves a batch to [Table.CommitStaged], instead of [Table.Commit]. Its events may be
// acknowledged then. After an error it may be staged: it is no harm if its keys are staged
// again.
func (t *Table) Stage(ctx context.Context, h *Head, b *Batch) error {
	if err := t.stage(ctx, h, b); err != nil {
		return fmt.Errorf("stage batch %s for table %s: %w", b.ID, t.Name, err)
	}
	return nil
}

func (t *Table) stage(ctx context.Context, h *Head, b *Batch) error {
	if err := b.check(); err != nil {
		return err
	}
	if len(b.Changes) == 0 {
		return nil
	}
	data, err := encodeStaged(h, b)
	if err != nil {
		return err
	}
	// The time comes first, so that the oldest is listed first.
	key := h.StagedFolder() + t.Now().UTC().Format("20060102T150405.000Z") + "_" + b.ID + ".json.gz"
	_, err = store.Put(ctx, t.Ledger, key, data, store.CreateOptions{}, store.IfNoneMatch())
	return err
}

func encodeStaged(h *Head, b *Batch) ([]byte, error) {
	s := stagedBatch{Version: stagedVersion, Rebuilt: h.Rebuilt(), Changes: make([]stagedChange, len(b.Changes))}
	for _, c := range b.Columns {
		s.Columns = append(s.Columns, stagedColumn{c.Name, c.Type.String(), c.ID, c.ValueID})
	}
	for i := range b.Changes {
		c := &b.Changes[i]
		s.Changes[i] = stagedChange{Entry: c.After, Replaces: c.Replaces}
		s.Changes[i].Fence = ""
		if c.Before != nil {
			s.Changes[i].Fence = c.Before.Fence
		}
	}
	var err error
	if s.Files, err = h.Metadata().EncodeFiles(b.Files); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := json.NewEncoder(z).Encode(&s); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

// waiting is a staged batch that was read.
type waiting struct {
	Staged
	columns []schema.Column
	files   []iceberg.SpecFile
	changes []stagedChange
}

// ErrDamaged says that nobody can commit a staged batch: its objects must be converted again.
var ErrDamaged = errors.New("it is damaged")

// readStaged reads a staged batch.
func (t *Table) readStaged(ctx context.Context, m *iceberg.Metadata, at Staged) (*waiting, error) {
	data, _, err := store.Get(ctx, t.Ledger, at.Key, mostStaged)
	if err != nil {
		return nil, err
	}
	s, err := decodeStaged(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if s.Version > stagedVersion {
		return nil, errors.New("it was written by a newer version of sluice; update this one")
	}
	w := &waiting{Staged: at, changes: s.Changes}
	for i := range w.changes {
		w.changes[i].rebuilt = s.Rebuilt
	}
	if err := w.decode(m, s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return w, nil
}

func decodeStaged(data []byte) (*stagedBatch, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var s stagedBatch
	if json.NewDecoder(z).Decode(&s) != nil {
		return nil, errors.New("it is not the JSON of a batch") // the error would show values
	}
	_, err = io.Copy(io.Discard, z) // the checksum comes last
	return &s, err
}

// decode fills in columns and files, and refuses what would break the ledger.
func (w *waiting) decode(m *iceberg.Metadata, s *stagedBatch) (err error) {
	for _, c := range s.Columns {
		typ, err := schema.ParseType(c.Type)
		if err != nil {
			return err
		}
		w.columns = append(w.columns, schema.Column{Name: c.Name, Type: typ, ID: c.ID, ValueID: c.ValueID})
	}
	if w.files, err = m.DecodeFiles(s.Files); err != nil {
		return err
	}
	b := Batch{Files: w.files}
	for i := range w.changes {
		b.Changes = append(b.Changes, Change{After: w.changes[i].Entry, Replaces: w.changes[i].Replaces})
	}
	return b.checkChanges()
}

// Staged lists the batches that wait, the oldest first; at most limit, if it is not 0.
func (t *Table) Staged(ctx context.Context, h *Head, limit int) (all []Staged, err error) {
	return t.list(ctx, h.StagedFolder(), limit)
}

// Damaged lists the batches that were set aside.
func (t *Table) Damaged(ctx context.Context, h *Head) (all []Staged, err error) {
	return t.list(ctx, h.DamagedFolder(), 0)
}

func (t *Table) list(ctx context.Context, folder string, limit int) (all []Staged, err error) {
	enough := errors.New("enough")
	err = t.Ledger.List(ctx, folder, func(i store.Info) error {
		if i.Err != nil {
			return nil
		}
		if all = append(all, Staged{i.Key, i.Modified, i.Size}); len(all) == limit {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return nil, fmt.Errorf("list what is staged for table %s: %w", t.Name, err)
	}
	return all, nil
}

// Oldest is when the oldest of staged batches was staged; zero: there are none.
func Oldest(staged []Staged) (oldest time.Time) {
	for _, s := range staged {
		if oldest.IsZero() || s.Since.Before(oldest) {
			oldest = s.Since
		}
	}
	return oldest
}

// StagedFiles are the URIs of the files of a staged batch; none if it is committed and removed.
func (t *Table) StagedFiles(ctx context.Context, h *Head, at Staged) (paths []string, err error) {
	w, err := t.readStaged(ctx, h.Metadata(), at)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read staged batch %s: %w", at.Key, err)
	}
	for i := range w.files {
		paths = append(paths, w.files[i].Path)
	}
	return paths, nil
}

// SetAside moves a staged batch that is damaged out of the way: no committer reads it again.
// Its objects are not in the ledger, or in an older state, so the next run over the source
// converts them. It returns where the batch is.
func (t *Table) SetAside(ctx context.Context, h *Head, s Staged) (key string, err error) {
	key = h.DamagedFolder() + path.Base(s.Key)
	data, _, err := store.Get(ctx, t.Ledger, s.Key, mostStaged)
	if err == nil {
		_, err = store.Put(ctx, t.Ledger, key, data, store.CreateOptions{}, store.IfNoneMatch())
	}
	switch {
	case errors.Is(err, store.ErrNotFound): // another was faster
		return key, nil
	case err == nil || errors.Is(err, store.ErrPrecondition): // or died in between
		err = t.Ledger.Delete(ctx, s.Key)
	}
	if err != nil {
		return key, fmt.Errorf("set damaged staged batch %s aside: %w", s.Key, err)
	}
	return key, nil
}

// Unstage removes staged batches that [Table.CommitStaged] has decided on, once the keys that
// it names have been looked at.
func (t *Table) Unstage(ctx context.Context, done []Staged) error {
	errs := make([]error, len(done))
	sideBySide(len(done), func(i int) { errs[i] = t.Ledger.Delete(ctx, done[i].Key) })
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove staged batches of table %s: %w", t.Name, err)
	}
	return nil
}

// stagedAtOnce is how many staged batches are read or removed at the same time.
const stagedAtOnce = 16

// sideBySide calls fn n times, a few at the same time.
func sideBySide(n int, fn func(i int)) {
	room := make(chan struct{}, stagedAtOnce)
	var all sync.WaitGroup
	for i := range n {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			fn(i)
		})
	}
	all.Wait()
}
