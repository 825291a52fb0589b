package parquetread

import (
	"encoding/binary"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// openGroup opens a row group as the only one of its file, so that the library
// decodes nothing that was not checked before: neither other row groups nor
// the rest of the footer.
func (f *File) openGroup(group int) (rows parquet.Rows, err error) {
	defer recovered(&err)
	if err := f.checkPages(group); err != nil {
		return nil, err
	}
	only := f.meta.RowGroups[group]
	only.Ordinal = 0
	footer, err := thrift.Marshal(&compact, &format.FileMetaData{
		Version:   f.meta.Version,
		Schema:    f.meta.Schema,
		NumRows:   only.NumRows,
		RowGroups: []format.RowGroup{only},
	})
	if err != nil {
		return nil, err
	}
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	footer = append(footer, magic...)
	view := &appended{f.reader, f.size, footer}
	file, err := parquet.OpenFile(view, f.size+int64(len(footer)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	return file.RowGroups()[0].Rows(), nil
}

// appended reads as the first size bytes of a reader, followed by end.
type appended struct {
	reader io.ReaderAt
	size   int64
	end    []byte
}

func (a *appended) ReadAt(p []byte, off int64) (n int, err error) {
	if off < a.size {
		front := p[:min(int64(len(p)), a.size-off)]
		if n, err = a.reader.ReadAt(front, off); n < len(front) {
			return n, err
		}
	}
	if n < len(p) && off+int64(n)-a.size < int64(len(a.end)) {
		n += copy(p[n:], a.end[off+int64(n)-a.size:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
