// Package parquettype says how a column is described in a Parquet file, to
// whoever writes one and to whoever reads it back.
package parquettype

import (
	"errors"
	"fmt"
	"reflect"

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
		return format.FixedLenByteArray, schema.DecimalBytes(t.Precision)
	default:
		return format.ByteArray, 0
	}
}

// The names of the two levels inside a list. Readers find a list by its shape,
// and its fields by these names (spec, LogicalTypes.md, Lists).
const (
	repeated = "list"
	value    = "element"
)

// Path is the path of a column's values in the schema.
func Path(c schema.Column) []string {
	if c.Type.Kind == schema.List {
		return []string{c.Name, repeated, value}
	}
	return []string{c.Name}
}

// Elements are the schema elements of a column. That of a list has three: the
// list, which may be NULL; what repeats, as often as there are values; and the
// value, which may be NULL.
func Elements(c schema.Column) []format.SchemaElement {
	if c.Type.Kind != schema.List {
		e := identified(element(c.Name, c.Type), c.ID)
		if c.NotNull {
			e.RepetitionType = thrift.New(format.Required)
		}
		return []format.SchemaElement{e}
	}
	list := format.SchemaElement{
		Name:           c.Name,
		RepetitionType: thrift.New(format.Optional),
		NumChildren:    thrift.New[int32](1),
		ConvertedType:  thrift.New(deprecated.List),
	}
	list.LogicalType.Value = &format.ListType{}
	return []format.SchemaElement{identified(list, c.ID), {
		Name:           repeated,
		RepetitionType: thrift.New(format.Repeated),
		NumChildren:    thrift.New[int32](1),
	}, identified(element(value, c.Type.Value()), c.ValueID)}
}

// identified is the element with the ID of a table format; 0, which is not
// written, is none.
func identified(e format.SchemaElement, id int) format.SchemaElement {
	e.FieldID = int32(id)
	return e
}

// element is the schema element of values of one type.
//
// Every column of a mapping is OPTIONAL, also one that it calls required: files of
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
func element(name string, t schema.Type) format.SchemaElement {
	typ, length := Physical(t)
	e := format.SchemaElement{
		Name:           name,
		Type:           thrift.New(typ),
		RepetitionType: thrift.New(format.Optional),
	}
	if length > 0 {
		e.TypeLength = thrift.New(int32(length))
	}
	switch t.Kind {
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
		precision, scale := int32(t.Precision), int32(t.Scale)
		e.ConvertedType = thrift.New(deprecated.Decimal)
		e.Precision, e.Scale = thrift.New(precision), thrift.New(scale)
		e.LogicalType.Value = &format.DecimalType{Precision: precision, Scale: scale}
	}
	return e
}

// ChunkRange is where the pages of a column chunk are in the file.
func ChunkRange(m *format.ColumnMetaData) (start, end int64) {
	start = m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	return start, start + m.TotalCompressedSize
}

// Columns are the columns that schema elements describe: the inverse of
// Elements, but for json, which comes back as a string. Elements that Elements
// does not make are an error.
func Columns(elements []format.SchemaElement) (all []schema.Column, err error) {
	for len(elements) > 0 {
		c, size := schema.Column{Name: elements[0].Name, ID: int(elements[0].FieldID)}, 1
		if _, list := elements[0].LogicalType.Value.(*format.ListType); list {
			c.Type, c.ValueID, err = listType(elements)
			size = 3
		} else {
			c.Type, err = scalarType(elements[0])
			c.NotNull = elements[0].RepetitionType.V == format.Required
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		all, elements = append(all, c), elements[size:]
	}
	return all, nil
}

var errForeign = errors.New("not a type sluice writes")

// listType is the type of the list that the elements begin with, and the ID of its
// values.
func listType(elements []format.SchemaElement) (_ schema.Type, valueID int, err error) {
	if len(elements) < 3 {
		return schema.Type{}, 0, errForeign
	}
	t, err := scalarType(elements[2])
	if elements[2].RepetitionType.V != format.Optional {
		return schema.Type{}, 0, errForeign
	}
	if err != nil {
		return schema.Type{}, 0, err
	}
	c := schema.Column{
		Name: elements[0].Name, Type: schema.Type{Kind: schema.List, Of: t.Kind, Precision: t.Precision, Scale: t.Scale},
		ID: int(elements[0].FieldID), ValueID: int(elements[2].FieldID),
	}
	if !reflect.DeepEqual(elements[:3], Elements(c)) {
		return schema.Type{}, 0, errForeign
	}
	return c.Type, c.ValueID, nil
}

// scalarType is the type of the values of a schema element.
func scalarType(e format.SchemaElement) (t schema.Type, err error) {
	switch logical := e.LogicalType.Value.(type) {
	case nil:
		switch e.Type.V {
		case format.Boolean:
			t.Kind = schema.Boolean
		case format.Int32:
			t.Kind = schema.Int32
		case format.Int64:
			t.Kind = schema.Int64
		case format.Double:
			t.Kind = schema.Double
		}
	case *format.StringType:
		t.Kind = schema.String
	case *format.DateType:
		t.Kind = schema.Date
	case *format.TimestampType:
		if _, micros := logical.Unit.Value.(*format.MicroSeconds); micros && logical.IsAdjustedToUTC {
			t.Kind = schema.Timestamp
		}
	case *format.DecimalType:
		p, s := int(logical.Precision), int(logical.Scale)
		if 1 <= p && p <= schema.MaxPrecision && 0 <= s && s <= p {
			t = schema.Type{Kind: schema.Decimal, Precision: p, Scale: s}
		}
	}
	typ, length := Physical(t)
	if t.Kind == 0 || e.NumChildren.Valid || !e.Type.Valid || e.Type.V != typ ||
		length > 0 && e.TypeLength.V != int32(length) || e.RepetitionType.V == format.Repeated {
		return t, errForeign
	}
	return t, nil
}
