package erase

import (
	"bytes"
	"errors"
	"io"
)

// span is a record in a text: where it begins, and how long it is; 0: it is a JSON value.
type span struct{ offset, length int64 }

// cutter copies a text without some of its records, and with every other byte as it was,
// except for what separates these from the next: of an array the comma, of lines the line
// end.
type cutter struct {
	to   bytesWriter
	cuts []span // in order
	at   int64  // of the next byte

	// held is white space, maybe with a comma in it, after the last byte that was
	// written: nobody knows yet whether a record follows that stays.
	held []byte

	skip   skipper
	inCut  bool
	left   int64  // of a record that is no JSON
	after  bool   // a record was cut, and what comes next was not seen yet
	behind []byte // white space since then
	comma  bool   // a comma followed the record: white space after it goes too

	written bool // something other than white space
	err     error
}

// bytesWriter takes bytes one by one, too: it has to hold many of them, as a
// [bufio.Writer] does.
type bytesWriter interface {
	io.Writer
	io.ByteWriter
}

// mostHeld bounds white space between records.
const mostHeld = 16 << 20

var errSpace = errors.New("there is too much white space between records")

func (c *cutter) Write(p []byte) (int, error) {
	for i := 0; i < len(p) && c.err == nil; i++ {
		c.take(p[i])
	}
	return len(p), c.err
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

func (c *cutter) take(b byte) {
	at := c.at
	c.at++
	if c.inCut {
		ended, took := c.skipped(b)
		if ended {
			c.inCut, c.after, c.comma, c.behind = false, true, false, c.behind[:0]
		}
		if took {
			return
		}
	}
	if len(c.cuts) > 0 && c.cuts[0].offset == at {
		if c.after {
			c.settle(b) // the one before it was cut, too
		}
		c.begin(b)
		return
	}
	if c.after {
		switch {
		case isSpace(b):
			if c.behind = append(c.behind, b); len(c.behind) > mostHeld {
				c.err = errSpace
			}
			return
		case b == ',' && !c.comma:
			c.comma, c.behind = true, c.behind[:0]
			return
		}
		c.settle(b)
	}
	if isSpace(b) || b == ',' {
		if c.held = append(c.held, b); len(c.held) > mostHeld {
			c.err = errSpace
		}
		return
	}
	c.flush()
	c.written = true
	if c.err == nil {
		c.err = c.to.WriteByte(b)
	}
}

// begin begins a record that is cut.
func (c *cutter) begin(b byte) {
	c.inCut, c.left, c.skip = true, c.cuts[0].length, skipper{}
	c.cuts = c.cuts[1:]
	if ended, _ := c.skipped(b); ended {
		c.inCut, c.after, c.comma, c.behind = false, true, false, c.behind[:0]
	}
}

// skipped passes by a byte of a record. took is false if the record ended before it.
func (c *cutter) skipped(b byte) (ended, took bool) {
	if c.left > 0 {
		c.left--
		return c.left == 0, true
	}
	return c.skip.take(b)
}

// settle decides what becomes of the text around records that were cut, before the byte b
// that follows.
func (c *cutter) settle(b byte) {
	c.after = false
	switch {
	case c.comma: // the next element takes the place of the one that was cut
	case b == ']': // it was the last one: the comma before it goes
		c.held = append(c.held[:0], c.behind...)
	default: // documents, on lines or not
		end := bytes.IndexByte(c.behind, '\n') + 1
		if end == 0 {
			if end = bytes.IndexByte(c.behind, '\r') + 1; end == 0 {
				end = len(c.behind)
			}
		}
		c.held = append(c.held, c.behind[end:]...)
	}
	c.behind = c.behind[:0]
}

// end ends the text.
func (c *cutter) end() error {
	if c.after {
		c.settle(0)
	}
	c.flush()
	if c.err == nil && (c.inCut && !c.skip.ends() || len(c.cuts) > 0) {
		c.err = io.ErrUnexpectedEOF
	}
	return c.err
}

func (c *cutter) flush() {
	c.put(c.held)
	c.held = c.held[:0]
}

func (c *cutter) put(p []byte) {
	if c.err == nil && len(p) > 0 {
		_, c.err = c.to.Write(p)
	}
}

// skipper finds the end of a JSON value.
type skipper struct {
	begun, inString, escaped, scalar bool
	depth                            int
}

// take takes the next byte. took is false if the value ended before it, as a number does.
func (s *skipper) take(b byte) (ended, took bool) {
	if s.inString {
		switch {
		case s.escaped:
			s.escaped = false
		case b == '\\':
			s.escaped = true
		case b == '"':
			s.inString = false
			return s.depth == 0, true
		}
		return false, true
	}
	if s.scalar && s.depth == 0 && (isSpace(b) || b == ',' || b == ']' || b == '}' || b == '{' || b == '[' || b == '"') {
		return true, false
	}
	s.begun = true
	switch b {
	case '"':
		s.inString = true
	case '{', '[':
		s.depth++
	case '}', ']':
		s.depth--
		return s.depth == 0, true
	default:
		s.scalar = s.scalar || s.depth == 0 && !isSpace(b)
	}
	return false, true
}

// ends reports whether the text may end here.
func (s *skipper) ends() bool { return s.depth == 0 && s.scalar && !s.inString }

// documents finds which document, or which element of an array that is the document, each
// of some offsets is in: where it begins.
type documents struct {
	offsets []int64 // in order
	spans   []span
	at      int64
	depth   int
	unit    int // depth at which units begin: 0, or 1 in an array
	begin   int64
	skip    bool // in a string
	escaped bool
}

func (d *documents) Write(p []byte) (int, error) {
	for _, b := range p {
		d.take(b)
	}
	return len(p), nil
}

func (d *documents) take(b byte) {
	at := d.at
	d.at++
	for len(d.offsets) > 0 && d.offsets[0] < at {
		d.note()
	}
	if d.skip {
		switch {
		case d.escaped:
			d.escaped = false
		case b == '\\':
			d.escaped = true
		case b == '"':
			d.skip = false
		}
		return
	}
	if d.depth == 0 && b == '[' {
		d.unit = 1
	} else if d.depth == 0 && b == '{' {
		d.unit = 0
	}
	if d.depth == d.unit && (b == '{' || b == '[') {
		d.begin = at
	}
	switch b {
	case '"':
		d.skip = true
	case '{', '[':
		d.depth++
	case '}', ']':
		d.depth--
	}
}

// note notes the unit of the first offset.
func (d *documents) note() {
	if n := len(d.spans); n == 0 || d.spans[n-1].offset != d.begin {
		d.spans = append(d.spans, span{offset: d.begin})
	}
	d.offsets = d.offsets[1:]
}

// end returns the units.
func (d *documents) end() []span {
	for len(d.offsets) > 0 {
		d.note()
	}
	return d.spans
}
