package lake

import (
	"bytes"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/parquetread"
	"sluice/schema"
)

// What a filter asks of a value.
const (
	OpIs    = "is"    // equal
	OpNull  = "null"  // there is none
	OpFrom  = "from"  // this or greater: of numbers and times
	OpBelow = "below" // less: of numbers and times
)

const (
	maxFilters     = 16
	maxFilterBytes = 4096 // of a value
)

// Filter leaves the rows whose value of a column is as it says; of several, those that
// all of them leave.
type Filter struct{ Column, Op, Value string }

// filter is a Filter of a View.
type filter struct {
	column int
	op     string
	typ    schema.Type
	value  parquetread.Value
}

// filtered is the View with only the rows that filters leave. Rows counts all.
func (v *View) filtered(filters []Filter) (*View, error) {
	if len(filters) == 0 {
		return v, nil
	}
	if len(filters) > maxFilters {
		return nil, wrong("read table %s: there are %d filters; %d are possible", v.Name, len(filters), maxFilters)
	}
	some := *v
	some.filters = nil
	for _, f := range filters {
		column, err := v.Column(f.Column)
		if err != nil {
			return nil, err
		}
		made := filter{column: column, op: f.Op, typ: v.Columns[column].Type}
		if err := made.parse(f.Value); err != nil {
			return nil, err
		}
		some.filters = append(some.filters, made)
	}
	return &some, nil
}

// parse reads the value that a filter compares with, as text of the column.
func (f *filter) parse(text string) error {
	switch {
	case f.op == OpNull:
		return nil
	case f.op != OpIs && f.op != OpFrom && f.op != OpBelow:
		return wrong("filter rows: %q is no condition; there is %s, %s, %s and %s", f.op, OpIs, OpNull, OpFrom, OpBelow)
	case len(text) > maxFilterBytes:
		return wrong("filter rows: the value has more than %d bytes", maxFilterBytes)
	case f.op != OpIs && kindOf(f.typ) == kindText:
		return wrong("filter rows: a column of type %s has no order; only numbers and times have one", f.typ)
	}
	ok := true
	switch f.typ.Kind {
	case schema.Boolean:
		ok = text == "true" || text == "false"
		if text == "true" {
			f.value.Int = 1
		}
	case schema.Double:
		n, err := strconv.ParseFloat(text, 64)
		f.value.Float, ok = n, err == nil && n == n
	case schema.Date:
		at, err := time.Parse(time.DateOnly, text)
		f.value.Int, ok = down(at.Unix(), int64(day/second)), err == nil
	case schema.Timestamp:
		at, err := time.Parse(time.RFC3339Nano, text)
		f.value.Int, ok = at.UnixMicro(), err == nil
	case schema.Int32, schema.Int64, schema.Decimal:
		f.value, ok = unscaled(text, f.typ.Scale)
	default:
		f.value.Bytes = short([]byte(text))
	}
	if !ok {
		return wrong("filter rows: the value is no %s", f.typ)
	}
	return nil
}

// unscaled is a number of so many digits after the point, without the point.
func unscaled(text string, scale int) (v parquetread.Value, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	digits := strings.TrimLeft(whole, "-")
	if digits == "" || len(whole)-len(digits) > 1 || len(fraction) > scale || strings.Trim(digits+fraction, "0123456789") != "" {
		return v, false
	}
	n, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10)
	if !ok || n.BitLen() > 250 {
		return v, false
	}
	if n.IsInt64() {
		return parquetread.Value{Int: n.Int64()}, true
	}
	return parquetread.Value{Bytes: twosComplement(n)}, true
}

// leaves reports whether a value is as the filter says. Texts are told apart by their
// beginnings, as in a profile.
func (f *filter) leaves(v parquetread.Value) bool {
	if v.Null || f.op == OpNull {
		return v.Null && f.op == OpNull
	}
	if isText(f.typ) {
		return bytes.Equal(short(v.Bytes), f.value.Bytes)
	}
	if isNaN(v, f.typ) {
		return false
	}
	order := compare(v, f.value, f.typ)
	return f.op == OpIs && order == 0 || f.op == OpFrom && order >= 0 || f.op == OpBelow && order < 0
}

// may reports whether a row group may have rows that the filter leaves, as the footer
// says it.
func (s *source) may(group int, f *filter) bool {
	at := s.w.at[f.column]
	if at < 0 {
		_, is := s.w.Constants[s.v.Columns[f.column].Name]
		return is || f.op == OpNull
	}
	found, from := s.file.Stats(group, at), s.w.columns[at].Type
	if f.op == OpNull {
		return found.Nulls != 0
	}
	if found.Nulls == s.w.groups[group] {
		return false
	}
	if found.Min.Null || found.Max.Null || isText(f.typ) {
		return true
	}
	low, high := compare(widened(found.Min, from, f.typ), f.value, f.typ), compare(widened(found.Max, from, f.typ), f.value, f.typ)
	return f.op == OpIs && low <= 0 && high >= 0 || f.op == OpFrom && high >= 0 || f.op == OpBelow && low < 0
}

// sift calls fn as scan does, with the rows that the filters of the View leave.
func (s *source) sift(p part, columns []int, fn func(batch [][]parquetread.Value) error) error {
	all := slices.Clone(columns)
	at := make([]int, len(s.v.filters)) // in all
	for i := range s.v.filters {
		f := &s.v.filters[i]
		if !s.may(p.group, f) {
			return nil
		}
		if at[i] = slices.Index(all, f.column); at[i] < 0 {
			at[i] = len(all)
			all = append(all, f.column)
		}
	}
	batch := make([][]parquetread.Value, len(columns))
	return s.read(p, all, func(values [][]parquetread.Value) error {
		n := 0
	rows:
		for row := range values[0] {
			for i := range s.v.filters {
				if !s.v.filters[i].leaves(values[at[i]][row]) {
					continue rows
				}
			}
			for _, column := range values {
				column[n] = column[row]
			}
			n++
		}
		if n == 0 {
			return nil
		}
		for i := range batch {
			batch[i] = values[i][:n]
		}
		return fn(batch)
	})
}
