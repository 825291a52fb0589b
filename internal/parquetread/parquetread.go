// Package parquetread reads files that internal/parquetfile wrote, for previews
// and tests. It is separate from the writer, which needs only a small part of
// the Parquet library: the Lambda function must not contain the rest.
package parquetread

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquettype"
	"sluice/schema"
)

const magic = "PAR1"

// compact is the protocol of all structures of the format.
var compact thrift.CompactProtocol

// Null is a cell without a value. It is not valid UTF-8, so no text equals it.
const Null = "\xffNULL"

// maxFooter bounds the footer a file may have; ten thousand row groups of
// fifty columns stay below it.
const maxFooter = 64 << 20

// File is a Parquet file open for reading. It reads what sluice writes:
// files of other shapes or types are refused.
type File struct {
	reader io.ReaderAt
	size   int64
	meta   format.FileMetaData
	schema schema.Schema
	packs  bool
}

// Open reads the footer of a file of size bytes. The file is not trusted:
// whatever it holds, Open and the methods return an error and do not panic, and
// what is allocated is checked against the file's size before.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{reader: r, size: size}
	if err := f.readFooter(); err != nil {
		return nil, fmt.Errorf("open parquet file: %w", err)
	}
	return f, nil
}

func (f *File) readFooter() (err error) {
	defer recovered(&err)
	footer, err := f.footer()
	if err != nil {
		return err
	}
	if n, err := parquettype.CheckThrift(footer); err != nil || n != len(footer) {
		return errors.New("malformed footer")
	}
	if err := thrift.Unmarshal(&compact, footer, &f.meta); err != nil {
		return errors.New("malformed footer")
	}
	if f.schema, err = schemaOf(&f.meta); err != nil {
		return err
	}
	return f.checkRowGroups()
}

// recovered makes an error of a panic: the library panics on some damaged
// files. What it says may quote the file, so that is left out.
func recovered(err *error) {
	if recover() != nil {
		*err = errors.New("damaged file")
	}
}

// footer is the bytes between the page index and the tail: the footer's length
// and the magic.
func (f *File) footer() ([]byte, error) {
	const tail = 4 + int64(len(magic))
	room := f.size - tail - int64(len(magic))
	if room < 0 {
		return nil, fmt.Errorf("%d bytes are too few", f.size)
	}
	var head, end [tail]byte
	if _, err := f.reader.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read begin: %w", err)
	}
	if _, err := f.reader.ReadAt(end[:], f.size-tail); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read end: %w", err)
	}
	if string(head[:4]) != magic || string(end[4:]) != magic {
		return nil, errors.New("it does not begin and end like a Parquet file")
	}
	length := int64(binary.LittleEndian.Uint32(end[:]))
	if length > min(room, maxFooter) {
		return nil, fmt.Errorf("footer of %d bytes in a file of %d", length, f.size)
	}
	footer := make([]byte, length)
	if _, err := f.reader.ReadAt(footer, f.size-tail-length); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	return footer, nil
}

func schemaOf(m *format.FileMetaData) (s schema.Schema, err error) {
	if len(m.Schema) < 2 {
		return s, errors.New("no columns")
	}
	s.Table = m.Schema[0].Name
	if s.Columns, err = parquettype.Columns(m.Schema[1:]); err != nil {
		return s, err
	}
	if int(m.Schema[0].NumChildren.V) != len(s.Columns) {
		return s, errors.New("malformed schema")
	}
	return s, nil
}

// Schema is the schema of the file. Columns of type json come back as string,
// and of their properties only name and type are known.
func (f *File) Schema() schema.Schema { return f.schema }

// NumRows is the number of rows.
func (f *File) NumRows() int64 { return f.meta.NumRows }

// NumRowGroups is the number of row groups of the file.
func (f *File) NumRowGroups() int { return len(f.meta.RowGroups) }

// Rows calls fn with the first rows, at most limit of them, until it returns
// an error. A cell without a value is [Null]; decimals have all digits of their
// scale, timestamps are RFC 3339 in UTC, dates are ISO 8601, lists are JSON. The
// slice is reused.
func (f *File) Rows(limit int, fn func(row []string) error) error {
	for i := range f.meta.RowGroups {
		if limit <= 0 {
			return nil
		}
		n, err := f.groupRows(i, limit, fn)
		if err != nil {
			return err
		}
		limit -= n
	}
	return nil
}

// groupRows is Rows for one row group; it returns how many rows it gave.
func (f *File) groupRows(group, limit int, fn func([]string) error) (done int, err error) {
	columns := make([]int, len(f.schema.Columns))
	for i := range columns {
		columns[i] = i
	}
	cells := make([]string, len(columns))
	end := min(int64(limit), f.RowGroupRows(group))
	err = f.Scan(group, columns, 0, end, func(batch [][]Value) error {
		for i := range batch[0] {
			for j, c := range f.schema.Columns {
				cells[j] = batch[j][i].Text(c.Type)
			}
			if err := fn(cells); err != nil {
				return err
			}
			done++
		}
		return nil
	})
	return done, err
}
