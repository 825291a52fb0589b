package tablefiles

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sluice/internal/parquetfile"
	"sluice/internal/store"
	"sluice/schema"
)

// batchDigits is how many digits of the batch's ID are in names.
const batchDigits = 12

// batchMeta names the batch in the store's metadata of a file.
const batchMeta = "batch"

// names gives each file of a batch a name of its own.
type names struct {
	mu     sync.Mutex
	folder string
	prefix string
	n      int
}

func newNames(o *Options) *names {
	return &names{folder: o.Folder, prefix: o.Time.UTC().Format("20060102T150405Z") + "_" + o.Batch[:batchDigits]}
}

// next is the key of the next file of a partition.
func (n *names) next(partition string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.n++
	return fmt.Sprintf("%s%s%s-%d.parquet", n.folder, partition, n.prefix, n.n)
}

// file is a data file. It is begun in the store with its first row group.
type file struct {
	o         *Options
	key       string
	partition map[string]any
	out       store.Writer        // nil: it is not begun
	parquet   *parquetfile.Writer // the same
}

// rows is the number of rows written.
func (f *file) rows() int64 {
	if f.parquet == nil {
		return 0
	}
	return f.parquet.Rows()
}

// bytes is the number of bytes written.
func (f *file) bytes() int64 {
	if f.parquet == nil {
		return 0
	}
	return f.parquet.Bytes()
}

// write appends a row group. ctx governs the file until it has ended.
func (f *file) write(ctx context.Context, g *parquetfile.RowGroup) (err error) {
	if f.out == nil {
		if f.out, err = f.o.Files.Store.Create(ctx, f.key, store.CreateOptions{Meta: map[string]string{batchMeta: f.o.Batch}}); err != nil {
			return err
		}
		s := schema.Schema{Table: "table", Columns: f.o.Columns}
		if f.parquet, err = parquetfile.NewWriter(f.out, s, parquetfile.Options{KeyValues: f.o.KeyValues, CreatedBy: f.o.CreatedBy}); err != nil {
			return err
		}
	}
	return f.parquet.Write(g)
}

// commit makes a complete file visible.
func (f *file) commit(ctx context.Context) error {
	_, err := f.out.Commit(ctx, store.IfNoneMatch())
	if errors.Is(err, store.ErrPrecondition) {
		// No other batch has the name: an earlier reply may have been lost.
		info, headErr := f.o.Files.Store.Head(ctx, f.key)
		if headErr == nil && info.Meta[batchMeta] == f.o.Batch && info.Size == f.bytes() {
			return nil
		}
	}
	return err
}
