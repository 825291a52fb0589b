package mappingdiff

import (
	"errors"
	"fmt"
	"slices"

	"sluice/internal/advice"
	"sluice/internal/infer"
	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// Fault is what does not fit in the documents, and in which of them.
type Fault struct {
	advice.Fault
	Source string
}

// Try converts the documents with a mapping, throws the rows away, and says what
// does not fit.
type Try func(*mapping.Mapping) ([]Fault, error)

// Result is how documents differ from what a mapping takes.
type Result struct {
	Changes []Change
	Mapping *mapping.Mapping  // changed, so that it takes the documents
	Notes   map[string]string // on its new columns, by table.column, and tables
}

// Documents compares a mapping with what was seen in documents. With try, which
// may be nil, it also finds what counts do not tell, and tries the changed
// mapping.
func Documents(m *mapping.Mapping, p *profile.Profile, try Try) (*Result, error) {
	if p.Records == 0 {
		return nil, errors.New("compare mapping: no record was seen; give documents with at least one record that is JSON")
	}
	d := &differ{old: m, next: clone(m), p: p, rows: map[string]bool{}, notes: map[string]string{}}
	once := *p
	once.Root = p.Root.Clone() // it is used up
	inferred, err := infer.Mapping(&once, infer.Options{})
	if err != nil {
		return nil, fmt.Errorf("compare mapping: %w", err)
	}
	d.inferred = inferred.Mapping
	for i := range m.Tables {
		for k := range m.Tables[i].Columns {
			d.named = append(d.named, m.Tables[i].Columns[k].Paths()...)
		}
	}
	if e := d.inferred.Envelope; e != mapping.NoEnvelope && e != m.Envelope {
		d.next.Envelope = e
		d.add(Change{Class: Breaking, Kind: Settings, Path: "envelope", Old: m.Envelope.String(), New: e.String(), Patch: "envelope: " + e.String()})
	}
	d.see()
	if d.tried = try != nil; d.tried {
		if d.faults, err = try(m); err != nil {
			return nil, fmt.Errorf("compare mapping: %w", err)
		}
	}
	d.records()
	d.embedded()
	for t := range d.next.Tables {
		d.explode(t)
		d.nulls(t)
	}
	for t := range d.next.Tables {
		for c := range d.next.Tables[t].Columns {
			d.column(t, c)
		}
	}
	d.renamed()
	d.required()
	d.added()
	if err := d.settle(try); err != nil {
		return nil, err
	}
	return &Result{sorted(d.changes), d.next, d.notes}, nil
}

// differ compares a mapping with documents.
type differ struct {
	old, next *mapping.Mapping
	p         *profile.Profile
	root      infer.Seen
	named     []mapping.Path   // by columns of the old mapping
	tried     bool             // what counts do not tell is found by trying
	inferred  *mapping.Mapping // of the documents alone
	faults    []Fault          // of the old mapping
	changes   []Change
	gone      [][2]int        // columns that nothing feeds, by table and column
	rows      map[string]bool // tables whose rows are no more what they were
	notes     map[string]string
}

func clone(m *mapping.Mapping) *mapping.Mapping {
	c := *m
	c.Tables = slices.Clone(m.Tables)
	for i := range c.Tables {
		c.Tables[i].Columns = slices.Clone(m.Tables[i].Columns)
	}
	return &c
}

func (d *differ) table(t int) *mapping.Table                 { return &d.next.Tables[t] }
func (d *differ) at(t, c int) *mapping.Column                { return &d.next.Tables[t].Columns[c] }
func (d *differ) add(c Change)                               { d.changes = append(d.changes, c) }
func with(p mapping.Path, s ...mapping.Segment) mapping.Path { return slices.Concat(p, s) }

var firstElement = mapping.Segment{Kind: mapping.Index}

// records is about places of records that the mapping does not name.
func (d *differ) records() {
	for _, place := range d.p.Places {
		path, err := mapping.ParsePath(place.Path)
		if err != nil || slices.ContainsFunc(d.next.Records, func(q mapping.Path) bool { return slices.Equal(path, q) }) {
			continue
		}
		// The whole document comes last, since every document has it.
		at := slices.IndexFunc(d.next.Records, func(q mapping.Path) bool { return len(q) == 0 || path.HasPrefix(q) })
		if at < 0 {
			at = len(d.next.Records)
		}
		was := paths(d.next.Records)
		d.next.Records = slices.Insert(slices.Clone(d.next.Records), at, path)
		d.add(Change{Class: Breaking, Kind: Records, Path: path.String(), Old: was, New: path.String(), Values: place.Sources, Patch: "records: the place is added"})
	}
}

// see looks at the documents as the changed mapping does.
func (d *differ) see() {
	var anyMember []mapping.Path
	for i := range d.next.Tables {
		for _, q := range d.next.Tables[i].Exploded() {
			for k, s := range q {
				if s.Kind == mapping.Members {
					anyMember = append(anyMember, q[:k])
				}
			}
		}
	}
	d.root = infer.Look(d.p, d.next.Envelope, anyMember)
}

// Misplaced reports whether most of what a mapping wants is nowhere in the
// records of a profile: then they are perhaps in another place of the documents.
func Misplaced(m *mapping.Mapping, p *profile.Profile) bool {
	d := &differ{old: m, next: m, p: p}
	d.see()
	gone, all := 0, 0
	for t := range m.Tables {
		for c := range m.Tables[t].Columns {
			if col := d.at(t, c); len(col.Values()) > 0 {
				if all++; d.feeds(col) == 0 {
					gone++
				}
			}
		}
	}
	return 2*gone > all
}

// look follows a path. It stops at values into which the path cannot lead, or
// which hide what is inside; then rest is what is left of the path.
func (d *differ) look(path mapping.Path) (s infer.Seen, rest mapping.Path) {
	s = d.root
	for i, step := range path {
		if d.isEmbedded(path[:i], s) || !leads(s.Node(), step) {
			return s, path[i:]
		}
		s = into(s, step)
	}
	return s, nil
}

func into(s infer.Seen, step mapping.Segment) infer.Seen {
	switch step.Kind {
	case mapping.Name:
		return s.Member(step.Name)
	case mapping.Members:
		return s.Any()
	}
	return s.Element()
}

func wantsObject(step mapping.Segment) bool {
	return step.Kind == mapping.Name || step.Kind == mapping.Members
}

func plain(n *profile.Node) int64 {
	return n.Boolean.Count + n.Integer.Count + n.Number.Count + n.String.Count
}

// leads reports whether a step leads into all values.
func leads(n *profile.Node, step mapping.Segment) bool {
	if wantsObject(step) {
		return plain(n)+n.Array.Count == 0
	}
	return plain(n)+n.Object.Count == 0
}

// isEmbedded reports whether strings at a path are read as JSON.
func (d *differ) isEmbedded(path mapping.Path, s infer.Seen) bool {
	return s.Node().String.Count > 0 && slices.ContainsFunc(d.next.ParseJSON, func(q mapping.Path) bool { return slices.Equal(q, path) })
}

// embedded is about strings that hold JSON, where an object or array was.
func (d *differ) embedded() {
	for t := range d.next.Tables {
		all := d.next.Tables[t].Exploded()
		for c := range d.next.Tables[t].Columns {
			col := d.at(t, c)
			for _, p := range col.Values() {
				if col.Type.Kind == schema.List {
					p = with(p, firstElement)
				}
				all = append(all, p)
			}
		}
		for _, p := range all {
			s, rest := d.look(p)
			at := p[:len(p)-len(rest)]
			n := s.Node()
			texts := n.String.Count - n.Strings.Empty.Count
			if len(rest) == 0 || len(at) == 0 || at.LastFilter() >= 0 || d.isEmbedded(at, s) || texts == 0 || n.Strings.Forms.Of(profile.JSONText).Count < texts || plain(n) > n.String.Count {
				continue
			}
			d.next.ParseJSON = append(slices.Clone(d.next.ParseJSON), slices.Clone(at))
			d.add(Change{
				Class: Breaking, Kind: Shape, Table: d.table(t).Name, Path: at.String(), Old: shapeFor(rest[0]), New: "string of JSON",
				Values: n.String.Count, First: first(d.p, n.String), Patch: "parse_json: the path is added",
			})
		}
	}
}

func shapeFor(step mapping.Segment) string {
	if wantsObject(step) {
		return "object"
	}
	return "array"
}
