package mapping

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/yamlfile"
)

const maxNameBytes = 255 // of tables and columns in Glue and Athena, see docs/mapping.md

// defaultRecords are the paths of the records if a mapping gives none.
var defaultRecords = []Path{{{Kind: Wildcard}}, nil}

// Load reads a mapping file. See [Parse] for its errors.
func Load(path string) (*Mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load mapping: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, yamlfile.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("load mapping %s: %w", path, err)
	}
	return Parse(path, data)
}

// Parse reads a mapping from YAML text (docs/mapping.md). Its error joins all
// faults, each as "name:line: what is wrong, how to fix it", in the order of
// lines.
func Parse(name string, data []byte) (*Mapping, error) {
	r := newReader(name, false)
	m := &Mapping{}
	if root := r.Document(data); root != nil {
		r.mapping(root, m)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	m.valid = digest(m.Canonical())
	return m, nil
}

// The keys of one table, either at the top or in the elements of tables.
var tableKeys = []string{"table", "explode", "zip", "when_empty", "where", "columns"}

func (r *reader) mapping(n *yaml.Node, m *Mapping) {
	f := r.Object(n, "mapping", append([]string{"records", "no_records", "key", "envelope", "tables", "unknown_fields", "on_drift", "drop", "parse_json", "limits", "provenance"}, tableKeys...)...)
	if f == nil {
		return
	}
	m.Records = r.records(f["records"])
	m.NoRecords = NoRecords(r.Word(f["no_records"], "no_records", noRecordsWords[:]))
	if m.NoRecords == NoRecordsAccepted && slices.ContainsFunc(m.Records, func(p Path) bool { return len(p) == 0 }) {
		r.Fail(f["no_records"], "no_records: records has $, which matches every document; leave $ out of records, or remove no_records")
	}
	key := r.key(f["key"], m)
	m.Envelope = Envelope(r.Word(f["envelope"], "envelope", envelopeWords[:]))
	m.UnknownFields = UnknownFields(r.Word(f["unknown_fields"], "unknown_fields", unknownFieldsWords[:]))
	m.OnDrift = OnDrift(r.Word(f["on_drift"], "on_drift", onDriftWords[:]))
	m.Provenance = r.Boolean(f["provenance"], "provenance")
	m.Limits = r.limits(f["limits"])

	paths := &pathTree{}
	if f["tables"] == nil {
		m.Tables = append(m.Tables, r.table(n, f, "mapping", paths, key))
	} else {
		for _, k := range tableKeys {
			if f[k] != nil {
				r.Fail(f[k], "mapping: %s cannot be used beside tables; move it into an element of tables", k)
			}
		}
		for i, e := range r.List(f["tables"], "tables") {
			what := fmt.Sprintf("tables, element %d", i+1)
			t := r.table(e, r.Object(e, what, tableKeys...), what, paths, key)
			if t.Name != "" && slices.ContainsFunc(m.Tables, func(o Table) bool { return o.Name == t.Name }) {
				r.Fail(e, "table %s is defined twice; give each table its own name", t.Name)
			}
			m.Tables = append(m.Tables, t)
		}
	}
	paths.check(r, m.Limits.Depth)
	r.drop(f["drop"], m)
	r.parseJSON(f["parse_json"], m)
}

func (r *reader) records(n *yaml.Node) []Path {
	if n == nil {
		return defaultRecords
	}
	var records []Path
	for _, e := range r.List(n, "records") {
		p, ok := r.path(e, "records")
		if !ok {
			continue
		}
		// The scanner finds the array while it reads the document, before it
		// can know how long any array is.
		switch {
		case p.Wildcards() > 1:
			r.Fail(e, "records: %s has more than one wildcard; end records at the first [*] and use explode for the next", p)
		case slices.ContainsFunc(p, func(s Segment) bool { return s.Kind == Index }):
			r.Fail(e, "records: %s has an index; use names and one [*], and an index in the paths of columns", p)
		case slices.ContainsFunc(p, func(s Segment) bool { return s.Kind == Members }):
			r.Fail(e, "records: %s has .*, but records are the elements of an array; use a path without .* and explode over the members", p)
		case slices.ContainsFunc(records, func(q Path) bool { return slices.Equal(p, q) }):
			r.Fail(e, "records: %s is listed twice; keep one", p)
		}
		records = append(records, p)
	}
	return records
}

func (r *reader) table(n *yaml.Node, f map[string]*yaml.Node, what string, paths *pathTree, key keyOf) Table {
	var t Table
	if f == nil {
		return t
	}
	if f["table"] == nil {
		r.Fail(n, "%s: no table; give the table's name, as in table: order_lines", what)
	} else if name, ok := r.name(f["table"], "table"); ok {
		t.Name, what = name, "table "+name
	}
	exploded := true
	switch e, z := f["explode"], f["zip"]; {
	case e != nil && z != nil:
		r.Fail(z, "%s: zip and explode both say what becomes rows; keep one", what)
		exploded = false
	case z != nil:
		exploded = r.zip(z, &t, paths, what)
	case e != nil:
		t.Explode, exploded = r.explode(e, what)
		paths.explode(e, what+": explode", t.Explode)
	}
	if w := f["when_empty"]; w != nil && f["explode"] == nil && f["zip"] == nil {
		r.Fail(w, "%s: when_empty needs explode: a table without explode has one row per record; remove when_empty or add explode", what)
	}
	t.WhenEmpty = WhenEmpty(r.Word(f["when_empty"], what+": when_empty", whenEmptyWords[:]))
	r.where(f["where"], &t, exploded, paths, what)
	if f["columns"] == nil {
		r.Fail(n, "%s: no columns; give a list of {name, path, type}", what)
		return t
	}
	lines := map[string]int{}
	for i, e := range r.List(f["columns"], "columns") {
		c, ok := r.column(e, fmt.Sprintf("column %d", i+1))
		if lines[c.Name] > 0 {
			r.Fail(e, "column %s is defined %s; give each column of a table its own name", c.Name, r.Already(lines[c.Name]))
		} else if c.Name != "" {
			lines[c.Name] = e.Line
		}
		r.knownPart(e, &c, key)
		if ok {
			for _, p := range c.Paths() {
				if exploded {
					r.underExplode(e, "column "+c.Name, p, &t)
				}
			}
			r.oneArray(e, &c, &t)
			paths.column(e, c)
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

func (r *reader) explode(n *yaml.Node, what string) (Path, bool) {
	p, ok := r.path(n, what+": explode")
	switch {
	case !ok:
		return nil, false
	case p.Wildcards() == 0:
		r.Fail(n, "%s: explode %s has no wildcard; name the elements of an array, as in $.products[*], or the members of an object, as in $.products.*", what, p)
	case p.Wildcards() > 2:
		r.Fail(n, "%s: explode %s has more than two wildcards; use at most two", what, p)
	case !p[len(p)-1].Wild():
		r.Fail(n, "%s: explode %s does not end in [*] or .*; write explode: %s and begin the paths of columns with %s", what, p, p.lastWildcard(), p)
	default:
		return p, true
	}
	return nil, false
}

// underExplode checks that every wildcard of the path p, of what, is one that
// the rows of t go over; otherwise a row would have many values there.
func (r *reader) underExplode(n *yaml.Node, what string, p Path, t *Table) {
	over := p.lastWildcard()
	switch {
	case over.Wildcards() == 0 || slices.ContainsFunc(t.Exploded(), func(q Path) bool { return q.HasPrefix(over) }):
	case len(t.Zip) > 0:
		r.Fail(n, "%s: path %s does not follow a path of zip up to its last wildcard; add %s to zip, use an index such as [0], or type json for the whole array or object", what, p, over)
	case len(t.Explode) == 0:
		r.Fail(n, "%s: path %s has a wildcard, but the table has no explode; add explode: %s or use an index such as [0]", what, p, over)
	default:
		r.Fail(n, "%s: path %s does not follow explode %s up to its last wildcard; use the same steps, an index such as [0], or type json for the whole array or object", what, p, t.Explode)
	}
}

// name reads the name of a table or column. Athena and Glue keep names in
// lower case and support no special character but the underscore:
// https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
func (r *reader) name(n *yaml.Node, what string) (string, bool) {
	s, ok := r.Text(n, what)
	if !ok {
		return "", false
	}
	hint := ""
	if lower := lowerName(s); isName(lower) {
		hint = ", such as " + lower
	}
	switch {
	case len(s) > maxNameBytes:
		r.Fail(n, "%s of %d bytes is too long; use at most %d", what, len(s), maxNameBytes)
	case strings.HasPrefix(s, "_"):
		r.Fail(n, "%s %q begins with _, which is reserved for columns sluice adds; use another name%s", what, s, hint)
	case !isName(s):
		r.Fail(n, "%s %q must be lower case letters, digits and _, and begin with a letter; use another name%s", what, s, hint)
	default:
		return s, true
	}
	return "", false
}

func isName(s string) bool {
	for i, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= maxNameBytes
}

func lowerName(s string) string {
	return strings.Trim(strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToLower(s)), "_")
}
