package lake

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/schema"
)

// inOrder compares two values of a column, as texts.
func inOrder(t schema.Type, a, b string) int {
	switch {
	case kindOf(t) == kindNumber:
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		return x.Cmp(y)
	case kindOf(t) == kindTime:
		x, _ := time.Parse(time.RFC3339Nano, (a + "T00:00:00Z")[:max(len(a), 20)])
		y, _ := time.Parse(time.RFC3339Nano, (b + "T00:00:00Z")[:max(len(b), 20)])
		return x.Compare(y)
	}
	return strings.Compare(a, b)
}

// Filters and order give what a plain look at all rows gives: page by page, in a chart,
// and in a download.
func TestSorted(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, orders)
		randomOrders(r, w)
		w.run()
		v, all, err := w.lake.Rows(t.Context(), "orders", 0, MaxRows)
		if err != nil {
			r.Fatal(err)
		}
		column := rapid.IntRange(0, len(v.Columns)-1)
		o := SortOptions{Limit: rapid.IntRange(1, 20).Draw(r, "limit"), Descending: rapid.Bool().Draw(r, "descending")}
		want := slices.Clone(all)
		for range rapid.IntRange(0, 2).Draw(r, "filters") {
			c := column.Draw(r, "filter")
			f := Filter{v.Columns[c].Name, OpNull, ""}
			typ := v.Columns[c].Type
			if len(all) > 0 {
				if value := all[rapid.IntRange(0, len(all)-1).Draw(r, "row")][c]; value != nil {
					ops := []string{OpIs, OpFrom, OpBelow}
					if kindOf(typ) == kindText {
						ops = ops[:1]
					}
					f.Op, f.Value = rapid.SampledFrom(ops).Draw(r, "op"), *value
				}
			}
			o.Filters = append(o.Filters, f)
			want = slices.DeleteFunc(want, func(row []*string) bool {
				switch value := row[c]; {
				case value == nil || f.Op == OpNull:
					return value != nil || f.Op != OpNull
				case f.Op == OpIs:
					return inOrder(typ, *value, f.Value) != 0
				case f.Op == OpFrom:
					return inOrder(typ, *value, f.Value) < 0
				default:
					return inOrder(typ, *value, f.Value) >= 0
				}
			})
		}

		var file bytes.Buffer
		if err := w.lake.CSV(t.Context(), "orders", o.Filters, func() io.Writer { return &file }); err != nil {
			r.Fatal(err)
		}
		records, err := csv.NewReader(&file).ReadAll()
		if err != nil || len(records) != 1+len(want) {
			r.Fatalf("%d lines of CSV of %d rows, %v", len(records), len(want), err)
		}
		id := slices.IndexFunc(v.Columns, func(c schema.Column) bool { return c.Name == "id" })
		for i, row := range want {
			if records[1+i][id] != *row[id] {
				r.Fatalf("row %d of the CSV is %s, want %s", i, records[1+i][id], *row[id])
			}
		}
		x := v.Columns[column.Draw(r, "x")].Name
		chart, err := w.lake.Chart(t.Context(), "orders", ChartOptions{X: x, Of: ofCount, Filters: o.Filters})
		if err != nil {
			r.Fatal(err)
		}
		sum := chart.Others
		for _, s := range chart.Series {
			for _, p := range s.Points {
				sum += p[1].(int64)
			}
		}
		if chart.Matching != int64(len(want)) || sum != chart.Matching {
			r.Errorf("the chart by %s has %d of %d rows, want %d", x, sum, chart.Matching, len(want))
		}
		points, err := w.lake.Chart(t.Context(), "orders", ChartOptions{X: "total", Y: "items", Of: ofPoints, Filters: o.Filters})
		if err != nil {
			r.Fatal(err)
		}
		both := 0
		for _, row := range want {
			if row[3] != nil && row[5] != nil {
				both++
			}
		}
		if len(points.Series[0].Points) != both {
			r.Errorf("%d points, want %d", len(points.Series[0].Points), both)
		}

		if c := rapid.IntRange(-1, len(v.Columns)-1).Draw(r, "by"); c >= 0 {
			o.By = v.Columns[c].Name
			slices.SortStableFunc(want, func(a, b []*string) int {
				switch x, y := a[c], b[c]; {
				case x == nil && y == nil:
					return 0
				case x == nil:
					return 1
				case y == nil:
					return -1
				case o.Descending:
					return inOrder(v.Columns[c].Type, *y, *x)
				default:
					return inOrder(v.Columns[c].Type, *x, *y)
				}
			})
		}
		for ; ; o.Offset += int64(o.Limit) {
			page, err := w.lake.Sorted(t.Context(), "orders", o)
			if err != nil {
				r.Fatal(err)
			}
			if page.Matching != int64(len(want)) || page.RowsRead != v.Rows {
				r.Fatalf("%d rows of %d, want %d of %d", page.Matching, page.RowsRead, len(want), v.Rows)
			}
			from := min(int(o.Offset), len(want))
			expected := want[from:min(from+o.Limit, len(want))]
			if len(page.Rows) != len(expected) {
				r.Fatalf("%+v: %d rows, want %d", o, len(page.Rows), len(expected))
			}
			for i, row := range page.Rows {
				if *row[id] != *expected[i][id] {
					r.Fatalf("%+v: row %d is %s, want %s", o, i, *row[id], *expected[i][id])
				}
			}
			if len(expected) == 0 {
				return
			}
		}
	})
}

// What is no value of the column, or no condition, is refused and never guessed.
func TestFiltersRefused(t *testing.T) {
	w := newWorld(t, orders)
	w.put("a.json", map[string]any{"id": "A-1", "total": "1.5", "country": strings.Repeat("é", 300)})
	w.run()
	for _, f := range []Filter{
		{"nope", OpIs, "1"}, {"total", "like", "1"}, {"total", OpIs, "one"}, {"total", OpIs, "1.23456"}, {"total", OpFrom, "1e400000000"}, {"total", OpFrom, ""},
		{"total", OpFrom, strings.Repeat("9", 400)}, {"items", OpIs, "--1"}, {"items", OpIs, "1 OR 1=1"}, {"weight", OpBelow, "NaN"}, {"paid", OpIs, "yes"}, {"paid", OpFrom, "true"},
		{"day", OpFrom, "2024-13-01"}, {"placed", OpBelow, "2024-01-01"}, {"country", OpFrom, "a"}, {"country", OpIs, strings.Repeat("a", 5000)},
	} {
		_, err := w.lake.Sorted(t.Context(), "orders", SortOptions{Filters: []Filter{f}, Limit: 1})
		if unknown, request := new(UnknownError), new(RequestError); !errors.As(err, &unknown) && !errors.As(err, &request) {
			t.Errorf("%.60v: %v", f, err)
		}
	}
	for _, o := range []SortOptions{{By: "nope", Limit: 1}, {By: "id", Limit: 1, Offset: MaxSorted}, {By: "id", Limit: 1, Filters: make([]Filter, 17)}} {
		if _, err := w.lake.Sorted(t.Context(), "orders", o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	// A text is found by what a profile shows of it.
	page, err := w.lake.Sorted(t.Context(), "orders", SortOptions{Filters: []Filter{{"country", OpIs, w.profile("orders").Columns[9].Top[0].Value}}, Limit: 1})
	if err != nil || len(page.Rows) != 1 {
		t.Errorf("a long text: %+v, %v", page, err)
	}
}
