package flatten

import (
	"bytes"
	"hash"
	"slices"

	"sluice/internal/batch"
	"sluice/internal/drift"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// Flattener reads records into batches. It is not safe for use by several
// goroutines.
type Flattener struct {
	top      *node
	place    mapping.Path // path of the record below the element or document that holds it
	tables   []table
	keep     bool               // unknown members are kept
	refuse   bool               // unknown members quarantine the record
	gathers  bool               // some table does
	lists    bool               // some column is a list
	envelope map[string]typeTag // of each value; nil: none
	limits   mapping.Limits
	memos    []*node   // nodes that have a memo
	unfolder *unfolder // nil: no string holds JSON

	strangers int // number of members learned

	// About the record that is being read:
	b       []byte
	origin  Origin
	skip    jsonscan.Skipper
	ahead   jsonscan.Skipper // for text that is read again later
	code    reason.Code      // the first reason to quarantine it
	path    mapping.Path
	strayed []int // ordinals of elements below path that no path names
	at      int
	failed  [batch.MaxLevels]int // ord when the reason was found; below 0: it is not that of one element
	member  [batch.MaxLevels]int // names when the reason was found
	stray   []int                // ordinals of the elements that no path names, on the way to the current value
	seen    bool                 // the record itself was found
	ord     [batch.MaxLevels]int // ordinal of the element, by number of wildcards
	names   [batch.MaxLevels]int // position of the name of the member that .* stands for, by number of wildcards
	empty   int64                // elements that gave no rows, by policy
	faults  []reason.Code        // of values that are kept in _errors
	faulty  []mapping.Path       // the paths of these, as the mapping writes them
	drifts
	result Result // what Record returns

	diagnosis *diagnosis // nil: only the first thing that does not fit is noted

	clock clock
	hmac  hash.Hash // nil if no column needs it

	scratch  []byte // the text of source, then values that do not stand in the input as they are
	source   Source
	compared []byte // the key of a value, while it is looked for
	bits     []set  // members seen, from the 64th on, of the objects being read
}

// table is what a Flattener keeps for each table.
type table struct {
	ordinal  int // of the table in the mapping
	b        *batch.Batch
	columns  []mapping.Column
	when     mapping.WhenEmpty
	explode  mapping.Path
	exploded []mapping.Path // with the arrays beside it
	extra    extra
	traced   bool // a column says where a row comes from
	skipped  bool
	left     levels // those of which the current element had rows that where left out
	filtered int64  // rows of the record that were left out by where
	gathers  bool   // into rescued or errors
	rescued  gathered
	errors   gathered
	rows     []gatherRow // of the record, if the table gathers
	lists    []int       // columns of lists
}

// extra holds the index of each column that sluice adds, or -1.
type extra struct{ rescued, errors, source, offset, record, line, subline int }

// Origin says where a record comes from.
type Origin struct {
	Offset int64 // of its first byte in the decompressed object
	Record int64 // its ordinal in the object, from 0
}

// Result is what happened to a record. It is valid until the next record.
type Result struct {
	End     int  // position after the record; if below 0, it is -1-p, and the record does not parse at p
	TooDeep bool // it does not parse because of the limit on depth

	Code        reason.Code // why to quarantine it, or empty; BadQuarantineFile rejects the object
	Path        string      // of what does not fit, as JSONPath
	MappingPath string      // Path as the mapping writes it: with wildcards, and without elements that it does not name
	At          int         // position of what does not fit

	Rows     int   // appended, over all tables
	Skipped  bool  // it gave no rows to any table, by policy
	Fields   int64 // members that the mapping does not name
	Empty    int64 // elements left out by when_empty: skip
	Filtered int64 // rows left out by where

	Errors []reason.Code // of values that are NULL instead
}

// New compiles a mapping for records found at place.
func New(m *mapping.Mapping, place mapping.Path, source Source) *Flattener {
	f := &Flattener{
		keep:     m.UnknownFields == mapping.Rescue,
		refuse:   m.UnknownFields == mapping.Refused,
		envelope: envelopes[m.Envelope],
		limits:   m.Limits,
		clock:    newClock(),
		drifts:   drifts{to: &drift.Counts{}, base: drift.Slots},
		skip:     jsonscan.Skipper{MaxDepth: m.Limits.Depth},
	}
	if m.NeedsHashKey() {
		f.hmac = m.HMAC()
	}
	f.top, f.place = compile(m, place)
	f.unfolder = newUnfolder(m, f.place)
	if f.envelope == nil {
		f.memos = f.top.memos(nil)
	} else {
		f.top.walk((*node).wrapElements)
	}
	f.SetSource(source)
	for i := range m.Tables {
		t := &m.Tables[i]
		ft := table{ordinal: i, columns: t.Columns, when: t.WhenEmpty, explode: t.Explode, exploded: t.Exploded(), extra: extra{-1, -1, -1, -1, -1, -1, -1}}
		ft.rescued.column, ft.errors.column = mapping.Rescued, mapping.Errors
		for c, col := range m.Schema(t).Columns {
			if col.Type.Kind == schema.List {
				ft.lists = append(ft.lists, c)
				f.lists = true
			}
			switch col.Name {
			case mapping.Rescued:
				ft.extra.rescued = c
			case mapping.Errors:
				ft.extra.errors = c
			case mapping.SourceKey:
				ft.extra.source = c
			case mapping.SourceOffset:
				ft.extra.offset = c
			case mapping.RecordNumber:
				ft.extra.record = c
			case mapping.LineNumber:
				ft.extra.line = c
			case mapping.SublineNumber:
				ft.extra.subline = c
			}
		}
		ft.traced = slices.ContainsFunc(t.Columns, func(c mapping.Column) bool { return c.Key != "" }) ||
			ft.extra.source >= 0 || ft.extra.line >= 0 || ft.extra.subline >= 0
		ft.gathers = ft.extra.rescued >= 0 || ft.extra.errors >= 0
		f.gathers = f.gathers || ft.gathers
		f.tables = append(f.tables, ft)
	}
	return f
}

// Levels is the level of each column in the schema of table t, as batch.New
// wants them.
func Levels(m *mapping.Mapping, t *mapping.Table) []int {
	depth := t.Levels()
	var levels []int
	for i := range t.Columns {
		levels = append(levels, t.Columns[i].Level())
	}
	for _, c := range m.Schema(t).Columns[len(t.Columns):] {
		level := map[string]int{mapping.Rescued: depth, mapping.Errors: depth, mapping.LineNumber: 1, mapping.SublineNumber: 2}[c.Name]
		levels = append(levels, level)
	}
	return levels
}

// Bind makes tables the batches that records are appended to.
func (f *Flattener) Bind(tables []*batch.Batch) {
	for i := range f.tables {
		f.tables[i].b = tables[i]
	}
	f.top.bind(f.tables)
	for _, n := range f.memos {
		o := n.ends[0]
		n.memo.reset(n, tables[o.table], o.level)
	}
}

// FlushDue reports whether Flush should be called before the next record.
func (f *Flattener) FlushDue() bool {
	return f.tables[0].b.Pending() || len(f.scratch) > 1<<20 || f.unfolder != nil && len(f.unfolder.text) > 1<<20
}

// Flush makes the batches independent of the input b; after that its bytes may
// move.
func (f *Flattener) Flush(b []byte) {
	if u := f.unfolder; u != nil {
		b, u.text = u.text, u.text[:0]
	}
	for i := range f.tables {
		f.tables[i].b.Flush(b, f.scratch)
	}
	for _, n := range f.memos {
		n.memo.flush()
	}
	f.scratch = f.scratch[:len(f.source.text)]
}

// Record reads the record that begins at b[p] and appends its rows. A record
// that does not parse or does not fit leaves the batches as they were. If
// until is not negative, nothing but white space may follow up to b[until].
func (f *Flattener) Record(b []byte, p, until int, origin Origin) *Result {
	if f.unfolder != nil {
		return f.unfolded(b, p, until, origin)
	}
	return f.record(b, p, until, origin)
}

func (f *Flattener) record(b []byte, p, until int, origin Origin) *Result {
	res := &f.result
	*res = Result{}
	f.b, f.origin = b, origin
	f.code, f.seen, f.stray = "", false, f.stray[:0]
	f.empty, f.faults, f.faulty = 0, f.faults[:0], f.faulty[:0]
	f.drifts.begin()
	f.skip.Reset()
	f.bits = f.bits[:0]
	for _, n := range f.memos {
		n.memo.begin()
	}
	if f.diagnosis != nil {
		f.diagnosis.begin()
	}
	for i := range f.tables {
		t := &f.tables[i]
		t.skipped, t.left, t.filtered = false, 0, 0
		if t.gathers {
			t.rescued.reset()
			t.errors.reset()
			t.rows = t.rows[:0]
		}
	}
	if !f.top.object {
		f.entryAt(p)
	}
	end := f.element(p, f.top, 0)
	if end >= 0 && until >= 0 {
		if q := jsonscan.Space(b, end); q < until {
			end = -1 - q
		}
	}
	switch {
	case int64(end-p) > f.limits.RecordBytes && f.unfolder == nil:
		// Whatever else is wrong: a record that is not held whole cannot be
		// judged.
		f.code, f.path, f.strayed, f.at = reason.RecordTooLarge, nil, nil, p
	case !f.seen:
		f.bad(reason.NotObject, f.place, p)
	case f.lists:
		f.boundLists(p)
	}
	if f.gathers && end >= 0 {
		f.giveGathered(p)
	}
	res.End, res.TooDeep = end, f.skip.TooDeep
	if end < 0 || f.code == reason.RecordTooLarge {
		f.drifts.drop()
	} else {
		res.Fields = f.drifts.keep()
		if f.diagnosis == nil && (f.code != "" || len(f.faults) > 0) {
			f.countMisfits()
		}
	}
	if end < 0 || f.code != "" || f.diagnosis != nil {
		for i := range f.tables {
			f.rollback(&f.tables[i])
		}
		if end >= 0 && f.code != "" {
			res.Code, res.At, res.Path, res.MappingPath = f.code, f.at, f.pathOf(), f.path.String()
		}
		return res
	}
	res.Empty, res.Errors, res.Skipped = f.empty, f.faults, true
	for i := range f.tables {
		t := &f.tables[i]
		res.Filtered += t.filtered
		if t.skipped {
			f.rollback(t)
			continue
		}
		res.Rows += t.b.RecordRows()
		res.Skipped = false
		t.b.EndRecord()
	}
	return res
}

// entryAt looks for an entry of a quarantine file at p, in a value whose
// members are not read. In entries that sluice writes, the first member shows
// what they are.
func (f *Flattener) entryAt(p int) {
	if b := f.b; b[p] == '{' && bytes.HasPrefix(b[jsonscan.Space(b, p+1):], []byte(`"`+jsonscan.Entry+`"`)) {
		f.stop(p)
	}
}

// stop notes that the value is not a record but an entry of a quarantine file,
// whatever else is wrong with it.
func (f *Flattener) stop(at int) {
	f.code, f.path, f.strayed, f.at = reason.BadQuarantineFile, nil, nil, at
}

// rollback drops what the record appended to a table.
func (f *Flattener) rollback(t *table) {
	t.b.Rollback()
	for _, n := range f.memos {
		if n.memo.b == t.b {
			n.memo.forget()
		}
	}
}

// bad notes why to quarantine the record, unless a reason is already known.
func (f *Flattener) bad(code reason.Code, path mapping.Path, at int) {
	if f.diagnosis != nil {
		f.report(Finding{Code: code, Column: -1, Path: path, At: at, Value: at})
		return
	}
	if f.code == "" {
		f.note(code, path, at)
	}
}

func (f *Flattener) note(code reason.Code, path mapping.Path, at int) {
	f.code, f.path, f.strayed, f.at, f.failed, f.member = code, path, slices.Clone(f.stray), at, f.ord, f.names
}

// within is the path of the current element, if no path names it; path leads to
// the array around it.
func (f *Flattener) within(path mapping.Path) mapping.Path { return elementIn(path, f.stray) }

// elementIn is the path of an element of the array at path, or of one of an array
// in that, and so on.
func elementIn(path mapping.Path, ordinals []int) mapping.Path {
	if len(ordinals) == 0 {
		return path
	}
	path = slices.Clone(path)
	for _, i := range ordinals {
		path = append(path, mapping.Segment{Kind: mapping.Index, Index: i})
	}
	return path
}

// found notes what the skipper found below n.
func (f *Flattener) found(n *node) {
	if f.skip.Found != "" {
		f.bad(f.skip.Found, n.path, f.skip.FoundAt)
	}
}

// pathOf renders the path of what does not fit, with the ordinals of its elements.
func (f *Flattener) pathOf() string {
	return f.rendered(elementIn(f.path, f.strayed), f.failed, f.member)
}

// rendered is a path with ordinals and names of members for its wildcards, also
// in what its filters compare with.
func (f *Flattener) rendered(path mapping.Path, ord, names [batch.MaxLevels]int) string {
	return f.placed(path, ord, names).String()
}

func (f *Flattener) placed(path mapping.Path, ord, names [batch.MaxLevels]int) mapping.Path {
	p := slices.Clone(path)
	wild := 0
	for i := range p {
		if filter := p[i].Filter(); filter != nil {
			for k := range filter {
				filter[k].Key = f.placed(filter[k].Key, ord, names)
			}
			p[i] = filter.Segment()
		}
		if !p[i].Wild() {
			continue
		}
		switch wild++; {
		case ord[wild] < 0:
		case p[i].Kind == mapping.Members:
			p[i] = f.nameAt(names[wild])
		default:
			p[i] = mapping.Segment{Kind: mapping.Index, Index: ord[wild]}
		}
	}
	return p
}
