package lake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/schema"
)

func (w *world) profile(table string) *Profile {
	w.t.Helper()
	p, err := w.lake.Profile(w.t.Context(), table)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// randomOrders puts some files of orders, with any of their columns, into a lake.
func randomOrders(r *rapid.T, w *world) {
	n := 0
	for f := range rapid.IntRange(0, 3).Draw(r, "files") {
		var records []map[string]any
		for range rapid.IntRange(1, 25).Draw(r, "records") {
			n++
			record := map[string]any{"id": fmt.Sprintf("A-%d", n)}
			some := func(name string, value any) {
				if rapid.IntRange(0, 4).Draw(r, "missing") > 0 {
					record[name] = value
				}
			}
			some("total", big.NewRat(rapid.Int64Range(-1e16, 1e16).Draw(r, "amount"), 10000).FloatString(4))
			some("large", big.NewRat(rapid.Int64().Draw(r, "amount"), 100).FloatString(2))
			some("items", rapid.Int32Range(-3, 3).Draw(r, "items"))
			some("views", rapid.Int64().Draw(r, "views"))
			some("weight", rapid.Float64Range(-1e10, 1e10).Draw(r, "weight"))
			some("paid", rapid.Bool().Draw(r, "paid"))
			some("country", rapid.SampledFrom([]string{"DE", "FR", "", "é"}).Draw(r, "country"))
			some("tags", []any{rapid.SampledFrom([]string{"a", "b"}).Draw(r, "tag"), nil})
			at := time.Unix(rapid.Int64Range(-3e9, 3e9).Draw(r, "at"), 0).UTC()
			some("placed", at.Format(time.RFC3339))
			some("day", at.Format(time.DateOnly))
			records = append(records, record)
		}
		w.put(fmt.Sprintf("%d.json", f), records...)
	}
}

// A profile says what a plain look at all rows says.
func TestProfile(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, orders)
		randomOrders(r, w)
		w.run()
		p := w.profile("orders")
		v, rows, err := w.lake.Rows(t.Context(), "orders", 0, MaxRows)
		if err != nil {
			r.Fatal(err)
		}
		if p.Rows != int64(len(rows)) || p.RowsRead != p.Rows {
			r.Fatalf("%d rows, %d read, there are %d", p.Rows, p.RowsRead, len(rows))
		}
		for i, c := range v.Columns {
			check(r, p.Columns[i], c, rows, i)
		}
	})
}

// check compares the profile of a column with its values as text.
func check(t *rapid.T, p ColumnProfile, c schema.Column, rows [][]*string, column int) {
	nulls := int64(0)
	counts := map[string]int64{}
	low, high := "", ""
	less := func(a, b string) bool {
		x, ok := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if ok && ok2 && kindOf(c.Type) == kindNumber {
			return x.Cmp(y) < 0
		}
		if c.Type.Kind == schema.Timestamp { // with or without a fraction
			x, _ := time.Parse(time.RFC3339Nano, a)
			y, _ := time.Parse(time.RFC3339Nano, b)
			return x.Before(y)
		}
		return a < b
	}
	for _, row := range rows {
		if row[column] == nil {
			nulls++
			continue
		}
		s := *row[column]
		if len(counts) == 0 || less(s, low) {
			low = s
		}
		if len(counts) == 0 || less(high, s) {
			high = s
		}
		if s == "-0" { // of a double: no other value than 0
			s = "0"
		}
		counts[s]++
	}
	if p.Nulls != nulls {
		t.Errorf("%s: %d nulls, want %d", c.Name, p.Nulls, nulls)
	}
	if distinct := int64(len(counts)); distinct <= 16 && p.Distinct != distinct || p.Distinct > distinct*13/10+1 || p.Distinct < distinct*7/10 {
		t.Errorf("%s: %d different, want %d", c.Name, p.Distinct, distinct)
	}
	if len(counts) == 0 {
		if p.Min != nil || p.Max != nil || p.Spread != nil || len(p.Top) > 0 {
			t.Errorf("%s: %+v without values", c.Name, p)
		}
		return
	}
	same := func(a, b string) bool { return a == b || c.Type.Kind == schema.Double && !less(a, b) && !less(b, a) } // -0 and 0
	if !same(*p.Min, low) || !same(*p.Max, high) {
		t.Errorf("%s: %s to %s, want %s to %s", c.Name, *p.Min, *p.Max, low, high)
	}
	if kindOf(c.Type) == kindText {
		var want []Count
		for s, n := range counts {
			want = append(want, Count{s, n})
		}
		slices.SortFunc(want, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value)) })
		if want = want[:min(len(want), topValues)]; !slices.Equal(p.Top, want) {
			t.Errorf("%s: %v, want %v", c.Name, p.Top, want)
		}
		return
	}
	h := p.Spread
	sum := int64(0)
	for _, n := range h.Counts {
		sum += n
	}
	if len(h.Counts) > histogramBins || sum != int64(len(rows))-nulls || len(h.Edges) != len(h.Counts)+1 || less(low, h.Edges[0]) || !less(high, h.Edges[len(h.Counts)]) {
		t.Errorf("%s: histogram %+v of %s to %s, %d values", c.Name, h, low, high, int64(len(rows))-nulls)
	}
	if h.Counts[0] == 0 || h.Counts[len(h.Counts)-1] == 0 {
		t.Errorf("%s: empty bins at the ends: %+v", c.Name, h)
	}
}

// The profile of a table is kept, until the table changes.
func TestProfileIsKept(t *testing.T) {
	w := newWorld(t, orders)
	w.put("a.json", order("A-1", "10", "1"))
	w.run()
	first := w.profile("lines")
	if w.profile("lines") != first {
		t.Error("read again")
	}
	w.put("b.json", order("A-2", "10", "1"))
	w.run()
	if p := w.profile("lines"); p.Rows != 2 {
		t.Errorf("%d rows", p.Rows)
	}
}

// Of a large table rows of all files are read, up to the limit.
func TestSpread(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		v := &View{}
		for range 1 + r.IntN(20) {
			w := viewed{File: &File{}, footer: &footer{}}
			for range r.IntN(4) {
				n := r.Int64N(1000)
				w.groups, w.starts = append(w.groups, n), append(w.starts, w.rows)
				w.rows += n
			}
			v.Rows, v.all = v.Rows+w.rows, v.all+w.rows
			v.whole = append(v.whole, w)
		}
		most, groups := 1+r.Int64N(5000), 1+r.IntN(100)
		parts, rows := v.spread(most, groups)
		sum := int64(0)
		for _, p := range parts {
			if p.from < 0 || p.from >= p.to && v.Rows > most || p.to > v.whole[p.file].groups[p.group] {
				t.Fatalf("%+v of %d", p, v.whole[p.file].groups[p.group])
			}
			sum += p.to - p.from
		}
		if all := len(v.parts()); sum != rows || rows > most || all <= groups && rows != min(most, v.Rows) || len(parts) > groups {
			t.Fatalf("%d rows in %d parts, said %d; at most %d in %d of %d rows", sum, len(parts), rows, most, groups, v.Rows)
		}
		seen := map[[2]int]bool{}
		for _, p := range parts {
			if seen[[2]int{p.file, p.group}] {
				t.Fatalf("%+v twice", p)
			}
			seen[[2]int{p.file, p.group}] = true
		}
		if again, _ := v.spread(most, groups); !slices.Equal(again, parts) {
			t.Fatal("another sample")
		}
	}
}

// Borders of bins are round, and every value lies in its bin.
func TestHistogramBorders(t *testing.T) {
	w := newWorld(t, orders)
	w.put("a.json",
		map[string]any{"id": "A-1", "total": "1.5", "placed": "2024-01-10T08:31:00Z", "day": "2024-01-10", "weight": 0.1, "items": 1},
		map[string]any{"id": "A-2", "total": "99.99", "placed": "2024-01-11T07:00:00Z", "day": "2024-02-29", "weight": 0.73, "items": 5})
	w.run()
	got := map[string]string{}
	for _, c := range w.profile("orders").Columns {
		if c.Spread != nil {
			text, _ := json.Marshal(c.Spread)
			got[c.Name] = string(text)
		}
	}
	for name, want := range map[string]string{
		"total":  `{"edges":["0.0000","5.0000","10.0000","15.0000","20.0000","25.0000","30.0000","35.0000","40.0000","45.0000","50.0000","55.0000","60.0000","65.0000","70.0000","75.0000","80.0000","85.0000","90.0000","95.0000","100.0000"],"counts":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]}`,
		"placed": `{"edges":["2024-01-10T08:00:00Z","2024-01-10T09:00:00Z","2024-01-10T10:00:00Z","2024-01-10T11:00:00Z","2024-01-10T12:00:00Z","2024-01-10T13:00:00Z","2024-01-10T14:00:00Z","2024-01-10T15:00:00Z","2024-01-10T16:00:00Z","2024-01-10T17:00:00Z","2024-01-10T18:00:00Z","2024-01-10T19:00:00Z","2024-01-10T20:00:00Z","2024-01-10T21:00:00Z","2024-01-10T22:00:00Z","2024-01-10T23:00:00Z","2024-01-11T00:00:00Z","2024-01-11T01:00:00Z","2024-01-11T02:00:00Z","2024-01-11T03:00:00Z","2024-01-11T04:00:00Z","2024-01-11T05:00:00Z","2024-01-11T06:00:00Z","2024-01-11T07:00:00Z","2024-01-11T08:00:00Z"],"counts":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]}`,
		"day":    `{"edges":["2024-01-04","2024-01-11","2024-01-18","2024-01-25","2024-02-01","2024-02-08","2024-02-15","2024-02-22","2024-02-29","2024-03-07"],"counts":[1,0,0,0,0,0,0,0,1]}`,
		"weight": `{"edges":["0.10","0.15","0.20","0.25","0.30","0.35","0.40","0.45","0.50","0.55","0.60","0.65","0.70","0.75"],"counts":[1,0,0,0,0,0,0,0,0,0,0,0,1]}`,
		"items":  `{"edges":["1","2","3","4","5","6"],"counts":[1,0,0,0,1]}`,
	} {
		if got[name] != want {
			t.Errorf("%s: %s\nwant %s", name, got[name], want)
		}
	}
}
