package main

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
)

type parquetGo struct{ w *parquet.GenericWriter[row] }

func newParquetGo(w io.Writer, codec string) (rowWriter, error) {
	c, ok := map[string]compress.Codec{"zstd": &parquet.Zstd, "snappy": &parquet.Snappy}[codec]
	if !ok {
		return nil, fmt.Errorf("unknown codec %q", codec)
	}
	return parquetGo{parquet.NewGenericWriter[row](w, parquet.Compression(c), parquet.MaxRowsPerRowGroup(rowGroupRows))}, nil
}

func (p parquetGo) write(rows []row) error {
	_, err := p.w.Write(rows)
	return err
}

func (p parquetGo) close() error { return p.w.Close() }
