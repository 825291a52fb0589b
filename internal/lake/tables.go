package lake

import (
	"context"
	"fmt"
	"slices"

	"sluice/internal/parquetread"
	"sluice/schema"
)

// View is a table as its files have it now: the columns of all of them, or those that the
// table itself has, and how many rows there are.
type View struct {
	Name    string
	Columns []schema.Column // those of the mapping first
	Files   []*File
	Rows    int64 // that count
	Bytes   int64
	// Unreadable counts files that are missing or damaged, and ledger entries that
	// cannot be read. Their rows are not there.
	Unreadable int
	Shared     bool // its files have rows of many objects, and rows that do not count

	lake    *Lake
	table   *Table
	whole   []viewed // the files that can be read
	all     int64    // their rows, also those that do not count
	filters []filter // rows that they leave out are not there when files are scanned
}

// viewed is a file of a View.
type viewed struct {
	*File
	*footer
	at     []int   // where the columns of the View are in the file; -1: it has none
	starts []int64 // the first row of each row group
}

// UnknownError says that a lake has no table, or a table no column of a name.
type UnknownError struct{ What, Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("there is no %s %q", e.What, e.Name) }

// view reads the footers of a table.
func (l *Lake) view(ctx context.Context, t *Table) (*View, error) {
	if v := t.view.Load(); v != nil {
		return v, nil
	}
	v := &View{Name: t.Schema.Table, Columns: slices.Clone(t.Schema.Columns), Files: t.Files, Unreadable: t.damaged, lake: l, table: t}
	_, v.Shared = l.rows.(*shared)
	footers := make([]*footer, len(t.Files))
	if err := Each(ctx, atOnce, len(t.Files), func(ctx context.Context, i int) (err error) {
		footers[i], err = l.footer(ctx, t.Files[i])
		return err
	}); err != nil {
		return nil, fmt.Errorf("read table %s: %w", v.Name, err)
	}
	at := map[string]int{}
	for i, c := range v.Columns {
		at[c.Name] = i
	}
	seen := map[*schema.Column]bool{} // of shared lists, by their first column
	for i, f := range t.Files {
		v.Bytes += f.Info.Size
		if footers[i].err != nil {
			v.Unreadable++
			continue
		}
		w := viewed{File: f, footer: footers[i]}
		start := int64(0)
		for _, rows := range w.groups {
			w.starts = append(w.starts, start)
			start += rows
		}
		v.all += w.rows
		v.Rows += counting(w.Masked, 0, w.rows)
		v.whole = append(v.whole, w)
		if columns := footers[i].columns; !t.Fixed && !seen[&columns[0]] {
			seen[&columns[0]] = true
			v.merge(columns, at)
		}
	}
	places := map[*schema.Column][]int{}
	for i := range v.whole {
		w := &v.whole[i]
		first := &w.columns[0]
		if places[first] == nil {
			places[first] = Places(v.Columns, w.columns)
		}
		w.at = places[first]
	}
	t.view.Store(v)
	return v, nil
}

// merge adds the columns of a file.
func (v *View) merge(columns []schema.Column, at map[string]int) {
	for _, c := range columns {
		i, known := at[c.Name]
		if !known {
			at[c.Name] = len(v.Columns)
			v.Columns = append(v.Columns, c)
			continue
		}
		// A file does not tell JSON from text.
		if have := &v.Columns[i].Type; have.Kind != schema.JSON || c.Type.Kind != schema.String {
			*have = common(*have, c.Type)
		}
	}
}

// Column is the number of a column.
func (v *View) Column(name string) (int, error) {
	i := slices.IndexFunc(v.Columns, func(c schema.Column) bool { return c.Name == name })
	if i < 0 {
		return 0, fmt.Errorf("read table %s: %w", v.Name, &UnknownError{"column", name})
	}
	return i, nil
}

// Views are all tables.
func (l *Lake) Views(ctx context.Context) (all []*View, err error) {
	err = l.settled(ctx, func(s *State) error {
		all = nil
		for _, t := range s.Tables {
			v, err := l.view(ctx, t)
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		return nil
	})
	return all, err
}

// inView calls do with a table.
func (l *Lake) inView(ctx context.Context, table string, do func(*View) error) error {
	return l.settled(ctx, func(s *State) error {
		t := s.Table(table)
		if t == nil {
			return fmt.Errorf("read table: %w", &UnknownError{"table", table})
		}
		v, err := l.view(ctx, t)
		if err != nil {
			return err
		}
		return do(v)
	})
}

// part is some rows of one row group of a file of a View, also those that do not count.
type part struct {
	file, group int
	from, to    int64
}

// parts are all rows.
func (v *View) parts() (all []part) {
	for i, w := range v.whole {
		for g, rows := range w.groups {
			all = append(all, part{i, g, 0, rows})
		}
	}
	return all
}

// live is the number of rows of a part that count.
func (v *View) live(p part) int64 {
	w := &v.whole[p.file]
	return counting(w.Masked, w.starts[p.group]+p.from, w.starts[p.group]+p.to)
}

// spread are parts of up to most rows, the same each time, of up to groups row groups
// from all of the table, and how many of these rows count.
func (v *View) spread(most int64, groups int) (all []part, rows int64) {
	all = v.choose(most, groups)
	for _, p := range all {
		rows += v.live(p)
	}
	return all, rows
}

func (v *View) choose(most int64, groups int) []part {
	all := slices.DeleteFunc(v.parts(), func(p part) bool { return p.to == 0 })
	left := v.all // that were not looked at
	if n := len(all); n > groups {
		left = 0
		for i := range groups {
			all[i] = all[pick(int64(i), int64(groups), int64(n))]
			left += all[i].to
		}
		all = all[:groups]
	}
	if left <= most {
		return all
	}
	room := most // rows that are taken
	for i := range all {
		p := &all[i]
		n := p.to
		take := int64(float64(n) / float64(left) * float64(room))
		left, room = left-n, room-take
		p.from = int64(mix(uint64(i)) % uint64(n-take+1))
		p.to = p.from + take
	}
	return slices.DeleteFunc(all, func(p part) bool { return p.from == p.to })
}

// pick is a number of the n-th of equal stretches of the numbers below end, the same
// each time.
func pick(n, stretches, end int64) int64 {
	from, to := n*end/stretches, (n+1)*end/stretches
	return from + int64(mix(uint64(n))%uint64(to-from))
}

// mix is the finalizer of SplitMix64: a number that looks like a random one.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// source is a file of a View that is open.
type source struct {
	v    *View
	w    *viewed
	file *parquetread.File
	null []parquetread.Value            // as many as were needed
	same map[string][]parquetread.Value // the constants of the file, the same
}

func (v *View) open(ctx context.Context, file int) (*source, error) {
	w := &v.whole[file]
	f, err := v.lake.open(ctx, w.File)
	if err != nil {
		return nil, fmt.Errorf("read table %s, %s: %w", v.Name, w.name(), err)
	}
	return &source{v: v, w: w, file: f}, nil
}

// rowNumber stands in place of a column, and is the number of each row in its row group.
const rowNumber = -1

// scan calls fn with the values of some columns in the rows of a part that count, as
// values of the types of the View. They are valid until fn returns, and fn may change
// them. Rows that filters leave out are not there.
func (s *source) scan(p part, columns []int, fn func(batch [][]parquetread.Value) error) error {
	if len(s.v.filters) > 0 {
		return s.sift(p, columns, fn)
	}
	return s.read(p, columns, fn)
}

// read is scan without filters.
func (s *source) read(p part, columns []int, fn func(batch [][]parquetread.Value) error) error {
	var read, to []int // columns of the file, and where they go
	batch := make([][]parquetread.Value, len(columns))
	for i, c := range columns {
		if at := s.at(c); at >= 0 {
			read, to = append(read, at), append(to, i)
		}
	}
	next := p.from
	give := func(n int) error {
		for i, c := range columns {
			switch {
			case c == rowNumber:
				batch[i] = batch[i][:0]
				for j := range int64(n) {
					batch[i] = append(batch[i], parquetread.Value{Int: next + j})
				}
			case s.at(c) < 0:
				batch[i] = s.missing(s.v.Columns[c].Name, n)
			}
		}
		first := s.w.starts[p.group] + next
		next += int64(n)
		for i := range batch {
			batch[i] = keep(batch[i], s.w.Masked, first)
		}
		if len(batch) > 0 && len(batch[0]) == 0 {
			return nil
		}
		return fn(batch)
	}
	var err error
	if len(read) == 0 { // there are rows all the same
		const most = 1024
		for at := p.from; at < p.to && err == nil; at += most {
			err = give(int(min(most, p.to-at)))
		}
		return err
	}
	var failed error // of fn
	err = s.file.Scan(p.group, read, p.from, p.to, func(values [][]parquetread.Value) error {
		for i, column := range values {
			t, want := s.w.columns[read[i]].Type, s.v.Columns[columns[to[i]]].Type
			if t != want && (want.Kind != schema.JSON || t.Kind != schema.String) {
				for j := range column {
					column[j] = widened(column[j], t, want)
				}
			}
			batch[to[i]] = column
		}
		failed = give(len(values[0]))
		return failed
	})
	if err != nil && failed == nil {
		err = fmt.Errorf("read table %s, %s: %w", s.v.Name, s.w.name(), err)
	}
	return err
}

// missing are n values of a column that the file does not have.
func (s *source) missing(column string, n int) []parquetread.Value {
	text, is := s.w.Constants[column]
	if !is {
		for len(s.null) < n {
			s.null = append(s.null, parquetread.Value{Null: true})
		}
		return s.null[:n]
	}
	if s.same == nil {
		s.same = map[string][]parquetread.Value{}
	}
	for len(s.same[column]) < n {
		s.same[column] = append(s.same[column], parquetread.Value{Bytes: []byte(text)})
	}
	return s.same[column][:n]
}

// at is where a column of the View is in the file; -1: it has none.
func (s *source) at(column int) int {
	if column == rowNumber {
		return -1
	}
	return s.w.at[column]
}

// scan calls fn with the values of some columns in all parts, in any order, from
// several goroutines.
func (v *View) scan(ctx context.Context, parts []part, columns []int, fn func(batch [][]parquetread.Value) error) error {
	return Each(ctx, atOnce, len(parts), func(ctx context.Context, i int) error {
		s, err := v.open(ctx, parts[i].file)
		if err != nil {
			return err
		}
		return s.scan(parts[i], columns, func(batch [][]parquetread.Value) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return fn(batch)
		})
	})
}

// MaxRows is the number of rows that [Lake.Rows] gives at most.
const MaxRows = 1000

// Rows are some rows of a table, from the one after offset on, as text; nil is NULL.
func (l *Lake) Rows(ctx context.Context, table string, offset int64, limit int) (v *View, rows [][]*string, err error) {
	err = l.inView(ctx, table, func(view *View) error {
		v, rows = view, [][]*string{}
		return v.rows(ctx, offset, int64(min(limit, MaxRows)), func(row []*string) error {
			rows = append(rows, make([]*string, len(row)))
			for i, text := range row {
				if text != nil {
					kept := *text
					rows[len(rows)-1][i] = &kept
				}
			}
			return nil
		})
	})
	return v, rows, err
}

// rows calls fn with the texts of rows, which are valid until it returns.
func (v *View) rows(ctx context.Context, offset, limit int64, fn func(row []*string) error) error {
	columns := allOf(v.Columns)
	row, texts := make([]*string, len(columns)), make([]string, len(columns))
	var s *source
	opened := -1
	for _, p := range v.parts() {
		if limit <= 0 {
			return nil
		}
		n := v.live(p)
		if offset >= n {
			offset -= n
			continue
		}
		w, take := &v.whole[p.file], min(n-offset, limit)
		start := w.starts[p.group]
		p.from = nth(w.Masked, start, offset) - start
		p.to = nth(w.Masked, start, offset+take-1) - start + 1
		offset, limit = 0, limit-take
		if opened != p.file {
			var err error
			if s, err = v.open(ctx, p.file); err != nil {
				return err
			}
			opened = p.file
		}
		err := s.scan(p, columns, func(batch [][]parquetread.Value) error {
			for i := range batch[0] {
				v.texts(batch, i, row, texts)
				if err := fn(row); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// texts has row point to the texts of a row of a batch; nil is NULL.
func (v *View) texts(batch [][]parquetread.Value, i int, row []*string, texts []string) {
	for j, c := range v.Columns {
		if row[j] = nil; !batch[j][i].Null {
			texts[j] = batch[j][i].Text(c.Type)
			row[j] = &texts[j]
		}
	}
}
