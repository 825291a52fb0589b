package runs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"sluice"
	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/internal/ledger"
	"sluice/internal/parquetcolumn"
	"sluice/internal/parquetfile"
	"sluice/reason"
	"sluice/schema"
)

// A run is a Parquet file of entries, sorted, with one for each of its keys. So it can
// be queried, and its page index and bloom filter say where a key may be.

// The columns of a run. What is not asked for in queries is in state.
const (
	colKey = iota
	colBucket
	colFirstSeen
	colFence
	colSeen
	colListed
	colMapping
	colOutcome
	colReason
	colRead
	colCommitted
	colQuarantined
	colRows
	colShown
	colState
	colCount
)

var columns = schema.Schema{Table: "run", Columns: []schema.Column{
	colKey:         {Name: "key", Type: schema.Type{Kind: schema.String}, NotNull: true, Bloom: true},
	colBucket:      {Name: "bucket", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colFirstSeen:   {Name: "first_seen", Type: schema.Type{Kind: schema.Timestamp}, NotNull: true},
	colFence:       {Name: "fence", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colSeen:        {Name: "seen", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colListed:      {Name: "listed", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colMapping:     {Name: "mapping_sha256", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colOutcome:     {Name: "outcome", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colReason:      {Name: "reason", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colRead:        {Name: "records_read", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colCommitted:   {Name: "records_committed", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colQuarantined: {Name: "records_quarantined", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colRows:        {Name: "rows_written", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colShown:       {Name: "shown", Type: schema.Type{Kind: schema.JSON}, NotNull: true},
	colState:       {Name: "state", Type: schema.Type{Kind: schema.JSON}, NotNull: true},
}}

// Writer writes a run. Entries come in the order of their keys, each key once.
type Writer struct {
	sums    *sums
	file    *parquetfile.Writer
	encoder *parquetfile.Encoder
	ctx     context.Context
	batch   *batch.Batch
	text    []byte // of the values that wait for their look-up

	info Info
}

// Info is what a root says of a run.
type Info struct {
	Name  string `json:"name"` // key, below the folder of the ledger
	Level int    `json:"level"`
	First Key    `json:"first"`
	Last  Key    `json:"last"`
	Keys  int64  `json:"keys"`
	Bytes int64  `json:"bytes"`
	// Blocks are the checksums of its blocks, CRC-32C.
	Blocks []uint32 `json:"blocks"`
}

const (
	groupKeys = 1 << 12 // of a row group: bounds the entries that a merge holds of each run
	textBytes = 1 << 20
)

// NewWriter begins a run.
func NewWriter(ctx context.Context, w io.Writer, createdBy string) (*Writer, error) {
	s := &sums{Writer: w}
	f, err := parquetfile.NewWriter(s, columns, parquetfile.Options{CreatedBy: createdBy})
	if err != nil {
		return nil, err
	}
	e, err := parquetfile.NewEncoder("zstd")
	if err != nil {
		return nil, err
	}
	return &Writer{sums: s, file: f, encoder: e, ctx: ctx, batch: batch.New(columns, make([]int, colCount), 0)}, nil
}

// Write adds an entry.
func (w *Writer) Write(e *Entry) error {
	if w.info.Keys > 0 && w.info.Last.Compare(e.Key) >= 0 {
		return fmt.Errorf("write run: keys are not in their order")
	}
	if w.info.Keys == 0 {
		w.info.First = e.Key
	}
	w.info.Last = e.Key
	w.info.Keys++
	shown, err := json.Marshal(e.Shown)
	if err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	state, err := json.Marshal(rest(e.State))
	if err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	s := &e.State
	w.texts(colKey, e.Key.Key)
	w.texts(colBucket, e.Bucket)
	w.number(colFirstSeen, e.FirstSeen.UnixMicro())
	w.texts(colFence, e.Fence)
	w.texts(colSeen, s.Identity)
	w.texts(colListed, s.Listed)
	w.texts(colMapping, s.Mapping)
	w.texts(colOutcome, string(s.Outcome))
	w.texts(colReason, string(s.Reason))
	w.number(colRead, s.RecordsRead)
	w.number(colCommitted, s.RecordsCommitted)
	w.number(colQuarantined, s.RecordsQuarantined)
	w.number(colRows, s.RowsWritten)
	w.texts(colShown, string(shown))
	w.texts(colState, string(state))
	w.batch.EndElement(0, 1)
	w.batch.EndRecord()
	if w.batch.Pending() || len(w.text) > textBytes {
		w.flush()
	}
	if w.batch.Rows == groupKeys {
		return w.end()
	}
	return nil
}

func (w *Writer) texts(column int, text string) {
	at := len(w.text)
	w.text = append(w.text, text...)
	w.batch.Columns[column].AddBytes(jsonscan.Hash(w.text[at:]), at, len(text))
}

func (w *Writer) number(column int, n int64) { w.batch.Columns[column].AddFixed(uint64(n)) }

func (w *Writer) flush() {
	w.batch.Flush(w.text, nil)
	w.text = w.text[:0]
}

// end ends a row group.
func (w *Writer) end() error {
	w.flush()
	w.batch.Finish()
	g, err := w.encoder.Encode(w.ctx, w.batch)
	if err == nil {
		err = w.file.Write(g)
	}
	w.batch.Reset()
	return err
}

// Close ends the file, and says what is in it.
func (w *Writer) Close() (Info, error) {
	if err := w.end(); err != nil {
		return Info{}, err
	}
	err := w.file.Close()
	w.info.Bytes, w.info.Blocks = w.file.Bytes(), w.sums.blocks
	return w.info, err
}

// rest is a state without what has a column of its own.
func rest(s ledger.State) ledger.State {
	s.Identity, s.Listed, s.Mapping, s.Outcome, s.Reason = "", "", "", "", ""
	s.RecordsRead, s.RecordsCommitted, s.RecordsQuarantined, s.RowsWritten = 0, 0, 0, 0
	return s
}

// run is a run that is read.
type run struct {
	info Info
	file *parquetcolumn.File
	cols [colCount]int
}

func openRun(ctx context.Context, info Info, read parquetcolumn.ReadAt) (*run, error) {
	f, err := parquetcolumn.Open(ctx, read, info.Bytes)
	if err != nil {
		return nil, err
	}
	r := &run{info: info, file: f}
	for i, c := range columns.Columns {
		if r.cols[i] = f.Find(0, c.Name); r.cols[i] < 0 {
			return nil, fmt.Errorf("it has no column %s", c.Name)
		}
	}
	if f.Rows() != info.Keys {
		return nil, fmt.Errorf("it has %d keys, and the root says %d", f.Rows(), info.Keys)
	}
	return r, nil
}

// look calls fn with the entries of those of the keys that the run has; keys are
// sorted.
func (r *run) look(ctx context.Context, keys []Key, fn func(*Entry)) error {
	for g := range r.file.Groups() {
		pages, err := r.file.Pages(ctx, g, r.cols[colKey])
		if err != nil {
			return err
		}
		for i, p := range pages {
			wanted := between(keys, p.Low, p.High)
			if len(wanted) == 0 {
				continue
			}
			if err := r.lookPage(ctx, g, i, p, wanted, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// between are the keys from low to high; nil is no bound.
func between(keys []Key, low, high []byte) []Key {
	from, _ := slices.BinarySearchFunc(keys, string(low), func(k Key, low string) int { return strings.Compare(k.Key, low) })
	to := len(keys)
	if high != nil {
		to, _ = slices.BinarySearchFunc(keys, string(high), func(k Key, high string) int {
			if k.Key <= high {
				return -1
			}
			return 1
		})
	}
	return keys[from:max(from, to)]
}

// lookPage reads the names in a page, and the rest only of those that are wanted.
func (r *run) lookPage(ctx context.Context, group, page int, rows parquetcolumn.Range, wanted []Key, fn func(*Entry)) error {
	var found []int
	err := r.column(ctx, group, page, rows, colKey, func(p *parquetcolumn.Page) error {
		for n, k := range wanted {
			if n > 0 && wanted[n-1].Key == k.Key {
				continue // in another bucket
			}
			name := []byte(k.Key)
			i := sort.Search(p.Rows, func(i int) bool { return bytes.Compare(p.Bytes(i), name) >= 0 })
			for ; i < p.Rows && bytes.Equal(p.Bytes(i), name); i++ {
				found = append(found, i)
			}
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		return err
	}
	entries := make([]Entry, len(found))
	if err := r.read(ctx, group, page, rows, entries, found); err != nil {
		return err
	}
	for i := range entries {
		if _, ok := slices.BinarySearchFunc(wanted, entries[i].Key, Key.Compare); ok {
			fn(&entries[i])
		}
	}
	return nil
}

// read reads the entries of some rows of a page; without rows, of all.
func (r *run) read(ctx context.Context, group, page int, rows parquetcolumn.Range, entries []Entry, wanted []int) error {
	for column := range int(colCount) {
		err := r.column(ctx, group, page, rows, column, func(p *parquetcolumn.Page) error {
			for i := range entries {
				row := i
				if wanted != nil {
					row = wanted[i]
				}
				if err := entries[i].set(column, p, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// column calls fn with a page, which has the same rows in all columns.
func (r *run) column(ctx context.Context, group, page int, rows parquetcolumn.Range, column int, fn func(*parquetcolumn.Page) error) error {
	pages, err := r.file.Pages(ctx, group, r.cols[column])
	if err != nil {
		return err
	}
	if page >= len(pages) || pages[page].First != rows.First || pages[page].Rows != rows.Rows {
		return fmt.Errorf("column %s has other pages", columns.Columns[column].Name)
	}
	return r.file.ReadPages(ctx, group, r.cols[column], pages[page:page+1], func(p *parquetcolumn.Page) error {
		for i := range p.Rows {
			if p.Null(i) {
				return fmt.Errorf("a NULL in column %s", columns.Columns[column].Name)
			}
		}
		return fn(p)
	})
}

// set sets what a column has of the entry. The column of the state comes last: it sets
// what has no column, and the others are kept.
func (e *Entry) set(column int, p *parquetcolumn.Page, i int) error {
	s := &e.State
	switch column {
	case colKey:
		e.Key.Key = string(p.Bytes(i))
	case colBucket:
		e.Bucket = string(p.Bytes(i))
	case colFirstSeen:
		e.FirstSeen = time.UnixMicro(p.Int(i)).UTC()
	case colFence:
		e.Fence = string(p.Bytes(i))
	case colSeen:
		s.Identity = string(p.Bytes(i))
	case colListed:
		s.Listed = string(p.Bytes(i))
	case colMapping:
		s.Mapping = string(p.Bytes(i))
	case colOutcome:
		s.Outcome = sluice.Outcome(p.Bytes(i))
	case colReason:
		s.Reason = reason.Code(p.Bytes(i))
	case colRead:
		s.RecordsRead = p.Int(i)
	case colCommitted:
		s.RecordsCommitted = p.Int(i)
	case colQuarantined:
		s.RecordsQuarantined = p.Int(i)
	case colRows:
		s.RowsWritten = p.Int(i)
	case colShown:
		return json.Unmarshal(p.Bytes(i), &e.Shown)
	case colState:
		own := *s
		if err := json.Unmarshal(p.Bytes(i), s); err != nil {
			return err
		}
		s.Identity, s.Listed, s.Mapping, s.Outcome, s.Reason = own.Identity, own.Listed, own.Mapping, own.Outcome, own.Reason
		s.RecordsRead, s.RecordsCommitted, s.RecordsQuarantined, s.RowsWritten = own.RecordsRead, own.RecordsCommitted, own.RecordsQuarantined, own.RowsWritten
	}
	return nil
}
