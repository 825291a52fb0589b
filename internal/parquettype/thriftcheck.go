package parquettype

import (
	"encoding/binary"
	"errors"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// CheckThrift returns the length of the structure, in thrift's compact
// protocol, with which b begins. It is an error if a string or list in it is
// longer than what is left: the library would allocate it all the same.
func CheckThrift(b []byte) (int, error) {
	w := thriftWalker{left: b}
	err := w.value(byte(thrift.STRUCT), 0)
	return len(b) - len(w.left), err
}

type thriftWalker struct{ left []byte }

var errThrift = errors.New("malformed thrift")

// value skips a value; in a list a boolean takes a byte, as a field none.
func (w *thriftWalker) value(typ byte, depth int) error {
	const maxDepth = 16 // the format nests eight deep
	if depth > maxDepth {
		return errThrift
	}
	switch thrift.Type(typ) {
	case thrift.TRUE, thrift.FALSE:
		return nil
	case thrift.I8:
		return w.skip(1)
	case thrift.I16, thrift.I32, thrift.I64:
		_, err := w.varint()
		return err
	case thrift.DOUBLE:
		return w.skip(8)
	case thrift.BINARY:
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thrift.STRUCT:
		return w.fields(depth)
	case thrift.LIST, thrift.SET:
		return w.list(depth)
	default: // maps and the rest do not occur in the format
		return errThrift
	}
}

func (w *thriftWalker) fields(depth int) error {
	for {
		head, err := w.byte()
		if err != nil || head == 0 {
			return err
		}
		if head>>4 == 0 { // the field's number follows
			if _, err := w.varint(); err != nil {
				return err
			}
		}
		if err := w.value(head&15, depth+1); err != nil {
			return err
		}
	}
}

func (w *thriftWalker) list(depth int) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	count, typ := uint64(head>>4), head&15
	if count == 15 {
		if count, err = w.varint(); err != nil {
			return err
		}
	}
	least := uint64(1)
	if thrift.Type(typ) == thrift.STRUCT {
		least = 3 // every structure of the format in a list has a field
	}
	if room := uint64(len(w.left)); count > room || count*least > room {
		return errThrift
	}
	if t := thrift.Type(typ); t == thrift.TRUE || t == thrift.FALSE {
		return w.skip(count)
	}
	for range count {
		if err := w.value(typ, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *thriftWalker) byte() (byte, error) {
	if len(w.left) == 0 {
		return 0, errThrift
	}
	b := w.left[0]
	w.left = w.left[1:]
	return b, nil
}

func (w *thriftWalker) varint() (uint64, error) {
	v, n := binary.Uvarint(w.left)
	if n <= 0 {
		return 0, errThrift
	}
	w.left = w.left[n:]
	return v, nil
}

func (w *thriftWalker) skip(n uint64) error {
	if n > uint64(len(w.left)) {
		return errThrift
	}
	w.left = w.left[n:]
	return nil
}
