// Package parquetread reads files that internal/parquetfile wrote, for previews
// and tests. It is separate from the writer, which needs only a small part of
// the Parquet library: the Lambda function must not contain the rest.
package parquetread

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
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
func (f *File) groupRows(group, limit int, fn func([]string) error) (int, error) {
	rows, err := f.openGroup(group)
	if err != nil {
		return 0, fmt.Errorf("read row group %d: %w", group, err)
	}
	defer rows.Close()
	cells := make([]string, len(f.schema.Columns))
	buf := make([]parquet.Row, 64)
	limit = int(min(int64(limit), f.meta.RowGroups[group].NumRows))
	for done := 0; done < limit; {
		n, err := readRows(rows, buf[:min(len(buf), limit-done)])
		for _, row := range buf[:n] {
			if !f.cells(cells, row) {
				return done, fmt.Errorf("read row group %d: damaged file", group)
			}
			if err := fn(cells); err != nil {
				return done, err
			}
			done++
		}
		if err == io.EOF || err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && done < limit {
			return done, fmt.Errorf("read row group %d: %w", group, err)
		}
	}
	return limit, nil
}

// cells writes the values of a row as text; false if these are not the values
// of all columns.
func (f *File) cells(cells []string, row parquet.Row) (ok bool) {
	for i := range cells {
		n := 0
		for n < len(row) && row[n].Column() == i {
			n++
		}
		switch t := f.schema.Columns[i].Type; {
		case n == 0 || n > 1 && t.Kind != schema.List:
			return false
		case t.Kind == schema.List:
			cells[i] = list(row[:n], t.Value())
		default:
			cells[i] = cell(row[0], t)
		}
		row = row[n:]
	}
	return len(row) == 0
}

func readRows(rows parquet.Rows, buf []parquet.Row) (n int, err error) {
	defer recovered(&err)
	return rows.ReadRows(buf)
}
