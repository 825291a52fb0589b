package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/jsonscan"
	"sluice/internal/store"
	"sluice/internal/tablefiles"
	"sluice/schema"
)

// begin begins the data files of a batch, as a run of sluice does.
func (w *writer) begin(ctx context.Context, t *table, m *iceberg.Metadata, batch string, r *request) (*tablefiles.Writer, error) {
	columns := datafile.Columns(t.columns, m.CurrentSchema())
	return tablefiles.New(ctx, tablefiles.Options{
		Files: w.files, Folder: t.Folder + "data/", Batch: batch, Time: time.Now(), Columns: columns, Levels: make([]int, len(columns)),
		Spec: m.Spec(m.SpecID), Schema: m.CurrentSchema(), Codec: cmp.Or(r.Codec, "zstd"), CreatedBy: t.CreatedBy, MostHeld: r.MostHeld,
	})
}

// batchOf is rows as a conversion gives them. Each ends with source.
func batchOf(t *table, m *iceberg.Metadata, rows [][]any, source any) (*batch.Batch, error) {
	columns := datafile.Columns(t.columns, m.CurrentSchema())
	b := batch.New(schema.Schema{Table: t.Name, Columns: columns}, make([]int, len(columns)), 0)
	var text []byte
	for _, values := range rows {
		for i, v := range append(values, source) {
			var err error
			if text, err = add(&b.Columns[i], text, v); err != nil {
				return nil, fmt.Errorf("column %s: %w", columns[i].Name, err)
			}
		}
		b.EndElement(0, 1)
		b.EndRecord()
	}
	b.Flush(text, nil)
	b.Finish()
	return b, nil
}

// add gives the current element of a column a value: a text, true or false, a list, or
// a number, which of a decimal is the unscaled one, of a date days, of a timestamp
// microseconds. A double is a text, so that it may be NaN.
func add(c *batch.Column, text []byte, v any) ([]byte, error) {
	if v == nil {
		return text, nil
	}
	switch c.Type.Kind {
	case schema.List:
		values, ok := v.([]any)
		if !ok {
			return nil, fmt.Errorf("a list is a %T", v)
		}
		for _, v := range values {
			c.List.Next()
			var err error
			if text, err = add(&c.List.Items, text, v); err != nil {
				return nil, err
			}
		}
		c.EndList()
		return text, nil
	case schema.String, schema.JSON:
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("a text is a %T", v)
		}
		return addBytes(c, text, []byte(s)), nil
	case schema.Boolean:
		bit := uint64(0)
		if v == true {
			bit = 1
		}
		c.AddFixed(bit)
		return text, nil
	case schema.Double:
		f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		bits := math.Float64bits(f)
		if f != f {
			bits = 0x7ff8 << 48 // that of everybody but Go
		}
		c.AddFixed(bits)
		return text, err
	case schema.Decimal:
		if c.Type.Wide() {
			b, err := twosComplement(v)
			return addBytes(c, text, b), err
		}
	}
	n, err := number(v)
	c.AddFixed(uint64(n))
	return text, err
}

func addBytes(c *batch.Column, text, value []byte) []byte {
	c.AddBytes(jsonscan.Hash(value), len(text), len(value))
	return append(text, value...)
}

// twosComplement is a number as 16 bytes.
func twosComplement(v any) ([]byte, error) {
	text, _ := v.(json.Number)
	n, ok := new(big.Int).SetString(string(text), 10)
	if !ok {
		return nil, fmt.Errorf("%v is no whole number", v)
	}
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	return n.FillBytes(make([]byte, 16)), nil
}

// masks writes a file that takes rows of a data file out of sight.
func (w *writer) masks(ctx context.Context, key string, of *iceberg.SpecFile, spans [][2]int64) (f iceberg.SpecFile, err error) {
	var ranges []datafile.Range
	for _, s := range spans {
		ranges = append(ranges, datafile.Range{Path: of.Path, First: s[0], Rows: s[1]})
	}
	var out bytes.Buffer
	if f.DataFile, err = datafile.WriteDeletes(ctx, &out, ranges, "sluice version 1 (build test)"); err != nil {
		return f, err
	}
	f.Path, f.Partition, f.SpecID = w.files.URI(key), of.Partition, of.SpecID
	_, err = store.Put(ctx, w.lake, key, out.Bytes(), store.CreateOptions{}, store.IfNoneMatch())
	return f, err
}
