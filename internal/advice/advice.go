// Package advice goes through the quarantined records of a conversion, and says what
// does not fit in them and what to change in the mapping. It holds no value of the
// data.
package advice

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice/internal/batch"
	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/mapping"
	"sluice/reason"
)

// Fault is what does not fit, the same way, in one record or in many. Its JSON names
// are a contract.
type Fault struct {
	Reason  reason.Code `json:"reason"`
	Table   string      `json:"table"` // empty, as Column, if it is not about one column
	Column  string      `json:"column"`
	Path    string      `json:"path"`  // as the mapping writes it
	Found   string      `json:"found"` // the JSON type; empty if that is not the point
	Values  int64       `json:"values"`
	Records int64       `json:"records"`
	Record  int64       `json:"first_record"` // ordinal, from 0; -1: not known
	Offset  int64       `json:"first_offset"` // of what does not fit, in the decompressed input
	Advice  string      `json:"advice"`
	// Fixed is the column with the change that lets it take all these values, if
	// there is one that is beyond doubt.
	Fixed *mapping.Column `json:"-"`
}

// Found are the faults of some records.
type Found struct {
	Records int64   // in quarantine
	Faults  []Fault // most frequent first
	More    int64   // values with faults that are not among these
}

// maxFaults bounds the faults that are told apart: names of unknown members can be
// as many as there are ids.
const maxFaults = 200

// Read reads a quarantine file that the mapping gave.
func Read(ctx context.Context, m *mapping.Mapping, file io.Reader) (Found, error) {
	w := jsonscan.NewWindow(ctx, file)
	if begins, err := quarantine.Begins(w, int(m.Limits.RecordBytes)); err != nil || !begins {
		return Found{}, err
	}
	r := quarantine.NewReader(w, int(m.Limits.RecordBytes))
	c := &collector{m: m, flat: map[string]*flatten.Flattener{}, groups: map[kind][]*group{}}
	for {
		e, raw, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return c.found(), nil
		case errors.Is(err, quarantine.ErrTooLarge):
			if err := r.Discard(func([]byte) error { return nil }); err != nil {
				return Found{}, fmt.Errorf("read quarantine: %w", err)
			}
			e = quarantine.Entry{Reason: reason.RecordTooLarge, Record: -1}
		case err != nil:
			return Found{}, fmt.Errorf("read quarantine: %w", err)
		}
		c.record(&e, raw)
	}
}

// collector groups what does not fit.
type collector struct {
	m       *mapping.Mapping
	flat    map[string]*flatten.Flattener // by the path of the records
	groups  map[kind][]*group
	order   []*group
	records int64
	more    int64
	met     bool // a record has a member that a path of the mapping begins with

	// About the current record:
	entry *quarantine.Entry
	text  []byte // with jsonscan.Padding after it
}

// kind is what the values of a group have in common.
type kind struct {
	code          reason.Code
	table, column int // column is -1 if it is not about one
	path          string
	found         string
}

// group is a kind of fault, with what is known of its values.
type group struct {
	kind
	finding flatten.Finding // the first
	fault   Fault
	tries   []try // changes with which the column takes all values so far
	trial   mapping.Column
	last    int64 // the number of the record that it was last seen in
}

// record looks for all faults of an entry, whose record is raw; nil if it is too
// large.
func (c *collector) record(e *quarantine.Entry, raw []byte) {
	c.records++
	c.entry = e
	switch e.Reason {
	case reason.BadJSON, reason.TruncatedJSON, reason.RecordTooLarge, reason.KeyMismatch:
		// The record as a whole: there is nothing to look for.
		c.add(flatten.Finding{Code: e.Reason, Column: -1, At: int(e.ErrorOffset - e.Offset), Value: -1})
		return
	}
	c.text = raw[:len(raw)+jsonscan.Padding]
	c.met = c.met || c.meets(raw)
	f := c.flattener(e.Place)
	f.Record(c.text, jsonscan.Space(c.text, 0), len(raw), flatten.Origin{Offset: e.Offset, Record: e.Record})
	f.Flush(c.text)
}

// meets reports whether a record has a member that a path of a column begins with.
func (c *collector) meets(raw []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return true // what is no object has advice of its own
	}
	for i := range c.m.Tables {
		for j := range c.m.Tables[i].Columns {
			for _, p := range c.m.Tables[i].Columns[j].Paths() {
				if len(p) == 0 || p[0].Kind != mapping.Name || members[p[0].Name] != nil {
					return true
				}
			}
		}
	}
	return false
}

// flattener is that of the records of a place, which reports what it finds.
func (c *collector) flattener(place string) *flatten.Flattener {
	if f := c.flat[place]; f != nil {
		return f
	}
	at := slices.IndexFunc(c.m.Records, func(p mapping.Path) bool { return p.String() == place })
	f := flatten.New(c.m, c.m.Records[max(at, 0)], flatten.Source{})
	var batches []*batch.Batch
	for i := range c.m.Tables {
		t := &c.m.Tables[i]
		batches = append(batches, batch.New(c.m.Schema(t), flatten.Levels(c.m, t), t.Levels()))
	}
	f.Bind(batches)
	f.Diagnose(c.add)
	c.flat[place] = f
	return f
}

// add adds a finding to its group.
func (c *collector) add(x flatten.Finding) {
	k := kind{x.Code, x.Table, x.Column, x.Path.String(), ""}
	if x.Around {
		k.path = "$" + k.path
	}
	var value []byte
	if isAboutValue(x.Code) {
		value = c.value(x.Text, x.Value)
		k.found = jsonType(value)
	}
	g := c.group(k, &x, value)
	if g == nil {
		c.more++
		return
	}
	g.fault.Values++
	if g.last != c.records {
		g.last = c.records
		g.fault.Records++
	}
	if x.Column >= 0 && x.Value >= 0 {
		c.widen(g, value)
	}
}

const (
	maxVariants = 4   // of a kind, by the changes that help
	maxHelpless = 100 // values that no change helps, after which no further ones are tried
)

// group is the group that a value belongs to: of its kind, and helped by the same
// changes. It is nil if there are too many groups.
func (c *collector) group(k kind, x *flatten.Finding, value []byte) *group {
	variants := c.groups[k]
	var helpless *group
	for _, g := range variants {
		if len(g.tries) == 0 {
			helpless = g
		} else if left := c.sift(g, g.tries, value); len(left) > 0 {
			g.tries = left
			return g
		}
	}
	g := &group{kind: k, finding: *x, fault: Fault{
		Reason: x.Code, Path: k.path, Found: k.found, Record: c.entry.Record, Offset: c.entry.Offset + int64(x.At),
	}}
	if x.Column >= 0 {
		t := &c.m.Tables[x.Table]
		g.trial = t.Columns[x.Column]
		g.fault.Table, g.fault.Column = t.Name, g.trial.Name
		if x.Value >= 0 && len(variants) < maxVariants && (helpless == nil || helpless.fault.Values < maxHelpless) {
			g.tries = c.sift(g, c.tries(g), value)
		}
	}
	switch {
	case len(g.tries) == 0 && helpless != nil:
		return helpless
	case len(c.order) == maxFaults:
		return nil
	}
	c.groups[k] = append(variants, g)
	c.order = append(c.order, g)
	return g
}

// isAboutValue reports whether the type of a value says something about a fault.
func isAboutValue(code reason.Code) bool {
	switch code {
	case reason.DuplicateKey, reason.InvalidUTF8, reason.InvalidUnicode, reason.TooManyRows, reason.ZipLength,
		reason.BadJSON, reason.TruncatedJSON, reason.RecordTooLarge, reason.KeyMismatch:
		return false
	}
	return true
}

// value is the value at text[p]; nil if there is none.
func (c *collector) value(text []byte, p int) []byte {
	if p < 0 {
		return nil
	}
	skip := jsonscan.Skipper{MaxDepth: c.m.Limits.Depth + 1}
	if end := skip.Value(text, p, 0); end >= 0 {
		return text[p:end]
	}
	return nil
}

// jsonType is the type of a value, as people name it.
func jsonType(value []byte) string {
	switch {
	case len(value) == 0:
		return "nothing"
	case string(value) == `""`:
		return "empty string"
	case value[0] == '"':
		return "string"
	case value[0] == '{':
		return "object"
	case string(value) == "[]":
		return "empty array"
	case value[0] == '[':
		return "array"
	case value[0] == 'n':
		return "null"
	case value[0] == 't', value[0] == 'f':
		return "boolean"
	case bytes.ContainsAny(value, ".eE"):
		return "number"
	}
	return "integer"
}

// found are the faults, with advice.
func (c *collector) found() Found {
	all := Found{Records: c.records, More: c.more}
	slices.SortStableFunc(c.order, func(a, b *group) int { return cmp.Compare(b.fault.Records, a.fault.Records) })
	for _, g := range c.order {
		g.fault.Advice, g.fault.Fixed = c.advise(g), c.fixed(g)
		all.Faults = append(all.Faults, g.fault)
	}
	if len(c.order) > 0 && !c.met && (c.order[0].code == reason.MissingField || c.order[0].code == reason.NoRows) {
		all.Faults[0].Advice = "look at records: no path of a column begins with a member of these records"
	}
	return all
}
