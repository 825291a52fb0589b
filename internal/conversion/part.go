package conversion

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// part is the part of a file that is to be read.
type part struct {
	src        io.ReaderAt // nil: not a file
	base, size int64
}

// partOf is the part of a file that src would read.
func partOf(src io.Reader) (part, error) {
	var file interface {
		io.ReaderAt
		io.Seeker
	}
	switch src := src.(type) { // no other types: their Read may do more than read
	case *os.File:
		file = src
	case *bytes.Reader:
		file = src
	case *strings.Reader:
		file = src
	case *io.SectionReader:
		file = src
	default:
		return part{}, nil
	}
	base, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return part{}, nil // a pipe
	}
	end, err := file.Seek(0, io.SeekEnd)
	if _, back := file.Seek(base, io.SeekStart); back != nil {
		return part{}, fmt.Errorf("seek input: %w", back)
	}
	if err != nil {
		return part{}, nil
	}
	return part{file, base, end - base}, nil
}

// from reads the part from the offset at to its end.
func (p part) from(at int64) io.Reader {
	return &rest{io.NewSectionReader(p.src, p.base+at, p.size-at), p.size - at}
}

// rest reads left bytes, or returns an error if the file has become shorter.
type rest struct {
	r    *io.SectionReader
	left int64
}

func (s *rest) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.left -= int64(n); err == io.EOF && s.left > 0 {
		err = fmt.Errorf("the file has become %d bytes shorter while it was read", s.left)
	}
	return n, err
}
