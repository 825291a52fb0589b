// The command reads Iceberg tables with iceberg-go, for .ci/iceberg: it reads one
// request a line, as JSON, and answers each with a line.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "iceberg-go:", err)
		os.Exit(1)
	}
}

func run() error {
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var r request
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&r); err != nil {
			return err
		}
		var a answer
		if a.N, err = r.answer(context.Background()); err != nil {
			a.Error = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			return err
		}
	}
}

// request asks for all rows, written to a file, or for the column n of the files that
// each filter leaves.
type request struct {
	Metadata string    `json:"metadata"` // URI of the file
	Snapshot int64     `json:"snapshot"` // 0: the current one
	Output   string    `json:"output"`   // an Arrow stream
	Filters  []*filter `json:"filters"`
}

type answer struct {
	Error string    `json:"error"`
	N     [][]int64 `json:"n"`
}

type filter struct {
	Op          string  `json:"op"` // and, or, =, <, in, null, ...
	Left, Right *filter // of and, or
	Column      string  `json:"column"`
	Kind        string  `json:"kind"`
	Scale       int     `json:"scale"`
	Values      []any   `json:"values"`
}

func (r *request) answer(ctx context.Context) (all [][]int64, err error) {
	t, err := table.NewFromLocation(ctx, table.Identifier{"db", "t"}, r.Metadata, icebergio.LoadFSFunc(nil, r.Metadata), nil)
	if err != nil {
		return nil, err
	}
	options := []table.ScanOption{}
	if r.Snapshot != 0 {
		options = append(options, table.WithSnapshotID(r.Snapshot))
	}
	if r.Output != "" {
		return nil, write(ctx, t.Scan(options...), r.Output)
	}
	n, err := numbers(ctx, t.Scan(append(options, table.WithSelectedFields("n"))...))
	if err != nil {
		return nil, err
	}
	for _, f := range r.Filters {
		e, err := f.expression()
		if err != nil {
			return nil, err
		}
		tasks, err := t.Scan(append(options, table.WithRowFilter(e))...).PlanFiles(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e, err)
		}
		left := []int64{}
		for i := range tasks {
			left = append(left, n[tasks[i].File.FilePath()]...)
		}
		all = append(all, left)
	}
	return all, nil
}

func write(ctx context.Context, s *table.Scan, path string) error {
	schema, records, err := s.ToArrowRecords(ctx)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := ipc.NewWriter(file, ipc.WithSchema(schema))
	for record, err := range records {
		if err != nil {
			return err
		}
		if err := w.Write(record); err != nil {
			return err
		}
		record.Release()
	}
	if err := w.Close(); err != nil {
		return err
	}
	return file.Close()
}

// numbers is the column n of each file.
func numbers(ctx context.Context, s *table.Scan) (map[string][]int64, error) {
	tasks, err := s.PlanFiles(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string][]int64{}
	for _, task := range tasks {
		_, records, err := s.ReadTasks(ctx, []table.FileScanTask{task})
		if err != nil {
			return nil, err
		}
		for record, err := range records {
			if err != nil {
				return nil, err
			}
			path := task.File.FilePath()
			found[path] = append(found[path], record.Column(0).(*array.Int64).Int64Values()...)
			record.Release()
		}
	}
	return found, nil
}

var operations = map[string]iceberg.Operation{
	"=": iceberg.OpEQ, "<>": iceberg.OpNEQ, "<": iceberg.OpLT, "<=": iceberg.OpLTEQ, ">": iceberg.OpGT, ">=": iceberg.OpGTEQ,
	"in": iceberg.OpIn, "not in": iceberg.OpNotIn, "null": iceberg.OpIsNull, "not null": iceberg.OpNotNull,
}

func (f *filter) expression() (iceberg.BooleanExpression, error) {
	switch f.Op {
	case "all":
		return iceberg.AlwaysTrue{}, nil
	case "and", "or":
		left, err := f.Left.expression()
		if err != nil {
			return nil, err
		}
		right, err := f.Right.expression()
		if err != nil {
			return nil, err
		}
		if f.Op == "and" {
			return iceberg.NewAnd(left, right), nil
		}
		return iceberg.NewOr(left, right), nil
	}
	column, op := iceberg.Reference(f.Column), operations[f.Op]
	if f.Op == "null" || f.Op == "not null" {
		return iceberg.UnaryPredicate(op, column), nil
	}
	var values []iceberg.Literal
	for _, v := range f.Values {
		l, err := f.literal(v)
		if err != nil {
			return nil, err
		}
		values = append(values, l)
	}
	if f.Op == "in" || f.Op == "not in" {
		return iceberg.SetPredicate(op, column, values), nil
	}
	return iceberg.LiteralPredicate(op, column, values[0]), nil
}

// literal is a value as .ci/icebergtables takes it.
func (f *filter) literal(v any) (iceberg.Literal, error) {
	switch v := v.(type) {
	case bool:
		return iceberg.NewLiteral(v), nil
	case string:
		if f.Kind != "double" {
			return iceberg.NewLiteral(v), nil
		}
		d, err := strconv.ParseFloat(v, 64)
		return iceberg.NewLiteral(d), err
	}
	text := fmt.Sprint(v)
	if f.Kind == "decimal" {
		n, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return nil, fmt.Errorf("%s is no number", text)
		}
		return iceberg.NewLiteral(iceberg.Decimal{Val: decimal128.FromBigInt(n), Scale: f.Scale}), nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch f.Kind {
	case "int32":
		return iceberg.NewLiteral(int32(n)), err
	case "date":
		return iceberg.NewLiteral(iceberg.Date(n)), err
	case "timestamp":
		return iceberg.NewLiteral(iceberg.Timestamp(n)), err
	}
	return iceberg.NewLiteral(n), err
}
