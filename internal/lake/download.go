package lake

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"sluice/internal/query"
	"sluice/schema"
)

// isText reports whether the values of a type may hold anything.
func isText(t schema.Type) bool {
	return t.Kind == schema.String || t.Kind == schema.JSON || t.Kind == schema.List
}

// CSV writes the rows of a table that filters leave as [query.CSV] does.
func (l *Lake) CSV(ctx context.Context, table string, filters []Filter, begin func() io.Writer) error {
	return l.download(ctx, table, filters, begin, func(v *View, w io.Writer) error {
		var names []string
		var text []bool
		for _, c := range v.Columns {
			names, text = append(names, c.Name), append(text, isText(c.Type))
		}
		c, err := query.NewCSV(w, names, text)
		if err == nil {
			err = v.rows(ctx, 0, v.Rows, c.Row)
		}
		return errors.Join(err, c.Flush())
	})
}

// Zip writes the files of a table into an archive, as they are. Of tables that is not
// possible: their files have rows that do not count.
func (l *Lake) Zip(ctx context.Context, table string, begin func() io.Writer) error {
	if _, are := l.rows.(*shared); are {
		return wrong("download table %s: its files have rows that no longer count; take CSV, or Parquet by SQL", table)
	}
	return l.download(ctx, table, nil, begin, func(v *View, w io.Writer) error {
		z := zip.NewWriter(w)
		for _, f := range v.Files {
			to, err := z.CreateHeader(&zip.FileHeader{Name: path.Join(v.Name, path.Base(f.Output.Key)), Method: zip.Store, Modified: f.Info.Modified})
			if err != nil {
				return err
			}
			r := &reader{ctx: ctx, store: l.at().Pipeline.Sink, info: f.Info}
			if _, err := io.CopyBuffer(to, io.NewSectionReader(r, 0, f.Info.Size), make([]byte, wholeBytes)); err != nil {
				return fmt.Errorf("read table %s, %s: %w", v.Name, f.name(), err)
			}
		}
		return z.Close()
	})
}

// download calls do with a table all of whose files are there: what people take with
// them must not lack rows.
func (l *Lake) download(ctx context.Context, table string, filters []Filter, begin func() io.Writer, do func(*View, io.Writer) error) error {
	var failed error // after bytes were sent: there is no second try
	err := l.inView(ctx, table, func(v *View) error {
		if v.Unreadable > 0 && v.Shared {
			return fmt.Errorf("read table %s: %d of its files are missing or damaged; put them back from a copy", table, v.Unreadable)
		}
		if v.Unreadable > 0 {
			return fmt.Errorf("read table %s: %d of its files, or of the entries of the ledger, are missing or damaged; sluice run makes them again", table, v.Unreadable)
		}
		v, err := v.filtered(filters)
		if err != nil {
			return err
		}
		failed = do(v, begin())
		return nil
	})
	return errors.Join(err, failed)
}
