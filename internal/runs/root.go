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
	// Rebuilt is the sequence number of the last snapshot that made the ledger anew, of
	// the rows of the table. What it says of keys says nothing to those who read it before.
	Rebuilt int64 `json:"rebuilt,omitempty"`
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

	// A look-up reads a file of up to wholeRun at once, and of a larger one pieces.
	wholeRun   = 8 << 20
	pieceBytes = 1 << 20
	mostPieces = 4
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
		return nil, fmt.Errorf("read ledger root %s: %w", name, lost(err))
	}
	r := new(Root)
	if err := decodeRoot(data, r); err != nil {
		return nil, fmt.Errorf("read ledger root %s: %w", name, err)
	}
	f.Cache.put(f.Folder+name, r, r.size())
	return r, nil
}

// ErrDamaged says that a root or run is not there, or not as it was written.
var ErrDamaged = errors.New("it is lost or damaged: sluice table rebuild makes the ledger anew")

// lost is an error of a store, of a root or run.
func lost(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrDamaged
	}
	return err
}

func decodeRoot(data []byte, r *Root) error {
	z := unzippers.Get().(*gzip.Reader)
	defer unzippers.Put(z)
	if z.Reset(bytes.NewReader(data)) != nil {
		return ErrDamaged
	}
	text, err := io.ReadAll(io.LimitReader(z, mostRoot)) // its checksum is compared at the end
	if err != nil || json.Unmarshal(text, r) != nil {
		return ErrDamaged
	}
	if r.Version > Version {
		return fmt.Errorf("it was written by a newer version of sluice; update this one")
	}
	for i := range r.Runs {
		if r.Runs[i].Bytes <= 0 || int64(len(r.Runs[i].Blocks)) != (r.Runs[i].Bytes+blockBytes-1)/blockBytes {
			return ErrDamaged
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
		if i, _ := slices.BinarySearchFunc(left, info.First, Key.Compare); i == len(left) || left[i].Compare(info.Last) > 0 {
			continue // none of them can be there
		}
		r, err := f.open(ctx, info, wholeRun, pieceBytes, mostPieces)
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

// open reads a file of a run: one of up to whole bytes at once, with one request, of a
// larger one what is asked for, in pieces of which most are kept.
func (f Files) open(ctx context.Context, info Info, whole, piece int64, most int) (*run, error) {
	if info.Bytes <= whole {
		return f.openWhole(ctx, info)
	}
	at, err := f.Store.Head(ctx, f.Folder+info.Name)
	if err != nil {
		return nil, lost(err)
	}
	if at.Size != info.Bytes {
		return nil, ErrDamaged
	}
	return openRun(ctx, info, (&blocks{store: f.Store, at: at, info: &info, size: piece, most: most}).read)
}

func (f Files) openWhole(ctx context.Context, info Info) (*run, error) {
	key := f.Folder + info.Name
	switch k := f.Cache.get(key).(type) {
	case *run:
		if k.info.same(&info) {
			return k, nil
		}
	case []byte:
		if int64(len(k)) == info.Bytes && info.check(0, k) == nil {
			return f.keep(ctx, key, info, k)
		}
	}
	data, _, err := store.Get(ctx, f.Store, key, info.Bytes)
	if err != nil {
		return nil, lost(err)
	}
	if int64(len(data)) != info.Bytes || info.check(0, data) != nil {
		return nil, ErrDamaged
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
	if info.Keys <= pageKeys && r.file.Groups() == 1 {
		held, err := r.decode(ctx)
		if err != nil {
			return nil, err
		}
		if held > 0 {
			size = held
		}
	}
	f.Cache.put(key, r, size)
	return r, nil
}

// Add writes the entries of a batch as a run, and the root of the snapshot that brings
// them. Nothing names the root before that snapshot does. rows is what the table shows
// more, or fewer, than before. Entries need no order; each key is there once.
func (f Files) Add(ctx context.Context, root *Root, entries []Entry, rows int64, table string, sequence int64, batch, createdBy string) (next *Root, name string, err error) {
	next = &Root{Version: Version, Table: table, Sequence: sequence, Rows: root.Rows + rows, Runs: root.Runs, Rebuilt: root.Rebuilt}
	w := &runWriter{files: f, sequence: sequence, batch: batch, createdBy: createdBy}
	if len(entries) > 0 {
		sorted := slices.SortedFunc(slices.Values(entries), func(a, b Entry) int { return a.Key.Compare(b.Key) })
		run, err := w.run(ctx, 0, func(add adder) error {
			for i := range sorted {
				if err := add(func(w *Writer) error { return w.Write(&sorted[i]) }); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, "", fmt.Errorf("write ledger run: %w", err)
		}
		next.Runs = slices.Concat(run, root.Runs)
	}
	if next.Runs, err = w.merge(ctx, next.Runs); err != nil {
		return nil, "", fmt.Errorf("merge ledger runs: %w", err)
	}
	next.count()
	if name, err = f.write(ctx, next, batch); err != nil {
		return nil, "", fmt.Errorf("write ledger root: %w", err)
	}
	return next, name, nil
}

func (r *Root) count() {
	for i := range r.Runs {
		r.Keys += r.Runs[i].Keys
	}
}
