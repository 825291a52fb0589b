package runs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"

	"sluice/internal/store"
)

// Version of the JSON of roots.
const Version = 1

// Root is the list of the runs of one snapshot, the newest first. The newest run that
// has a key holds its entry. It is never changed.
type Root struct {
	Version  int    `json:"version"`
	Table    string `json:"table"` // UUID
	Sequence int64  `json:"sequence"`
	Keys     int64  `json:"keys"` // in all runs: a key that was written again counts again
	Rows     int64  `json:"rows"` // that the table shows
	Runs     []Info `json:"runs"`
}

// Files are the runs and roots of a table.
type Files struct {
	Store  store.Store
	Folder string // of the table's ledger, with a slash at its end
	Cache  *Cache // nil: all is read
}

const (
	mostRoot = 64 << 20

	// mergeRuns is the number of runs of a level that become one of the next level, if
	// they have less than mergeBytes together: larger merges are for maintenance.
	mergeRuns  = 8
	mergeBytes = 64 << 20

	// Bytes of a run up to which it is read as a whole: by a look-up, and by a scan,
	// which may hold many.
	wholeRun   = 8 << 20
	scannedRun = 1 << 20
)

// Read reads a root by its name. An empty name is the root of a table without
// entries.
func (f Files) Read(ctx context.Context, name string) (*Root, error) {
	if name == "" {
		return &Root{Version: Version}, nil
	}
	if r, ok := f.Cache.get(f.Folder + name).(*Root); ok {
		return r, nil
	}
	data, _, err := store.Get(ctx, f.Store, f.Folder+name, mostRoot)
	if err != nil {
		return nil, fmt.Errorf("read ledger root: %w", err)
	}
	r := new(Root)
	if err := decodeRoot(data, r); err != nil {
		return nil, fmt.Errorf("read ledger root %s: %w", name, err)
	}
	f.Cache.put(f.Folder+name, r, r.size())
	return r, nil
}

var errDamaged = errors.New("it is damaged")

func decodeRoot(data []byte, r *Root) error {
	z := unzippers.Get().(*gzip.Reader)
	defer unzippers.Put(z)
	if z.Reset(bytes.NewReader(data)) != nil {
		return errDamaged
	}
	text, err := io.ReadAll(io.LimitReader(z, mostRoot)) // its checksum is compared at the end
	if err != nil || json.Unmarshal(text, r) != nil {
		return errDamaged
	}
	if r.Version > Version {
		return fmt.Errorf("it was written by a newer version of sluice; update this one")
	}
	for i := range r.Runs {
		if r.Runs[i].Bytes <= 0 || int64(len(r.Runs[i].Blocks)) != (r.Runs[i].Bytes+blockBytes-1)/blockBytes {
			return errDamaged
		}
	}
	return nil
}

// The tables of both are larger than most roots.
var (
	zippers   = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
	unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}
)

// write writes a root, and returns its name.
func (f Files) write(ctx context.Context, r *Root, batch string) (name string, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	z := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
	z.Reset(&out)
	if _, err := z.Write(text); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	name = fmt.Sprintf("root-%019d-%s.json.gz", r.Sequence, batch)
	if _, err = store.Put(ctx, f.Store, f.Folder+name, out.Bytes(), store.CreateOptions{}, store.IfNoneMatch()); err == nil {
		f.Cache.put(f.Folder+name, r, r.size())
	}
	return name, err
}

// Look returns the entries of keys; those that are not there are new.
func (f Files) Look(ctx context.Context, root *Root, keys []Key) (map[Key]Entry, error) {
	left := slices.SortedFunc(slices.Values(keys), Key.Compare)
	left = slices.Compact(left)
	found := make(map[Key]Entry, len(left))
	for _, info := range root.Runs {
		if len(left) == 0 {
			break
		}
		if info.Last.Compare(left[0]) < 0 || info.First.Compare(left[len(left)-1]) > 0 {
			continue
		}
		r, err := f.open(ctx, info, wholeRun)
		if err == nil {
			err = r.look(ctx, left, func(e *Entry) { found[e.Key] = *e })
		}
		if err != nil {
			return nil, fmt.Errorf("read ledger run %s: %w", info.Name, err)
		}
		left = slices.DeleteFunc(left, func(k Key) bool { _, ok := found[k]; return ok })
	}
	return found, nil
}

// open reads a run: one of up to whole bytes at once, with one request, of a larger one
// what is asked for.
func (f Files) open(ctx context.Context, info Info, whole int64) (*run, error) {
	if info.Bytes <= whole {
		return f.openWhole(ctx, info)
	}
	at, err := f.Store.Head(ctx, f.Folder+info.Name)
	if err != nil {
		return nil, err
	}
	if at.Size != info.Bytes {
		return nil, errDamaged
	}
	return openRun(ctx, info, (&blocks{store: f.Store, at: at, info: &info}).read)
}

func (f Files) openWhole(ctx context.Context, info Info) (*run, error) {
	key := f.Folder + info.Name
	switch k := f.Cache.get(key).(type) {
	case *run:
		if k.info.same(&info) {
			return k, nil
		}
	case []byte:
		if int64(len(k)) == info.Bytes && info.checkAll(k) == nil {
			return f.keep(ctx, key, info, k)
		}
	}
	data, _, err := store.Get(ctx, f.Store, key, info.Bytes)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != info.Bytes || info.checkAll(data) != nil {
		return nil, errDamaged
	}
	return f.keep(ctx, key, info, data)
}

// keep opens a run whose bytes are there, and keeps it.
func (f Files) keep(ctx context.Context, key string, info Info, data []byte) (*run, error) {
	r, err := openRun(ctx, info, func(_ context.Context, p []byte, offset int64) error {
		copy(p, data[offset:])
		return nil
	})
	if err != nil {
		return nil, err
	}
	size := info.Bytes + r.file.Held()
	if info.Keys <= smallKeys && r.file.Groups() == 1 {
		if size, err = r.decode(ctx); err != nil {
			return nil, err
		}
	}
	f.Cache.put(key, r, size)
	return r, nil
}

// Add writes the entries of a batch as a run, and the root of the snapshot that brings
// them. Nothing names the root before that snapshot does. rows is what the table shows
// more, or fewer, than before. Entries need no order; each key is there once.
func (f Files) Add(ctx context.Context, root *Root, entries []Entry, rows int64, table string, sequence int64, batch, createdBy string) (next *Root, name string, err error) {
	next = &Root{Version: Version, Table: table, Sequence: sequence, Rows: root.Rows + rows, Runs: root.Runs}
	if len(entries) > 0 {
		sorted := slices.SortedFunc(slices.Values(entries), func(a, b Entry) int { return a.Key.Compare(b.Key) })
		info, err := f.writeRun(ctx, fmt.Sprintf("run-%019d-%s-0.parquet", sequence, batch), 0, createdBy, func(w *Writer) error {
			for i := range sorted {
				if err := w.Write(&sorted[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, "", fmt.Errorf("write ledger run: %w", err)
		}
		next.Runs = append([]Info{info}, root.Runs...)
	}
	if err := f.merge(ctx, next, batch, createdBy); err != nil {
		return nil, "", fmt.Errorf("merge ledger runs: %w", err)
	}
	for _, r := range next.Runs {
		next.Keys += r.Keys
	}
	if name, err = f.write(ctx, next, batch); err != nil {
		return nil, "", fmt.Errorf("write ledger root: %w", err)
	}
	return next, name, nil
}

// writeRun writes a run in one step: it is there whole, or not at all. It is kept if it is
// small: the next batch looks for its keys there.
func (f Files) writeRun(ctx context.Context, name string, level int, createdBy string, fill func(*Writer) error) (Info, error) {
	out, err := f.Store.Create(ctx, f.Folder+name, store.CreateOptions{})
	if err != nil {
		return Info{}, err
	}
	data := &beginning{whole: f.Cache != nil}
	info, err := func() (Info, error) {
		w, err := NewWriter(ctx, io.MultiWriter(out, data), createdBy)
		if err != nil {
			return Info{}, err
		}
		if err := fill(w); err != nil {
			return Info{}, err
		}
		info, err := w.Close()
		if err == nil {
			_, err = out.Commit(ctx, store.IfNoneMatch())
		}
		return info, err
	}()
	if err != nil {
		store.Abort(ctx, out)
		return Info{}, err
	}
	info.Name, info.Level = name, level
	if data.whole {
		f.Cache.put(f.Folder+name, data.bytes, info.Bytes)
	}
	return info, nil
}

// merge makes one run of the runs of a level, where there are enough. Those of a level
// stand beside one another, the newer levels first.
func (f Files) merge(ctx context.Context, root *Root, batch, createdBy string) error {
	for n := 1; ; n++ {
		from, to := due(root.Runs)
		if to == 0 {
			return nil
		}
		old := root.Runs[from:to]
		name := fmt.Sprintf("run-%019d-%s-%d.parquet", root.Sequence, batch, n)
		info, err := f.writeRun(ctx, name, old[0].Level+1, createdBy, f.mergeOf(ctx, old))
		if err != nil {
			return err
		}
		root.Runs = slices.Concat(root.Runs[:from], []Info{info}, root.Runs[to:])
	}
}

// mergeOf fills a run with the entries of runs.
func (f Files) mergeOf(ctx context.Context, old []Info) func(*Writer) error {
	return func(w *Writer) error {
		return f.scan(ctx, &Root{Runs: old}, colCount, func(c *cursor) error { return w.copy(c.key, c.entries, c.row) })
	}
}

// due are the runs that a merge takes: from is below to if there are some. If those of a
// level are too large together, the oldest of them that are not become one: so the number
// of runs is bounded by the size of the ledger, too.
func due(runs []Info) (from, to int) {
	for from < len(runs) {
		to = from
		for to < len(runs) && runs[to].Level == runs[from].Level {
			to++
		}
		if to-from >= mergeRuns {
			bytes, oldest := int64(0), to
			for oldest > from && bytes+runs[oldest-1].Bytes < mergeBytes {
				oldest--
				bytes += runs[oldest].Bytes
			}
			if to-oldest > 1 {
				return oldest, to
			}
		}
		from = to
	}
	return 0, 0
}

// Scan calls fn with the entries of all keys, in the order of the keys. A run is open
// only while its keys come, and then a page of it is held: of keys with a date in their
// names, few are.
func (f Files) Scan(ctx context.Context, root *Root, fn func(*Entry) error) error {
	return f.scanEntries(ctx, root, colCount, fn)
}

// ScanBrief is Scan for those who compare states: entries lack the files of their rows
// and, of their state, what has no column of its own. It takes a small part of the time.
func (f Files) ScanBrief(ctx context.Context, root *Root, fn func(*Entry) error) error {
	return f.scanEntries(ctx, root, briefCount, fn)
}

func (f Files) scanEntries(ctx context.Context, root *Root, columns int, fn func(*Entry) error) error {
	f.Cache = nil // it sees the files
	var last Entry
	return f.scan(ctx, root, columns, func(c *cursor) error {
		last.Key = c.key
		if err := c.entries.entry(c.row, &last); err != nil {
			return fmt.Errorf("read ledger run %s: %w", c.info.Name, err)
		}
		e := last
		return fn(&e)
	})
}

// scan calls fn with a cursor at each key, which has the first columns of its run.
func (f Files) scan(ctx context.Context, root *Root, columns int, fn func(*cursor) error) error {
	later := make([]*cursor, len(root.Runs)) // by their first keys
	for age := range root.Runs {
		later[age] = &cursor{info: &root.Runs[age], age: age, columns: columns, ctx: ctx}
	}
	slices.SortStableFunc(later, func(a, b *cursor) int { return a.info.First.Compare(b.info.First) })
	var open []*cursor // the newest comes first, and wins
	for {
		var least *cursor
		for _, c := range open {
			if least == nil || c.key.Compare(least.key) < 0 {
				least = c
			}
		}
		if len(later) > 0 && (least == nil || later[0].info.First.Compare(least.key) <= 0) {
			c := later[0]
			later = later[1:]
			if err := f.begin(c); err != nil {
				return err
			}
			if c.entries != nil {
				at, _ := slices.BinarySearchFunc(open, c.age, func(c *cursor, age int) int { return c.age - age })
				open = slices.Insert(open, at, c)
			}
			continue
		}
		if least == nil {
			return nil
		}
		if err := fn(least); err != nil {
			return err
		}
		key, ended := least.key, false
		for _, c := range open {
			if c.key != key {
				continue
			}
			if err := c.next(); err != nil {
				return err
			}
			ended = ended || c.entries == nil
		}
		if ended {
			open = slices.DeleteFunc(open, func(c *cursor) bool { return c.entries == nil })
		}
	}
}

// cursor goes through a run.
type cursor struct {
	info        *Info
	age         int  // place in the root
	columns     int  // that are read
	run         *run // nil: entries are all
	ctx         context.Context
	group, page int      // that come next
	entries     *entries // nil after the last one
	row         int
	key         Key
}

// begin opens the run of a cursor.
func (f Files) begin(c *cursor) (err error) {
	if c.run, err = f.open(c.ctx, *c.info, scannedRun); err != nil {
		return fmt.Errorf("read ledger run %s: %w", c.info.Name, err)
	}
	if c.run.all != nil {
		c.entries, c.row, c.run = &entries{c.run.all.rows, c.run.all.columns[:c.columns]}, -1, nil
		return c.next()
	}
	c.entries = &entries{}
	return c.next()
}

// next goes to the next key.
func (c *cursor) next() error {
	if c.row++; c.row >= c.entries.rows {
		if err := c.fill(); err != nil {
			return fmt.Errorf("read ledger run %s: %w", c.info.Name, err)
		}
		if c.entries == nil {
			c.run = nil // and the blocks that it holds
			return nil
		}
	}
	c.key = c.entries.key(c.row, c.key)
	return nil
}

// fill reads the next page that has rows.
func (c *cursor) fill() error {
	c.entries, c.row = nil, 0
	if c.run == nil {
		return nil
	}
	for c.group < c.run.file.Groups() {
		pages, err := c.run.file.Pages(c.ctx, c.group, c.run.cols[colKey])
		if err != nil {
			return err
		}
		if c.page == len(pages) {
			c.group, c.page = c.group+1, 0
			continue
		}
		c.page++
		if pages[c.page-1].Rows > 0 {
			c.entries, err = c.run.read(c.ctx, c.group, c.page-1, pages[c.page-1], c.columns)
			return err
		}
	}
	return nil
}
