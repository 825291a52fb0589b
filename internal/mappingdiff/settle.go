package mappingdiff

import (
	"fmt"
	"slices"
	"strings"

	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// rounds bounds how often the documents are tried: each time, every column with a
// fault is changed once more, to something that takes more.
const rounds = 6

// settle tries the changed mapping, and changes what does not fit yet.
func (d *differ) settle(try Try) error {
	if err := d.next.Validate(); err != nil {
		return fmt.Errorf("change mapping: this should not happen, please report it: %w", err)
	}
	if try == nil {
		return nil
	}
	for round := range rounds {
		faults, err := try(d.next)
		if err != nil {
			return fmt.Errorf("try the changed mapping: %w", err)
		}
		changed := map[string]bool{} // columns and paths, once in a round
		for i := range faults {
			f := &faults[i]
			key := f.Table + "." + f.Column
			if f.Column == "" {
				key = f.Path
			}
			if changed[key] {
				continue
			}
			changed[key] = d.adapt(f, round)
		}
		if len(changed) == 0 || !slices.Contains(values(changed), true) {
			for i := range faults {
				d.left(&faults[i])
			}
			return nil
		}
	}
	return nil
}

func values(m map[string]bool) (all []bool) {
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// left reports what no change of the mapping takes.
func (d *differ) left(f *Fault) {
	d.add(Change{
		Class: Breaking, Kind: Type, Table: f.Table, Column: f.Column, Path: f.Path, New: string(f.Reason), Values: f.Values, First: where(f),
	})
}

func where(f *Fault) *First {
	if f.Offset < 0 {
		return nil
	}
	return &First{f.Source, f.Offset}
}

// adapt changes the mapping for a fault; false if there is nothing to change.
func (d *differ) adapt(f *Fault, round int) bool {
	change := Change{Class: Breaking, Kind: Type, Table: f.Table, Column: f.Column, Path: f.Path, New: strings.TrimPrefix(f.Found+", ", ", ") + string(f.Reason), Values: f.Values, First: where(f)}
	before := clone(d.next)
	t := slices.IndexFunc(d.next.Tables, func(t mapping.Table) bool { return t.Name == f.Table })
	switch {
	case f.Column != "" && t >= 0:
		c := slices.IndexFunc(d.next.Tables[t].Columns, func(c mapping.Column) bool { return c.Name == f.Column })
		col := d.at(t, c)
		was := *col
		change.Old = takes(&was)
		*col = d.adapted(was, f, round)
		change.Class, change.Patch = edit(&was, col)
		if f.Reason == reason.MissingField {
			change.Kind, change.Old, change.New = Null, "required", "no value"
		} else if was.Type == col.Type {
			change.Kind = Form
		}
	case f.Reason == reason.NotObject || f.Reason == reason.NotArray || f.Reason == reason.WrongType || f.Reason == reason.BadEmbeddedJSON:
		change.Kind = Shape
		path, err := mapping.ParsePath(f.Path)
		if err != nil || len(path) == 0 {
			return false
		}
		for t := range d.next.Tables {
			table := d.table(t)
			touches := slices.ContainsFunc(table.Exploded(), func(p mapping.Path) bool { return len(p) > len(path) && p.HasPrefix(path) })
			for c := range table.Columns {
				touches = touches || slices.ContainsFunc(table.Columns[c].Paths(), func(p mapping.Path) bool { return len(p) > len(path) && p.HasPrefix(path) })
			}
			if touches && len(table.Zip) == 0 {
				change.Table = table.Name
				d.blocked(t, path)
			}
		}
		d.next.ParseJSON = slices.DeleteFunc(slices.Clone(d.next.ParseJSON), func(p mapping.Path) bool { return p.HasPrefix(path) })
		change.Patch = "the columns below hold nothing; a json column holds all of it"
	case f.Reason == reason.NoRows:
		change.Kind, change.Old, change.New, change.Patch = Rows, "at least one row", "no row", "when_empty: keep"
		for t := range d.next.Tables {
			if table := d.table(t); slices.ContainsFunc(table.Exploded(), func(p mapping.Path) bool { return p.String() == f.Path || len(p) > 0 }) && table.WhenEmpty == mapping.Quarantine {
				table.WhenEmpty, change.Table = mapping.Keep, table.Name
			}
		}
	case f.Reason == reason.UnknownField:
		change.Kind, change.Old, change.New, change.Patch = Settings, "unknown_fields: reject", "unknown member", "unknown_fields: count"
		d.next.UnknownFields = mapping.Count
	default:
		return false
	}
	if d.next.Canonical() == before.Canonical() {
		return false
	}
	if d.next.Validate() != nil {
		d.next = before
		return false
	}
	d.add(change)
	return true
}

// adapted is the column with the next change that may help: what is sure, then what
// takes any value.
func (d *differ) adapted(c mapping.Column, f *Fault, round int) mapping.Column {
	more := map[string]mapping.From{
		"string": mapping.FromString, "empty string": mapping.FromString, "integer": mapping.FromInteger, "number": mapping.FromInteger | mapping.FromNumber, "boolean": mapping.FromBoolean,
	}[f.Found]
	single := c.Type.Kind != schema.List && c.Type.Kind != schema.JSON
	switch {
	case f.Reason == reason.MissingField:
		c.Required = false
	case f.Fixed != nil:
		c = *f.Fixed
	case (f.Found == "object" || f.Found == "array" || f.Found == "empty array") && c.Else == nil, round >= rounds-2:
		c = asJSON(c)
	case single && !c.NullOnError && round < 2 && f.Records*2 <= d.p.Records:
		c.NullOnError, c.Required = true, false
	case c.Type.Value().Kind == schema.String:
		c.From |= more
		c.Mask, c.NullOnError = mapping.NoMask, single
		c.Required = c.Required && !single
	default:
		c = asText(c, more)
	}
	return c
}
