package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/internal/query"
)

const null = "NULL" // in tables of text and charts

const (
	maxRows = 1000 // of a table of text; the other formats have all
	maxCell = 200  // characters of a value in it
)

// printRows prints the first rows of a result as a table.
func (q *querying) printRows(w *printer, rows query.Rows) error {
	names := namesOf(rows.Columns())
	var shown [][]string
	more := false
	for {
		row, err := rows.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(shown) == maxRows {
			more = true
			break
		}
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = null
			if v != nil {
				texts[i] = value(*v, maxCell)
			}
		}
		shown = append(shown, texts)
	}
	if hidden := printCells(w, names, shown, w.width); hidden > 0 {
		fmt.Fprintf(q.errw, "%d of %s are not shown; name fewer, or use -o csv\n", hidden, plural(int64(len(names)), "column"))
	}
	if more {
		fmt.Fprintf(q.errw, "these are the first %s; -o csv, json and parquet have all\n", plural(maxRows, "row"))
	}
	return nil
}

func namesOf(columns []query.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

// each calls fn with all rows.
func each(rows query.Rows, fn func([]*string) error) error {
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = fn(row)
		}
		if err != nil {
			return err
		}
	}
}

// writeJSON writes an object on each line, with the columns in their order. Numbers
// have all their digits.
func writeJSON(w io.Writer, rows query.Rows) error {
	b := bufio.NewWriter(w)
	var names [][]byte
	for _, c := range rows.Columns() {
		name, err := jsonText(c.Name)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	var line []byte
	err := each(rows, func(row []*string) error {
		line = line[:0]
		for i, v := range row {
			line = append(append(append(line, "{,"[min(i, 1)]), names[i]...), ':')
			text, err := jsonValue(v, rows.Columns()[i])
			if err != nil {
				return err
			}
			line = append(line, text...)
		}
		_, err := b.Write(append(line, '}', '\n'))
		return err
	})
	return errors.Join(err, b.Flush())
}

// jsonValue is a value in JSON. What JSON has no number for, such as infinity, is a
// string.
func jsonValue(v *string, c query.Column) ([]byte, error) {
	switch {
	case v == nil:
		return []byte("null"), nil
	case (c.Number() || c.Type == "BOOLEAN") && json.Valid([]byte(*v)):
		return []byte(*v), nil
	}
	return jsonText(*v)
}

// jsonText is a string in JSON, with < and & as they are.
func jsonText(s string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
