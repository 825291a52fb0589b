package parquetread

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/parquet-go/parquet-go"

	"sluice/schema"
)

// PackLists makes Scan give lists packed, for who copies them: [Value.Unpack] gives their
// values. JSON, which it gives else, is for people.
func (f *File) PackLists() { f.packs = true }

// packed is a list of values of a type. Each has a byte, 1 if it is not NULL, and then 8
// bytes, or the length of its bytes and these.
func packed(values []parquet.Value, t schema.Type) Value {
	switch values[0].DefinitionLevel() {
	case nullList:
		return Value{Null: true}
	case emptyList:
		return Value{Bytes: []byte{}}
	}
	var b []byte
	for _, item := range values {
		if item.DefinitionLevel() == nullValue {
			b = append(b, 0)
			continue
		}
		b = append(b, 1)
		switch v := valueOf(item); {
		case t.Bytes():
			b = append(binary.AppendUvarint(b, uint64(len(v.Bytes))), v.Bytes...)
		case t.Kind == schema.Double:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float))
		default:
			b = binary.LittleEndian.AppendUint64(b, uint64(v.Int))
		}
	}
	return Value{Bytes: b}
}

// Unpack calls fn with each value of a packed list, whose values have type t.
func (v Value) Unpack(t schema.Type, fn func(Value)) error {
	for b := v.Bytes; len(b) > 0; {
		isNull := b[0] == 0
		switch b = b[1:]; {
		case isNull:
			fn(Value{Null: true})
		case t.Bytes():
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				return errPacked
			}
			fn(Value{Bytes: b[size : size+int(n)]})
			b = b[size+int(n):]
		case len(b) < 8:
			return errPacked
		default:
			n := binary.LittleEndian.Uint64(b)
			b = b[8:]
			if t.Kind == schema.Double {
				fn(Value{Float: math.Float64frombits(n)})
			} else {
				fn(Value{Int: int64(n)})
			}
		}
	}
	return nil
}

var errPacked = errors.New("a list is not packed")
