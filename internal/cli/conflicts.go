package cli

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// file is a file that a command reads or writes. Two names may lead to the same
// file: by hard or symbolic links, by two spellings of a path, or on a file
// system that ignores case.
type file struct {
	name string // as it was given
	what string // what is read; for a written file, the input it is made from
	path string // absolute, without links in its folders
	info fs.FileInfo
}

// newFile looks at a name; the file need not exist.
func newFile(name, what string) (file, error) {
	f := file{name: name, what: what}
	path, err := filepath.Abs(name)
	if err != nil {
		return f, err
	}
	f.info, err = os.Stat(name)
	if err != nil {
		f.info = nil
	}
	there, missing := existing(filepath.Dir(path))
	f.path = filepath.Join(there, missing, filepath.Base(path))
	return f, nil
}

// existing returns the part of a folder's path that exists, without links, and
// the rest of the path.
func existing(dir string) (there, missing string) {
	for {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return real, missing
		}
		if dir == filepath.Dir(dir) {
			return dir, missing
		}
		missing = filepath.Join(filepath.Base(dir), missing)
		dir = filepath.Dir(dir)
	}
}

// foldsCase creates hidden files to find out whether the file system ignores
// case in these two paths.
func foldsCase(a, b string) bool {
	there, _ := existing(filepath.Dir(a))
	probe, err := os.MkdirTemp(there, ".sluice-*")
	if err != nil {
		return false
	}
	defer os.RemoveAll(probe)
	names := make([]string, 2)
	for i, path := range []string{a, b} {
		names[i] = filepath.Join(probe, strings.TrimPrefix(path, path[:min(len(there), len(path))]))
	}
	if os.MkdirAll(filepath.Dir(names[0]), 0o777) != nil || os.WriteFile(names[0], nil, 0o666) != nil {
		return false
	}
	_, err = os.Stat(names[1])
	return err == nil
}

// refuseConflicts refuses to write a file twice, or to write one that is read.
func (a *app) refuseConflicts(jobs []job, mappingFile string, s streams) error {
	if err := a.refuseMixed(jobs, s); err != nil {
		return err
	}
	var read []file
	var twice string // an input
	for _, j := range jobs {
		if j.input == "-" {
			read = append(read, file{name: "standard input", what: "an input", info: fileOf(a.in)})
		} else if f, err := newFile(j.input, "an input"); err == nil {
			if slices.ContainsFunc(read, func(o file) bool { return o.path == f.path && f.info != nil }) {
				twice = cmp.Or(twice, j.input)
			}
			read = append(read, f)
		}
	}
	if mappingFile != "" {
		if f, err := newFile(mappingFile, "the mapping"); err == nil {
			read = append(read, f)
		}
	}
	written := writtenFiles{}
	for _, j := range jobs {
		if out := (&file{info: s.out}); j.output == "-" || j.quarantine == "-" {
			if err := out.refuse(read); err != nil {
				return err
			}
		}
		for _, name := range slices.Concat(j.tables, []string{j.quarantine}) {
			if name == "" || name == "-" || isNull(name) {
				continue
			}
			f, err := newFile(name, j.input)
			if err != nil {
				return err
			}
			if err := f.refuse(read); err != nil {
				return err
			}
			if same(f.info, s.out) || same(f.info, s.errw) {
				return fmt.Errorf("the shell also writes the report or the messages to %s; give one of them another name", name)
			}
			if err := written.add(&f); err != nil {
				return err
			}
		}
	}
	if twice != "" {
		return fmt.Errorf("%s is named twice, and its rows would be in two outputs; name it once", twice)
	}
	return nil
}

// refuse refuses to write what is read.
func (f *file) refuse(read []file) error {
	for i := range read {
		if same(f.info, read[i].info) && !nullFile(f.info) {
			return fmt.Errorf("%s is %s and would be overwritten; choose another name with -o or --quarantine", read[i].name, read[i].what)
		}
	}
	return nil
}

// writtenFiles are the files to be written, by their paths in lower case.
type writtenFiles map[string][]*file

// add refuses to write a file twice.
func (w writtenFiles) add(f *file) error {
	twice := func(o *file) error {
		if o.what == f.what {
			return fmt.Errorf("%s would be written twice from %s; give output and quarantine different names", f.name, f.what)
		}
		return fmt.Errorf("%s and %s would both be written to %s; name a folder that holds both, and the folders below it are kept", o.what, f.what, f.name)
	}
	folded := strings.ToLower(f.path)
	for _, o := range w[folded] {
		if f.path == o.path || foldsCase(f.path, o.path) {
			return twice(o)
		}
	}
	if f.info != nil {
		for _, others := range w {
			for _, o := range others {
				if same(f.info, o.info) {
					return twice(o)
				}
			}
		}
	}
	w[folded] = append(w[folded], f)
	return nil
}
