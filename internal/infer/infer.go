// Package infer makes a mapping from a profile: what was seen in all records
// decides which tables and columns there are, so that the records convert with
// nothing lost and nothing quarantined.
package infer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/profile"
	"sluice/internal/yamlfile"
	"sluice/mapping"
	"sluice/schema"
)

// Options of a mapping.
type Options struct {
	Table string // name of the table with a row per record; empty: by the place of the records
}

// Result is a mapping and what it leaves out.
type Result struct {
	YAML    []byte // the mapping file, with comments
	Mapping *mapping.Mapping
	LeftOut []LeftOut
}

// LeftOut is something in the documents that no column holds.
type LeftOut struct {
	Path string // from the record, or the place of the records
	Why  string
}

// Mapping makes the mapping of what was profiled. It holds no value of the data.
// It uses up p.Root, which is nil afterwards: the paths may fill much of the memory.
func Mapping(p *profile.Profile, opts Options) (*Result, error) {
	if p == nil || p.Root == nil || p.Records == 0 {
		return nil, errors.New("infer mapping: no record was seen; give inputs with at least one record that is JSON")
	}
	root := p.Root
	p.Root = nil
	collapse(root, envelopeOf(root))
	s := &source{profile: p, envelope: envelopeOf(root), depth: depth(root)}
	s.record = within(root, s.envelope)
	for limit := usual; ; limit = (budget{max(1, limit.columns/2), max(1, limit.tables/2)}) {
		f, err := s.propose(opts, limit)
		if err != nil {
			return nil, fmt.Errorf("infer mapping: %w", err)
		}
		text := f.yaml()
		if len(text) > yamlfile.MaxBytes && limit.columns > 1 {
			continue
		}
		m, err := mapping.Parse("mapping.yaml", text)
		if err != nil {
			return nil, fmt.Errorf("infer mapping: this should not happen, please report it: %w", err)
		}
		return &Result{YAML: text, Mapping: m, LeftOut: f.left}, nil
	}
}

// source is what a mapping is made of.
type source struct {
	profile  *profile.Profile
	envelope mapping.Envelope
	depth    int   // of the records
	record   *view // what was seen of them
}

// file is a mapping with what its comments say.
type file struct {
	profile *profile.Profile
	mapping mapping.Mapping // but for its tables
	tables  []*table
	left    []LeftOut
}

// propose makes the tables, within a budget.
func (s *source) propose(opts Options, limit budget) (*file, error) {
	p := s.profile
	f := &file{profile: p}
	m := &f.mapping
	m.Limits, m.Provenance = mapping.DefaultLimits, true
	m.Envelope = s.envelope
	var err error
	if m.Records, err = records(p.Places); err != nil {
		return nil, err
	}
	b := &builder{bytes: p.Bytes, folded: map[string]string{}}
	for {
		b.tables, b.limits = nil, m.Limits
		b.rowsOf(s.record, nil, nil, nil, nil)
		if !b.fold(limit) {
			break
		}
	}
	b.raise(s.depth)
	m.Limits = b.limits
	for _, t := range b.tables {
		t.findCurrencies() // those of the tables above are known
		t.amounts()
		t.remedies()
	}
	for _, t := range b.tables {
		if t.cut(limit.columns) {
			m.UnknownFields = mapping.Rescue
		}
		if len(t.columns) == 0 {
			if t.above != nil {
				f.left = append(f.left, LeftOut{t.path.String(), "its rows would have no column: all that is in them stands in tables of its own"})
			}
			continue
		}
		f.tables = append(f.tables, t)
	}
	if len(f.tables) == 0 { // only empty objects
		t := b.tables[0]
		b.json(t, s.record, nil, nil, nil, "always empty: json takes what comes later")
		f.tables = append(f.tables, t)
	}
	f.beside()
	f.name(opts)
	return f, nil
}

// records are the places, the one that every document has at the end.
func records(places []profile.Place) (paths []mapping.Path, err error) {
	for _, p := range places {
		path, err := mapping.ParsePath(p.Path)
		if err != nil {
			return nil, fmt.Errorf("place of records: %w", err)
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return nil, errors.New("the profile does not say where the records are")
	}
	slices.SortStableFunc(paths, func(a, b mapping.Path) int { return rank(a) - rank(b) })
	return paths, nil
}

// rank orders places: an array, what is in an object, any document.
func rank(p mapping.Path) int {
	switch {
	case len(p) == 0:
		return 3
	case p.Wildcards() == 0:
		return 2
	case len(p) > 1:
		return 1
	}
	return 0
}

// beside notes that members beside the records are in no table.
func (f *file) beside() {
	for _, p := range f.profile.Places {
		if len(p.Beside) == 0 {
			continue
		}
		var names []string
		for _, name := range p.Beside {
			names = append(names, printable(name))
		}
		f.left = append(f.left, LeftOut{p.Path, "members beside the records are in no table: " + strings.Join(names, ", ")})
	}
}

// name names tables and columns, and gives those below others the columns that
// join them.
func (f *file) name(opts Options) {
	tables := namer{}
	for _, t := range f.tables {
		var names []string
		if t.above != nil && t.above.above != nil {
			names = t.above.names
		}
		t.name = tables.unique(legal(slices.Concat(names, t.names), f.rootName(opts)))
		columns := namer{}
		keys := t.keys()
		for i := range keys {
			keys[i].Name = columns.unique(keys[i].Name)
		}
		for i := range t.columns {
			c := &t.columns[i]
			c.Name = columns.unique(legal(c.names, "value"))
		}
		t.columns = append(keys, t.columns...)
	}
}

func (f *file) rootName(opts Options) string {
	if opts.Table != "" {
		return legal([]string{opts.Table}, "records")
	}
	for _, p := range f.mapping.Records {
		for _, s := range slices.Backward(p) {
			if s.Kind == mapping.Name {
				return legal([]string{s.Name}, "records")
			}
		}
	}
	return "records"
}

// keys are the columns of the tables above that join a table with them.
func (t *table) keys() (all []column) {
	for u := t.above; u != nil; u = u.above {
		c := u.key(t)
		if c == nil {
			continue
		}
		k := *c
		k.Name = c.Name
		if one := singular(u.name); !strings.HasPrefix(c.Name, one+"_") {
			k.Name = one + "_" + c.Name
		}
		if len(k.Name) > 2*longestColumn {
			k.Name = c.Name
		}
		k.advice = "of " + u.name
		k.of = nil
		all = append(all, k)
	}
	slices.Reverse(all)
	return all
}

// key is the column that names a row of the table: the member's name, or an id
// that each row has. If there is none, it is that of the nearest object in the row
// that holds the rows below.
func (t *table) key(below *table) *column {
	for i := range t.columns {
		if t.columns[i].MemberName {
			return &t.columns[i]
		}
	}
	if c := t.id(nil); c != nil {
		return c
	}
	way := below.path[len(t.path):]
	objects := slices.IndexFunc(way, mapping.Segment.Wild)
	for n := objects - 1; n > 0; n-- {
		if c := t.id(way[:n]); c != nil {
			return c
		}
	}
	return nil
}

// id is the member of an object in the row that is an id, and that each row has.
func (t *table) id(object mapping.Path) *column {
	best, least := (*column)(nil), 9
	for i := range t.columns {
		c := &t.columns[i]
		if c.of == nil || c.MinorUnits.By != mapping.NoMinorUnits {
			continue
		}
		if !slices.Equal(c.Path[:max(0, len(c.Path)-1)], slices.Concat(t.path, object)) || c.nullable || c.Type.Kind != schema.String && c.Type.Kind != schema.Int64 {
			continue
		}
		if t.above == nil && c.of.Distinct.Estimate()*20 < t.rows*17 { // an estimate, three times its error below
			continue
		}
		if n := idRank(legal(c.names[len(object):], "value"), t.name); n < least {
			best, least = c, n
		}
	}
	return best
}

// idRank is how well a name suits the id of a row; 9: not at all.
func idRank(name, table string) int {
	one := singular(table)
	switch {
	case name == "id":
		return 0
	case name == one+"_id":
		return 1
	case slices.Contains([]string{"uuid", "uid", "guid", "key", "oid", "pk"}, name):
		return 2
	case name == one+"_number" || name == one+"_no" || name == one+"_key" || name == one+"_uuid":
		return 3
	case strings.HasSuffix(name, "_id"):
		return 4
	}
	return 9
}
