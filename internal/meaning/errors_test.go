package meaning

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"sluice"
)

// What docs/mapping.md says of on_error: null.

// fault is why a value does not fit a column.
type fault struct {
	finding      // as it is told of the record
	where   path // of the value
	value   *value
	always  bool // the record is quarantined, whatever the column says
	also    []finding
}

// valueError is a fault that makes the column NULL in the rows of an element.
type valueError struct {
	fault
	column   string
	ordinals []ordinal
}

// keepsErrors reports whether the table has the column _errors.
func (t *table) keepsErrors() bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return c.nullOnError })
}

// errorsOf are the errors of a row of the element that the ordinals lead to, by column.
func (r *reading) errorsOf(t *table, ordinals []ordinal) map[string]string {
	of := map[string]string{}
	for _, e := range r.errors[t.name] {
		if n := len(e.ordinals); n > len(ordinals) || !slices.Equal(ordinals[:n], e.ordinals) {
			continue
		}
		held := "value " + e.value.text
		if r.fieldBytes > 0 && len(e.value.text) > r.fieldBytes {
			held = "bytes " + strconv.Itoa(len(e.value.text))
		}
		of[e.column] = fmt.Sprintf("%s at %s: %s", e.code, e.where, held)
	}
	return of
}

// compareErrors holds _errors of a row against what it must be.
func compareErrors(want map[string]string, cell string) string {
	got := map[string]string{}
	if cell != null {
		docs, broken := parseAll(cell)
		if broken != nil || len(docs) != 1 || docs[0].kind != '{' || len(docs[0].members) == 0 {
			return fmt.Sprintf("_errors is %s (%v)", cell, broken)
		}
		for _, m := range docs[0].members {
			e := m.value
			if len(e.members) != 3 || e.members[0].name.str != "reason" || e.members[1].name.str != "path" || got[m.name.str] != "" {
				return fmt.Sprintf("_errors is %s", cell)
			}
			last := e.members[2]
			got[m.name.str] = fmt.Sprintf("%s at %s: %s %s", e.members[0].value.str, e.members[1].value.str, last.name.str, last.value.text)
		}
	}
	if !maps.Equal(got, want) {
		return fmt.Sprintf("_errors is %s, instead of %q", cell, want)
	}
	return ""
}

// countErrors counts the values of a record by reason.
func (r *record) countErrors(counts map[string]int64) {
	for _, all := range r.errors {
		for _, e := range all {
			counts[e.code]++
		}
	}
}

// sameCounts reports whether the engine counts the same.
func sameCounts(got map[sluice.Reason]int64, want map[string]int64) bool {
	same := len(got) == len(want)
	for code, n := range got {
		same = same && want[string(code)] == n
	}
	return same
}

func (c *column) errorFault() string {
	if c.nullOnError && (c.required || c.list || c.constant != nil || c.empty || c.key != "") {
		return "a column that cannot be NULL instead"
	}
	return ""
}

// onErrors lets columns be NULL instead of an error. What is kept is not bound
// to the limit on a record here.
func (g *generator) onErrors(s *spec) {
	if s.recordBytes > 0 || g.one(2) {
		return
	}
	for i := range s.tables {
		for j := range s.tables[i].columns {
			c := &s.tables[i].columns[j]
			c.nullOnError = g.one(2)
			c.nullOnError = c.nullOnError && c.errorFault() == ""
		}
	}
}
