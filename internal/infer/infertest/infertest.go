// Package infertest makes mappings of documents, converts the documents with them
// and compares the tables with an independent reading.
package infertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/internal/infer"
	"sluice/internal/parquetread"
	"sluice/internal/profile"
	"sluice/internal/profiler"
	"sluice/mapping"
	"sluice/schema"
)

// Documents are read with encoding/json, the paths of the mapping are
// evaluated on them.

// An object keeps the order of its members.
type object []member

type member struct {
	name  string
	value any
}

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// decode reads documents one after another. Numbers are json.Number.
func decode(t testing.TB, text string) (docs []any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for {
		v, err := decodeValue(d)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		docs = append(docs, v)
	}
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			o = append(o, member{name.(string), v})
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

// recordsOf finds the records of an input.
func recordsOf(docs []any, places []mapping.Path) (all []any) {
	for _, p := range places {
		if all = nil; len(docs) == 0 || !fits(docs[0], p) {
			continue
		}
		for _, doc := range docs {
			all = append(all, at(doc, p)...)
		}
		return all
	}
	return nil
}

func fits(doc any, p mapping.Path) bool {
	for _, s := range p {
		switch s.Kind {
		case mapping.Wildcard:
			_, is := doc.([]any)
			return is
		default:
			o, is := doc.(object)
			if doc = o.get(s.Name); !is || doc == nil {
				return false
			}
		}
	}
	return true
}

func at(v any, p mapping.Path) []any {
	for i, s := range p {
		if s.Kind == mapping.Wildcard {
			var all []any
			for _, e := range v.([]any) {
				all = append(all, at(e, p[i+1:])...)
			}
			return all
		}
		v = v.(object).get(s.Name)
	}
	return []any{v}
}

// unwrap takes the values inside v out of their envelopes.
func unwrap(v any, e mapping.Envelope) any {
	if e == mapping.NoEnvelope {
		return v
	}
	switch v := v.(type) {
	case object:
		o := object{}
		for _, m := range v {
			o = append(o, member{m.name, unwrapSelf(m.value, e)})
		}
		return o
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, unwrapSelf(x, e))
		}
		return list
	}
	return v
}

func unwrapSelf(v any, e mapping.Envelope) any {
	o, is := v.(object)
	if !is || len(o) != 1 {
		return unwrap(v, e)
	}
	tag, in := o[0].name, o[0].value
	switch {
	case e == mapping.DynamoDB && tag == "NULL", e == mapping.MongoDB && tag == "$undefined":
		return nil
	case e == mapping.DynamoDB && slices.Contains([]string{"S", "N", "B", "BOOL", "M", "L", "SS", "NS", "BS"}, tag):
		return unwrap(in, e)
	case e == mapping.MongoDB && tag == "$date":
		if n, wrapped := in.(object); wrapped {
			in = json.Number(n[0].value.(string))
		}
		if ms, number := in.(json.Number); number {
			n, _ := ms.Int64()
			return time.UnixMilli(n).UTC().Format(time.RFC3339Nano)
		}
		return in
	case e == mapping.MongoDB && slices.Contains([]string{"$oid", "$uuid", "$symbol", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"}, tag):
		return in
	}
	return unwrap(v, e)
}

// An ordinal is the element or member that a wildcard stands for.
type ordinal struct {
	index int
	name  string
}

// rowsAt are the ordinals of the rows of a table, of one record.
func rowsAt(v any, explode mapping.Path) (rows [][]ordinal) {
	for i, s := range explode {
		below := func(o ordinal, e any) {
			for _, r := range rowsAt(e, explode[i+1:]) {
				rows = append(rows, append([]ordinal{o}, r...))
			}
		}
		switch s.Kind {
		case mapping.Wildcard:
			list, _ := v.([]any)
			for j, e := range list {
				below(ordinal{index: j}, e)
			}
			return rows
		case mapping.Members:
			o, _ := v.(object)
			for _, m := range o {
				below(ordinal{name: m.name}, m.value)
			}
			return rows
		}
		o, _ := v.(object)
		v = o.get(s.Name)
	}
	return [][]ordinal{nil}
}

// takes reports whether a table takes a row: what its conditions name is not null.
func takes(t *mapping.Table, record any, row []ordinal) bool {
	return !slices.ContainsFunc(t.Where, func(c mapping.Condition) bool { return cellOf(record, new(mapping.Column), c.Path, row) == nil })
}

// cellOf is what a column is fed in a row.
func cellOf(v any, c *mapping.Column, path mapping.Path, row []ordinal) any {
	for i, s := range path {
		switch s.Kind {
		case mapping.Wildcard:
			list, _ := v.([]any)
			v, row = list[row[0].index], row[1:]
		case mapping.Members:
			if c.MemberName && i == len(path)-1 {
				return row[0].name
			}
			o, _ := v.(object)
			v, row = o.get(row[0].name), row[1:]
		default:
			o, _ := v.(object)
			v = o.get(s.Name)
		}
	}
	return v
}

// same reports whether a cell holds the value.
func same(cell string, v any, c *mapping.Column, record any, row []ordinal, e mapping.Envelope) bool {
	if v == nil || v == "" && (len(c.NullValues) > 0) {
		return cell == parquetread.Null
	}
	switch c.Type.Kind {
	case schema.JSON:
		got, err := decodeOne(cell)
		// It holds what stood in the envelope: of a date, the milliseconds.
		return err == nil && (equal(unwrap(got, e), v) || e == mapping.MongoDB && equal(unwrapSelf(object{{"$date", got}}, e), v))
	case schema.List:
		list, is := v.([]any)
		got, err := decodeOne(cell)
		cells, _ := got.([]any)
		if err != nil || !is || len(cells) != len(list) {
			return false
		}
		one := *c
		one.Type = c.Type.Value()
		for i, x := range cells {
			cell := parquetread.Null
			if x != nil {
				cell = fmt.Sprint(x)
			}
			if !same(cell, list[i], &one, record, row, e) {
				return false
			}
		}
		return true
	case schema.String:
		switch v.(type) {
		case string, json.Number, bool:
			return cell == fmt.Sprint(v)
		}
		return false
	case schema.Boolean:
		return cell == fmt.Sprint(v)
	case schema.Double:
		want, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		return err == nil && cell == strconv.FormatFloat(want, 'g', -1, 64)
	case schema.Int64, schema.Decimal:
		want, ok := new(big.Rat).SetString(fmt.Sprint(v))
		got, also := new(big.Rat).SetString(cell)
		digits := 0
		switch u := c.MinorUnits; u.By {
		case mapping.Fixed:
			digits = u.Digits
		case mapping.ByDigits:
			digits, _ = strconv.Atoi(fmt.Sprint(cellOf(record, c, u.Path, row)))
		case mapping.ByCurrency:
			digits = map[any]int{"JPY": 0, "EUR": 2, "USD": 2, "KWD": 3}[cellOf(record, c, u.Path, row)]
		}
		scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
		return ok && also && want.Cmp(got.Mul(got, scale)) == 0
	case schema.Date:
		return cell == v
	case schema.Timestamp:
		got, err := time.Parse(time.RFC3339Nano, cell)
		if n, number := v.(json.Number); number {
			count, _ := n.Int64()
			unit := map[mapping.Unit]time.Duration{mapping.Seconds: time.Second, mapping.Milliseconds: time.Millisecond, mapping.Microseconds: time.Microsecond}[c.Unit]
			return err == nil && got.Equal(time.Unix(0, 0).Add(time.Duration(count)*unit))
		}
		for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05 -0700", "2006-01-02", time.RFC1123Z, time.RFC1123, time.RubyDate,
			"2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05-07", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00"} {
			if want, wrong := time.Parse(form, fmt.Sprint(v)); wrong == nil {
				return err == nil && got.Equal(want)
			}
		}
	}
	return false
}

func decodeOne(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return decodeValue(d)
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case object:
		b, is := b.(object)
		return is && slices.EqualFunc(a, b, func(x, y member) bool { return x.name == y.name && equal(x.value, y.value) })
	case []any:
		b, is := b.([]any)
		return is && slices.EqualFunc(a, b, equal)
	}
	return a == b
}

// A step leads to a scalar of a record.
type step struct {
	name    string
	element bool
}

// scalars calls f with each scalar and the steps that lead to it.
func scalars(v any, to []step, f func([]step)) {
	switch v := v.(type) {
	case nil:
	case object:
		for _, m := range v {
			scalars(m.value, append(slices.Clip(to), step{name: m.name}), f)
		}
	case []any:
		for _, e := range v {
			scalars(e, append(slices.Clip(to), step{element: true}), f)
		}
	default:
		f(to)
	}
}

// holds reports whether a table has the scalar to which the steps lead.
func holds(t *mapping.Table, to []step) bool {
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.MemberName || len(c.Path) > len(to) {
			continue
		}
		ok, named := true, true
		for j, s := range c.Path {
			switch s.Kind {
			case mapping.Wildcard:
				ok = ok && to[j].element
			case mapping.Members:
				ok = ok && !to[j].element
				named = named && slices.ContainsFunc(t.Columns, func(d mapping.Column) bool { return d.MemberName && slices.Equal(d.Path, c.Path[:j+1]) })
			default:
				ok = ok && !to[j].element && to[j].name == s.Name
			}
		}
		rest := to[len(c.Path):]
		switch {
		case !ok || !named:
		case c.Type.Kind == schema.JSON, len(rest) == 0, c.Type.Kind == schema.List && len(rest) == 1 && rest[0].element:
			return true
		}
	}
	return false
}

// input is the text of an input for the profiler.
func input(name, text string) profiler.Input {
	return profiler.Input{Name: name, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

// Profile is what stands in the texts, with their records at one of these places,
// which is found out if none is given.
func Profile(t testing.TB, records []string, texts ...string) (*profile.Profile, error) {
	t.Helper()
	opts := profiler.Options{Threads: 1, Limits: mapping.DefaultLimits}
	opts.Limits.Depth = 500
	for _, r := range records {
		p, err := mapping.ParsePath(r)
		if err != nil {
			t.Fatal(err)
		}
		opts.Records = append(opts.Records, p)
	}
	var inputs []profiler.Input
	for i, text := range texts {
		inputs = append(inputs, input(fmt.Sprintf("in%d.json", i), text))
	}
	p, err := profiler.Run(context.Background(), inputs, opts)
	if err == nil && records == nil {
		profiler.Unwrap(p)
	}
	return p, err
}

// RoundTrip makes the mapping of texts, converts them with it and compares both
// ways: each cell with the document, each scalar of the document with the
// columns.
func RoundTrip(t testing.TB, records []string, texts ...string) *infer.Result {
	t.Helper()
	p, err := Profile(t, records, texts...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := infer.Mapping(p, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if warnings := r.Mapping.Cautions(); len(warnings) > 0 {
		t.Errorf("check warns of the mapping: %v\n%s", warnings, r.YAML)
	}
	for _, text := range texts {
		convertsBack(t, r, text)
	}
	return r
}

// Takes makes the mapping of any input, if it has a record. Whatever it is, the
// mapping passes the check, and takes each sound record.
func Takes(t testing.TB, doc []byte) {
	if bytes.HasPrefix(doc, []byte(`{"sluice_`)) {
		return
	}
	for _, records := range [][]string{{"$[*]", "$"}, nil} {
		p, err := Profile(t, records, string(doc))
		if err != nil || p.Records == 0 {
			continue // no input
		}
		r, err := infer.Mapping(p, infer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := *r.Mapping
		m.Limits.QuarantineShare = 1
		stats, err := sluice.Convert(context.Background(), nil, bytes.NewReader(doc), &m, &sluice.Options{
			Codec: sluice.None, Source: "in.json", Quarantine: io.Discard, Table: func(string) (io.Writer, error) { return io.Discard, nil },
		})
		if err != nil || stats.RecordsQuarantined != p.Broken || stats.RecordsRead != p.Records+p.Broken {
			t.Fatalf("convert: %v; %d of %d+%d records read, %d quarantined %v\n%s\n%s", err, stats.RecordsRead, p.Records, p.Broken, stats.RecordsQuarantined, stats.Reasons, r.YAML, doc)
		}
	}
}

// Tables are the rows that a mapping makes of a text, by the name of their table.
// Nothing is quarantined.
func Tables(t testing.TB, m *mapping.Mapping, text string) map[string][][]string {
	t.Helper()
	files := map[string]*bytes.Buffer{}
	var bad bytes.Buffer
	stats, err := sluice.Convert(context.Background(), nil, strings.NewReader(text), m, &sluice.Options{
		Codec: sluice.None, Source: "in.json", Quarantine: &bad,
		Table: func(name string) (io.Writer, error) {
			files[name] = &bytes.Buffer{}
			return files[name], nil
		},
	})
	if err != nil || stats.RecordsQuarantined > 0 {
		t.Fatalf("convert: %v, %d records quarantined\n%s\n%s", err, stats.RecordsQuarantined, bad.Bytes(), shorten(text))
	}
	tables := map[string][][]string{}
	for name, file := range files {
		tables[name] = readRows(t, file.Bytes())
	}
	return tables
}

func convertsBack(t testing.TB, r *infer.Result, text string) {
	t.Helper()
	tables := Tables(t, r.Mapping, text)
	e := r.Mapping.Envelope
	records := recordsOf(decode(t, text), r.Mapping.Records)
	for i := range records {
		records[i] = unwrap(records[i], e)
	}
	for i := range r.Mapping.Tables {
		table := &r.Mapping.Tables[i]
		rows := tables[table.Name]
		n := 0
		for number, record := range records {
			for _, row := range rowsAt(record, table.Explode) {
				if !takes(table, record, row) {
					continue
				}
				if n >= len(rows) {
					t.Fatalf("table %s has %d rows, and that is too few\n%s\n%s", table.Name, len(rows), r.YAML, shorten(text))
				}
				for k := range table.Columns {
					c := &table.Columns[k]
					if want := cellOf(record, c, c.Path, row); !same(rows[n][k], want, c, record, row, e) {
						t.Fatalf("record %d, table %s, row %d: %s is %q, and %v stands at %s\n%s\n%s", number, table.Name, n, c.Name, rows[n][k], want, c.Path, r.YAML, shorten(text))
					}
				}
				n++
			}
		}
		if n != len(rows) {
			t.Fatalf("table %s has %d rows, the documents %d\n%s\n%s", table.Name, len(rows), n, r.YAML, shorten(text))
		}
	}
	if r.Mapping.UnknownFields != mapping.Count {
		return // what no column holds is kept
	}
	for _, record := range records {
		scalars(record, nil, func(to []step) {
			if !slices.ContainsFunc(r.Mapping.Tables, func(table mapping.Table) bool { return holds(&table, to) }) {
				t.Fatalf("no table holds %v\n%s\n%s", to, r.YAML, shorten(text))
			}
		})
	}
}

func shorten(text string) string { return text[:min(len(text), 4000)] }

func readRows(t testing.TB, data []byte) (rows [][]string) {
	t.Helper()
	f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Rows(math.MaxInt, func(row []string) error {
		rows = append(rows, slices.Clone(row))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}
