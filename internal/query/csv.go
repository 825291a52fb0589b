package query

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// WriteCSV writes all rows as RFC 4180 has it; NULL is an empty field. It does not
// close the rows.
func WriteCSV(w io.Writer, rows Rows) error {
	c := csv.NewWriter(w)
	columns := rows.Columns()
	fields := make([]string, len(columns))
	for i := range columns {
		fields[i] = NoFormula(columns[i].Name)
	}
	err := c.Write(fields)
	for err == nil {
		var row []*string
		if row, err = rows.Next(); err != nil {
			break
		}
		for i, v := range row {
			switch {
			case v == nil:
				fields[i] = ""
			case columns[i].Text():
				fields[i] = NoFormula(*v)
			default:
				fields[i] = *v
			}
		}
		err = c.Write(fields)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	c.Flush()
	return errors.Join(err, c.Error())
}

// NoFormula puts a ' before text that a spreadsheet would compute:
// https://owasp.org/www-community/attacks/CSV_Injection
func NoFormula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
