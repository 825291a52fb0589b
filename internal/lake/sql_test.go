package lake

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/query"
	"sluice/internal/query/duckdbcli"
	"sluice/internal/query/querytest"
	"sluice/schema"
)

// ask is what DuckDB says over the same lake.
func (w *world) ask(sql string) (rows [][]string) {
	w.t.Helper()
	state, err := w.lake.State(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var tables []query.Table
	for _, t := range state.Tables {
		table := query.Table{Schema: t.Schema}
		for _, f := range t.Files {
			table.Files = append(table.Files, query.File{Name: f.Output.Key, Columns: f.Output.Columns})
		}
		tables = append(tables, table)
	}
	limits := query.Limits{Memory: 1 << 30, Threads: 1, Timeout: time.Minute}
	session := duckdbcli.Open(querytest.Program(w.t), w.setup.SinkFolder(), tables, limits)
	found, err := session.Query(w.t.Context(), sql)
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	defer found.Close()
	for {
		row, err := found.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			w.t.Fatalf("%s: %v", sql, err)
		}
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = "NULL"
			if v != nil {
				texts[i] = *v
			}
		}
		rows = append(rows, texts)
	}
}

// What the page shows of a lake with overwrites, deletions, rejects and quarantine is
// what sluice query says, also after the columns of the mapping were changed.
func TestEqualsSQL(t *testing.T) {
	w := mixed(t)
	equalsSQL(t, w)
	// Newer files have other types: their table takes the values of both.
	w.open(strings.NewReplacer(
		`{name: items, path: $.items, type: int32}`, `{name: items, path: $.items, type: int64}`,
		`path: $.total, type: "decimal(18,4)"`, `path: $.total, type: "decimal(20,6)"`,
		`{name: weight, path: $.weight, type: double}`, `{name: weighed, path: $.weight, type: double}`,
	).Replace(orders))
	w.put("newer.json", map[string]any{
		"id": "B-1", "total": "1.000001", "items": 1 << 40, "weight": 2.5, "country": "DE", "placed": "2024-01-10T00:00:00Z",
		"lines": []any{map[string]any{"sku": "S-9", "price": "9"}},
	}, map[string]any{"id": "B-2", "total": "-3", "country": "FR", "day": "2024-02-29"})
	w.run()
	s, err := w.lake.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := w.lake.view(t.Context(), s.Table("orders")); err != nil || len(v.Columns) != 13 {
		t.Errorf("%d columns, %v", len(v.Columns), err)
	}
	equalsSQL(t, w)
}

func equalsSQL(t *testing.T, w *world) {
	t.Helper()
	views, err := w.lake.Views(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range views {
		table := `"` + v.Name + `"`
		got := [][]string{{fmt.Sprint(v.Rows)}}
		if want := w.ask("SELECT count(*) FROM " + table); !slices.Equal(got[0], want[0]) {
			t.Errorf("%s: %s rows, SQL says %s", v.Name, got, want)
		}
		profile := w.profile(v.Name)
		for i, c := range v.Columns {
			name := `"` + c.Name + `"`
			p := profile.Columns[i]
			low, high := "NULL", "NULL"
			if p.Min != nil {
				low, high = *p.Min, *p.Max
			}
			what := fmt.Sprintf("count(*) - count(%s), count(DISTINCT %[1]s)", name)
			found := []string{fmt.Sprint(p.Nulls), fmt.Sprint(p.Distinct)}
			if c.Type.Kind != schema.List {
				what += fmt.Sprintf(", min(%s), max(%[1]s)", name)
				found = append(found, low, high)
			}
			if want := w.ask("SELECT " + what + " FROM " + table); !slices.Equal(want[0], found) {
				t.Errorf("%s.%s: %s, SQL says %s", v.Name, c.Name, found, want[0])
			}
			if kindOf(c.Type) != kindNumber {
				continue
			}
			for _, of := range []string{"count", "sum", "min", "max"} {
				o := ChartOptions{X: "id", Y: c.Name, Of: of, Limit: 100}
				chart := map[string]string{}
				for _, point := range w.chart(v.Name, o).Series[0].Points {
					chart[fmt.Sprint(point[0])] = strings.Replace(fmt.Sprint(point[1]), "<nil>", "NULL", 1)
				}
				sql := map[string]string{}
				for _, row := range w.ask(fmt.Sprintf("SELECT id, %s(%s) FROM %s GROUP BY 1", of, name, table)) {
					sql[row[0]] = strings.TrimSuffix(row[1], ".0") // of doubles
				}
				if fmt.Sprint(chart) != fmt.Sprint(sql) {
					t.Errorf("%s of %s.%s: %v, SQL says %v", of, v.Name, c.Name, chart, sql)
				}
			}
		}
	}
	for _, m := range w.money().Columns {
		var published, older amount
		published, _ = parseAmount(m.Published)
		older, _ = parseAmount(m.Older)
		published.add(older)
		want, _ := parseAmount(w.ask(fmt.Sprintf("SELECT coalesce(sum(%s), 0) FROM %s", m.Column, m.Table))[0][0])
		if !published.equal(want) || !m.Equal {
			t.Errorf("money of %s.%s: %s, SQL says %s; equal to the ledger: %t", m.Table, m.Column, published, want, m.Equal)
		}
	}
}
