// Package parquettype says how a column is described in a Parquet file, to
// whoever writes one and to whoever reads it back.
package parquettype

import (
	"fmt"
	"math/big"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/schema"
)

// Physical is the type values are stored in, and for FIXED_LEN_BYTE_ARRAY
// their length in bytes.
func Physical(t schema.Type) (format.Type, int) {
	switch t.Kind {
	case schema.Boolean:
		return format.Boolean, 0
	case schema.Int32, schema.Date:
		return format.Int32, 0
	case schema.Int64, schema.Timestamp:
		return format.Int64, 0
	case schema.Double:
		return format.Double, 0
	case schema.Decimal:
		// The smallest type the precision fits (spec, LogicalTypes.md, DECIMAL).
		switch {
		case t.Precision <= 9:
			return format.Int32, 0
		case t.Precision <= 18:
			return format.Int64, 0
		}
		return format.FixedLenByteArray, decimalBytes(t.Precision)
	default:
		return format.ByteArray, 0
	}
}

// decimalBytes is the smallest number of bytes of a two's complement number
// that holds every decimal of that precision.
func decimalBytes(precision int) int {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	limit.Sub(limit, big.NewInt(1))
	return (limit.BitLen() + 1 + 7) / 8 // and one bit for the sign
}

// Element is the schema element of a column.
//
// Every column is OPTIONAL, also one the mapping calls required: files of
// older and newer mappings stand side by side under one table, a record
// without exploded elements has rows without their values (when_empty: keep),
// and readers disagree about a column that is required in one file only.
//
// Both annotations are set, since old readers know the converted type only
// (spec, LogicalTypes.md). Plain integers have none: INT(32, true) and none
// mean the same, and none is what every reader takes.
//
// JSON is annotated as a string. The JSON annotation has the same bytes and
// the same order, but Athena and Redshift Spectrum declare the column as a
// string, and readers without a JSON type show annotated columns as binary.
func Element(c schema.Column) format.SchemaElement {
	typ, length := Physical(c.Type)
	e := format.SchemaElement{
		Name:           c.Name,
		Type:           thrift.New(typ),
		RepetitionType: thrift.New(format.Optional),
	}
	if length > 0 {
		e.TypeLength = thrift.New(int32(length))
	}
	switch c.Type.Kind {
	case schema.String, schema.JSON:
		e.ConvertedType = thrift.New(deprecated.UTF8)
		e.LogicalType.Value = &format.StringType{}
	case schema.Date:
		e.ConvertedType = thrift.New(deprecated.Date)
		e.LogicalType.Value = &format.DateType{}
	case schema.Timestamp:
		e.ConvertedType = thrift.New(deprecated.TimestampMicros)
		e.LogicalType.Value = &format.TimestampType{
			IsAdjustedToUTC: true,
			Unit:            format.TimeUnit{Value: &format.MicroSeconds{}},
		}
	case schema.Decimal:
		precision, scale := int32(c.Type.Precision), int32(c.Type.Scale)
		e.ConvertedType = thrift.New(deprecated.Decimal)
		e.Precision, e.Scale = thrift.New(precision), thrift.New(scale)
		e.LogicalType.Value = &format.DecimalType{Precision: precision, Scale: scale}
	}
	return e
}

// Column is the column a schema element describes: the inverse of Element,
// but for json, which comes back as a string. An element that Element does not
// make is an error.
func Column(e format.SchemaElement) (schema.Column, error) {
	c := schema.Column{Name: e.Name}
	switch logical := e.LogicalType.Value.(type) {
	case nil:
		switch e.Type.V {
		case format.Boolean:
			c.Type.Kind = schema.Boolean
		case format.Int32:
			c.Type.Kind = schema.Int32
		case format.Int64:
			c.Type.Kind = schema.Int64
		case format.Double:
			c.Type.Kind = schema.Double
		}
	case *format.StringType:
		c.Type.Kind = schema.String
	case *format.DateType:
		c.Type.Kind = schema.Date
	case *format.TimestampType:
		if _, micros := logical.Unit.Value.(*format.MicroSeconds); micros && logical.IsAdjustedToUTC {
			c.Type.Kind = schema.Timestamp
		}
	case *format.DecimalType:
		p, s := int(logical.Precision), int(logical.Scale)
		if 1 <= p && p <= schema.MaxPrecision && 0 <= s && s <= p {
			c.Type = schema.Type{Kind: schema.Decimal, Precision: p, Scale: s}
		}
	}
	typ, length := Physical(c.Type)
	if c.Type.Kind == 0 || e.NumChildren.Valid || !e.Type.Valid || e.Type.V != typ ||
		length > 0 && e.TypeLength.V != int32(length) || e.RepetitionType.V != format.Optional {
		return c, fmt.Errorf("column %q: not a type sluice writes", e.Name)
	}
	return c, nil
}
