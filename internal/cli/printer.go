package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"
)

// printer is standard output or standard error, for what a command says to a
// person. It remembers the first error, so that a lost report is noticed. The
// bytes of an output do not go through it but directly to Writer.
type printer struct {
	io.Writer
	width int  // of the terminal; 0 if it is none
	moves bool // it is a terminal whose cursor can be moved
	color bool // it shows colours

	mu    sync.Mutex
	above func(string) // prints above a line that is drawn again and again
	err   error
}

// newPrinter looks at what a stream is. NO_COLOR (https://no-color.org) and a
// terminal that calls itself dumb mean no colours.
func newPrinter(w io.Writer, getenv func(string) string) *printer {
	c := &printer{Writer: w}
	if !isTerminal(w) {
		return c
	}
	c.width = 80
	if width, _, err := term.GetSize(int(w.(*os.File).Fd())); err == nil && width > 0 {
		c.width = width
	}
	old := runtime.GOOS == "windows" && getenv("WT_SESSION") == "" // it may show escapes as they are
	c.moves = getenv("TERM") != "dumb" && !old
	c.color = c.moves && getenv("NO_COLOR") == ""
	return c
}

func (c *printer) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.above != nil {
		c.above(string(p))
		return len(p), nil
	}
	n, err := c.Writer.Write(p)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

func (c *printer) setAbove(f func(string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.above = f
}

// lost reports whether part of the report was lost. If the reader stopped
// early, as head does, nothing was lost.
func (c *printer) lost() error {
	if c.err == nil || errors.Is(c.err, syscall.EPIPE) {
		return nil
	}
	return &reportError{c.err}
}

// The colours that are used, as parameters of ECMA-48 SGR.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint gives text a colour if colours are shown.
func (c *printer) paint(color, s string) string {
	if !c.color || color == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

// sentence prints text after a coloured word.
func (c *printer) sentence(head, color, text string) {
	fmt.Fprintf(c, "%s %s\n", c.paint(color, head), c.wrap(len(head)+1, 4, text))
}

// wrap breaks a text into lines between words, for the width of the terminal.
// The first line has used columns already taken; the others are indented.
func (c *printer) wrap(used, indent int, text string) string {
	if c.width == 0 {
		return text
	}
	var b strings.Builder
	for i, word := range strings.Split(text, " ") {
		first, _, _ := strings.Cut(word, "\n")
		switch n := utf8.RuneCountInString(first); {
		case i == 0:
			used += n
		case used+1+n > c.width && used > indent:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent + n
		default:
			b.WriteString(" ")
			used += 1 + n
		}
		if end := strings.LastIndex(word, "\n"); end >= 0 {
			used = utf8.RuneCountInString(word[end+1:])
		}
		b.WriteString(word)
	}
	return b.String()
}

// widthOf is the width of the terminal that w is; 0 if it is none.
func widthOf(w io.Writer) int {
	if c, ok := w.(*printer); ok {
		return c.width
	}
	return 0
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	if c, ok := stream.(*printer); ok {
		stream = c.Writer
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// reportError says that the report could not be written: the work is done.
type reportError struct{ err error }

func (e *reportError) Error() string { return "write report: " + e.err.Error() }
func (e *reportError) Unwrap() error { return e.err }
