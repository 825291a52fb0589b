package tables

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/schema"
)

// Table is a table with its ledger.
type Table struct {
	Catalog iceberg.Catalog
	Name    string
	// Files and Folder, with a slash at its end, say where the table is made.
	Files  iceberg.Files
	Folder string
	// Elsewhere opens the files of a location that the catalog has chosen instead, and
	// is the table's folder in them. Nil: a table that is not in Folder is refused.
	Elsewhere func(location string) (files iceberg.Files, folder string, err error)

	// Ledger holds runs and roots, under LedgerPrefix. They are never under the table's
	// location: cleaners of orphan files would remove them.
	Ledger       store.Store
	LedgerPrefix string
	LedgerCache  *runs.Cache // of Ledger, for whoever commits many batches; nil: there is none

	CreatedBy string // sluice and its version
	Now       func() time.Time
	Pause     func(ctx context.Context, d time.Duration) error // between tries of a commit
	// Retention says which snapshots stay; the zero value is DefaultRetention.
	Retention iceberg.Retention
}

// DefaultRetention is that of a table whose configuration says nothing: what was shown
// can be seen again for a day at least.
var DefaultRetention = iceberg.Retention{Snapshots: 100, Age: 24 * time.Hour}

func (t *Table) retention() iceberg.Retention {
	if t.Retention == (iceberg.Retention{}) {
		return DefaultRetention
	}
	return t.Retention
}

// The members that hold the ledger in a table: of the summary of a snapshot, and of the
// table's properties, for when snapshots expire.
const (
	rootName     = "sluice.root"
	BatchName    = "sluice.batch"
	rootSequence = "sluice.root-sequence"
)

// Head is a state of the table with the ledger that belongs to it.
type Head struct {
	table  *iceberg.Table
	place  iceberg.Files // of the table, in folder
	folder string
	root   *runs.Root
	files  runs.Files // of the ledger
}

// Columns are those of the table's current schema, with their IDs. all is false if it has
// others too, of types that sluice does not write.
func (h *Head) Columns() (columns []schema.Column, all bool) {
	fields := h.Metadata().CurrentSchema().Fields
	for _, f := range fields {
		if t, ok := f.Type.Column(); ok {
			columns = append(columns, schema.Column{Name: f.Name, Type: t, ID: f.ID})
		}
	}
	return columns, len(columns) == len(fields)
}

// ErrRolledBack says that somebody set the table back to a snapshot of which no ledger
// is known.
var ErrRolledBack = errors.New("the table was rolled back beyond the snapshots whose ledger is known: sluice table rebuild makes the ledger anew")

// ErrNoLedger says that a table has rows of others only: which objects they are of,
// nobody knows.
var ErrNoLedger = errors.New("the table has snapshots, and none of them, nor a property, names a ledger of sluice: name a new table")

// ErrElsewhere says that a table is not where its metadata was found.
var ErrElsewhere = errors.New("a table cannot be moved or copied, since it names its files by absolute paths: name the sink that it is in")

// Load reads the head.
func (t *Table) Load(ctx context.Context) (*Head, error) {
	table, err := t.Catalog.Load(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	return t.head(ctx, table)
}

// head is a state of the table with the ledger that it names.
func (t *Table) head(ctx context.Context, table *iceberg.Table) (*Head, error) {
	name, err := rootOf(table.Metadata)
	if err != nil {
		return nil, fmt.Errorf("load table %s: %w", t.Name, err)
	}
	h, err := t.bare(table)
	if err != nil {
		return nil, err
	}
	if h.root, err = h.files.Read(ctx, name); err != nil {
		return nil, fmt.Errorf("load table %s: %w", t.Name, err)
	}
	return h, nil
}

// bare is a state of the table without its ledger.
func (t *Table) bare(table *iceberg.Table) (h *Head, err error) {
	h = &Head{table: table, root: &runs.Root{Version: runs.Version}, files: runs.Files{Store: t.Ledger, Folder: t.LedgerPrefix + table.Metadata.UUID + "/", Cache: t.LedgerCache}}
	h.place, h.folder, err = t.place(table.Metadata)
	return h, err
}

// next is the head after a commit.
func (h *Head) next(table *iceberg.Table, root *runs.Root) *Head {
	n := *h
	n.table, n.root = table, root
	return &n
}

// place is where the files of a table are.
func (t *Table) place(m *iceberg.Metadata) (iceberg.Files, string, error) {
	folder, err := t.Files.Folder(m)
	switch {
	case err == nil && (folder == t.Folder || t.Elsewhere != nil):
		return t.Files, folder, nil
	case t.Elsewhere == nil:
		return iceberg.Files{}, "", fmt.Errorf("table %s is at %s, and the sink would have it at %s: %w",
			t.Name, m.Location, t.Files.URI(strings.TrimSuffix(t.Folder, "/")), ErrElsewhere)
	}
	files, folder, err := t.Elsewhere(m.Location)
	if err != nil {
		return iceberg.Files{}, "", fmt.Errorf("table %s is at %s, where its catalog has put it: %w", t.Name, m.Location, err)
	}
	return files, folder, nil
}

// Open is Load of a table that is made if there is none: first is its metadata, with the
// properties that it has from the start.
func (t *Table) Open(ctx context.Context, first func() (*iceberg.Metadata, error)) (*Head, error) {
	h, err := t.Load(ctx)
	if !errors.Is(err, iceberg.ErrNoTable) {
		return h, err
	}
	m, err := first()
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", t.Name, err)
	}
	made, createErr := t.Catalog.Create(ctx, t.Name, m)
	if createErr == nil {
		return t.head(ctx, made)
	}
	// Another may have been faster, or the reply was lost: the table that is there counts.
	if h, err = t.Load(ctx); errors.Is(err, iceberg.ErrNoTable) {
		err = createErr
	}
	return h, err
}

// rootOf is the name of the root that belongs to the head: that of the newest snapshot
// of ours. What others did since, such as compaction, changes no key.
func rootOf(m *iceberg.Metadata) (string, error) {
	oldest := int64(0) // sequence number of the last snapshot of others that is there
	for s := m.Head(); s != nil; {
		if name, ok := s.Summary[rootName]; ok {
			return name, nil
		}
		oldest = s.Sequence
		if s.Parent == nil {
			break
		}
		s = m.Snapshot(*s.Parent)
	}
	name, ok := m.Properties[rootName]
	if !ok {
		if oldest > 0 {
			return "", ErrNoLedger
		}
		return "", nil // a new table
	}
	// Our newest snapshot has expired: it came before those of others that are left.
	sequence, err := strconv.ParseInt(m.Properties[rootSequence], 10, 64)
	if err != nil || sequence >= oldest {
		return "", ErrRolledBack
	}
	return name, nil
}

// Look returns the entries of keys, as of the head. A key without one is new.
func (h *Head) Look(ctx context.Context, keys []runs.Key) (map[runs.Key]runs.Entry, error) {
	return h.files.Look(ctx, h.root, keys)
}

// Scan calls fn with the entries of all keys, in the order of the keys, until it returns
// an error. It holds a page of each run of the ledger.
func (h *Head) Scan(ctx context.Context, fn func(*runs.Entry) error) error {
	return h.files.Scan(ctx, h.root, fn)
}

// ScanBrief is Scan for those who compare states: see [runs.Files.ScanBrief].
func (h *Head) ScanBrief(ctx context.Context, fn func(*runs.Entry) error) error {
	return h.files.ScanBrief(ctx, h.root, fn)
}

// Rows is the number of rows that the table shows, as its ledger says.
func (h *Head) Rows() int64 { return h.root.Rows }

// Rebuilt is different after the ledger was made anew: the fences that were read before then
// say nothing of a key any more, nor does that there was none.
func (h *Head) Rebuilt() int64 { return h.root.Rebuilt }

// Totals are what a snapshot says of all files of the table.
type Totals struct {
	Files           int64 // live data files
	DeleteFiles     int64
	Bytes           int64 // of both
	Records         int64 // of data files: with those that are out of sight
	PositionDeletes int64
}

// Totals are those of the head. ok is false if the engine that committed last did not
// count.
func (h *Head) Totals() (t Totals, ok bool) {
	s := h.Metadata().Head()
	if s == nil {
		return t, true
	}
	for name, n := range map[string]*int64{
		"total-data-files": &t.Files, "total-delete-files": &t.DeleteFiles, "total-files-size": &t.Bytes,
		"total-records": &t.Records, "total-position-deletes": &t.PositionDeletes,
	} {
		var err error
		if *n, err = strconv.ParseInt(s.Summary[name], 10, 64); err != nil {
			return Totals{}, false
		}
	}
	return t, true
}

// Resurrected is the number of rows that the table shows at least beyond those of its
// ledger; 0 if there are none, or nobody knows. Rows that a batch took out of sight
// came back, by a compaction that lost position deletes, or somebody else wrote rows.
func (h *Head) Resurrected() int64 {
	t, ok := h.Totals()
	if !ok {
		return 0
	}
	return max(0, t.Records-t.PositionDeletes-h.Rows())
}

// Files are those of the table, in the folder [Head.Folder].
func (h *Head) Files() iceberg.Files { return h.place }

// Folder is the key of the table's folder, with a slash at its end.
func (h *Head) Folder() string { return h.folder }

// Metadata is the state of the table.
func (h *Head) Metadata() *iceberg.Metadata { return h.table.Metadata }

// SourceID is what the column _source_id has in the rows of a key. It begins with a
// time, so that bounds narrow a search also where engines cut them to 16 characters.
func SourceID(k runs.Key, firstSeen time.Time) string {
	id := ledger.IDOf(k.Bucket, k.Key)
	return firstSeen.UTC().Format("20060102T150405.000Z") + "_" + id.String()[:16]
}

// StateID is what the column _source_state has in rows of a state of a source, made
// with a mapping.
func StateID(identity, mappingHash string) string {
	sum := sha256.Sum256([]byte(identity + "\n" + mappingHash))
	return hex.EncodeToString(sum[:8])
}

// The names of these columns.
const (
	SourceColumn = "_source_id"
	StateColumn  = "_source_state"
)
