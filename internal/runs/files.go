package runs

import (
	"context"
	"fmt"
	"io"

	"sluice/internal/store"
)

// A run is one file, or several if it is large: each has its own footer, and who goes
// through the run holds one of them.

// fileBytes is the size at which a file of a run ends. A footer takes a tenth of it.
const fileBytes = 16 << 20

// span are the files of a run, which stand beside one another in a root.
type span struct {
	from, to int
	level    int
	bytes    int64
}

// spans are the runs of a root, the newest first.
func spans(files []Info) (all []span) {
	for i := range files {
		f := &files[i]
		if f.Part == 0 || len(all) == 0 {
			all = append(all, span{from: i, level: f.Level})
		}
		last := &all[len(all)-1]
		last.to, last.bytes = i+1, last.bytes+f.Bytes
	}
	return all
}

// runWriter writes the runs of one commit.
type runWriter struct {
	files     Files
	sequence  int64
	batch     string
	createdBy string
	written   int // files
}

// adder adds an entry to a run: write writes it to the file that it belongs to.
type adder func(write func(*Writer) error) error

// run writes a run.
func (w *runWriter) run(ctx context.Context, level int, fill func(adder) error) ([]Info, error) {
	var all []Info
	var open *openFile
	end := func() error {
		if open == nil {
			return nil
		}
		info, err := open.commit(ctx)
		info.Level, info.Part = level, len(all)
		all, open = append(all, info), nil
		return err
	}
	err := fill(func(write func(*Writer) error) (err error) {
		if open != nil && open.sums.size >= fileBytes {
			if err := end(); err != nil {
				return err
			}
		}
		if open == nil {
			if open, err = w.begin(ctx); err != nil {
				return err
			}
		}
		return write(open.Writer)
	})
	if err == nil {
		err = end()
	}
	if err != nil {
		if open != nil {
			store.Abort(ctx, open.out)
		}
		return nil, err
	}
	return all, nil
}

// openFile is a file that is being written. It is there whole, or not at all.
type openFile struct {
	*Writer
	files Files
	name  string
	out   store.Writer
	data  *beginning
}

func (w *runWriter) begin(ctx context.Context) (*openFile, error) {
	f := &openFile{
		files: w.files, name: fmt.Sprintf("run-%019d-%s-%d.parquet", w.sequence, w.batch, w.written),
		data: &beginning{whole: w.files.Cache != nil},
	}
	w.written++
	var err error
	if f.out, err = w.files.Store.Create(ctx, w.files.Folder+f.name, store.CreateOptions{}); err != nil {
		return nil, err
	}
	if f.Writer, err = NewWriter(ctx, io.MultiWriter(f.out, f.data), w.createdBy); err != nil {
		store.Abort(ctx, f.out)
		return nil, err
	}
	return f, nil
}

// commit ends the file, and keeps it if it is small: the next batch looks for its keys
// there.
func (f *openFile) commit(ctx context.Context) (Info, error) {
	info, err := f.Close()
	if err == nil {
		_, err = f.out.Commit(ctx, store.IfNoneMatch())
	}
	if err != nil {
		store.Abort(ctx, f.out)
		return Info{}, err
	}
	info.Name = f.name
	if f.data.whole {
		f.files.Cache.put(f.files.Folder+f.name, f.data.bytes, info.Bytes)
	}
	return info, nil
}
