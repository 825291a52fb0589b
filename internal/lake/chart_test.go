package lake

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func (w *world) chart(table string, o ChartOptions) *Chart {
	w.t.Helper()
	c, err := w.lake.Chart(w.t.Context(), table, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// points writes the points of a chart in short.
func points(c *Chart) string {
	var b strings.Builder
	for _, s := range c.Series {
		fmt.Fprintf(&b, "%s:", s.Name)
		for _, p := range s.Points {
			fmt.Fprintf(&b, " %v=%v", p[0], p[1])
		}
		b.WriteString("; ")
	}
	if c.Others > 0 {
		fmt.Fprintf(&b, "others %d=%v", c.Others, c.OthersY)
	}
	return strings.TrimRight(b.String(), "; ")
}

func TestCharts(t *testing.T) {
	w := newWorld(t, orders)
	record := func(id, country, placed string, total any, items any) map[string]any {
		r := map[string]any{"id": id, "total": total, "items": items}
		if country != "" {
			r["country"] = country
		}
		if placed != "" {
			r["placed"], r["day"] = placed, placed[:10]
		}
		return r
	}
	w.put("a.json",
		record("A-1", "DE", "2024-01-31T23:59:59.999999Z", "0.1", 1),
		record("A-2", "DE", "2024-02-01T00:00:00Z", "0.2", 1),
		record("A-3", "FR", "2024-04-15T12:00:00Z", "-5", 4))
	w.put("b.json",
		record("A-4", "", "", "1000", nil),
		record("A-5", "IT", "2024-04-15T13:00:00Z", nil, 7))
	w.run()
	for _, c := range []struct {
		o    ChartOptions
		want string
	}{
		{ChartOptions{X: "country", Of: "count"}, ": DE=2 FR=1 IT=1 <nil>=1"},
		{ChartOptions{X: "country", Y: "total", Of: "sum"}, ": DE=0.3000 IT=<nil> FR=-5.0000 <nil>=1000.0000"},
		{ChartOptions{X: "country", Y: "total", Of: "sum", Limit: 1}, ": DE=0.3000 <nil>=1000.0000; others 2=-5.0000"},
		{ChartOptions{X: "country", Of: "count", Limit: 1}, ": DE=2 <nil>=1; others 2=2"},
		{ChartOptions{X: "country", Y: "total", Of: "count"}, ": DE=2 FR=1 IT=0 <nil>=1"},
		{ChartOptions{X: "country", Y: "total", Of: "avg"}, ": DE=0.15000000 FR=-5.00000000 IT=<nil> <nil>=1000.00000000"},
		{ChartOptions{X: "country", Y: "total", Of: "max"}, ": DE=0.2000 FR=-5.0000 IT=<nil> <nil>=1000.0000"},
		{ChartOptions{X: "country", Y: "day", Of: "min"}, ": DE=2024-01-31 FR=2024-04-15 IT=2024-04-15 <nil>=<nil>"},
		{ChartOptions{X: "placed", Of: "count", Bins: 4}, ": 2024-01-01T00:00:00Z=1 2024-02-01T00:00:00Z=1 2024-03-01T00:00:00Z=0 2024-04-01T00:00:00Z=2 <nil>=1"},
		{ChartOptions{X: "day", Y: "total", Of: "sum", Bins: 4}, ": 2024-01-01=0.1000 2024-02-01=0.2000 2024-03-01=0.0000 2024-04-01=-5.0000 <nil>=1000.0000"},
		{ChartOptions{X: "items", Of: "count", Bins: 7}, ": 1=2 2=0 3=0 4=1 5=0 6=0 7=1 <nil>=1"},
		{ChartOptions{X: "items", Of: "count", Bins: 4}, ": 0=2 2=0 4=1 6=1 <nil>=1"},
		{ChartOptions{X: "total", Of: "count", Bins: 3}, ": -1000.0000=1 0.0000=2 1000.0000=1 <nil>=1"},
		{ChartOptions{X: "items", Of: "count", Bins: 2, Split: "country"}, "DE: 0=2 5=0; FR: 0=1 5=0; IT: 0=0 5=1; NULL: 0=0 5=0 <nil>=1"},
		{ChartOptions{X: "items", Y: "total", Of: "points"}, ": 1=0.1000 1=0.2000 4=-5.0000"},
		{ChartOptions{X: "weight", Of: "count"}, ": <nil>=5"},
	} {
		if got := points(w.chart("orders", c.o)); got != c.want {
			t.Errorf("%+v:\n%s\nwant %s", c.o, got, c.want)
		}
	}
	for _, o := range []ChartOptions{
		{X: "nope", Of: "count"}, {X: "id", Y: "nope", Of: "count"}, {X: "id", Of: "count", Split: "nope"},
		{X: "id"}, {X: "id", Of: "mode"}, {X: "id", Of: "sum"}, {X: "id", Y: "country", Of: "sum"}, {X: "id", Y: "day", Of: "avg"},
		{X: "id", Y: "total", Of: "points"}, {X: "items", Y: "country", Of: "points"}, {X: "id", Of: "count", Bins: 401}, {X: "id", Of: "count", Limit: -1},
	} {
		if c, err := w.lake.Chart(t.Context(), "orders", o); err == nil {
			t.Errorf("%+v: no error, %s", o, points(c))
		}
	}
}

// Over any column, split or not, what the points and the others have together is what
// the column has; and drawn again it is the same.
func TestChartsAreWhole(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, orders)
		var rows, values int64
		sum := new(big.Rat)
		kinds := rapid.SampledFrom([]string{"country", "items", "placed", "day", "total", "weight", "large", "views", "paid", "tags"})
		texts := rapid.SampledFrom([]string{"a", "b", "c", "", "d", "e", "f", "g", "h", "é", strings.Repeat("long", 100)})
		files := rapid.IntRange(0, 3).Draw(r, "files")
		for f := range files {
			var records []map[string]any
			for i := range rapid.IntRange(0, 20).Draw(r, "records") {
				record := map[string]any{"id": fmt.Sprintf("A-%d-%d", f, i)}
				some := func(name string, value any) {
					if rapid.IntRange(0, 4).Draw(r, "missing") > 0 {
						record[name] = value
					}
				}
				amount := big.NewRat(rapid.Int64Range(-1e15, 1e15).Draw(r, "amount"), 10000).FloatString(4)
				some("total", amount)
				some("country", texts.Draw(r, "country"))
				some("items", rapid.Int32Range(-50, 1000).Draw(r, "items"))
				some("views", rapid.Int64().Draw(r, "views"))
				some("weight", rapid.Float64Range(-1e10, 1e10).Draw(r, "weight"))
				some("large", strings.Repeat("9", rapid.IntRange(1, 36).Draw(r, "digits"))+".01")
				some("paid", rapid.Bool().Draw(r, "paid"))
				at := time.Unix(rapid.Int64Range(0, 3e9).Draw(r, "at"), 0).UTC()
				some("placed", at.Format(time.RFC3339))
				some("day", at.Format(time.DateOnly))
				some("tags", []string{texts.Draw(r, "tag")})
				rows++
				if record["total"] != nil {
					values++
					n, _ := new(big.Rat).SetString(amount)
					sum.Add(sum, n)
				}
				records = append(records, record)
			}
			w.put(fmt.Sprintf("%d.json", f), records...)
			if len(records) == 0 {
				w.file(fmt.Sprintf("raw_orders_data/%d.json", f), "[]")
			}
		}
		w.run()
		o := ChartOptions{X: kinds.Draw(r, "x"), Y: "total", Bins: rapid.IntRange(1, 40).Draw(r, "bins"), Limit: rapid.IntRange(1, 4).Draw(r, "limit")}
		o.Split = rapid.SampledFrom([]string{"", "country", "paid"}).Draw(r, "split")
		for _, of := range []string{"count", "sum"} {
			o.Of = of
			c := w.chart("orders", o)
			got := new(big.Rat)
			add := func(y any) {
				if y == nil {
					return
				}
				n, ok := new(big.Rat).SetString(fmt.Sprint(y))
				if !ok {
					r.Fatalf("y is %v", y)
				}
				got.Add(got, n)
			}
			for _, s := range c.Series {
				if len(s.Points) > 42 {
					r.Errorf("%+v: %d points", o, len(s.Points))
				}
				for _, p := range s.Points {
					add(p[1])
				}
			}
			add(c.OthersY)
			want := sum
			if of == "count" {
				want = new(big.Rat).SetInt64(values)
			}
			if got.Cmp(want) != 0 || c.Rows != rows || c.RowsRead != rows {
				r.Errorf("%+v: %s, want %s; %d rows read of %d\n%s", o, got.FloatString(4), want.FloatString(4), c.RowsRead, rows, points(c))
			}
			if again := points(w.chart("orders", o)); again != points(c) {
				r.Errorf("%+v: drawn again it is\n%s\nnot\n%s", o, again, points(c))
			}
		}
	})
}

// Of more texts than can be held, those that are shown still have all their rows.
func TestChartOfManyTexts(t *testing.T) {
	w := newWorld(t, orders)
	frequency := map[string]int{}
	for f := range 3 {
		var records []map[string]any
		for i := range 12000 {
			country := fmt.Sprintf("once-%d-%d", f, i)
			if i%4 == 0 {
				country = fmt.Sprintf("often-%d", i%5)
			}
			frequency[country]++
			records = append(records, map[string]any{"id": fmt.Sprint(f, i), "country": country, "total": "0.01"})
		}
		w.put(fmt.Sprintf("%d.json", f), records...)
	}
	w.run()
	if len(frequency) <= chartTexts {
		t.Fatalf("%d texts are too few for this test", len(frequency))
	}
	names := slices.SortedFunc(maps.Keys(frequency), func(a, b string) int {
		return cmp.Or(cmp.Compare(frequency[b], frequency[a]), strings.Compare(a, b))
	})[:5]
	want := ":"
	shown := 0
	for _, n := range names {
		want += fmt.Sprintf(" %s=%d", n, frequency[n])
		shown += frequency[n]
	}
	want += fmt.Sprintf("; others %d=%d", 36000-shown, 36000-shown)
	if got := points(w.chart("orders", ChartOptions{X: "country", Of: "count", Limit: 5})); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	c := w.chart("orders", ChartOptions{X: "country", Y: "total", Of: "sum", Limit: 5})
	if c.OthersY != fmt.Sprintf("%d.%02d00", (36000-shown)/100, (36000-shown)%100) {
		t.Errorf("others %v", c.OthersY)
	}
}

// A scatter chart is a sample of all of the table.
func TestScatter(t *testing.T) {
	w := newWorld(t, orders)
	for f := range 3 {
		var records []map[string]any
		for i := range 3000 {
			n := 3000*f + i
			records = append(records, map[string]any{"id": fmt.Sprint(n), "items": n, "views": 2 * n})
		}
		w.put(fmt.Sprintf("%d.json", f), records...)
	}
	w.run()
	c := w.chart("orders", ChartOptions{X: "items", Y: "views", Of: "points"})
	all := c.Series[0].Points
	if len(all) != mostPoints || c.RowsRead != 9000 {
		t.Fatalf("%d points of %d rows", len(all), c.RowsRead)
	}
	last := -1
	for i, p := range all {
		var x, y int
		fmt.Sscan(fmt.Sprint(p[0]), &x)
		fmt.Sscan(fmt.Sprint(p[1]), &y)
		if y != 2*x || x <= last || x < i*9000/mostPoints || x >= (i+1)*9000/mostPoints {
			t.Fatalf("point %d is %v", i, p)
		}
		last = x
	}
}
