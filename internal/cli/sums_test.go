package cli

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/internal/gen"
	"sluice/internal/ledger"
	"sluice/internal/parquetread"
)

// The money check of docs/ledger.md on a lake that has seen everything: the
// rows and sums of the ledger are those of the files. DuckDB runs the SQL itself
// where there is one (make docs); here the same is done by hand.
func TestLedgerAgreesWithTable(t *testing.T) {
	lake := t.TempDir()
	raw := filepath.Join(lake, "raw_orders_data")
	if err := os.Mkdir(raw, 0o777); err != nil {
		t.Fatal(err)
	}
	orders := func(seed uint64, bad float64) string {
		var b strings.Builder
		if _, err := gen.Write(&b, gen.Options{Seed: seed, Orders: 50, Bad: bad}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	objects := []map[string]string{
		{
			"good.json": orders(1, 0), "some.json": orders(2, 0.2), "overwritten.json": orders(3, 0), "then_none.json": orders(4, 0),
			"then_rejected.json": orders(5, 0), "empty.json": "[]", "bad.json": `[{"order_id"`, "all_bad.json": `[{"order_id":1}]`,
		},
		{"overwritten.json": orders(6, 0.1), "then_none.json": "[]", "then_rejected.json": "[", "all_bad.json": orders(7, 0)},
	}
	for _, step := range objects {
		for name, text := range step {
			write(t, raw, name, text)
		}
		if code, _, errw := run(t, t.Context(), nil, "run", "--lake", lake); code != exitFailed {
			t.Fatalf("exit code %d: %s", code, errw)
		}
	}
	compared := 0
	for _, name := range list(t, filepath.Join(lake, "ledger")) {
		text, err := os.ReadFile(filepath.Join(lake, "ledger", name))
		if err != nil {
			t.Fatal(err)
		}
		var e ledger.Entry
		if json.Unmarshal(text, &e) != nil || e.State == nil || e.Outputs[0].Identity != e.State.Identity {
			continue
		}
		compared++
		rows, sum := sumOfFile(t, filepath.Join(lake, filepath.FromSlash(e.Outputs[0].Key)), "total_amount")
		if want := e.State.Sums["order_lines.total_amount"]; rows != e.State.RowsWritten || sum != want {
			t.Errorf("%s: the file has %d rows and %s, the ledger %d and %s", e.Key, rows, sum, e.State.RowsWritten, want)
		}
	}
	if compared != 6 { // all but the two that are no JSON
		t.Errorf("%d outputs were compared, want 6", compared)
	}
}

// sumOfFile adds up a column of four decimal places.
func sumOfFile(t *testing.T, name, column string) (rows int64, sum string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquetread.Open(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Schema().Columns {
		names = append(names, c.Name)
	}
	total, i := new(big.Rat), slices.Index(names, column)
	err = f.Rows(int(f.NumRows()), func(row []string) error {
		rows++
		v, ok := new(big.Rat).SetString(row[i])
		if !ok && row[i] != parquetread.Null {
			return fmt.Errorf("cell %q", row[i])
		}
		if ok {
			total.Add(total, v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, total.FloatString(4)
}
