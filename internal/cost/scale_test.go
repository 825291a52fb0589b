package cost

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// The table of docs/scale.md that compares files and tables has the figures of today: for
// 10^3 to 10^9 objects of 1 kB a day, without scheduled runs.
func TestScaleOfFilesAndTables(t *testing.T) {
	page, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	bill := func(j Job, objects float64) float64 {
		t.Helper()
		j.Objects, j.Bytes, j.Catalog, j.Reconciles = objects, 1000*objects, Glue, 0
		e, err := New(j, list(t))
		if err != nil {
			t.Fatal(err)
		}
		return e.Sluice.USD
	}
	for n := 3; n <= 9; n++ {
		objects := math.Pow10(n)
		files, tables := bill(Defaults(), objects), bill(TableDefaults(), objects)
		row := fmt.Sprintf("| 10^%d | %s | %s | %.2g | ", n, dollars(files), dollars(tables), files/tables)
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/scale.md lacks the row %s", row)
		}
	}
	// A gigabyte a day in 1,000 objects, in both modes; for tables batches of some objects.
	batched := TableDefaults()
	batched.Window, batched.Reconciles = 300, 1
	for _, j := range []Job{Defaults(), batched} {
		j.Objects, j.Bytes, j.Catalog = 1000, 1e9, Glue
		e, err := New(j, list(t))
		if err != nil {
			t.Fatal(err)
		}
		if e.Sluice.USD >= 10 {
			t.Errorf("tables: %v: a gigabyte in 1,000 objects costs %.2f dollars a month", j.Tables, e.Sluice.USD)
		}
	}
}

// dollars has commas between thousands.
func dollars(v float64) string {
	whole, cents, _ := strings.Cut(fmt.Sprintf("%.2f", v), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole + "." + cents
}
