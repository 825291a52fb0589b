package cli

import (
	"fmt"
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
// values. If a width, 0 for any, is too narrow for all columns, it cuts more, and then
// leaves out the last columns. It returns how many it left out.
func printValues(w io.Writer, names []string, rows [][]string, width int) (hidden int) {
	all := make([][]string, len(rows))
	for i, row := range rows {
		all[i] = slices.Clone(row)
		for j := range row {
			if names[j] == "_source_key" {
				all[i][j] = visible(row[j])
			} else {
				all[i][j] = value(row[j], maxValue)
			}
		}
	}
	return printCells(w, names, all, width)
}

// printCells is printValues for values that are visible already.
func printCells(w io.Writer, names []string, rows [][]string, width int) (hidden int) {
	all := append([][]string{slices.Clone(names)}, rows...)
	for i := range names {
		all[0][i] = visible(names[i])
	}
	widths := columnWidths(all)
	if width > 0 {
		widths = cutTo(widths, columnWidths(all[:1]), width)
	}
	for i := range all {
		all[i] = all[i][:len(widths)]
		for j, cell := range all[i] {
			all[i][j] = cut(cell, widths[j])
		}
	}
	render(w, all)
	return len(names) - len(widths)
}

// minCut is the width below which values are not cut to make room for others.
const minCut = 12

// cutTo are the widths of the first columns, as many as a table of that width has
// room for, and at least one. Values are cut for it, the widest first, names are not.
func cutTo(widths, names []int, width int) []int {
	used := 1
	for i := range widths {
		if used += max(names[i], min(widths[i], minCut)) + 3; used > width {
			widths = widths[:max(i, 1)]
			break
		}
	}
	widths = slices.Clone(widths)
	over := 1 + 3*len(widths) - width
	for _, w := range widths {
		over += w
	}
	for ; over > 0; over-- {
		widest := -1
		for i, w := range widths {
			if w > max(names[i], minCut) && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break // one name is wider than the terminal
		}
		widths[widest]--
	}
	if len(widths) == 1 {
		widths[0] = max(min(widths[0], width-4), 1)
	}
	return widths
}

// printRecords prints rows of data with a value on each line, after the names of the
// columns. Lines are cut at the width of the terminal.
func printRecords(w io.Writer, names []string, rows [][]string) {
	const most = 1000 // characters of a value, where there is no terminal
	longest := 0
	labels := make([]string, len(names))
	for i, n := range names {
		labels[i] = visible(n)
		longest = max(longest, text.StringWidthWithoutEscSequences(labels[i]))
	}
	for i, row := range rows {
		fmt.Fprintf(w, "── row %d ──\n", i+1)
		for j, cell := range row {
			left := most
			if width := widthOf(w); width > 0 {
				left = max(width-longest-3, minCut)
			}
			fmt.Fprintf(w, "%s │ %s\n", text.Pad(labels[j], longest, ' '), cut(value(cell, left), left))
		}
	}
}

// value is a visible value of the data, of at most so many characters.
func value(s string, most int) string {
	// A long value is cut before it is escaped: what is not shown costs nothing.
	if len(s) > 4*most {
		s = s[:4*most]
	}
	s = visible(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// cut cuts a text that is wider than a column.
func cut(s string, width int) string {
	if text.StringWidthWithoutEscSequences(s) <= width {
		return s
	}
	return text.Trim(s, width-1) + "…"
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
