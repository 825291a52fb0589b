package sluice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"sluice/internal/jsonscan"
	"sluice/mapping"
)

// ahead reads row groups of a file before it is known where they begin. Each
// lane guesses that, behind the border, and reads on from there. When the row
// group before it ends where it began, the guess was right; else its work is
// thrown away, and the row group is read when its turn comes. So what is
// written never depends on a guess.
type ahead struct {
	part
	seam         jsonscan.Seam
	hits, misses int
}

// newAhead returns nil for an input that can only be read from front to back.
// The ordinal of a record is not known ahead of its turn, nor what limits on
// the whole input will say.
func newAhead(f part, m *mapping.Mapping, opts *Options) *ahead {
	if f.src == nil || opts.Threads < 2 || opts.MaxRecords > 0 || m.Provenance {
		return nil
	}
	if f.size <= opts.rowGroup/2 || f.size > m.Limits.DecompressedBytes {
		return nil
	}
	return &ahead{part: f}
}

// part is the part of a file that is to be read.
type part struct {
	src        io.ReaderAt // nil: it is no file
	base, size int64
}

// partOf is the part of a file that src would read.
func partOf(src io.Reader) (part, error) {
	var file interface {
		io.ReaderAt
		io.Seeker
	}
	switch src := src.(type) { // and no other, whose Read may do more than read
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

// lost reports whether guesses cost more than they bring.
func (a *ahead) lost() bool { return a.misses > 2 && 4*a.misses > a.hits }

// seek moves the decoder to the record at the offset at.
func (a *ahead) seek(d *decoder, at int64) error {
	a.move(d, at)
	r, err := a.seam.Resume(d.window)
	if err != nil {
		return fmt.Errorf("read input: %w", err)
	}
	d.feed, d.sure = &text{d, r}, true
	return nil
}

// move moves the decoder to the offset at, where it will find a record. Its
// batches are empty, and so must be what waits for the next flush: reading may
// have been given up anywhere.
func (a *ahead) move(d *decoder, at int64) {
	d.flat.Bind(d.batches)
	d.window.Reset(&rest{io.NewSectionReader(a.src, a.base+at, a.size-at), a.size - at}, at)
	d.in, d.found, d.ended = nil, true, false
}

// rest reads left bytes, or says that the file has become shorter.
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

var errNoGuess = errors.New("no record seems to begin here")

// scout reads the row group that may begin behind the offset border, and
// encodes it.
func (a *ahead) scout(ctx context.Context, l *lane, border int64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("read ahead: %v", r) // when its turn comes, it will not be hidden
		}
	}()
	d := l.decoder
	a.move(d, max(border-jsonscan.SeamBefore, 0))
	r, err := a.seam.Guess(d.window, border)
	switch {
	case err != nil:
		return err
	case r == nil:
		return errNoGuess
	}
	d.feed, d.sure = &text{d, r}, false
	l.begin = d.position()
	d.begin(l.batches, 0)
	if err := d.group(); err != nil {
		return err
	}
	return l.encode(ctx)
}

// send lets the lanes behind the first one read ahead, once records were seen.
func (c *conversion) send() {
	d := c.decoder
	if c.ahead == nil {
		return
	}
	ok := false
	if !d.ended && d.stats.RecordsRead >= 2 {
		c.ahead.seam, ok = d.feed.(*text).r.Seam()
	}
	if !ok {
		c.ahead = nil
		return
	}
	c.lanes[0].decoder = d
	for i, l := range c.lanes[1:] {
		c.goAhead(l, border(d.start, d.stride)+int64(i)*d.stride)
	}
}

// decoderOf is the decoder with which a lane reads row groups of its own.
func (c *conversion) decoderOf(l *lane) *decoder {
	if l.decoder == nil {
		d := newDecoder(c.m, &c.opts, jsonscan.NewWindow(c.ctx, nil), c.decoder.bad)
		d.batches, d.stride = l.batches, c.decoder.stride
		d.at(c.decoder.place)
		l.decoder = d
	}
	return l.decoder
}

// goAhead lets a lane read the row group behind border before its turn.
func (c *conversion) goAhead(l *lane, border int64) {
	a := c.ahead
	if a == nil || border >= a.size {
		return
	}
	c.decoderOf(l)
	l.start(func() error { return a.scout(c.ctx, l, border) })
}

// arrived reports whether the row group whose turn it is was read ahead into
// the lane, and takes it.
func (c *conversion) arrived(l *lane) bool {
	if !l.running || l.full {
		return false
	}
	err := l.wait()
	switch {
	case c.ahead == nil: // given up meanwhile
	case err != nil || l.begin != c.next:
		c.ahead.misses++
	default:
		c.ahead.hits++
		c.took(l.decoder)
		l.full = true
		return true
	}
	l.reset()
	return false
}
