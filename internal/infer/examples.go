package infer

import (
	"bytes"
	"strings"
)

// WithExamples is the mapping file with values in the comments. values gives
// those of a column, by the number of its table and its own.
func (r *Result) WithExamples(values func(table, column int) []string) []byte {
	lines := bytes.SplitAfter(r.YAML, []byte("\n"))
	table, column := -1, 0
	for i, line := range lines {
		switch {
		case bytes.HasPrefix(line, []byte("  - table: ")):
			table, column = table+1, 0
		case bytes.HasPrefix(line, []byte("      - {name: ")):
			if all := values(table, column); len(all) > 0 {
				for k := range all {
					all[k] = printable(all[k])
				}
				lines[i] = append(bytes.TrimSuffix(bytes.Clone(line), []byte("\n")), "; such as "+strings.Join(all, ", ")+"\n"...)
			}
			column++
		}
	}
	return bytes.Join(lines, nil)
}
