package parquetread

import (
	"fmt"

	"sluice/internal/parquettype"
	"sluice/schema"
)

// checkRowGroups checks the places and counts the footer gives.
func (f *File) checkRowGroups() error {
	var rows int64
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		if len(g.Columns) != len(f.schema.Columns) || g.NumRows < 0 {
			return fmt.Errorf("row group %d: malformed", i)
		}
		rows += g.NumRows
		for j := range g.Columns {
			m := &g.Columns[j].MetaData
			start, end := parquettype.ChunkRange(m)
			if start < int64(len(magic)) || end < start || end > f.size || m.DataPageOffset >= end ||
				m.NumValues < g.NumRows || m.NumValues > g.NumRows && f.schema.Columns[j].Type.Kind != schema.List {
				return fmt.Errorf("row group %d, column %s: malformed", i, f.schema.Columns[j].Name)
			}
		}
	}
	if rows != f.meta.NumRows {
		return fmt.Errorf("%d rows in the row groups, %d in the footer", rows, f.meta.NumRows)
	}
	return nil
}
