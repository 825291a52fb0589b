package cli

import (
	"io"
	"slices"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// maxValue is the number of characters after which a value of the data is cut.
// Names, keys, paths and counts are never cut: people copy them.
const maxValue = 32

// minWrapped is the width below which a column is not made narrower.
const minWrapped = 10

// printTable prints rows of text under their headings, uncut. If the terminal is
// too narrow, the widest columns are wrapped.
func printTable(w io.Writer, headings []string, rows [][]string) {
	all := append([][]string{headings}, rows...)
	for i := range all {
		all[i] = slices.Clone(all[i])
		for j := range all[i] {
			all[i][j] = visible(all[i][j])
		}
	}
	render(w, all)
}

// printValues prints rows of data under the names of their columns, and cuts long
// values. If the terminal is too narrow, the columns are spread over several
// tables, one below the other.
func printValues(w io.Writer, names []string, rows [][]string) {
	all := append([][]string{names}, rows...)
	for i := range all {
		all[i] = slices.Clone(all[i])
		for j := range all[i] {
			if i == 0 || names[j] == "_source_key" {
				all[i][j] = visible(all[i][j])
			} else {
				all[i][j] = value(all[i][j])
			}
		}
	}
	widths := columnWidths(all)
	for from := 0; from < len(names); {
		to, used := from+1, 1+widths[from]+3
		for to < len(names) && (widthOf(w) == 0 || used+widths[to]+3 <= widthOf(w)) {
			used += widths[to] + 3
			to++
		}
		part := make([][]string, len(all))
		for i := range all {
			part[i] = all[i][from:to]
		}
		render(w, part)
		from = to
	}
}

// value is a visible value of the data, cut to fit a table.
func value(s string) string {
	// A long value is cut before it is escaped: what is not shown costs nothing.
	if len(s) > 4*maxValue {
		s = s[:4*maxValue]
	}
	s = visible(s)
	if utf8.RuneCountInString(s) <= maxValue {
		return s
	}
	return string([]rune(s)[:maxValue-1]) + "…"
}

func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(cell))
		}
	}
	return widths
}

func render(w io.Writer, rows [][]string) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault // as written, not in capitals
	var columns []table.ColumnConfig
	for i, width := range narrow(columnWidths(rows), widthOf(w)) {
		columns = append(columns, table.ColumnConfig{Number: i + 1, WidthMax: width, WidthMaxEnforcer: text.WrapSoft})
	}
	t.SetColumnConfigs(columns)
	for i, r := range rows {
		cells := make(table.Row, len(r))
		for j, c := range r {
			cells[j] = c
		}
		if i == 0 {
			t.AppendHeader(cells)
		} else {
			t.AppendRow(cells)
		}
	}
	t.Render()
}

// narrow makes the widest columns narrower until a table fits into a width; 0 is
// any width.
func narrow(widths []int, width int) []int {
	const border, line = 2, 1 // blanks round a cell, and the line beside it
	room := width - line
	for _, w := range widths {
		room -= w + border + line
	}
	widths = slices.Clone(widths)
	for width > 0 && room < 0 {
		i := slices.Index(widths, slices.Max(widths))
		if widths[i] <= minWrapped {
			break // the terminal breaks the lines itself
		}
		widths[i]--
		room++
	}
	return widths
}
