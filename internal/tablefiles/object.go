package tablefiles

import (
	"context"
	"errors"

	"sluice/internal/iceberg"
	"sluice/internal/parquetfile"
	"sluice/internal/runs"
)

// Object is the files of one large object in a table that is not partitioned: its row
// groups go there as they were encoded. Objects may be written at the same time, each
// by one goroutine.
type Object struct {
	w      *Writer
	file   *file // nil: the next row group begins one
	closed set
	err    error
}

// Object begins the files of an object. It must be ended by Close or Abort.
func (w *Writer) Object() (*Object, error) {
	if len(w.o.Spec.Fields) > 0 {
		return nil, errors.New("begin data files of an object: the table is partitioned, so its rows go to several files")
	}
	return &Object{w: w, closed: set{o: &w.o}}, nil
}

// WriteGroup writes a row group, and says where it is. One without rows is left out.
func (o *Object) WriteGroup(ctx context.Context, g *parquetfile.RowGroup) (runs.FileRange, error) {
	if o.err != nil || g.Rows() == 0 {
		return runs.FileRange{}, o.err
	}
	if o.file == nil {
		o.file = &file{o: &o.w.o, key: o.w.names.next("")}
	}
	f := o.file
	at := runs.FileRange{Path: o.w.o.Files.URI(f.key), First: f.rows(), Rows: int64(g.Rows())}
	if o.err = f.write(o.w.ctx, g); o.err == nil && f.bytes() >= o.w.o.TargetBytes {
		o.err = o.end(ctx)
	}
	return at, o.err
}

// end ends the file that is open.
func (o *Object) end(ctx context.Context) error {
	err := o.closed.end(ctx, o.file)
	if err == nil {
		o.file = nil
	}
	return err
}

// Close ends the files, and returns them: they are the object's alone. After an error
// they are removed by Abort.
func (o *Object) Close(ctx context.Context) ([]iceberg.SpecFile, error) {
	if o.err == nil && o.file != nil {
		o.err = o.end(ctx)
	}
	if o.err != nil {
		return nil, o.err
	}
	o.done()
	return o.closed.files, nil
}

// Abort removes the files, those that have ended too. After Close it does nothing. An
// error names what could not be removed; no snapshot will name it.
func (o *Object) Abort(ctx context.Context) error {
	if errors.Is(o.err, errObjectEnded) {
		return nil
	}
	var open []*file
	if o.file != nil {
		open = append(open, o.file)
	}
	o.done()
	return o.closed.abort(ctx, open)
}

var errObjectEnded = errors.New("write data files of an object: they have ended")

func (o *Object) done() {
	o.file, o.err = nil, errObjectEnded
}
