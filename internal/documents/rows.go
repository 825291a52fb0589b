package documents

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"sluice/internal/parquetread"
	"sluice/mapping"
	"sluice/schema"
)

// Table is the first rows of a table.
type Table struct {
	Name    string
	Columns []schema.Column
	Rows    [][]string // texts; Null for NULL
}

// Null stands for NULL in rows. No value is equal to it.
const Null = parquetread.Null

// ReadTable reads the first rows of a Parquet file.
func ReadTable(name string, file io.ReaderAt, size int64, most int) (Table, error) {
	t := Table{Name: name}
	f, err := parquetread.Open(file, size)
	if err != nil {
		return t, err
	}
	t.Columns = f.Schema().Columns
	err = f.Rows(most, func(row []string) error {
		t.Rows = append(t.Rows, slices.Clone(row))
		return nil
	})
	return t, err
}

// outputs are the files of a conversion, in memory.
type outputs map[string]*bytes.Buffer

func (o outputs) open(name string) (io.Writer, error) {
	o[name] = &bytes.Buffer{}
	return o[name], nil
}

// tables are the first rows of all tables of the mapping.
func (o outputs) tables(m *mapping.Mapping, most int) (all []Table, err error) {
	for i := range m.Tables {
		data := o[m.Tables[i].Name].Bytes()
		t, err := ReadTable(m.Tables[i].Name, bytes.NewReader(data), int64(len(data)), most)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// RowPer is what gives a row of a table: "record", or the paths it goes over.
func RowPer(t *mapping.Table) string {
	var paths []string
	for _, p := range t.Exploded() {
		paths = append(paths, p.String())
	}
	if paths == nil {
		return "record"
	}
	return strings.Join(paths, ", ")
}
