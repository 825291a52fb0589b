package flatten

import (
	"slices"

	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// Finding is one thing of a record that does not fit.
type Finding struct {
	Code   reason.Code
	Table  int          // of the column
	Column int          // that it is about; -1: it is not about one column
	Path   mapping.Path // as the mapping writes it; of unknown_field, that of the member
	Around bool         // Path begins at what holds the record
	Real   string       // the path with ordinals and names of members
	At     int          // position, as in Result
	Value  int          // position of the value that does not fit, in Text; -1: there is none
	Text   []byte       // that was read: the input, or with parse_json what Record made of it
}

// diagnosis is what a Flattener that reports all findings knows of a record. A
// finding may have others as its consequence: what leads into a text leads to no
// value. These are not reported.
type diagnosis struct {
	report func(Finding)
	known  map[[2]int]scope  // by table and column: why it has no value
	lost   map[int]scope     // by table: why it has no rows
	seen   map[position]bool // what is not about one column, since a late column reads again
}

// scope is an element, with all in it.
type scope struct{ level, element int }

type position struct {
	code reason.Code
	at   int
}

// Diagnose makes the Flattener report all that does not fit in the records that
// it reads from now on, not only the first. These give no rows. It goes no further
// than a record that exceeds the limits on rows or on gathered texts.
func (f *Flattener) Diagnose(report func(Finding)) {
	f.diagnosis = &diagnosis{report, map[[2]int]scope{}, map[int]scope{}, map[position]bool{}}
	for _, n := range f.memos { // they know no columns
		n.memo = nil
	}
	f.memos = nil
}

// begin begins a record.
func (d *diagnosis) begin() {
	clear(d.known)
	clear(d.lost)
	clear(d.seen)
}

// badFor is bad for what does not fit a column.
func (f *Flattener) badFor(table, column int, code reason.Code, path mapping.Path, at int) {
	if f.diagnosis == nil {
		f.bad(code, path, at)
		return
	}
	f.report(Finding{Code: code, Table: table, Column: column, Path: path, At: at, Value: at})
}

// report reports a finding about the current element.
func (f *Flattener) report(x Finding) {
	d := f.diagnosis
	if x.Code == f.skip.Found && x.At == f.skip.FoundAt {
		f.skip.Found = "" // it looks for the next
	}
	if f.code != "" {
		return
	}
	f.faults = append(f.faults, x.Code)
	if x.Column >= 0 {
		d.known[[2]int{x.Table, x.Column}] = f.scope(x.Table, f.tables[x.Table].columns[x.Column].Level())
	} else {
		if d.seen[position{x.Code, x.At}] {
			return
		}
		d.seen[position{x.Code, x.At}] = true
		f.explain(x.Code, x.Path)
	}
	if x.Real == "" {
		x.Real = f.rendered(f.within(x.Path), f.ord, f.names)
	}
	if x.Code == reason.TooManyRows || x.Code == reason.FieldTooLarge && x.Column < 0 {
		f.note(x.Code, x.Path, x.At)
	}
	if x.Text = f.b; f.unfolder != nil {
		x.At = f.unfolder.origin(x.At)
	}
	d.report(x)
}

// scope is the current element of a level of a table.
func (f *Flattener) scope(table, level int) scope {
	return scope{level, f.tables[table].b.Elements(level)}
}

// inScope reports whether the current element is in the scope, if there is one.
func (f *Flattener) inScope(table int, s scope, ok bool) bool {
	return ok && f.tables[table].b.Elements(s.level) == s.element
}

// explain notes which columns and tables have no value or rows because of what
// was found at a path.
func (f *Flattener) explain(code reason.Code, path mapping.Path) {
	var below bool // whether that is so of what lies below the path
	switch code {
	case reason.NotObject, reason.NotArray, reason.WrongType, reason.BadEmbeddedJSON:
		below = true
	case reason.InvalidUTF8, reason.InvalidUnicode:
	default:
		return
	}
	level := path.Wildcards()
	for i := range f.tables {
		t := &f.tables[i]
		for c := range t.columns {
			if slices.ContainsFunc(t.columns[c].Paths(), func(p mapping.Path) bool {
				return p.HasPrefix(path) && (below || len(p) == len(path))
			}) {
				f.diagnosis.known[[2]int{i, c}] = f.scope(i, level)
			}
		}
		if below && slices.ContainsFunc(t.exploded, func(p mapping.Path) bool { return p.HasPrefix(path) }) {
			f.diagnosis.lost[i] = f.scope(i, level)
		}
	}
}

// lacks notes that the element e, which n read at p, has no value in column, the
// first of those that must have one.
func (f *Flattener) lacks(e *element, n *node, column, p int) {
	if f.diagnosis == nil {
		f.bad(reason.MissingField, e.t.columns[column].Path, p)
		return
	}
	for _, r := range e.required {
		s, ok := f.diagnosis.known[[2]int{e.table, r.column}]
		if e.t.b.Columns[r.column].Index[e.t.b.Elements(e.level)] != batch.Null || f.inScope(e.table, s, ok) {
			continue
		}
		c := &e.t.columns[r.column]
		x := Finding{Code: reason.MissingField, Table: e.table, Column: r.column, Path: c.Path, At: p, Value: -1}
		if !c.MemberName {
			x.Value = f.look(n, p, c.Path)
		}
		f.report(x)
	}
}

// noRows notes that the element e, which n read at p, has no rows.
func (f *Flattener) noRows(e *element, n *node, p int) {
	path := e.t.target(e.level + 1)
	if f.diagnosis == nil {
		f.bad(reason.NoRows, path, p)
		return
	}
	if s, ok := f.diagnosis.lost[e.table]; !f.inScope(e.table, s, ok) {
		f.report(Finding{Code: reason.NoRows, Table: e.table, Column: -1, Path: path, At: p, Value: f.look(n, p, path)})
	}
}

// unequal notes that the array z of the element e, which began at p, is longer or
// shorter than those beside it.
func (f *Flattener) unequal(e *element, z *zipped, p int) {
	if f.diagnosis == nil {
		f.bad(reason.ZipLength, z.path, p)
		return
	}
	lost := f.diagnosis.lost
	if s, ok := lost[e.table]; !f.inScope(e.table, s, ok) {
		f.report(Finding{Code: reason.ZipLength, Table: e.table, Column: -1, Path: z.path, At: p, Value: p})
	}
	lost[e.table] = f.scope(e.table, e.level)
}

// look looks for the value at a path in the element that n read at p.
func (f *Flattener) look(n *node, p int, path mapping.Path) int {
	if !path.HasPrefix(n.path) || path.Wildcards() != n.path.Wildcards() || path.LastFilter() >= 0 {
		return -1
	}
	if p, _ = f.seek(p, path[len(n.path):], n.record); p < 0 {
		return -1
	}
	return f.peel(p)
}

// refused notes that n does not name the member at key.
func (f *Flattener) refused(n *node, key int) {
	if f.diagnosis == nil {
		f.bad(reason.UnknownField, n.path, key)
		return
	}
	member := func(path mapping.Path) mapping.Path { return append(slices.Clone(path), f.nameAt(key)) }
	end, _, _ := jsonscan.String(f.b, key+1)
	value := jsonscan.Space(f.b, jsonscan.Space(f.b, end+1)+1)
	f.report(Finding{
		Code: reason.UnknownField, Column: -1, Path: member(n.path), Around: n.around, At: key, Value: value,
		Real: f.rendered(member(f.within(n.path)), f.ord, f.names),
	})
}

// longList notes that the array at p, which is a list, has too many bytes.
func (f *Flattener) longList(n *node, p int) {
	if f.diagnosis == nil {
		f.bad(reason.FieldTooLarge, n.path, p)
		return
	}
	for i := range n.list.value.leaves {
		if l := &n.list.value.leaves[i]; f.takes(l.filter) {
			f.badFor(l.table, l.column, reason.FieldTooLarge, n.path, p)
		}
	}
}

// Try says why a column, or a list of it, does not take a string, number or boolean
// as it stands in a document; it is empty if the column does.
func Try(c mapping.Column, limits mapping.Limits, value []byte) reason.Code {
	c.Hash, c.NullOnError = mapping.NoHash, false // a hash takes any text
	m := &mapping.Mapping{Tables: []mapping.Table{{Columns: []mapping.Column{c}}}, Limits: limits}
	l := newLeaf(m, 0, 0)
	if c.MinorUnits.By == mapping.Fixed {
		l.minor = &minorUnits{MinorUnits: c.MinorUnits}
	}
	b := batch.New(schema.Schema{Columns: []schema.Column{l.Column.Column}}, []int{0}, 0)
	l.c = &b.Columns[0]
	f := &Flattener{limits: limits, b: append(slices.Clone(value), make([]byte, jsonscan.Padding)...)}
	f.scalar(0, &node{leaves: []leaf{l}})
	if f.found(&node{}); f.code == "" && c.Required && l.c.Index[0] == batch.Null {
		return reason.MissingField
	}
	return f.code
}
