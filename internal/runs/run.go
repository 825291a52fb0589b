package runs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"
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

// The columns of a run. What is not asked for in queries is in state. The JSON comes
// last: a scan may leave it out.
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
	colShownMapping
	colShownSequence
	colShownRows
	colFiles
	colState
	colCount

	briefCount = colFiles // columns of a scan that leaves JSON out
)

var columns = schema.Schema{Table: "run", Columns: []schema.Column{
	colKey:           {Name: "key", Type: schema.Type{Kind: schema.String}, NotNull: true, Bloom: true},
	colBucket:        {Name: "bucket", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colFirstSeen:     {Name: "first_seen", Type: schema.Type{Kind: schema.Timestamp}, NotNull: true},
	colFence:         {Name: "fence", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colSeen:          {Name: "seen", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colListed:        {Name: "listed", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colMapping:       {Name: "mapping_sha256", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colOutcome:       {Name: "outcome", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colReason:        {Name: "reason", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colRead:          {Name: "records_read", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colCommitted:     {Name: "records_committed", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colQuarantined:   {Name: "records_quarantined", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colRows:          {Name: "rows_written", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colShown:         {Name: "shown", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colShownMapping:  {Name: "shown_mapping_sha256", Type: schema.Type{Kind: schema.String}, NotNull: true},
	colShownSequence: {Name: "shown_sequence", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colShownRows:     {Name: "shown_rows", Type: schema.Type{Kind: schema.Int64}, NotNull: true},
	colFiles:         {Name: "files", Type: schema.Type{Kind: schema.JSON}, NotNull: true},
	colState:         {Name: "state", Type: schema.Type{Kind: schema.JSON}, NotNull: true},
}}

// Writer writes a run. Entries come in the order of their keys, each key once.
type Writer struct {
	sums *sums
	file *parquetfile.Writer
	*writerBuffers
	ctx context.Context

	info      Info
	pageRows  int // of the page that is being filled
	pageText  int // bytes
	groupText int
}

// writerBuffers are reused: those of most runs are larger than the run.
type writerBuffers struct {
	encoder *parquetfile.Encoder
	batch   *batch.Batch
	text    []byte // of the values that wait for their look-up
}

var buffers = sync.Pool{New: func() any {
	e, err := parquetfile.NewEncoder("zstd")
	if err != nil {
		panic(err) // the codec is known
	}
	return &writerBuffers{encoder: e, batch: batch.New(columns, make([]int, colCount), 0)}
}}

// Info is what a root says of a file of a run.
type Info struct {
	Name  string `json:"name"` // key, below the folder of the ledger
	Level int    `json:"level"`
	Part  int    `json:"part,omitempty"` // above 0: the run goes on that the file before it has begun
	First Key    `json:"first"`
	Last  Key    `json:"last"`
	Keys  int64  `json:"keys"`
	Bytes int64  `json:"bytes"`
	// Blocks are the checksums of its blocks, CRC-32C.
	Blocks []uint32 `json:"blocks"`
}

// Row groups and pages end after these keys, or bytes of text, of which most take a
// fifth of it in the file. A scan holds a page of each run, and so much of a file that it
// need not read parts of a row group again.
const (
	groupKeys, groupBytes = 1 << 12, 2 << 20
	pageKeys, pageBytes   = 1 << 10, 512 << 10 // a run of one page is decoded whole

	textBytes = 1 << 20
)

// NewWriter begins a run.
func NewWriter(ctx context.Context, w io.Writer, createdBy string) (*Writer, error) {
	s := &sums{Writer: w}
	f, err := parquetfile.NewWriter(s, columns, parquetfile.Options{CreatedBy: createdBy})
	if err != nil {
		return nil, err
	}
	return &Writer{sums: s, file: f, writerBuffers: buffers.Get().(*writerBuffers), ctx: ctx}, nil
}

// Write adds an entry.
func (w *Writer) Write(e *Entry) error {
	files, err := json.Marshal(e.Shown.Files)
	if err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	state, err := json.Marshal(rest(e.State))
	if err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	if err := w.begin(e.Key); err != nil {
		return err
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
	w.texts(colShown, e.Shown.Identity)
	w.texts(colShownMapping, e.Shown.Mapping)
	w.number(colShownSequence, e.Shown.Sequence)
	w.number(colShownRows, e.Shown.Rows)
	w.texts(colFiles, string(files))
	w.texts(colState, string(state))
	return w.row()
}

// copy adds an entry as another run has it.
func (w *Writer) copy(k Key, from *entries, i int) error {
	if err := w.begin(k); err != nil {
		return err
	}
	for column, p := range from.columns {
		switch columns.Columns[column].Type.Kind {
		case schema.Int64, schema.Timestamp:
			w.number(column, p.Int(i))
		default:
			w.texts(column, string(p.Bytes(i)))
		}
	}
	return w.row()
}

// begin begins an entry.
func (w *Writer) begin(k Key) error {
	if w.info.Keys > 0 && w.info.Last.Compare(k) >= 0 {
		return fmt.Errorf("write run: keys are not in their order")
	}
	if w.info.Keys == 0 {
		w.info.First = k
	}
	w.info.Last = k
	w.info.Keys++
	return nil
}

// row ends an entry.
func (w *Writer) row() error {
	w.batch.EndElement(0, 1)
	w.batch.EndRecord()
	if w.batch.Pending() || len(w.text) > textBytes {
		w.flush()
	}
	w.pageRows++
	switch {
	case w.batch.Rows == groupKeys || w.groupText+w.pageText >= groupBytes:
		return w.end()
	case w.pageRows == pageKeys || w.pageText >= pageBytes:
		w.batch.EndPage()
		w.groupText, w.pageText, w.pageRows = w.groupText+w.pageText, 0, 0
	}
	return nil
}

func (w *Writer) texts(column int, text string) {
	at := len(w.text)
	w.text = append(w.text, text...)
	w.pageText += len(text)
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
	w.groupText, w.pageText, w.pageRows = 0, 0, 0
	return err
}

// Close ends the file, and says what is in it.
func (w *Writer) Close() (Info, error) {
	if err := w.end(); err != nil {
		return Info{}, err
	}
	buffers.Put(w.writerBuffers)
	w.writerBuffers = nil
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

// run is a run that is read. It is safe for use by several goroutines.
type run struct {
	info Info
	file *parquetcolumn.File
	cols [colCount]int
	all  *entries // of a small run, whose file is not needed then
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

// decode decodes a run of one page, and says what memory it takes: 0 if it has more pages.
func (r *run) decode(ctx context.Context) (held int64, err error) {
	const ofPage = 128 // without its values
	chunks, err := r.chunks(0, colCount)
	if err != nil {
		return 0, err
	}
	all, err := nextPage(ctx, chunks)
	if err != nil || all == nil || int64(all.rows) != r.info.Keys {
		return 0, err
	}
	for i, p := range all.columns {
		alone := *p // without what its decoder holds
		all.columns[i] = &alone
		held += ofPage + p.Held()
	}
	r.all, r.file = all, nil
	return held, nil
}

var errPages = errors.New("its columns have different pages")

// chunks are the first columns of a row group.
func (r *run) chunks(group, count int) (all []*parquetcolumn.Chunk, err error) {
	all = make([]*parquetcolumn.Chunk, count)
	for column := range all {
		if all[column], err = r.file.Chunk(group, r.cols[column]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// nextPage reads the next page of all columns, which is valid until the one after it is
// read; nil: there is none.
func nextPage(ctx context.Context, chunks []*parquetcolumn.Chunk) (*entries, error) {
	all := &entries{columns: make([]*parquetcolumn.Page, len(chunks))}
	for column, c := range chunks {
		p, err := c.Next(ctx)
		if err != nil {
			return nil, err
		}
		if column == 0 {
			if p == nil {
				return nil, nil
			}
			all.rows = p.Rows
		}
		if p == nil || p.Rows != all.rows {
			return nil, errPages
		}
		if err := noNull(p, column); err != nil {
			return nil, err
		}
		all.columns[column] = p
	}
	return all, nil
}

// look calls fn with the entries of those of the keys that the run has; keys are
// sorted.
func (r *run) look(ctx context.Context, keys []Key, fn func(*Entry)) error {
	if r.all != nil {
		return r.all.look(keys, r.all.find(keys), fn)
	}
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

// lookPage reads the names in a page, and the rest only if some are wanted.
func (r *run) lookPage(ctx context.Context, group, page int, rows parquetcolumn.Range, wanted []Key, fn func(*Entry)) error {
	names, err := r.column(ctx, group, page, rows, colKey)
	if err != nil {
		return err
	}
	found := (&entries{rows: names.Rows, columns: []*parquetcolumn.Page{names}}).find(wanted)
	if len(found) == 0 {
		return nil
	}
	all, err := r.read(ctx, group, page, rows, colCount)
	if err != nil {
		return err
	}
	return all.look(wanted, found, fn)
}

// find returns the rows with the names of keys, which are sorted, in whatever bucket.
func (p *entries) find(keys []Key) (rows []int) {
	names := p.columns[colKey]
	for n, k := range keys {
		if n > 0 && keys[n-1].Key == k.Key {
			continue // in another bucket
		}
		name := []byte(k.Key)
		i := sort.Search(p.rows, func(i int) bool { return bytes.Compare(names.Bytes(i), name) >= 0 })
		for ; i < p.rows && bytes.Equal(names.Bytes(i), name); i++ {
			rows = append(rows, i)
		}
	}
	return rows
}

// look calls fn with the entries of those of the rows whose keys are wanted.
func (p *entries) look(wanted []Key, rows []int, fn func(*Entry)) error {
	var e Entry
	for _, i := range rows {
		if e.Key = p.key(i, e.Key); !isIn(wanted, e.Key) {
			continue
		}
		if err := p.entry(i, &e); err != nil {
			return err
		}
		fn(&e)
	}
	return nil
}

func isIn(sorted []Key, k Key) bool {
	_, ok := slices.BinarySearchFunc(sorted, k, Key.Compare)
	return ok
}

// entries are those of a page, which has the same rows in all columns.
type entries struct {
	rows    int
	columns []*parquetcolumn.Page // the first ones of a run
}

// read reads the first columns of a page.
func (r *run) read(ctx context.Context, group, page int, rows parquetcolumn.Range, count int) (*entries, error) {
	all := &entries{rows: int(rows.Rows)}
	for column := range count {
		p, err := r.column(ctx, group, page, rows, column)
		if err != nil {
			return nil, err
		}
		all.columns = append(all.columns, p)
	}
	return all, nil
}

// column reads a column of a page.
func (r *run) column(ctx context.Context, group, page int, rows parquetcolumn.Range, column int) (*parquetcolumn.Page, error) {
	pages, err := r.file.Pages(ctx, group, r.cols[column])
	if err != nil {
		return nil, err
	}
	if page >= len(pages) || pages[page].First != rows.First || pages[page].Rows != rows.Rows {
		return nil, fmt.Errorf("column %s has other pages", columns.Columns[column].Name)
	}
	p, err := r.file.ReadPage(ctx, group, r.cols[column], pages[page])
	if err != nil {
		return nil, err
	}
	return p, noNull(p, column)
}

func noNull(p *parquetcolumn.Page, column int) error {
	for i := range p.Rows {
		if p.Null(i) {
			return fmt.Errorf("a NULL in column %s", columns.Columns[column].Name)
		}
	}
	return nil
}

// key is that of an entry. The one before it often has the same bucket.
func (p *entries) key(i int, before Key) Key {
	return Key{Key: string(p.columns[colKey].Bytes(i)), Bucket: same(before.Bucket, p.columns[colBucket].Bytes(i))}
}

// same is a text. It takes no memory of its own if it is the same as another one.
func same(other string, text []byte) string {
	if other == string(text) {
		return other
	}
	return string(text)
}

// entry sets all but the key of an entry. What e has is an entry before it, which often
// has the same texts.
func (p *entries) entry(i int, e *Entry) error {
	text := func(column int, before string) string { return same(before, p.columns[column].Bytes(i)) }
	number := func(column int) int64 { return p.columns[column].Int(i) }
	before := &e.State
	var s ledger.State
	var files []FileRange
	if len(p.columns) == colCount {
		if err := json.Unmarshal(p.columns[colFiles].Bytes(i), &files); err != nil {
			return err
		}
		if err := json.Unmarshal(p.columns[colState].Bytes(i), &s); err != nil {
			return err
		}
	}
	s.Identity, s.Listed, s.Mapping = text(colSeen, before.Identity), text(colListed, before.Listed), text(colMapping, before.Mapping)
	s.Outcome, s.Reason = sluice.Outcome(text(colOutcome, string(before.Outcome))), reason.Code(text(colReason, string(before.Reason)))
	s.RecordsRead, s.RecordsCommitted, s.RecordsQuarantined, s.RowsWritten = number(colRead), number(colCommitted), number(colQuarantined), number(colRows)
	e.FirstSeen, e.Fence, e.State = time.UnixMicro(number(colFirstSeen)).UTC(), text(colFence, e.Fence), s
	e.Shown = Shown{
		Identity: text(colShown, s.Identity), Mapping: text(colShownMapping, s.Mapping),
		Sequence: number(colShownSequence), Rows: number(colShownRows), Files: files,
	}
	return nil
}
