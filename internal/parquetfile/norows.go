package parquetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquettype"
)

// Tail is the most that [WithoutRows] needs of the end of a file.
const Tail = 64 << 20

// WithoutRows makes a file with the same columns and no rows from the end of a
// file, for a table whose mapping is no longer known. end is the whole file or
// its last [Tail] bytes. It is not trusted: damage is an error.
func WithoutRows(end []byte, kv map[string]string) (file []byte, err error) {
	defer func() {
		if recover() != nil { // a panic of the library; its message may quote the file
			file, err = nil, errors.New("damaged footer")
		}
	}()
	const tail = 4 + len(magic)
	if len(end) < tail || string(end[len(end)-len(magic):]) != magic {
		return nil, errors.New("it does not end as a Parquet file")
	}
	size := int64(binary.LittleEndian.Uint32(end[len(end)-tail:]))
	if size > int64(len(end)-tail) {
		return nil, fmt.Errorf("its footer of %d bytes is longer than the %d at hand", size, len(end)-tail)
	}
	footer := end[int64(len(end)-tail)-size : len(end)-tail]
	if n, err := parquettype.CheckThrift(footer); err != nil || n != len(footer) {
		return nil, errors.New("damaged footer")
	}
	var m format.FileMetaData
	if err := thrift.Unmarshal(&compact, footer, &m); err != nil {
		return nil, errors.New("damaged footer")
	}
	m.NumRows, m.RowGroups, m.KeyValueMetadata = 0, thrift.Slice[format.RowGroup]{}, keyValues(kv)
	var b bytes.Buffer
	b.WriteString(magic)
	if err := thrift.NewEncoder(compact.NewWriter(&b)).Encode(&m); err != nil {
		return nil, fmt.Errorf("write footer: %w", err)
	}
	file = binary.LittleEndian.AppendUint32(b.Bytes(), uint32(b.Len()-len(magic)))
	return append(file, magic...), nil
}
