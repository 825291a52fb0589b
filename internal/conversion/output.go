package conversion

import (
	"io"

	"sluice/internal/batch"
	"sluice/internal/parquetfile"
	"sluice/schema"
)

// Output is where the rows of a table go: to a file of its own, or to somebody who
// takes each row group as it was read.
type Output struct {
	// Schema has the columns of the mapping's table, and after them those of Constants.
	Schema    schema.Schema
	Constants []string // values of the last columns, strings, in each row

	File RowGroups // row groups are encoded and written to it; nil: Take gets them

	// Take is given each row group, finished, in their order. It keeps the batch, and may
	// return another one of these columns that is no longer needed, to be filled again.
	Take func(*batch.Batch) (*batch.Batch, error)

	// Into, if not nil, is a batch that has rows of earlier conversions: the first row
	// group is added to it. Take gets it unfinished, so that later conversions can add
	// more. After an error it is at some place behind its last mark.
	Into *batch.Batch
}

// RowGroups takes encoded row groups: a file, or files one after another.
type RowGroups interface {
	Write(*parquetfile.RowGroup) error
	Close() error
	Bytes() int64 // written
}

// Rows is a writer whose rows do not become a file of their own. The library asks the
// writers of its tables for it.
type Rows interface {
	io.Writer
	// Output takes the rows of a table whose columns the mapping gives.
	Output(mapped schema.Schema) (Output, error)
}

// NewFile is the output that writes a Parquet file of the schema to w. createdBy and
// the key-value pairs are for its footer.
func NewFile(w io.Writer, s schema.Schema, createdBy string, keyValues map[string]string) (Output, error) {
	file, err := parquetfile.NewWriter(w, s, parquetfile.Options{CreatedBy: createdBy, KeyValues: keyValues})
	return Output{Schema: s, File: file}, err
}
