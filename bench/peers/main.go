// Command peers is the usual Go program for the job that sluice does: decode
// each order with encoding/json, flatten it, hand the rows to a Parquet
// library. Built with GOEXPERIMENT=jsonv2 it decodes with encoding/json/v2.
package main

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// batchRows is how many rows are handed over at once; rowGroupRows is DuckDB's
// default for a row group.
const (
	batchRows    = 4_096
	rowGroupRows = 122_880
)

// rowWriter writes rows to a Parquet file.
type rowWriter interface {
	write(rows []row) error
	close() error
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	form := flags.String("form", "ndjson", "ndjson or array")
	writer := flags.String("writer", "parquet-go", "parquet-go or arrow-go")
	codec := flags.String("codec", "zstd", "zstd or snappy")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return fmt.Errorf("usage: peers [flags] IN OUT")
	}

	in, err := os.Open(flags.Arg(0))
	if err != nil {
		return err
	}
	defer in.Close()
	var r io.Reader = bufio.NewReaderSize(in, 1<<20)
	if strings.HasSuffix(in.Name(), ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return err
		}
	}
	out, err := os.Create(flags.Arg(1))
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(out, 1<<20)
	var w rowWriter
	switch *writer {
	case "parquet-go":
		w, err = newParquetGo(buffered, *codec)
	case "arrow-go":
		w, err = newArrowGo(buffered, *codec)
	default:
		err = fmt.Errorf("unknown writer %q", *writer)
	}
	if err != nil {
		return err
	}

	rows := make([]row, 0, batchRows+64)
	err = decode(r, *form == "array", func(o *order) error {
		if rows = o.appendRows(rows); len(rows) < batchRows {
			return nil
		}
		err := w.write(rows)
		rows = rows[:0]
		return err
	})
	if err != nil {
		return err
	}
	if err := w.write(rows); err != nil {
		return err
	}
	if err := w.close(); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return out.Close()
}
