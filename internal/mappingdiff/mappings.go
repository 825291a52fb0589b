package mappingdiff

import (
	"fmt"
	"slices"
	"strings"

	"sluice/mapping"
	"sluice/schema"
)

// Mappings compares two mappings.
func Mappings(old, next *mapping.Mapping) []Change {
	var all []Change
	add := func(c Change) { all = append(all, c) }
	setting := func(class Class, key, was, is string) {
		if was != is {
			add(Change{Class: class, Kind: Settings, Path: key, Old: was, New: is})
		}
	}
	if was, is := paths(old.Records), paths(next.Records); was != is {
		class := Breaking
		if strings.Contains(", "+is+", ", ", "+was+", ") && next.Records[0].String() == old.Records[0].String() {
			class = Widening
		}
		add(Change{Class: class, Kind: Records, Path: "records", Old: was, New: is})
	}
	setting(Breaking, "key", old.Key, next.Key)
	setting(Breaking, "envelope", old.Envelope.String(), next.Envelope.String())
	setting(Widening, "parse_json", paths(old.ParseJSON), paths(next.ParseJSON))
	setting(Additive, "drop", paths(old.Drop), paths(next.Drop))
	setting(stricter(next.UnknownFields == mapping.Refused), "unknown_fields", old.UnknownFields.String(), next.UnknownFields.String())
	setting(stricter(next.NoRecords == mapping.NoRecordsRejected), "no_records", old.NoRecords.String(), next.NoRecords.String())
	setting(stricter(next.OnDrift == mapping.DriftHeld), "on_drift", old.OnDrift.String(), next.OnDrift.String())
	setting(stricter(!next.Provenance), "provenance", fmt.Sprint(old.Provenance), fmt.Sprint(next.Provenance))
	setting(Widening, "limits", fmt.Sprintf("%+v", old.Limits), fmt.Sprintf("%+v", next.Limits))

	for i := range old.Tables {
		t := &old.Tables[i]
		u := tableOf(next, t.Name)
		if u == nil {
			add(Change{Class: Breaking, Kind: Gone, Table: t.Name, Old: rowsOf(t)})
			continue
		}
		if was, is := rowsOf(t), rowsOf(u); was != is {
			add(Change{Class: Breaking, Kind: Rows, Table: t.Name, Path: "explode", Old: was, New: is})
		}
		if len(t.Exploded()) > 0 && len(u.Exploded()) > 0 && t.WhenEmpty != u.WhenEmpty {
			add(Change{Class: stricter(u.WhenEmpty != mapping.Keep), Kind: Rows, Table: t.Name, Path: "when_empty", Old: t.WhenEmpty.String(), New: u.WhenEmpty.String()})
		}
		if was, is := conditions(old, i), conditions(next, slices.IndexFunc(next.Tables, func(x mapping.Table) bool { return x.Name == t.Name })); was != is {
			add(Change{Class: Breaking, Kind: Rows, Table: t.Name, Path: "where", Old: was, New: is})
		}
		all = append(all, columns(t, u)...)
	}
	for i := range next.Tables {
		if u := &next.Tables[i]; tableOf(old, u.Name) == nil {
			add(Change{Class: Additive, Kind: Added, Table: u.Name, New: rowsOf(u)})
		}
	}
	return sorted(all)
}

// stricter is the class of a setting that is so, or was.
func stricter(is bool) Class {
	if is {
		return Breaking
	}
	return Widening
}

func tableOf(m *mapping.Mapping, name string) *mapping.Table {
	for i := range m.Tables {
		if m.Tables[i].Name == name {
			return &m.Tables[i]
		}
	}
	return nil
}

func rowsOf(t *mapping.Table) string {
	if all := t.Exploded(); len(all) > 0 {
		return "a row per " + paths(all)
	}
	return "a row per record"
}

func paths(all []mapping.Path) string {
	var words []string
	for _, p := range all {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}

// conditions is where of a table, as its canonical form has it.
func conditions(m *mapping.Mapping, table int) string {
	one := mapping.Mapping{Tables: []mapping.Table{{Name: "t", Where: m.Tables[table].Where}}, Limits: mapping.DefaultLimits}
	_, where, _ := strings.Cut(one.Canonical(), "where:")
	where, _, _ = strings.Cut(where, "    columns:")
	return strings.Join(strings.Fields(where), " ")
}

// columns compares the columns of a table, by their names. One that is removed
// and one that is added with the same source are the same column, renamed.
func columns(t, u *mapping.Table) (all []Change) {
	for i := range t.Columns {
		c := &t.Columns[i]
		change := Change{Table: t.Name, Column: c.Name, Path: source(c)}
		d := columnOf(u, c.Name)
		if d != nil {
			all = append(all, column(change, c, d)...)
			continue
		}
		change.Class, change.Kind, change.Old = Breaking, Gone, c.Type.String()
		for j := range u.Columns {
			if d := &u.Columns[j]; source(d) == source(c) && columnOf(t, d.Name) == nil {
				change.Kind, change.Old, change.New = Renamed, c.Name, d.Name
			}
		}
		all = append(all, change)
	}
	for j := range u.Columns {
		d := &u.Columns[j]
		same := func(c Change) bool { return c.Kind == Renamed && c.New == d.Name }
		if columnOf(t, d.Name) != nil || slices.ContainsFunc(all, same) {
			continue
		}
		class := Additive
		if d.Required {
			class = Breaking
		}
		all = append(all, Change{Class: class, Kind: Added, Table: t.Name, Column: d.Name, Path: source(d), New: typed(d)})
	}
	return all
}

func columnOf(t *mapping.Table, name string) *mapping.Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// source is what feeds a column.
func source(c *mapping.Column) string {
	switch {
	case c.Key != "":
		return "key: " + c.Key
	case c.Const != nil:
		return "const"
	case c.Empty:
		return "const: null"
	}
	return paths(c.Values())
}

func typed(c *mapping.Column) string {
	if c.Required {
		return c.Type.String() + ", required"
	}
	return c.Type.String()
}

// column compares two columns of one name.
func column(change Change, c, d *mapping.Column) (all []Change) {
	add := func(class Class, kind Kind, was, is string) {
		change.Class, change.Kind, change.Old, change.New = class, kind, was, is
		all = append(all, change)
	}
	if was, is := source(c), source(d); was != is {
		class := Breaking
		if len(c.Values()) > 0 && slices.EqualFunc(c.Values(), d.Values()[:min(len(c.Values()), len(d.Values()))], slices.Equal) {
			class = Widening
		}
		add(class, Renamed, was, is)
	}
	if c.Type != d.Type {
		class := Breaking
		if wider(c.Type, d.Type) {
			class = Widening
		}
		add(class, Type, c.Type.String(), d.Type.String())
	}
	if c.From != d.From && c.Type.Value().Kind == d.Type.Value().Kind {
		class := Breaking
		if d.From&c.From == c.From {
			class = Widening
		}
		add(class, Type, "from: ["+c.From.String()+"]", "from: ["+d.From.String()+"]")
	}
	if c.Required != d.Required {
		add(stricter(d.Required), Null, typed(c), typed(d))
	}
	if c.NullOnError != d.NullOnError {
		add(stricter(c.NullOnError), Type, onError(c), onError(d))
	}
	if was, is := reading(c), reading(d); was != is {
		add(Breaking, Form, was, is)
	}
	return all
}

func onError(c *mapping.Column) string {
	if c.NullOnError {
		return "on_error: null"
	}
	return "on_error: quarantine"
}

// reading is what else decides which value a column has, as its canonical form
// has it.
func reading(c *mapping.Column) string {
	bare := *c
	bare.Name, bare.Required, bare.Bloom, bare.PII, bare.From, bare.NullOnError = "", false, false, "", mapping.FromString, false
	bare.Type, bare.Path, bare.Else, bare.Key, bare.Const, bare.Empty = schema.Type{Kind: schema.String}, nil, nil, "", nil, false
	one := mapping.Mapping{Tables: []mapping.Table{{Columns: []mapping.Column{bare}}}}
	_, keys, _ := strings.Cut(one.Canonical(), "bloom: false")
	return strings.TrimPrefix(strings.TrimSuffix(strings.TrimSpace(keys), "}"), ", ")
}

// wider reports whether type d holds all values of type c.
func wider(c, d schema.Type) bool {
	if (c.Kind == schema.List) != (d.Kind == schema.List) {
		return false
	}
	c, d = c.Value(), d.Value()
	whole := map[schema.Kind]int{schema.Int32: 10, schema.Int64: 19, schema.Decimal: c.Precision - c.Scale}[c.Kind]
	switch {
	case c == d:
		return true
	case d.Kind == schema.Int64:
		return c.Kind == schema.Int32
	case d.Kind == schema.Decimal:
		return whole > 0 && d.Precision-d.Scale >= min(whole, schema.MaxPrecision-d.Scale) && d.Scale >= c.Scale
	case d.Kind == schema.Double:
		return c.Kind == schema.Int32
	case d.Kind == schema.Timestamp:
		return c.Kind == schema.Date
	}
	return false
}
