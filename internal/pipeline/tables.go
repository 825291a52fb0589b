package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/internal/conversion"
	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/mapping"
	"sluice/schema"
)

// Tables is the target whose tables are Iceberg tables. The rows of many objects go
// into few files, and become visible in one snapshot; the ledger is a part of the
// table. See package tables for why each object counts exactly once.
//
// Each table of the mapping has a ledger of its own, and is committed on its own: a key
// is done when all tables have its state.
type Tables struct {
	*Pipeline
	Tables    []*tables.Table // of the mapping, in its order
	Partition []Partition     // of new files; empty: that of each table stays
	Limits    BatchLimits
	// Staging leaves the commits to [Tables.CommitStaged]: batches are staged, and what they
	// bring is visible later.
	Staging bool
	// HandOver, if not nil, has large objects split by others.
	HandOver  *HandOver
	PartBytes int64 // what the store keeps in memory of a data file that is begun, at most; 0: nothing
}

// Partition divides the rows of each table that has the column.
type Partition struct {
	Transform iceberg.Transform
	Column    string
}

// BatchLimits end a batch. A zero value is the default.
type BatchLimits struct {
	Objects int           // 10,000
	Bytes   int64         // of data files: 256 MiB
	Time    time.Duration // 5 minutes
}

func (l BatchLimits) objects() int {
	if l.Objects > 0 {
		return l.Objects
	}
	return 10_000
}

func (l BatchLimits) bytes() int64 {
	if l.Bytes > 0 {
		return l.Bytes
	}
	return 256 << 20
}

func (l BatchLimits) time() time.Duration {
	if l.Time > 0 {
		return l.Time
	}
	return 5 * time.Minute
}

// sharedObject is the size of stored bytes up to which the rows of an object share
// files with those of others. A larger one has files of its own, which are thrown away
// if it is rejected.
const sharedObject = 8 << 20

// The columns that each table has after those of the mapping.
const (
	sourceColumn = tables.SourceColumn
	stateColumn  = tables.StateColumn
)

// Open loads the heads of all tables, and makes the tables that are not there. Tables that are
// divided otherwise than the configuration says are from then on divided so.
func (t *Tables) Open(ctx context.Context) ([]*tables.Head, error) {
	heads, _, err := t.openDivided(ctx)
	return heads, err
}

// openDivided is Open. divided says by what the tables are divided that were divided otherwise
// before, by their names.
func (t *Tables) openDivided(ctx context.Context) (heads []*tables.Head, divided map[string]string, err error) {
	heads, err = t.heads(ctx, func(i int) (*tables.Head, error) {
		return t.Tables[i].Open(ctx, func() (*iceberg.Metadata, error) { return t.first(i) })
	})
	if err != nil {
		return nil, nil, err
	}
	divided = map[string]string{}
	for i, h := range heads {
		m := &t.Mapping.Tables[i]
		if heads[i], err = t.Tables[i].Divide(ctx, h, t.columnsOf(m), t.divideBy); err != nil {
			return nil, nil, err
		}
		if heads[i].Metadata().SpecID != h.Metadata().SpecID {
			divided[m.Name], _ = t.Divided(heads[i], i)
		}
	}
	return heads, divided, nil
}

// heads loads the head of each table, and finds out whether it can take the columns of
// the mapping.
func (t *Tables) heads(ctx context.Context, load func(i int) (*tables.Head, error)) (heads []*tables.Head, err error) {
	for i := range t.Tables {
		h, err := load(i)
		if err != nil {
			return nil, err
		}
		if _, err := t.schema(h, i); err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, ctx.Err()
}

// Head loads the head of a table that is there. changes is what the next commit changes in
// its columns. With a head and an error, the table cannot take those of the mapping.
func (t *Tables) Head(ctx context.Context, i int) (h *tables.Head, changes []string, err error) {
	if h, err = t.Tables[i].Load(ctx); err != nil {
		return nil, nil, err
	}
	s, err := t.schema(h, i)
	if err != nil {
		return h, nil, err
	}
	return h, s.Changes(h.Metadata().CurrentSchema()), nil
}

// first is the metadata of a table that is made.
func (t *Tables) first(i int) (*iceberg.Metadata, error) {
	m := &t.Mapping.Tables[i]
	columns := t.columnsOf(m)
	s, _ := iceberg.NewSchema(columns)
	fields := t.divideBy(&s)
	for i := range fields {
		fields[i].ID = 1000 + i
	}
	return iceberg.New(t.location(i), columns, fields, iceberg.Properties(&s, pageCodec(t.Codec), sourceColumn), t.Tables[i].Now())
}

// divideBy are the partition fields that the configuration wants of a table with these
// columns, without IDs.
func (t *Tables) divideBy(s *iceberg.Schema) (fields []iceberg.PartitionField) {
	for _, p := range t.Partition {
		if f := s.Field(p.Column); f != nil {
			fields = append(fields, p.field(f.ID))
		}
	}
	return fields
}

// field is the partition field of a column. Names are those that Spark gives.
func (p Partition) field(source int) iceberg.PartitionField {
	name := p.Column
	switch p.Transform.Name {
	case "identity":
	case "truncate":
		name += "_trunc"
	default:
		name += "_" + p.Transform.Name
	}
	return iceberg.PartitionField{SourceID: source, Name: name, Transform: p.Transform}
}

// Divided says by what new rows of a table are divided, and what the configuration wants:
// day(order_date), bucket(16, order_id); empty: nothing.
func (t *Tables) Divided(h *tables.Head, i int) (is, wanted string) {
	m := h.Metadata()
	s, err := t.schema(h, i)
	if err != nil {
		s = m.CurrentSchema()
	}
	return words(s, m.Spec(m.SpecID).Fields), words(s, t.divideBy(s))
}

// words are partition fields, in an order of their own.
func words(s *iceberg.Schema, fields []iceberg.PartitionField) string {
	var all []string
	for _, f := range fields {
		column := fmt.Sprintf("a column that is gone, of ID %d", f.SourceID)
		if c := s.FieldByID(f.SourceID); c != nil {
			column = c.Name
		}
		all = append(all, f.Transform.Of(column))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// levels are the levels of the columns of a table.
func (t *Tables) levels(i int) []int {
	return conversion.Levels(t.Mapping, &t.Mapping.Tables[i], 2)
}

// pageCodec is Iceberg's word for a codec of pages.
func pageCodec(c sluice.Codec) string {
	if c == sluice.None {
		return "uncompressed"
	}
	return string(cmp.Or(c, sluice.Zstd))
}

func (t *Tables) location(i int) string {
	folder := t.Tables[i].Folder
	return t.Tables[i].Files.URI(folder[:len(folder)-1])
}

// columnsOf are the columns of a table of the mapping, with those of the source.
func (t *Tables) columnsOf(m *mapping.Table) []schema.Column {
	return withSource(t.Mapping, m)
}

// schema is what the columns of a table become with the next commit: what the mapping
// has and the table has not is added, and narrower types are promoted. An error says that
// they do not fit, or cannot be divided as the configuration says.
func (t *Tables) schema(h *tables.Head, i int) (*iceberg.Schema, error) {
	m := &t.Mapping.Tables[i]
	s, _, err := h.Metadata().Evolve(t.columnsOf(m))
	if err == nil {
		if fields := t.divideBy(s); len(fields) > 0 {
			_, err = h.Metadata().Divide(s, fields)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", m.Name, err)
	}
	return s, nil
}

// ColumnsError says that a table cannot take the columns of the mapping, and why. Nothing
// is read or committed: events stay, and the next run does the rest.
type ColumnsError = iceberg.ColumnsError

// entries are what the tables know of a key, in their order; nil where a table does not.
type entries []*runs.Entry

// first is the entry of the first table that has one.
func (k entries) first() *runs.Entry {
	for _, e := range k {
		if e != nil {
			return e
		}
	}
	return nil
}

// absent reports whether all tables know that the source has the key no more.
func (k entries) absent() bool {
	for _, e := range k {
		if e == nil || e.State.Identity != ledger.Absent {
			return false
		}
	}
	return true
}

// entry is what is known of a key, as the ledger of objects has it. Its outputs are the
// files where the rows were put.
func (t *Tables) entry(bucket, key string, k entries) (e ledger.Entry) {
	e = ledger.Entry{Version: ledger.Version, Bucket: bucket, Key: key}
	rows, isShown := int64(0), true // of all tables, that of the state
	for i, at := range k {
		if at == nil {
			continue
		}
		if e.State == nil {
			state := at.State
			e.FirstSeen, e.State = at.FirstSeen, &state
		}
		isShown = isShown && at.Shown.Identity == e.State.Identity && at.Shown.Identity != runs.Unknown && at.Shown.Mapping == e.State.Mapping
		if rows += at.Shown.Rows; i > 0 && isShown && at.State.RowsWritten != e.State.RowsWritten {
			e.State.Sums = sumsOf(e.State.Sums, at.State.Sums, t.Mapping.Tables[i].Name)
		}
		out := ledger.Output{Table: t.Mapping.Tables[i].Name, Identity: at.Shown.Identity, Mapping: at.Shown.Mapping}
		for _, f := range at.Shown.Files {
			if out.Key != "" {
				break
			}
			out.Key = f.Path // of a table that is not in the sink
			if name, err := t.Tables[i].Files.Key(f.Path); err == nil {
				out.Key = name
			}
		}
		e.Outputs = append(e.Outputs, out)
	}
	if e.State != nil && isShown && len(e.Outputs) == len(t.Mapping.Tables) {
		e.State.RowsWritten = rows // some may have been erased, from one table or from all
	}
	return e
}

// sumsOf are sums, those of a table as its own ledger has them.
func sumsOf(all, own map[string]string, table string) map[string]string {
	all = maps.Clone(all)
	for name, sum := range own {
		if strings.HasPrefix(name, table+".") {
			all[name] = sum
		}
	}
	return all
}

// Entry implements [Target].
func (t *Tables) Entry(ctx context.Context, bucket, key string) (ledger.Entry, error) {
	heads, err := t.heads(ctx, t.loaded(ctx))
	if errors.Is(err, iceberg.ErrNoTable) {
		err = store.ErrNotFound
	}
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("look up %q: %w", key, err)
	}
	k, err := look(ctx, heads, []runs.Key{{Bucket: bucket, Key: key}})
	if err != nil {
		return ledger.Entry{}, err
	}
	if k[0].first() == nil {
		return ledger.Entry{}, fmt.Errorf("look up %q: %w", key, store.ErrNotFound)
	}
	return t.entry(bucket, key, k[0]), nil
}

// loaded loads the head of a table that is there.
func (t *Tables) loaded(ctx context.Context) func(int) (*tables.Head, error) {
	return func(i int) (*tables.Head, error) { return t.Tables[i].Load(ctx) }
}

// look returns what the tables know of keys.
func look(ctx context.Context, heads []*tables.Head, keys []runs.Key) ([]entries, error) {
	all := make([]entries, len(keys))
	for i := range all {
		all[i] = make(entries, len(heads))
	}
	for i, h := range heads {
		if h == nil {
			continue
		}
		found, err := h.Look(ctx, keys)
		if err != nil {
			return nil, err
		}
		for j, key := range keys {
			if e, ok := found[key]; ok {
				all[j][i] = &e
			}
		}
	}
	return all, nil
}

// Entries implements [Target].
func (t *Tables) Entries(ctx context.Context, fn func(name string, e *ledger.Entry, err error) error) error {
	heads, err := t.heads(ctx, t.loaded(ctx))
	if errors.Is(err, iceberg.ErrNoTable) {
		return nil
	}
	if err != nil {
		return err
	}
	s := newScan(ctx, heads, (*tables.Head).Scan)
	defer s.stop()
	for {
		key, k, err := s.next()
		if err != nil || k == nil {
			return err
		}
		e := t.entry(key.Bucket, key.Key, k)
		if err := fn(ledger.IDOf(key.Bucket, key.Key).String(), &e, nil); err != nil {
			return err
		}
	}
}

// settled reports whether all tables have the state of a source, so that there is
// nothing to do.
func (t *Tables) settled(k entries, identity, hash string) bool {
	for _, e := range k {
		if !t.settledIn(e, identity, hash) {
			return false
		}
	}
	return true
}

func (t *Tables) settledIn(e *runs.Entry, identity, hash string) bool {
	switch {
	case e == nil || e.State.Identity != identity || t.Redo == RedoAll:
		return false
	case identity == ledger.Absent:
		return !t.RemoveDeleted || e.Shown.Rows == 0
	}
	return t.Redo == RedoNothing || e.State.Mapping == hash
}

// duplicate is the result for a key that is settled.
func (t *Tables) duplicate(bucket, key string, k entries) Result {
	e := t.entry(bucket, key, k)
	return Result{Disposition: DidDuplicate, Outputs: e.Outputs, Report: e.State.Report, Written: true, entry: e}
}

// Process implements [Target].
func (t *Tables) Process(ctx context.Context, bucket, key string) (result Result, err error) {
	t.ProcessAll(ctx, []Object{{bucket, key, -1}}, 1, func(_ int, r Result, e error) { result, err = r, e })
	return result, err
}

// disposition is what Process did, by the outcome of a state.
func disposition(o sluice.Outcome) Disposition {
	switch o {
	case sluice.Reject:
		return DidReject
	case ledger.Absent:
		return DidSkip
	}
	return DidCommit
}
