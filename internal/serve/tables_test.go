package serve

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/ledger"
	"sluice/internal/parquetread"
)

// newTables is a server over a lake with three objects: two with rows, one of which
// has a record in quarantine, and one that is rejected.
func newTables(t *testing.T) *Server {
	t.Helper()
	s := newServer(t, nil)
	const line = `{"order_id":"%","order_date":"2024-01-10T08:30:00Z","customer":{"customer_id":"C-1","name":"@NAME"},"total_amount":3,"products":[{"product_id":"P01","name":"Pen","price":1.5,"quantity":2}]}`
	record := func(id, name string) string {
		return strings.NewReplacer("%", id, "@NAME", name).Replace(line)
	}
	for name, text := range map[string]string{
		"a.json": "[" + record("A-1", `=1+1`) + "," + record("A-2", `two\nlines, \"quoted\"`) + "]",
		"b.json": "[" + record("A-3", "Example") + "," + strings.Replace(record("A-4", "Example"), "1.5", `"<b>"`, 1) + "]",
		"c.json": "{",
	} {
		file := filepath.Join(s.o.Folder, "raw_orders_data", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := s.Setup()
	if err := at.Own(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := at.Pipeline.Run(t.Context(), at.Run()); err != nil {
		t.Fatal(err)
	}
	return s
}

// load asks for a JSON answer, read into v.
func load(t *testing.T, s *Server, target string, v any) {
	t.Helper()
	w := ask(s, "GET", target, "", nil)
	if w.Code != 200 {
		t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
}

// The members that the page reads.
func TestTableAnswers(t *testing.T) {
	s := newTables(t)
	var tables struct {
		Tables []struct {
			Name                    string
			Files, Rows, Unreadable int
			Bytes                   int64
			Columns                 []struct {
				Name, Type string
				Nullable   bool
			}
		}
	}
	load(t, s, "/api/tables", &tables)
	if one := tables.Tables; len(one) != 1 || one[0].Name != "order_lines" || one[0].Files != 2 || one[0].Rows != 3 || one[0].Bytes == 0 || one[0].Columns[0].Nullable || one[0].Columns[0].Type != "string" {
		t.Errorf("%+v", tables)
	}
	var rows struct {
		Columns []struct{ Name string }
		Rows    [][]*string
		InTable int64 `json:"rows_in_table"`
	}
	load(t, s, "/api/tables/order_lines/rows?offset=1&limit=1", &rows)
	if len(rows.Rows) != 1 || rows.InTable != 3 || *rows.Rows[0][0] != "A-2" || len(rows.Columns) != len(rows.Rows[0]) {
		t.Errorf("%+v", rows)
	}
	var profile struct {
		Rows     int64
		RowsRead int64 `json:"rows_read"`
		Columns  []struct {
			Name, Type      string
			Nulls, Distinct int64
			Min, Max        *string
			Histogram       *struct {
				Edges  []string
				Counts []int64
			}
			Top []struct {
				Value string
				Count int64
			}
		}
	}
	load(t, s, "/api/tables/order_lines/columns", &profile)
	if profile.Rows != 3 || profile.RowsRead != 3 || profile.Columns[0].Distinct != 3 || len(profile.Columns[0].Top) != 3 {
		t.Errorf("%+v", profile)
	}
	var chart struct {
		X      struct{ Name, Type, Kind string }
		Y      struct{ Name, Of string }
		Series []struct {
			Name   string
			Points [][2]any
		}
		RowsRead int64 `json:"rows_read"`
		Others   int64
	}
	load(t, s, "/api/tables/order_lines/chart?x=order_id&y=product_price&of=sum&limit=2", &chart)
	if chart.X.Kind != "text" || chart.Others != 1 || len(chart.Series[0].Points) != 2 || chart.Series[0].Points[0][1] != "1.5000" {
		t.Errorf("%+v", chart)
	}
	var money struct {
		Columns []struct {
			Table, Column, Ledger, Published, Older string
			Equal                                   bool
		}
		Objects []any
		Checked int `json:"objects_checked"`
		Rows    struct {
			Ledger, Published int64
			Equal             bool
		}
	}
	load(t, s, "/api/money", &money)
	if !money.Rows.Equal || money.Rows.Published != 3 || money.Checked != 2 || len(money.Objects) > 0 || len(money.Columns) == 0 || !money.Columns[0].Equal {
		t.Errorf("%+v", money)
	}
	var held struct {
		Reasons []struct {
			Code             string
			Records, Objects int64
		}
		Objects []struct{ ID, Key, Outcome string }
	}
	load(t, s, "/api/quarantine", &held)
	if len(held.Objects) != 2 || len(held.Reasons) != 2 || held.Reasons[0].Code != "bad_decimal" || held.Reasons[0].Records != 1 {
		t.Errorf("%+v", held)
	}
	var records struct {
		Rejected *struct{ Reason string }
		Records  []struct {
			Reason, Path, Raw string
			Fault             int
		}
		Next string
	}
	load(t, s, "/api/quarantine/"+ledger.IDOf("", "raw_orders_data/b.json").String(), &records)
	if records.Rejected != nil || len(records.Records) != 1 || !strings.HasPrefix(records.Records[0].Raw[records.Records[0].Fault:], `"<b>"`) {
		t.Errorf("%+v", records)
	}
}

func TestTableFaults(t *testing.T) {
	s := newTables(t)
	for target, want := range map[string]int{
		"/api/tables/nope/rows": 404, "/api/tables/nope/columns": 404, "/api/tables/nope/chart?x=a&of=count": 404, "/api/tables/nope/download?as=csv": 404,
		"/api/tables/..%2f..%2fledger/rows": 404, "/api/tables/order_lines/rows?offset=-1": 400, "/api/tables/order_lines/rows?limit=x": 400,
		"/api/tables/order_lines/rows?offset=9223372036854775807": 200, "/api/tables/order_lines/rows?offset=9223372036854775808": 400,
		"/api/tables/order_lines/chart?x=nope&of=count": 404, "/api/tables/order_lines/chart?x=order_id&of=x": 400, "/api/tables/order_lines/chart?x=order_id&of=count&bins=401": 400,
		"/api/tables/order_lines/rows?sort=nope": 404, "/api/tables/order_lines/rows?is=nope=1": 404, "/api/tables/order_lines/rows?is=product_price=x": 400,
		"/api/tables/order_lines/rows?sort=order_id&offset=10000": 400, "/api/tables/order_lines/rows?sort=order_id&offset=9223372036854775807": 400,
		"/api/tables/order_lines/chart?x=order_id&of=count&from=order_id=A": 400, "/api/tables/order_lines/download?as=csv&below=product_price=x": 400,
		"/api/tables/order_lines/download?as=xml": 400, "/api/quarantine/x": 400, "/api/quarantine/" + strings.Repeat("0", 64): 404,
		"/api/quarantine/" + ledger.IDOf("", "raw_orders_data/b.json").String() + "?after=x": 400,
	} {
		w := ask(s, "GET", target, "", nil)
		if w.Code != want || want != 200 && !strings.Contains(w.Body.String(), `"error":`) {
			t.Errorf("%s: %d %s, want %d", target, w.Code, w.Body, want)
		}
	}
}

// Conditions and order are parameters, whatever is in them, and hold for rows, chart and
// download.
func TestFilters(t *testing.T) {
	s := newTables(t)
	var rows struct {
		Rows     [][]*string
		InTable  int64 `json:"rows_in_table"`
		Matching int64 `json:"rows_matching"`
	}
	for query, want := range map[string]string{
		"sort=order_id&desc=1":                                 "A-3 A-2 A-1",
		"sort=order_id&desc=1&offset=1&limit=1":                "A-2",
		"is=customer_name=%3D1%2B1":                            "A-1",
		"is=customer_name=two%0Alines%2C+%22quoted%22":         "A-2",
		"is=customer_name=x'+OR+1=1+--":                        "",
		"from=product_price=1.5&below=product_price=1.5001":    "A-1 A-2 A-3",
		"below=product_price=1.5":                              "",
		"null=customer_name":                                   "",
		"is=customer_name=Example&sort=customer_name":          "A-3",
		"from=order_date=2024-01-10T08:30:00Z&is=order_id=A-2": "A-2",
	} {
		load(t, s, "/api/tables/order_lines/rows?"+query, &rows)
		var ids []string
		for _, row := range rows.Rows {
			ids = append(ids, *row[0])
		}
		if got := strings.Join(ids, " "); got != want || rows.InTable != 3 || len(ids) > int(rows.Matching) {
			t.Errorf("%s: %q, want %q: %+v", query, got, want, rows)
		}
	}
	var chart struct {
		X        struct{ Unit string }
		Matching int64 `json:"rows_matching"`
	}
	load(t, s, "/api/tables/order_lines/chart?x=order_date&of=count&is=order_id=A-2", &chart)
	if chart.Matching != 1 || chart.X.Unit != "minute" {
		t.Errorf("%+v", chart)
	}
	w := ask(s, "GET", "/api/tables/order_lines/download?as=csv&is=order_id=A-3", "", nil)
	if lines := strings.Count(w.Body.String(), "\r\n"); w.Code != 200 || lines != 2 || !strings.Contains(w.Body.String(), "\nA-3,") {
		t.Errorf("%d, %d lines: %s", w.Code, lines, w.Body)
	}
}

func TestDownloads(t *testing.T) {
	s := newTables(t)
	w := ask(s, "GET", "/api/tables/order_lines/download?as=csv", "", nil)
	if w.Code != 200 || w.Header().Get("Content-Disposition") != `attachment; filename="order_lines.csv"` || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	rows, err := csv.NewReader(bytes.NewReader(w.Body.Bytes())).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d lines, %v", len(rows), err)
	}
	name := -1
	for i, n := range rows[0] {
		if n == "customer_name" {
			name = i
		}
	}
	if rows[1][name] != "'=1+1" || rows[2][name] != "two\nlines, \"quoted\"" || rows[1][0] != "A-1" {
		t.Errorf("%q", rows)
	}
	if text := w.Body.String(); strings.Count(text, "\r\n") != 4 || !strings.Contains(text, "\"two\nlines, \"\"quoted\"\"\"") {
		t.Errorf("lines do not end as RFC 4180 says: %q", text)
	}

	w = ask(s, "GET", "/api/tables/order_lines/download?as=zip", "", nil)
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil || len(z.File) != 2 {
		t.Fatalf("%v, %d files", err, len(z.File))
	}
	total := int64(0)
	for _, f := range z.File {
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var data bytes.Buffer
		if _, err := data.ReadFrom(from); err != nil || f.Method != zip.Store || !strings.HasPrefix(f.Name, "order_lines/orders_") {
			t.Errorf("%s: %v", f.Name, err)
		}
		file, err := parquetread.Open(bytes.NewReader(data.Bytes()), int64(data.Len()))
		if err != nil {
			t.Fatal(err)
		}
		total += file.NumRows()
	}
	if total != 3 {
		t.Errorf("%d rows", total)
	}

	// A table that lacks a file is no download.
	files, err := filepath.Glob(filepath.Join(s.o.Folder, "orders_data_parquet", "orders_*.parquet"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := s.lake.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, as := range []string{"csv", "zip"} {
		w := ask(s, "GET", "/api/tables/order_lines/download?as="+as, "", nil)
		if w.Code != 500 || !strings.Contains(w.Body.String(), "1 of its files") || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("%s: %d %v %s", as, w.Code, w.Header(), w.Body)
		}
	}
}
