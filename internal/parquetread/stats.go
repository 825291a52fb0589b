package parquetread

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquettype"
	"sluice/schema"
)

// Stats is what the footer says of the values of a column in a row group.
type Stats struct {
	Nulls    int64 // -1: not known
	Min, Max Value // NULL: not known, or maybe not a value of the column, as of texts
}

// Stats reads the statistics of a column in a row group. Of texts and lists there are
// no bounds: those of long texts are cut.
func (f *File) Stats(group, column int) Stats {
	t := f.schema.Columns[column].Type
	s := Stats{Nulls: -1, Min: Value{Null: true}, Max: Value{Null: true}}
	m := &f.meta.RowGroups[group].Columns[column].MetaData
	if n := m.Statistics.NullCount; t.Kind != schema.List && 0 <= n && n <= m.NumValues {
		s.Nulls = n
	}
	if t.Kind != schema.List && t.Kind != schema.String && t.Kind != schema.JSON {
		s.Min, s.Max = bound(m.Statistics.MinValue, t), bound(m.Statistics.MaxValue, t)
	}
	return s
}

// bound reads a value as PLAIN has it.
func bound(b []byte, t schema.Type) Value {
	physical, length := parquettype.Physical(t)
	switch {
	case physical == format.Boolean && len(b) == 1:
		return Value{Int: int64(b[0] & 1)}
	case physical == format.Int32 && len(b) == 4:
		return Value{Int: int64(int32(binary.LittleEndian.Uint32(b)))}
	case physical == format.Int64 && len(b) == 8:
		return Value{Int: int64(binary.LittleEndian.Uint64(b))}
	case physical == format.Double && len(b) == 8:
		return Value{Float: math.Float64frombits(binary.LittleEndian.Uint64(b))}
	case physical == format.FixedLenByteArray && len(b) == length:
		return Value{Bytes: b}
	}
	return Value{Null: true}
}
