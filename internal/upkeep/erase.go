package upkeep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"

	"sluice/internal/batch"
	"sluice/internal/parquetread"
	"sluice/internal/runs"
	"sluice/internal/tablefiles"
	"sluice/internal/tables"
	"sluice/schema"
)

// EraseOptions say how Erase works.
type EraseOptions struct {
	Conditions []Condition
	DryRun     bool
	// Replaced also writes files again of whose rows some no longer count, if the table
	// has none of the columns of the conditions: nothing else says whose rows these are.
	Replaced bool

	Codec     string
	PartBytes int64 // as in [tablefiles.Options]

	// Scans, if any, is called before so many data files are read, and Read after each of
	// them, by several goroutines.
	Scans func(files int)
	Read  func()
}

// Erased is what Erase did with a table. Its JSON names are a contract.
type Erased struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"` // of the conditions, that it has; none: it was not searched

	Rows      int64 `json:"rows_erased"`          // that counted
	Replaced  int64 `json:"rows_replaced_erased"` // that no longer counted, and were in the files yet
	Rewritten int   `json:"data_files_rewritten"`
	Snapshots int   `json:"snapshots"` // that this took

	// Files were read after it, all that the head names, and Matches is the number of
	// rows found in them. Unread are those of a form that is not read.
	Files   int      `json:"data_files_read"`
	Matches int64    `json:"matches_left"`
	Unread  []string `json:"data_files_unread"`

	Held Held `json:"held"`
}

// NewErased is of a table that nothing was done with.
func NewErased(table string) *Erased {
	return &Erased{Table: table, Columns: []string{}, Unread: []string{}, Held: noneHeld()}
}

// Erase takes the rows that meet a condition out of a table: the files that have them,
// also those with rows that no longer count, are written again without them, and the
// entries of the ledger show the rows that are left. The files that are gone are named by
// older snapshots until these expire, and are there until [Maintain] removes them: see
// Held. After an error the same call goes on.
//
// Memory is that of [Compact], and some 200 bytes for each object with such rows.
func Erase(ctx context.Context, t *tables.Table, o EraseOptions) (*Erased, error) {
	e := &erasure{t: t, o: o, live: tables.NewLive(t.Files), Erased: *NewErased(t.Name)}
	if err := e.run(ctx); err != nil {
		return &e.Erased, fmt.Errorf("erase rows of table %s: %w", t.Name, err)
	}
	return &e.Erased, nil
}

type erasure struct {
	Erased
	t    *tables.Table
	o    EraseOptions
	live *tables.Live

	columns []schema.Column // of the head
	match   *Matcher
}

func (e *erasure) run(ctx context.Context) error {
	for try := 0; ; try++ {
		h, err := e.load(ctx)
		if err != nil {
			return err
		}
		files, err := e.live.Files(ctx, h)
		if err != nil {
			return err
		}
		dirty, err := e.scan(ctx, files)
		if err != nil {
			return err
		}
		if len(dirty) == 0 || e.o.DryRun {
			if !e.o.DryRun {
				if h, err = e.forget(ctx, h); err != nil {
					return err
				}
			}
			return e.held(ctx, h, files, dirty)
		}
		if try == mostTries {
			return fmt.Errorf("others write its files again and again: %w", tables.ErrMoved)
		}
		for len(dirty) > 0 {
			n, bytes := 0, int64(0)
			for n < len(dirty) && n < snapshotFiles && (n == 0 || bytes < snapshotBytes) {
				bytes += dirty[n].file.Bytes
				n++
			}
			if h, err = e.rewrite(ctx, h, dirty[:n]); err != nil {
				return err
			}
			dirty = dirty[n:]
		}
	}
}

// load loads the head, with its columns.
func (e *erasure) load(ctx context.Context) (*tables.Head, error) {
	h, err := e.t.Load(ctx)
	if err != nil {
		return nil, err
	}
	if e.columns, err = columnsOf(h.Metadata().CurrentSchema()); err != nil {
		return nil, err
	}
	if e.match, err = NewMatcher(e.columns, e.o.Conditions); err != nil {
		return nil, err
	}
	e.Columns = e.Columns[:0]
	for _, i := range e.match.Columns {
		e.Columns = append(e.Columns, e.columns[i].Name)
	}
	return h, nil
}

// dirtyFile is a file with rows that meet a condition.
type dirtyFile struct {
	file     tables.LiveFile
	rows     int64 // that count
	replaced int64
}

// scan reads the columns of the conditions in all files.
func (e *erasure) scan(ctx context.Context, files []tables.LiveFile) (dirty []dirtyFile, err error) {
	e.Files, e.Matches, e.Unread = len(files), 0, e.Unread[:0]
	e.scans(len(files))
	if e.o.DryRun {
		e.Rows, e.Replaced, e.Rewritten = 0, 0, 0
	}
	var mu sync.Mutex
	err = tables.Each(ctx, filesAtOnce, files, func(ctx context.Context, f *tables.LiveFile) error {
		one, err := e.matches(ctx, f)
		e.read()
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(err, errUnread):
			e.Unread = append(e.Unread, f.Key)
			return nil
		case err != nil:
			return fmt.Errorf("read data file %s: %w", f.Key, err)
		}
		e.Matches += one.rows + one.replaced
		if one.rows+one.replaced > 0 || e.o.Replaced && len(e.match.Columns) == 0 && len(f.Masked) > 0 {
			dirty = append(dirty, one)
		}
		return nil
	})
	slices.Sort(e.Unread)
	slices.SortFunc(dirty, func(a, b dirtyFile) int { return strings.Compare(a.file.Key, b.file.Key) })
	if e.o.DryRun {
		for _, d := range dirty {
			e.Rows, e.Replaced, e.Rewritten = e.Rows+d.rows, e.Replaced+d.replaced, e.Rewritten+1
		}
	}
	return dirty, err
}

func (e *erasure) scans(files int) {
	if e.o.Scans != nil {
		e.o.Scans(files)
	}
}

func (e *erasure) read() {
	if e.o.Read != nil {
		e.o.Read()
	}
}

// matches counts the rows of a file that meet a condition, also those that do not count.
func (e *erasure) matches(ctx context.Context, f *tables.LiveFile) (one dirtyFile, err error) {
	one.file = *f
	c := copier{columns: e.columns}
	o, err := c.open(ctx, e.t.Files.Store, f)
	if err != nil {
		return one, err
	}
	var read, of []int
	for n, i := range e.match.Columns {
		if o.at[i] >= 0 {
			read, of = append(read, o.at[i]), append(of, n)
		} else if text, is := f.Constants[e.columns[i].Name]; is {
			if has, err := e.match.Has(n, parquetread.Value{Bytes: []byte(text)}); err != nil || has {
				one.rows, one.replaced = f.Live(), f.Rows-f.Live()
				return one, err
			}
		}
	}
	if len(read) == 0 {
		return one, nil
	}
	row, masked := int64(0), f.Masked
	for g := range o.file.NumRowGroups() {
		err := o.file.Scan(g, read, 0, o.file.RowGroupRows(g), func(values [][]parquetread.Value) error {
			for i := range values[0] {
				for len(masked) > 0 && masked[0].To <= row {
					masked = masked[1:]
				}
				is := false
				for n := range read {
					has, err := e.match.Has(of[n], values[n][i])
					if err != nil {
						return err
					}
					is = is || has
				}
				switch counts := len(masked) == 0 || row < masked[0].From; {
				case is && counts:
					one.rows++
				case is:
					one.replaced++
				}
				row++
			}
			return ctx.Err()
		})
		if err != nil {
			return one, err
		}
	}
	return one, nil
}

// removed is what goes of a source.
type removed struct {
	rows  int64
	files map[string]int64    // by the path of the file
	sums  map[string]*big.Int // of decimal columns, without the point
}

// rewrite writes files again, in one snapshot on a head.
func (e *erasure) rewrite(ctx context.Context, h *tables.Head, dirty []dirtyFile) (*tables.Head, error) {
	live, err := e.live.Files(ctx, h)
	if err != nil {
		return nil, err
	}
	now, paths := make(map[string]*tables.LiveFile, len(live)), make(map[string]bool, len(live))
	for i := range live {
		now[live[i].Key], paths[live[i].Path] = &live[i], true
	}
	r := &tables.Rewrite{ID: tables.NewBatchID(), Live: e.live}
	w, err := tablefiles.New(ctx, tablefiles.Options{
		Files: e.t.Files, Folder: e.t.Folder + "data/", Batch: r.ID, Time: e.t.Now().UTC(), Columns: e.columns, Levels: make([]int, len(e.columns)),
		Spec: h.Metadata().Spec(h.Metadata().SpecID), Codec: e.o.Codec, CreatedBy: e.t.CreatedBy, PartBytes: e.o.PartBytes,
		KeyValues: map[string]string{"sluice.table": e.t.Name},
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Abort(ctx) }() // what cannot be removed is named by nobody
	to := newCopier(e.columns, func(b *batch.Batch) error {
		_, err := w.Append(ctx, b)
		return err
	})
	gone := map[source]*removed{}
	var rows, replaced int64
	for i := range dirty {
		f := now[dirty[i].file.Key]
		if f == nil {
			continue // others took it away; the next look finds where its rows are
		}
		from, err := to.open(ctx, e.t.Files.Store, f)
		if err == nil {
			err = to.rows(from, f, func(value func(int) parquetread.Value) (bool, error) {
				is, err := e.meets(value)
				if is {
					rows++
					e.remove(gone, f, value)
				}
				return is, err
			})
		}
		if err != nil {
			return nil, fmt.Errorf("read data file %s: %w", f.Key, err)
		}
		replaced += dirty[i].replaced
		r.Drop = append(r.Drop, *f)
		delete(paths, f.Path)
	}
	if len(r.Drop) == 0 {
		return h, nil
	}
	if err := to.end(); err != nil {
		return nil, err
	}
	if r.Add, err = w.Close(ctx); err != nil {
		return nil, err
	}
	r.Gone = rows
	if len(gone) > 0 {
		err := h.Scan(ctx, func(entry *runs.Entry) error {
			if g := gone[sourceOf(entry)]; g != nil {
				r.Entries = append(r.Entries, *entry)
				r.Changed = append(r.Changed, g.left(*entry, e.t.Name, e.columns, paths))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	next, err := e.t.Rewrite(ctx, h, r)
	if errors.Is(err, tables.ErrMoved) {
		return e.t.Load(ctx) // the next look finds these files again
	}
	if err != nil {
		return nil, err
	}
	e.Snapshots++
	e.Rows += rows
	e.Replaced += replaced
	e.Rewritten += len(r.Drop)
	return next, nil
}

// meets reports whether a row meets a condition.
func (e *erasure) meets(value func(column int) parquetread.Value) (bool, error) {
	for n, i := range e.match.Columns {
		if has, err := e.match.Has(n, value(i)); err != nil || has {
			return has, err
		}
	}
	return false, nil
}

// remove notes whose row goes.
func (e *erasure) remove(gone map[source]*removed, f *tables.LiveFile, value func(column int) parquetread.Value) {
	at := slices.IndexFunc(e.columns, func(c schema.Column) bool { return c.Name == tables.SourceColumn })
	if at < 0 {
		return
	}
	s, ours := parseSource(value(at).Bytes)
	if !ours {
		return
	}
	g := gone[s]
	if g == nil {
		g = &removed{files: map[string]int64{}, sums: map[string]*big.Int{}}
		gone[s] = g
	}
	g.rows++
	g.files[f.Path]++
	for i, c := range e.columns {
		if v := value(i); c.Type.Kind == schema.Decimal && !v.Null {
			if g.sums[c.Name] == nil {
				g.sums[c.Name] = new(big.Int)
			}
			g.sums[c.Name].Add(g.sums[c.Name], v.Unscaled())
		}
	}
}

// left is an entry without the rows that go. live are the paths of the files that stay.
func (g *removed) left(e runs.Entry, table string, columns []schema.Column, live map[string]bool) runs.Entry {
	left, unplaced := g.rows, e.Shown.Rows
	var ranges []runs.FileRange
	take := func(r *runs.FileRange, most int64) int64 {
		n := min(r.Rows, most)
		r.Rows, left = r.Rows-n, left-n
		return n
	}
	files := maps.Clone(g.files)
	for _, r := range e.Shown.Files { // the rows that were where the entry says
		unplaced -= r.Rows
		files[r.Path] -= take(&r, files[r.Path])
		ranges = append(ranges, r)
	}
	for i := range ranges { // those that others had moved: of the files that are no more
		if !live[ranges[i].Path] {
			take(&ranges[i], left)
		}
	}
	ranges = slices.DeleteFunc(ranges, func(r runs.FileRange) bool { return r.Rows == 0 })
	left -= min(left, unplaced) // those of an unknown state that have no place
	isShown := e.Shown.Identity != runs.Unknown && e.State.Identity == e.Shown.Identity && e.State.Mapping == e.Shown.Mapping
	e.Shown.Files, e.Shown.Rows = ranges, max(0, e.Shown.Rows-(g.rows-left))
	if !isShown {
		return e // the sums are of a state that is not shown
	}
	e.State.RowsWritten -= g.rows - left
	e.State.Sums, e.State.RecordSums = maps.Clone(e.State.Sums), maps.Clone(e.State.RecordSums)
	for _, c := range columns {
		name := table + "." + c.Name
		// Nobody knows in which records the values stood, so these sums are not known.
		delete(e.State.RecordSums, name)
		if sum, is := e.State.Sums[name]; is && g.sums[c.Name] != nil {
			e.State.Sums[name] = less(sum, g.sums[c.Name], c.Type.Scale)
		}
	}
	return e
}

// less is a sum without a part of it, whose number has so many digits after the point.
func less(sum string, part *big.Int, scale int) string {
	n, ok := new(big.Rat).SetString(sum)
	if !ok {
		return sum
	}
	of := new(big.Rat).SetFrac(part, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
	_, fraction, _ := strings.Cut(sum, ".")
	return n.Sub(n, of).FloatString(len(fraction))
}

// forget writes manifests of the head that name files that are gone without them: they
// have the bounds of these files. So do older entries of the ledger, of a table that is
// divided by such a column: they name folders of its values.
func (e *erasure) forget(ctx context.Context, h *tables.Head) (*tables.Head, error) {
	for try := 0; ; try++ {
		due, err := e.t.Forgettable(ctx, h)
		fold := e.divides(h) && h.Runs() > 1
		if err != nil || !due && !fold {
			return h, err
		}
		next, err := e.t.Rewrite(ctx, h, &tables.Rewrite{ID: tables.NewBatchID(), Forget: true, Fold: fold})
		if err == nil {
			e.Snapshots++
			return next, nil
		}
		if !errors.Is(err, tables.ErrMoved) || try == mostTries {
			return nil, err
		}
		if h, err = e.t.Load(ctx); err != nil {
			return nil, err
		}
	}
}
