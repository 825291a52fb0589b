package mapping

import (
	"go.yaml.in/yaml/v3"

	"sluice/schema"
)

// onError reads on_error, which says what becomes of a value that does not fit
// the column. Type and required are known.
func (r *reader) onError(n *yaml.Node, c *Column, what string) {
	switch {
	case n == nil || n.Kind == yaml.ScalarNode && n.Value == "quarantine":
	case isMissing(n):
		r.Fail(n, "%s: on_error has no value; write null, which makes a value that does not fit NULL, or quarantine", what)
	case !isNull(n):
		r.Fail(n, "%s: on_error must be null or quarantine; null makes a value that does not fit NULL", what)
	case c.Required:
		r.Fail(n, "%s: a required column cannot be NULL; remove required, or on_error", what)
	case c.Type.Kind == schema.List:
		r.Fail(n, "%s: on_error: null is for single values, the type is %s; remove on_error, or use type: json", what, c.Type)
	default:
		c.NullOnError = true
	}
}

func (c *Column) appendOnError(b []byte) []byte {
	if c.NullOnError {
		b = append(b, ", on_error: null"...)
	}
	return b
}

// KeepsErrors reports whether the table has the column _errors.
func (t *Table) KeepsErrors() bool {
	for i := range t.Columns {
		if t.Columns[i].NullOnError {
			return true
		}
	}
	return false
}
