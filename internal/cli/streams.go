package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// A stream is an output that cannot be replaced as a whole, so bytes are written
// to it as they come: standard output, another descriptor of the process, a
// FIFO, a device. It has no folder for a quarantine file, and the report goes to
// standard error.

// streams are the files of standard output and standard error; nil if one of them
// is not a file.
type streams struct{ out, errw fs.FileInfo }

func (a *app) streams() streams { return streams{fileOf(a.out), fileOf(a.errw)} }

func fileOf(stream any) fs.FileInfo {
	if c, ok := stream.(*printer); ok {
		stream = c.Writer
	}
	if f, ok := stream.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			return info
		}
	}
	return nil
}

// name is "-" for every spelling of standard output. Standard error is refused:
// it is for messages.
func (s streams) name(flag, name string) (string, error) {
	if name == "" || name == "-" || isNull(name) {
		return name, nil
	}
	fd, own := descriptor(name)
	info, err := os.Stat(name)
	switch {
	case own && fd == 1, err == nil && same(info, s.out):
		return "-", nil
	case own && fd == 2, err == nil && same(info, s.errw):
		return "", fmt.Errorf("%s %s is standard error, which is for messages; name a file, or - for standard output", flag, name)
	}
	return name, nil
}

func same(a, b fs.FileInfo) bool { return a != nil && b != nil && os.SameFile(a, b) }

// isNull reports whether a name is that of the null device.
func isNull(name string) bool {
	info, err := os.Stat(name)
	null, err2 := os.Stat(os.DevNull)
	return err == nil && err2 == nil && same(info, null)
}

var descriptors = regexp.MustCompile(`^(/dev|/proc/[0-9]+)/fd$`)

// descriptor is the number of the descriptor that a name such as /dev/fd/3 or
// /dev/stdout leads to.
func descriptor(name string) (fd int, ok bool) {
	for range 40 { // as many links as Linux follows
		dir, err := filepath.EvalSymlinks(filepath.Dir(name))
		if err != nil {
			return 0, false
		}
		if descriptors.MatchString(dir) {
			fd, err := strconv.Atoi(filepath.Base(name))
			return fd, err == nil && (dir == "/dev/fd" || dir == fmt.Sprintf("/proc/%d/fd", os.Getpid()))
		}
		if name, err = os.Readlink(name); err != nil {
			return 0, false
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
	}
	return 0, false
}

// isStream reports whether an output is a stream.
func isStream(name string) bool {
	if name == "-" {
		return true
	}
	if _, ok := descriptor(name); ok {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// streamed reports whether a job writes to a reader that waits for the bytes,
// and must not get the report too.
func (j *job) streamed() bool {
	for _, name := range []string{j.output, j.quarantine} {
		if name != "" && isStream(name) && !isNull(name) {
			return true
		}
	}
	return false
}

// refuseMixed refuses standard output for two things at once.
func (a *app) refuseMixed(jobs []job, s streams) error {
	for _, j := range jobs {
		switch {
		case j.output == "-" && isTerminal(a.out):
			return errors.New("standard output is a terminal; a Parquet file is binary")
		case j.output == "-" && j.quarantine == "-":
			return errors.New("output and quarantine would both be written to standard output; name a file for one of them")
		case (j.output == "-" || j.quarantine == "-") && same(s.out, s.errw) && !isTerminal(a.out) && !nullFile(s.out):
			return errors.New("standard output and standard error are the same file, so the report would follow the output; redirect one of them, as in 2> messages")
		}
	}
	return nil
}

func nullFile(info fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && same(info, null)
}
