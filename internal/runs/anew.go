package runs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"sluice/internal/parquetcolumn"
	"sluice/internal/store"
)

// What makes a ledger anew, if it is lost or damaged.

// Check reads all runs of a root, and compares them with their checksums: the error wraps
// [ErrDamaged] if one of them is not as it was written.
func (f Files) Check(ctx context.Context, root *Root) error {
	for i := range root.Runs {
		if err := f.check(ctx, &root.Runs[i]); err != nil {
			return fmt.Errorf("read ledger run %s: %w", root.Runs[i].Name, err)
		}
	}
	return nil
}

func (f Files) check(ctx context.Context, info *Info) error {
	at, err := f.Store.Head(ctx, f.Folder+info.Name)
	if err != nil {
		return lost(err)
	}
	if at.Size != info.Bytes {
		return ErrDamaged
	}
	b := &blocks{store: f.Store, at: at, info: info, size: pieceBytes, most: 1}
	for n := range (info.Bytes + pieceBytes - 1) / pieceBytes {
		if _, err := b.piece(ctx, n); err != nil {
			return lost(err)
		}
	}
	return nil
}

// FormerKeys calls fn with the keys of all runs that can be read, whether a root names
// them or not: a key may come several times.
func (f Files) FormerKeys(ctx context.Context, fn func(Key)) error {
	var all []store.Info
	err := f.Store.List(ctx, f.Folder+"run-", func(i store.Info) error {
		if strings.HasSuffix(i.Key, ".parquet") {
			all = append(all, i)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list ledger runs: %w", err)
	}
	for _, i := range all {
		err := f.keysOf(ctx, i, fn)
		if failed := new(store.Error); errors.As(err, &failed) && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read ledger run %s: %w", path.Base(i.Key), err)
		}
	}
	return nil
}

// keysOf calls fn with the keys of a run. Its checksums are in a root, and not asked for:
// who calls knows whether a key is one.
func (f Files) keysOf(ctx context.Context, at store.Info, fn func(Key)) error {
	file, err := parquetcolumn.Open(ctx, func(ctx context.Context, p []byte, offset int64) error {
		return f.Store.ReadAt(ctx, at, p, offset)
	}, at.Size)
	if err != nil {
		return err
	}
	r := &run{file: file}
	for _, i := range []int{colKey, colBucket} {
		if r.cols[i] = file.Find(0, columns.Columns[i].Name); r.cols[i] < 0 {
			return ErrDamaged
		}
	}
	var key Key
	for g := range file.Groups() {
		pages, err := file.Pages(ctx, g, r.cols[colKey])
		if err != nil {
			return err
		}
		for i, p := range pages {
			names, err := r.read(ctx, g, i, p, colBucket+1)
			if err != nil {
				return err
			}
			for row := range names.rows {
				key = names.key(row, key)
				fn(key)
			}
		}
	}
	return nil
}

// WriteRun writes a run of entries that fill adds in the order of their keys. Nothing
// names it before a root of [Files.Anew] does.
func (f Files) WriteRun(ctx context.Context, sequence int64, batch, createdBy string, fill func(add func(*Entry) error) error) ([]Info, error) {
	w := &runWriter{files: f, sequence: sequence, batch: batch, createdBy: createdBy}
	run, err := w.run(ctx, 1, func(add adder) error {
		return fill(func(e *Entry) error { return add(func(w *Writer) error { return w.Write(e) }) })
	})
	if err != nil {
		return nil, fmt.Errorf("write ledger run: %w", err)
	}
	return run, nil
}

// Anew writes the root of a ledger that is made anew: it has these runs alone, each key
// once in all of them.
func (f Files) Anew(ctx context.Context, all []Info, rows int64, table string, sequence int64, batch string) (*Root, string, error) {
	root := &Root{Version: Version, Table: table, Sequence: sequence, Rows: rows, Runs: all, Rebuilt: sequence}
	root.count()
	name, err := f.write(ctx, root, batch)
	if err != nil {
		return nil, "", fmt.Errorf("write ledger root: %w", err)
	}
	return root, name, nil
}
