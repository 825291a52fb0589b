// Package parquetcolumn reads single columns of Parquet files, whoever wrote them, by
// ranges: what the Lambda function must know of a table's files. It has the footer's
// structures and the encodings of the Parquet library; the library's reader would add
// 2.9 MB to the function.
//
// Read are columns that are not nested, of the types BOOLEAN, INT32, INT64 and
// BYTE_ARRAY, in the encodings PLAIN, RLE_DICTIONARY and those of deltas, in pages of
// both versions. "Spec" is https://parquet.apache.org/docs/file-format/.
package parquetcolumn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquettype"
)

// ReadAt fills p with the bytes of a file from offset on.
type ReadAt func(ctx context.Context, p []byte, offset int64) error

// File is a Parquet file. It is safe for use by several goroutines.
type File struct {
	read    ReadAt
	size    int64
	rows    int64
	groups  []group
	columns []column
}

// group is what is kept of a row group: the footer's structures take ten times as much.
type group struct {
	first, rows int64
	chunks      []chunk
}

type chunk struct {
	start, end int64
	dictionary int64 // where it is; 0: nobody says so
	offsets    place
	bounds     place
	codec      format.CompressionCodec
}

// place is where a structure of the footer lies that is not in it.
type place struct {
	offset int64
	length int32
}

// column is a leaf of the schema.
type column struct {
	name   string
	id     int32
	typ    format.Type
	flat   bool // no list or group is around it
	levels int  // 1: it may have NULLs
}

const (
	magic = "PAR1"
	tail  = 4 + int64(len(magic))

	mostFooter = 64 << 20
	mostPage   = 64 << 20 // of a page, as it is stored and decompressed
	mostRows   = 16 << 20 // of a page
)

var compact thrift.CompactProtocol

var errDamaged = errors.New("damaged file")

// Open reads the footer of a file of size bytes. The file is not trusted.
func Open(ctx context.Context, read ReadAt, size int64) (*File, error) {
	f := &File{read: read, size: size}
	if err := f.open(ctx); err != nil {
		return nil, fmt.Errorf("open parquet file: %w", err)
	}
	return f, nil
}

func (f *File) open(ctx context.Context) (err error) {
	defer recovered(&err)
	room := f.size - tail - int64(len(magic))
	if room < 0 {
		return fmt.Errorf("%d bytes are too few", f.size)
	}
	// Most footers are in the first read; the others need a second one.
	end := make([]byte, min(f.size, 64<<10))
	if err := f.read(ctx, end, f.size-int64(len(end))); err != nil {
		return err
	}
	last := end[len(end)-int(tail):]
	if string(last[4:]) != magic {
		return errors.New("it does not end like a Parquet file")
	}
	length := int64(binary.LittleEndian.Uint32(last))
	if length > min(room, mostFooter) {
		return fmt.Errorf("footer of %d bytes in a file of %d", length, f.size)
	}
	var footer []byte
	if have := int64(len(end)) - tail; length <= have {
		footer = end[have-length : have]
	} else {
		footer = make([]byte, length)
		if err := f.read(ctx, footer, f.size-tail-length); err != nil {
			return err
		}
	}
	if n, err := parquettype.CheckThrift(footer); err != nil || n != len(footer) {
		return errDamaged
	}
	var meta format.FileMetaData
	if err := thrift.Unmarshal(&compact, footer, &meta); err != nil {
		return errDamaged
	}
	return f.take(&meta)
}

// recovered makes an error of a panic: the library's decoders panic on some damage.
func recovered(err *error) {
	if recover() != nil {
		*err = errDamaged
	}
}

// take checks what a footer says, and keeps what is needed of it.
func (f *File) take(meta *format.FileMetaData) error {
	if len(meta.Schema) < 2 {
		return errDamaged
	}
	next := 1
	if !f.leaves(meta.Schema, &next, int(meta.Schema[0].NumChildren.V), true, 0) || next != len(meta.Schema) {
		return errDamaged
	}
	f.groups = make([]group, len(meta.RowGroups))
	for i := range meta.RowGroups {
		g := &meta.RowGroups[i]
		if len(g.Columns) != len(f.columns) || g.NumRows < 0 {
			return errDamaged
		}
		f.groups[i] = group{first: f.rows, rows: g.NumRows, chunks: make([]chunk, len(g.Columns))}
		f.rows += g.NumRows
		for j := range g.Columns {
			c := &g.Columns[j]
			start, end := parquettype.ChunkRange(&c.MetaData)
			if start < 0 || end < start || end > f.size || c.MetaData.Type != f.columns[j].typ {
				return errDamaged
			}
			f.groups[i].chunks[j] = chunk{
				start: start, end: end, dictionary: c.MetaData.DictionaryPageOffset, codec: c.MetaData.Codec,
				offsets: place{c.OffsetIndexOffset, c.OffsetIndexLength}, bounds: place{c.ColumnIndexOffset, c.ColumnIndexLength},
			}
		}
	}
	if f.rows != meta.NumRows {
		return errDamaged
	}
	return nil
}

// leaves collects the leaves below the element before next, which has this number of
// children.
func (f *File) leaves(elements []format.SchemaElement, next *int, children int, flat bool, depth int) bool {
	const deepest = 100
	for range children {
		if *next >= len(elements) || depth > deepest {
			return false
		}
		e := &elements[*next]
		*next++
		if n := int(e.NumChildren.V); n > 0 {
			if !f.leaves(elements, next, n, false, depth+1) {
				return false
			}
			continue
		}
		c := column{name: strings.Clone(e.Name), id: e.FieldID, typ: e.Type.V, flat: flat && e.RepetitionType.V != format.Repeated}
		if e.RepetitionType.V == format.Optional {
			c.levels = 1
		}
		f.columns = append(f.columns, c)
	}
	return true
}

// Rows is the number of rows.
func (f *File) Rows() int64 { return f.rows }

// Groups is the number of row groups.
func (f *File) Groups() int { return len(f.groups) }

// GroupRows is the number of rows of a row group.
func (f *File) GroupRows(group int) int64 { return f.groups[group].rows }

// Held is about the memory that the file takes, without what it is read from.
func (f *File) Held() int64 {
	const ofGroup, ofChunk, ofColumn = 40, 72, 48
	return int64(len(f.columns)*ofColumn + len(f.groups)*(ofGroup+len(f.columns)*ofChunk))
}

// Find is the column of a field ID, or if no column of the file has it, of a name; -1
// if there is none that can be read.
func (f *File) Find(id int, name string) int {
	found := -1
	for i, c := range f.columns {
		if !c.flat {
			continue
		}
		if id != 0 && c.id == int32(id) {
			return i
		}
		if c.name == name && c.id == 0 {
			found = i
		}
	}
	return found
}
