package conversion_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/big"
	"os"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/gen"
	"sluice/internal/parquetread"
	"sluice/mapping"
	"sluice/schema"
)

// result is what a conversion gave, read back through a foreign reader.
type result struct {
	stats   conversion.Result
	err     error
	rows    [][]string
	parquet []byte
	bad     []byte // the quarantine file
}

// accepted reports whether all was committed or, by policy, skipped.
func (r *result) accepted() bool { return r.err == nil && r.stats.RecordsQuarantined == 0 }

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

// run converts to one output, with zstd if no codec is named.
func run(ctx context.Context, dst io.Writer, src io.Reader, m *mapping.Mapping, opts conversion.Options) (conversion.Result, error) {
	return runWith(ctx, nil, dst, src, m, opts)
}

// runWith is run with what other conversions left.
func runWith(ctx context.Context, memory *conversion.Memory, dst io.Writer, src io.Reader, m *mapping.Mapping, opts conversion.Options) (conversion.Result, error) {
	opts.Codec = cmp.Or(opts.Codec, "zstd")
	out, err := conversion.NewFile(dst, m.Schema(&m.Tables[0]), "", nil)
	if err != nil {
		return conversion.Result{}, err
	}
	return conversion.RunWith(ctx, memory, []conversion.Output{out}, src, m, opts)
}

// fileOf is a file of the i-th table of m.
func fileOf(t testing.TB, m *mapping.Mapping, i int, dst io.Writer) conversion.Output {
	t.Helper()
	out, err := conversion.NewFile(dst, m.Schema(&m.Tables[i]), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func convert(t testing.TB, m *mapping.Mapping, src io.Reader, opts conversion.Options) result {
	t.Helper()
	return convertWith(t, nil, m, src, opts)
}

func convertWith(t testing.TB, memory *conversion.Memory, m *mapping.Mapping, src io.Reader, opts conversion.Options) result {
	t.Helper()
	var out, bad bytes.Buffer
	if opts.Quarantine == nil {
		opts.Quarantine = &bad
	}
	var r result
	r.stats, r.err = runWith(context.Background(), memory, &out, src, m, opts)
	r.bad = bad.Bytes()
	if r.err == nil {
		r.parquet = out.Bytes()
		r.rows = readRows(t, r.parquet)
		checkSums(t, r.stats.Sums, openRows(t, r.parquet).Schema(), r.rows)
	}
	return r
}

// checkSums adds up the decimal columns of the rows, as SQL's sum would.
func checkSums(t testing.TB, sums map[string]string, s schema.Schema, rows [][]string) {
	t.Helper()
	want := map[string]string{}
	for i, c := range s.Columns {
		if c.Type.Kind == schema.Decimal {
			want[s.Table+"."+c.Name] = sumOf(t, rows, i, c.Type.Scale)
		}
	}
	if !maps.Equal(sums, want) {
		t.Fatalf("sums are %v, those of the rows %v", sums, want)
	}
}

// sumOf adds up a decimal column of the rows; by counts only one row of those
// that are alike in these columns.
func sumOf(t testing.TB, rows [][]string, column, scale int, by ...int) string {
	t.Helper()
	var sum big.Rat
	seen := map[string]bool{}
	for i, row := range rows {
		of := fmt.Sprint(i)
		if len(by) > 0 {
			of = ""
			for _, j := range by {
				of += row[j] + " "
			}
		}
		if row[column] == parquetread.Null || seen[of] {
			continue
		}
		seen[of] = true
		v, ok := new(big.Rat).SetString(row[column])
		if !ok {
			t.Fatalf("cell %q is no decimal", row[column])
		}
		sum.Add(&sum, v)
	}
	return sum.FloatString(scale)
}

func openRows(t testing.TB, data []byte) *parquetread.File {
	t.Helper()
	f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func readRows(t testing.TB, data []byte) (rows [][]string) {
	t.Helper()
	err := openRows(t, data).Rows(math.MaxInt, func(row []string) error {
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

func generate(t testing.TB, o gen.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := gen.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
