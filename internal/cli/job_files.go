package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sluice"
	"sluice/internal/atomicfile"
)

// jobFiles are the files of one job while they are written.
type jobFiles struct {
	dst        io.Writer // of a mapping with one table
	tables     []*atomicfile.File
	quarantine *atomicfile.File // nil if there is no place for it
	name       string           // of the quarantine
	asked      bool             // the quarantine was asked for: it is written even if empty
	made       []string         // folders made for the files, outermost first
}

// create starts the files of a job and puts them into opts.
func (o *jobFiles) create(c *converter, j job, opts *sluice.Options) error {
	o.dst = c.out.Writer
	byName := map[string]io.Writer{}
	for i, name := range j.tables {
		f, err := o.file(j.folders, name)
		if err != nil {
			return err
		}
		o.tables = append(o.tables, f)
		byName[c.mapping.Tables[i].Name] = f
		o.dst = f
	}
	if len(j.tables) > 1 {
		opts.Table = func(table string) (io.Writer, error) { return byName[table], nil }
	}
	if j.quarantine == "-" {
		opts.Quarantine = c.out.Writer
	} else if j.quarantine != "" {
		f, err := o.file(j.folders, j.quarantine)
		if err != nil {
			return err
		}
		o.quarantine, o.name, o.asked = f, j.quarantine, j.asked
		opts.Quarantine = f
	}
	return nil
}

// file starts a file. If folder is true it first makes the missing folders.
func (o *jobFiles) file(folder bool, name string) (*atomicfile.File, error) {
	if folder {
		var missing []string
		for dir := filepath.Dir(name); ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
				break
			}
			missing = append(missing, dir)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return nil, fmt.Errorf("create folder: %w", err)
		}
		slices.Reverse(missing)
		o.made = append(o.made, missing...)
	}
	f, err := atomicfile.Create(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; make the folder first", err)
	}
	return f, err
}

// abort discards what was not committed.
func (o *jobFiles) abort() {
	for _, f := range o.tables {
		f.Abort()
	}
	if o.quarantine != nil {
		o.quarantine.Abort()
	}
	for _, dir := range slices.Backward(o.made) {
		os.Remove(dir) // fails, as it should, if something was committed there
	}
}

// commit makes the files appear. A quarantine file belongs to its output: if
// nothing is quarantined now, the one of the older output goes with it. One
// that was asked for by name is written in any case.
func (o *jobFiles) commit(quarantined bool) error {
	// A full disk shows here, before the first name is taken.
	for _, f := range o.tables {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	quarantined = quarantined || o.asked
	if quarantined && o.quarantine != nil {
		if err := o.quarantine.Commit(); err != nil {
			return err
		}
	}
	for _, f := range o.tables {
		if err := f.Commit(); err != nil {
			return err
		}
	}
	if quarantined || o.quarantine == nil || isStream(o.name) {
		return nil
	}
	if err := os.Remove(o.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the quarantine of the older output: %w", err)
	}
	return nil
}
