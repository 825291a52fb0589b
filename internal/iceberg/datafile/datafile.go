// Package datafile joins Iceberg and Parquet: what a table says of a file that
// parquetfile has written, and the files that take rows out of sight.
package datafile

import (
	"slices"

	"sluice/internal/iceberg"
	"sluice/internal/parquetfile"
	"sluice/schema"
)

// Columns are columns with the IDs that the table's schema gives them. A column that
// the schema does not have gets none.
func Columns(columns []schema.Column, s *iceberg.Schema) []schema.Column {
	columns = slices.Clone(columns)
	for i := range columns {
		c := &columns[i]
		if f := s.Field(c.Name); f != nil {
			c.ID = f.ID
			if f.Type.List != nil {
				c.ValueID = f.Type.List.ElementID
			}
		}
	}
	return columns
}

// Describe is the entry of a file that is complete, without path and partition.
func Describe(f *parquetfile.Writer, columns []schema.Column) iceberg.DataFile {
	d := iceberg.DataFile{Format: "PARQUET", Rows: f.Rows(), Bytes: f.Bytes()}
	for i, t := range f.Totals() {
		c := &columns[i]
		id := int32(c.ID)
		if c.Type.Kind == schema.List { // Parquet's values are those inside it
			id = int32(c.ValueID)
		}
		d.ColumnBytes = append(d.ColumnBytes, iceberg.Count{ID: id, N: t.Bytes})
		if c.Type.Kind == schema.List {
			continue // what counts as a value of a list, readers see differently
		}
		d.Values = append(d.Values, iceberg.Count{ID: id, N: t.Levels})
		d.Nulls = append(d.Nulls, iceberg.Count{ID: id, N: t.Nulls})
		if t.Low != nil {
			d.Lower = append(d.Lower, iceberg.Bound{ID: id, Value: bound(c.Type, t.Low)})
			d.Upper = append(d.Upper, iceberg.Bound{ID: id, Value: bound(c.Type, t.High)})
		}
	}
	return d
}

// bound is a bound of Parquet as Iceberg has it (Spec, appendix D): only decimals
// differ, which are little-endian in Parquet if they have up to 18 digits.
func bound(t schema.Type, b []byte) []byte {
	if t.Kind != schema.Decimal {
		return b
	}
	b = slices.Clone(b)
	if !t.Wide() {
		slices.Reverse(b)
	}
	return iceberg.Minimal(b)
}
