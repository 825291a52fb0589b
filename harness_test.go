package sluice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"testing"

	"sluice"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

// result is what a conversion gave, read back through a foreign reader.
type result struct {
	stats   sluice.Stats
	err     error
	rows    [][]string
	parquet []byte
	bad     []byte // the quarantine file
}

// entry is a line of a quarantine file.
type entry struct {
	Reason, Path, Source, Raw, Place string
	RawBase64                        []byte `json:"raw_base64"`
	Offset                           int64
	ErrorOffset                      int64 `json:"error_offset"`
	Record                           int64
}

func parseMapping(t testing.TB, text string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("mapping.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func orders(t testing.TB) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Preset("orders")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func convert(t testing.TB, m *mapping.Mapping, src io.Reader, opts sluice.Options) result {
	t.Helper()
	var out, bad bytes.Buffer
	if opts.Quarantine == nil {
		opts.Quarantine = &bad
	}
	var r result
	r.stats, r.err = sluice.Convert(context.Background(), &out, src, m, &opts)
	r.bad = bad.Bytes()
	if r.err == nil {
		r.parquet = out.Bytes()
		r.rows = readRows(t, r.parquet)
	}
	return r
}

func readRows(t testing.TB, data []byte) (rows [][]string) {
	t.Helper()
	f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	err = f.Rows(math.MaxInt, func(row []string) error {
		rows = append(rows, append([]string(nil), row...))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func entries(t testing.TB, bad []byte) (es []entry) {
	t.Helper()
	for line := range bytes.Lines(bad) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("quarantine line: %v", err)
		}
		es = append(es, e)
	}
	return es
}

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
