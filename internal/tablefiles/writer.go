package tablefiles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetfile"
	"sluice/internal/runs"
	"sluice/schema"
)

// Options of the data files of a batch, for one table.
type Options struct {
	Files   iceberg.Files // the store of the table, and its URIs
	Folder  string        // key under which data files come, with a slash at its end: lake/orders/data/
	Batch   string        // ID of the batch, 32 hex digits: names have its first 12
	Time    time.Time     // names have it
	Columns []schema.Column
	Levels  []int // of each column
	Depth   int   // the deepest level
	Spec    *iceberg.PartitionSpec
	Schema  *iceberg.Schema // of the table; nil: that of Columns
	Codec   string

	CreatedBy string
	KeyValues map[string]string // of the footers

	TargetBytes int64 // a file ends after the append that brings it there; 0: 256 MiB
	MostOpen    int   // files that are begun in the store; beyond that the longest idle one ends; 0: 64
	MostHeld    int64 // memory of all rows that are not encoded yet; beyond that the largest batch is; 0: 64 MiB

	// PartBytes is what the store keeps in memory of a file that is begun, at most: of
	// S3 a part, of a folder nothing. If all files keep more than MostKept (0: 128 MiB),
	// the longest idle one ends.
	PartBytes, MostKept int64
}

// A row group ends at the append after which its rows take this much; as in
// conversion.
const (
	groupBytes  = 13 << 20
	groupRows   = 1 << 20
	groupValues = 4 * groupRows // of lists, in each row
)

// Writer writes the data files of a batch. It is not safe for concurrent use. After an
// error only Abort makes sense.
type Writer struct {
	ctx     context.Context // of the files in the store
	o       Options
	names   *names
	splits  *splitter
	copier  *batch.Copier
	encoder *parquetfile.Encoder

	open   []*openFile
	held   int64 // of all batches
	clock  int64 // appends to files
	closed set   // the files that have ended
	err    error
	given  bool // Close has returned the files
}

// openFile is the file of a partition that takes rows.
type openFile struct {
	*file
	partition *partition
	batch     *batch.Batch // rows that are not encoded yet; nil: none
	held      int64        // memory of the batch; 0: it has no rows
	used      int64        // clock of the last append
}

// New begins the files of a batch. ctx governs their writing until Close returns.
func New(ctx context.Context, o Options) (*Writer, error) {
	if o.TargetBytes == 0 {
		o.TargetBytes = 256 << 20
	}
	if o.Spec == nil {
		o.Spec = &iceberg.PartitionSpec{}
	}
	if o.MostOpen == 0 {
		o.MostOpen = 64
	}
	if o.MostHeld == 0 {
		o.MostHeld = 64 << 20
	}
	if o.MostKept == 0 {
		o.MostKept = 128 << 20
	}
	if len(o.Batch) < batchDigits {
		return nil, fmt.Errorf("begin data files: the ID of the batch has %d digits, and needs %d", len(o.Batch), batchDigits)
	}
	splits, err := newSplitter(&o)
	if err != nil {
		return nil, fmt.Errorf("begin data files: %w", err)
	}
	e, err := parquetfile.NewEncoder(o.Codec)
	if err != nil {
		return nil, fmt.Errorf("begin data files: %w", err)
	}
	w := &Writer{ctx: ctx, o: o, names: newNames(&o), splits: splits, copier: batch.NewCopier(jsonscan.Hash), encoder: e}
	w.closed.o = &w.o
	return w, nil
}

// Batch is an empty batch for rows of these files.
func (w *Writer) Batch() *batch.Batch {
	return batch.New(schema.Schema{Columns: w.o.Columns}, w.o.Levels, w.o.Depth)
}

// Copy is a new batch with some rows of another one. It is safe for concurrent use.
func (w *Writer) Copy(from *batch.Batch, first, end int) *batch.Batch {
	rows := make([]uint32, 0, end-first)
	for row := first; row < end; row++ {
		rows = append(rows, uint32(row))
	}
	to, c := w.Batch(), batch.NewCopier(jsonscan.Hash)
	c.From(from)
	c.AppendRows(to, rows)
	return to
}

// Append adds the rows of a finished batch, and says where they are. There are several
// ranges if the rows are in several partitions.
func (w *Writer) Append(ctx context.Context, b *batch.Batch) ([]runs.FileRange, error) {
	all, err := w.AppendAll(ctx, b, []int{b.Rows})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// AppendAll is Append for the rows of several objects, which end at the row numbers
// ends. It says where those of each object are.
func (w *Writer) AppendAll(ctx context.Context, b *batch.Batch, ends []int) (ranges [][]runs.FileRange, err error) {
	if w.err != nil {
		return nil, w.err
	}
	if err := w.check(b); err != nil {
		return nil, fmt.Errorf("append to data files: %w", err)
	}
	ranges = make([][]runs.FileRange, len(ends))
	if b.Rows == 0 {
		return ranges, nil
	}
	w.copier.From(b)
	for _, part := range w.splits.split(b) {
		f := w.openFile(part.partition)
		first := f.rows() + int64(f.batch.Rows)
		if part.rows == nil {
			w.copier.Append(f.batch)
		} else {
			w.copier.AppendRows(f.batch, part.rows)
		}
		path, begin := w.o.Files.URI(f.key), 0
		for i, end := range ends {
			if part.rows != nil {
				end, _ = slices.BinarySearch(part.rows, uint32(end))
			}
			if end > begin {
				ranges[i] = append(ranges[i], runs.FileRange{Path: path, First: first + int64(begin), Rows: int64(end - begin)})
			}
			begin = end
		}
		if err := w.appended(ctx, f); err != nil {
			w.err = err
			return nil, err
		}
	}
	return ranges, nil
}

// check refuses a batch that has other columns.
func (w *Writer) check(b *batch.Batch) error {
	same := len(b.Columns) == len(w.o.Columns) && b.Depth == w.o.Depth
	for i := 0; same && i < len(b.Columns); i++ {
		c := &b.Columns[i]
		same = c.Level == w.o.Levels[i] && c.Type == w.o.Columns[i].Type
	}
	if !same {
		return errors.New("the batch has other columns than the files")
	}
	return nil
}

// openFile is the file that takes the rows of a partition, with a batch.
func (w *Writer) openFile(p *partition) *openFile {
	f := p.file
	if f == nil {
		f = &openFile{file: &file{o: &w.o, key: w.names.next(p.path), partition: p.values}, partition: p}
		p.file = f
		w.open = append(w.open, f)
	}
	if f.batch == nil {
		f.batch = w.Batch()
	}
	w.clock++
	f.used = w.clock
	return f
}

// appended writes the row groups that are due after an append to f, and ends files.
func (w *Writer) appended(ctx context.Context, f *openFile) error {
	full := f.batch.Held() >= groupBytes || f.batch.Rows >= groupRows || f.batch.ListValues >= groupValues
	w.hold(f, f.batch.Allocated())
	for full || w.held > w.o.MostHeld {
		if !full {
			f = slices.MaxFunc(w.open, func(a, b *openFile) int { return cmp.Compare(a.held, b.held) })
		}
		full = false
		if err := w.group(ctx, f); err != nil {
			return err
		}
		if f.bytes() < w.o.TargetBytes {
			f = w.idle()
		}
		if f != nil {
			if err := w.end(ctx, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// idle is the file that is idle for longest, if too many are begun, or the store keeps
// too much of them.
func (w *Writer) idle() *openFile {
	begun, kept := 0, int64(0)
	var idle *openFile
	for _, f := range w.open {
		if f.out == nil {
			continue
		}
		kept += min(f.bytes(), w.o.PartBytes)
		if begun++; idle == nil || f.used < idle.used {
			idle = f
		}
	}
	if begun < 2 || begun <= w.o.MostOpen && kept <= w.o.MostKept {
		return nil
	}
	return idle
}

// hold counts the memory of a file's batch.
func (w *Writer) hold(f *openFile, bytes int64) {
	w.held += bytes - f.held
	f.held = bytes
}

// group writes the batch of a file as a row group. A panic in a library ends only the
// files, not the process.
func (w *Writer) group(ctx context.Context, f *openFile) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("encode row group of data file %s: internal error: %v", path.Base(f.key), r) // the folders are values
		}
	}()
	f.batch.Finish()
	g, err := w.encoder.Encode(ctx, f.batch)
	if err != nil {
		return fmt.Errorf("encode row group of data file %s: %w", path.Base(f.key), err)
	}
	if w.hold(f, 0); len(w.o.Spec.Fields) == 0 {
		f.batch.Reset() // it is the only one
	} else {
		f.batch = nil // one that grew must not stay with a partition that gets few rows
	}
	return f.write(w.ctx, g)
}

// end ends a file, with the rows that it holds.
func (w *Writer) end(ctx context.Context, f *openFile) error {
	if f.held > 0 {
		if err := w.group(ctx, f); err != nil {
			return err
		}
	}
	if err := w.closed.end(ctx, f.file); err != nil {
		return err
	}
	f.partition.file = nil
	w.open = slices.DeleteFunc(w.open, func(o *openFile) bool { return o == f })
	return nil
}

// Close ends all files, and returns those of the batch: what a snapshot adds. After an
// error none of them counts, and Abort removes them.
func (w *Writer) Close(ctx context.Context) ([]iceberg.SpecFile, error) {
	if w.err != nil {
		return nil, w.err
	}
	w.err = errors.New("close data files: they are closed")
	ends := newWork()
	for _, f := range w.open {
		if f.held > 0 {
			if err := w.group(ctx, f); err != nil {
				return nil, errors.Join(err, ends.wait())
			}
		}
		if ends.failed() {
			break
		}
		ends.start(func() error { return w.closed.end(ctx, f.file) })
	}
	if err := ends.wait(); err != nil {
		return nil, err
	}
	w.given = true
	slices.SortFunc(w.closed.files, func(a, b iceberg.SpecFile) int { return cmp.Compare(a.Path, b.Path) })
	return w.closed.files, nil
}

// Abort removes all files, those that have ended too. After Close has returned them it
// does nothing. An error names what could not be removed; no snapshot will name it.
func (w *Writer) Abort(ctx context.Context) error {
	if w.given {
		return nil
	}
	w.err = errors.New("write data files: they are aborted")
	files := make([]*file, len(w.open))
	for i, f := range w.open {
		files[i] = f.file
	}
	w.open = nil
	return w.closed.abort(ctx, files)
}

// Bytes is how many bytes of files are written, and of rows held.
func (w *Writer) Bytes() int64 {
	n := w.held + w.closed.bytes()
	for _, f := range w.open {
		n += f.bytes()
	}
	return n
}
