package query

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// CSV writes rows as RFC 4180 has it: lines end with CR and LF. NULL is an empty field.
type CSV struct {
	text   []bool // of each column: its values may hold anything
	fields []string
	line   bytes.Buffer
	csv    *csv.Writer // of one line: with UseCRLF it would change line ends within fields too
	out    *bufio.Writer
}

// NewCSV writes to w, the names of the columns first. text says of each column whether
// its values may hold anything, as text does.
func NewCSV(w io.Writer, names []string, text []bool) (*CSV, error) {
	c := &CSV{text: text, fields: make([]string, len(names)), out: bufio.NewWriterSize(w, 64<<10)}
	c.csv = csv.NewWriter(&c.line)
	for i, name := range names {
		c.fields[i] = noFormula(name)
	}
	return c, c.write()
}

// Row writes a row; nil is NULL.
func (c *CSV) Row(row []*string) error {
	for i, v := range row {
		switch {
		case v == nil:
			c.fields[i] = ""
		case c.text[i]:
			c.fields[i] = noFormula(*v)
		default:
			c.fields[i] = *v
		}
	}
	return c.write()
}

func (c *CSV) write() error {
	c.line.Reset()
	err := c.csv.Write(c.fields)
	c.csv.Flush()
	c.line.Truncate(c.line.Len() - len("\n"))
	c.line.WriteString("\r\n")
	_, written := c.out.Write(c.line.Bytes())
	return errors.Join(err, written)
}

// Flush writes what was kept back.
func (c *CSV) Flush() error { return c.out.Flush() }

// WriteCSV writes all rows of a result. It does not close them.
func WriteCSV(w io.Writer, rows Rows) error {
	var names []string
	var text []bool
	for _, c := range rows.Columns() {
		names, text = append(names, c.Name), append(text, c.Text())
	}
	c, err := NewCSV(w, names, text)
	for err == nil {
		var row []*string
		if row, err = rows.Next(); err == nil {
			err = c.Row(row)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, c.Flush())
}

// noFormula puts a ' before text that a spreadsheet would compute:
// https://owasp.org/www-community/attacks/CSV_Injection
func noFormula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
