package lake

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"sluice/internal/setup"
)

// peak is the most memory that the heap has while do runs, with little garbage.
func peak(do func()) (most uint64) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	do()
	close(done)
	all.Wait()
	return most
}

// lines is a lake with one object whose table of lines has this number of rows, with a
// million different texts among them.
func lines(b *testing.B, rows int) *world {
	w := newWorld(b, orders)
	w.file("raw_orders_data/large.json", "")
	f, err := os.Create(filepath.Join(w.dir, "raw_orders_data", "large.json"))
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	r := rand.New(rand.NewPCG(1, 1))
	const each = 100
	for i := range rows / each {
		out.WriteByte("[,"[min(i, 1)])
		fmt.Fprintf(out, `{"id":"A-%d","total":"%d.%02d","lines":[`, i, r.IntN(1000), r.IntN(100))
		for j := range each {
			if j > 0 {
				out.WriteByte(',')
			}
			fmt.Fprintf(out, `{"sku":"S-%d","price":%d.%02d}`, r.IntN(1_000_000), r.IntN(500), r.IntN(100))
		}
		out.WriteString("]}\n")
	}
	out.WriteString("]")
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	w.run()
	return w
}

// Memory does not grow with the table: 5 million rows.
func BenchmarkLargeTable(b *testing.B) {
	w := lines(b, 5_000_000)
	if v, _, err := w.lake.Rows(b.Context(), "lines", 0, 0); err != nil || v.Rows != 5_000_000 {
		b.Fatalf("%d rows, %v", v.Rows, err)
	}
	for name, do := range map[string]func(){
		"profile": func() { w.profile("lines") },
		"texts":   func() { w.chart("lines", ChartOptions{X: "sku", Y: "price", Of: "sum", Split: "id"}) },
		"numbers": func() { w.chart("lines", ChartOptions{X: "price", Y: "price", Of: "sum"}) },
		"points":  func() { w.chart("lines", ChartOptions{X: "price", Y: "order_total", Of: "points"}) },
		"money":   func() { w.money() },
		"rows": func() {
			if _, _, err := w.lake.Rows(b.Context(), "lines", 4_321_000, 50); err != nil {
				b.Fatal(err)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			var most uint64
			for range b.N {
				w.lake = New(func() *setup.Setup { return w.setup })
				most = max(most, peak(do))
			}
			b.ReportMetric(float64(most)/(1<<20), "MiB")
		})
	}
}
