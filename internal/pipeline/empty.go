package pipeline

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"sluice/internal/ledger"
	"sluice/internal/parquetfile"
)

// An output that no longer counts stays, as a file without rows.

// retire empties outputs that the configuration no longer names, after all outputs
// that it names are there. A deleted source empties them too.
func (w *work) retire(ctx context.Context) error {
	removed := w.state.Identity == ledger.Absent && w.p.RemoveDeleted
	if w.p.Redo == RedoNothing && !removed {
		return nil
	}
	for i := len(w.wanted()); i < len(w.entry.Outputs); i++ {
		out := &w.entry.Outputs[i]
		f, looked := w.fences[out.Key]
		if !looked || !out.HasRows() {
			continue
		}
		if err := w.empty(ctx, i, f); err != nil {
			return fmt.Errorf("remove the rows of %q, which the configuration no longer names (if it is damaged, delete it): %w", out.Key, err)
		}
	}
	return nil
}

// empty replaces an output by one with its columns and no rows.
func (w *work) empty(ctx context.Context, i int, f fence) error {
	out := &w.entry.Outputs[i]
	if f.etag == "" {
		out.ETag, out.Identity, out.SHA256 = "", ledger.Absent, ""
		return nil // it was deleted
	}
	object, err := w.p.Sink.Open(ctx, out.Key)
	if err != nil {
		return err
	}
	defer object.Close()
	end := &tail{keep: parquetfile.Tail}
	if _, err := io.Copy(end, object); err != nil {
		return err
	}
	file, err := parquetfile.WithoutRows(end.b, w.footer(i, ledger.Absent))
	if err != nil {
		return err
	}
	writer, err := w.begin(ctx, i, ledger.Absent, out.Mapping, out.Columns)
	if err != nil {
		return err
	}
	defer writer.Abort(ctx) //nolint:errcheck // after a commit it does nothing; else what stays is invisible
	o := &tableFile{hash: sha256.New(), w: writer}
	if _, err := o.Write(file); err != nil {
		return err
	}
	if out.ETag, err = w.put(ctx, writer, out.Key); err != nil {
		return err
	}
	out.Identity, out.SHA256 = ledger.Absent, o.sum()
	return w.p.step(Committed)
}

// tail keeps the end of what is written to it.
type tail struct {
	b    []byte
	keep int
}

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2*t.keep {
		t.b = append(t.b[:0], t.b[len(t.b)-t.keep:]...)
	}
	return len(p), nil
}
