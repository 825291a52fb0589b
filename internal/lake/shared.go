package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/runs"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/schema"
)

// shared are lakes with tables whose files many objects share: what counts is what the
// head of each table shows, and the ledger is a part of it. The tables are those of the
// mapping.
type shared struct {
	l      *Lake
	heads  string                  // that the entries are of
	tables map[string]*sharedTable // by name. Locked as the entries of the lake
}

// sharedTable is a table as it was last read.
type sharedTable struct {
	live *tables.Live
	rows int64 // that its ledger says it shows
	// columns are those of its current schema; fixed says that no other is there, of a type
	// that sluice does not write.
	columns []schema.Column
	fixed   bool
	all     []*File
	// outside are files that the table has taken from another sink, by key. Nobody
	// changes them.
	outside map[string]store.Info
}

// refresh loads the heads, and reads what is new in them. The sink is listed after that:
// files that a head names stay.
func (s *shared) refresh(ctx context.Context) error {
	target := s.l.at().Target.(*pipeline.Tables)
	seen, err := target.See(ctx)
	if err != nil {
		return err
	}
	sink, err := s.l.listSink(ctx)
	if err != nil {
		return err
	}
	names := ""
	read := map[string]*sharedTable{}
	for i, h := range seen.Heads {
		name := target.Mapping.Tables[i].Name
		if h == nil {
			names += name + "\n"
			continue
		}
		if h.Folder() != target.Tables[i].Folder || h.Files().Base != target.Tables[i].Files.Base {
			return fmt.Errorf("table %s is at %s, outside of the sink: read it with an engine that knows its catalog", name, h.Metadata().Location)
		}
		m := h.Metadata()
		names += fmt.Sprintf("%s %s %d %d\n", name, m.UUID, m.Current, m.LastSequence)
		t := &sharedTable{rows: h.Rows()}
		t.columns, t.fixed = h.Columns()
		if old := s.tables[name]; old != nil {
			t.live, t.outside = old.live, old.outside
		} else {
			t.live = tables.NewLive(target.Tables[i].Files)
		}
		if t.all, err = s.filesOf(ctx, t, h, name, sink); err != nil {
			return err
		}
		read[name] = t
	}
	if names == s.heads {
		s.l.mu.Lock()
		defer s.l.mu.Unlock()
		s.tables = read
		return nil
	}
	entries, err := s.entries(ctx, seen)
	if err != nil {
		return err
	}
	s.heads = names
	s.l.read(entries, func() { s.tables = read })
	return nil
}

func (s *shared) filesOf(ctx context.Context, t *sharedTable, h *tables.Head, name string, sink map[string]store.Info) (all []*File, err error) {
	live, err := t.live.Files(ctx, h)
	if err != nil {
		return nil, err
	}
	if err := s.findOutside(ctx, t, live, sink); err != nil {
		return nil, err
	}
	// Which columns a file has, and whether it has narrower types than the table, only its
	// footer says.
	for i := range live {
		key := live[i].Key
		info, listed := sink[key]
		if !listed {
			info = t.outside[key]
		}
		f := &File{Output: ledger.Output{Table: name, Key: key, ETag: info.ETag}, Info: info, Masked: live[i].Masked, Constants: live[i].Constants}
		all = append(all, f)
	}
	return all, nil
}

// findOutside looks at the files that a table has outside of the sink, which was listed.
func (s *shared) findOutside(ctx context.Context, t *sharedTable, live []tables.LiveFile, sink map[string]store.Info) error {
	p := s.l.at().Pipeline
	outside := map[string]store.Info{}
	var unknown []string
	for i := range live {
		key := live[i].Key
		if _, listed := sink[key]; listed || strings.HasPrefix(key, p.SinkPrefix) {
			continue
		}
		if info, known := t.outside[key]; known {
			outside[key] = info
		} else {
			unknown = append(unknown, key)
		}
	}
	found := make([]store.Info, len(unknown))
	err := Each(ctx, atOnce, len(unknown), func(ctx context.Context, i int) (err error) {
		if found[i], err = p.Sink.Head(ctx, unknown[i]); errors.Is(err, store.ErrNotFound) {
			err = nil // the file is missing, as it says of itself
		}
		return err
	})
	for i, info := range found {
		if info.Key != "" {
			outside[unknown[i]] = info
		}
	}
	t.outside = outside
	return err
}

// entries are all entries of the ledgers; those that are as before are the same ones.
func (s *shared) entries(ctx context.Context, seen *pipeline.Seen) (all []*Entry, err error) {
	written := map[string]time.Time{} // by batch
	for _, h := range seen.Heads {
		if h == nil {
			continue
		}
		for _, snapshot := range h.Metadata().Snapshots {
			if batch := snapshot.Summary[tables.BatchName]; batch != "" {
				written[batch] = time.UnixMilli(snapshot.Time).UTC()
			}
		}
	}
	before := s.l.before()
	err = seen.Entries(ctx, func(e ledger.Entry, known []*runs.Entry) error {
		r := &Entry{Entry: e, ID: e.ID(), ETag: Tag(&e)}
		if old := before[r.ID]; old != nil && old.ETag == r.ETag {
			all = append(all, old)
			return nil
		}
		for _, k := range known {
			if k == nil {
				continue
			}
			if at, is := written[k.Fence]; is && at.After(r.Written) {
				r.Written = at
			}
			r.Shown = append(r.Shown, k.Shown)
		}
		if r.Written.IsZero() { // its snapshot has expired
			r.Written = e.FirstSeen
		}
		s.l.trim(r)
		all = append(all, r)
		return ctx.Err()
	})
	return all, err
}

// Tag is what an entry of a table's ledger has in the place of an ETag.
func Tag(e *ledger.Entry) string {
	var b strings.Builder
	if s := e.State; s != nil {
		fmt.Fprintf(&b, "%s %s %s %s %d", s.Identity, s.Mapping, s.Outcome, s.Report, s.RowsWritten)
	}
	for _, o := range e.Outputs {
		fmt.Fprintf(&b, " %s %s", o.Identity, o.Key)
	}
	return b.String()
}

func (s *shared) entry(ctx context.Context, bucket, key string) (ledger.Entry, string, error) {
	seen, err := s.l.at().Target.(*pipeline.Tables).See(ctx)
	if err != nil {
		return ledger.Entry{}, "", err
	}
	e, _, err := seen.Entry(ctx, bucket, key)
	return e, Tag(&e), err
}

// listed refreshes the lake: that loads the heads, and nothing else if they are as before.
func (s *shared) listed(ctx context.Context) (all []ledger.Listed, err error) {
	if err := s.l.Refresh(ctx); err != nil {
		return nil, err
	}
	for _, e := range s.l.before() {
		all = append(all, ledger.Listed{ID: e.ID, ETag: e.ETag, Written: e.Written})
	}
	return all, nil
}

// parts are where the rows of an object were put. If others have moved them since, only
// SQL finds them, by _source_id.
func (s *shared) parts(ctx context.Context, e *ledger.Entry) (all []Part, err error) {
	target := s.l.at().Target.(*pipeline.Tables)
	seen, err := target.See(ctx)
	if err != nil {
		return nil, err
	}
	_, known, err := seen.Entry(ctx, e.Bucket, e.Key)
	if err != nil {
		return nil, err
	}
	for i, k := range known {
		if k == nil {
			continue
		}
		for _, r := range k.Shown.Files {
			key, err := target.Tables[i].Files.Key(r.Path)
			if err != nil {
				return nil, err
			}
			info, err := target.Sink.Head(ctx, key)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
			all = append(all, Part{
				Output: ledger.Output{Table: target.Mapping.Tables[i].Name, Key: key}, Bytes: info.Size, First: r.First, Rows: r.Rows, Shared: true, Missing: err != nil,
			})
		}
	}
	return all, nil
}

// note reads all: what is new in a ledger is a few pages of it.
func (s *shared) note(ctx context.Context, _ []ledger.ID) error { return s.refresh(ctx) }

func (s *shared) files(*setup.Setup, []*Entry) map[string][]*File {
	files := map[string][]*File{}
	for name, t := range s.tables {
		files[name] = t.all
	}
	return files
}

// columns are those of the table's current schema: those of the mapping may lack some, and
// have some that come with the next commit. The table does not tell JSON from text.
func (s *shared) columns(table string, mapped []schema.Column) (all []schema.Column, fixed bool) {
	t := s.tables[table]
	if t == nil {
		return append(slices.Clip(mapped), pipeline.SourceColumns()...), false
	}
	all = slices.Clone(t.columns)
	for i := range all {
		c := &all[i]
		if c.Type.Kind == schema.String && slices.ContainsFunc(mapped, func(m schema.Column) bool { return m.Name == c.Name && m.Type.Kind == schema.JSON }) {
			c.Type.Kind = schema.JSON
		}
	}
	return all, t.fixed
}
