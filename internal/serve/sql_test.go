package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sluice/internal/documents"
	"sluice/internal/query"
	"sluice/internal/query/duckdbcli"
	"sluice/internal/query/querytest"
)

// withSQL is a server with DuckDB, and the lake's folder.
func withSQL(t *testing.T) (*Server, string) {
	t.Helper()
	program := querytest.Program(t)
	s := newServer(t, func(o *Options) { o.Engine = duckdbcli.Engine(program) })
	if err := os.WriteFile(filepath.Join(s.o.Folder, "mapping.yaml"), []byte(orderLines), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.UseMapping(t.Context(), filepath.Join(s.o.Folder, "mapping.yaml")); err != nil {
		t.Fatal(err)
	}
	return s, s.o.Folder
}

// result is the answer to a statement.
type result struct {
	columns []sqlColumn
	rows    [][]*string
	end     struct {
		Rows  int
		More  bool
		Error string
	}
}

// texts are the rows, with commas between values and NULL for NULL.
func (r *result) texts() string {
	var lines []string
	for _, row := range r.rows {
		var cells []string
		for _, v := range row {
			if v == nil {
				cells = append(cells, "NULL")
			} else {
				cells = append(cells, *v)
			}
		}
		lines = append(lines, strings.Join(cells, ","))
	}
	return strings.Join(lines, "\n")
}

func runSQL(t *testing.T, s *Server, sql string, limit int) result {
	t.Helper()
	w := ask(s, "POST", "/api/sql", body(map[string]any{"sql": sql, "limit": limit}), nil)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%s: %d %s", sql, w.Code, w.Body)
	}
	var r result
	lines := strings.Split(strings.TrimSuffix(w.Body.String(), "\n"), "\n")
	var head struct{ Columns []sqlColumn }
	err := json.Unmarshal([]byte(lines[0]), &head)
	r.columns = head.Columns
	for _, line := range lines[1 : len(lines)-1] {
		var row []*string
		if err2 := json.Unmarshal([]byte(line), &row); err2 != nil {
			err = err2
		}
		r.rows = append(r.rows, row)
	}
	if err2 := json.Unmarshal([]byte(lines[len(lines)-1]), &r.end); err2 != nil || err != nil {
		t.Fatalf("%s: %v, %v: %s", sql, err, err2, w.Body)
	}
	return r
}

// Rows come with their types, objects that come later are there, and hostile text is
// text.
func TestSQL(t *testing.T) {
	s, dir := withSQL(t)
	if r := runSQL(t, s, "SELECT count(*) FROM order_lines", 0); r.texts() != "0" {
		t.Errorf("an empty lake: %s", r.texts())
	}
	process(t, s, dir, "a.json", `[{"id":1,"price":0.1},{"id":9007199254740993,"price":0.2}]`)
	if r := runSQL(t, s, "SELECT count(*), sum(price), max(order_id) FROM order_lines", 0); r.texts() != "2,0.3000,9007199254740993" || !r.columns[1].Number || r.columns[1].Type != "DECIMAL(38,4)" {
		t.Errorf("%+v %s", r.columns, r.texts())
	}
	process(t, s, dir, "b.json", `[{"id":3,"price":1}]`)
	process(t, s, dir, "a.json", `[{"id":1,"price":0.5}]`)
	if r := runSQL(t, s, "SELECT sum(price) FROM order_lines", 0); r.texts() != "1.5000" {
		t.Errorf("later: %s", r.texts())
	}
	r := runSQL(t, s, "SELECT '<script>alert(1)</script>' AS \"</script>\", NULL, '\n\u2028\x01\"', 'NULL'", 0)
	if r.texts() != "<script>alert(1)</script>,NULL,\n\u2028\x01\",NULL" || r.columns[0].Name != "</script>" {
		t.Errorf("%+v %q", r.columns, r.texts())
	}
	if r := runSQL(t, s, "FROM range(5)", 5); r.end.Rows != 5 || r.end.More || len(r.rows) != 5 {
		t.Errorf("%+v", r.end)
	}
	if r := runSQL(t, s, "FROM range(1000000000)", 5); r.end.Rows != 5 || !r.end.More || len(r.rows) != 5 {
		t.Errorf("%+v", r.end)
	}
	// An error among the rows is the last line.
	if r := runSQL(t, s, "SELECT CASE WHEN range = 500000 THEN error('late') ELSE range END FROM range(1000000)", 100_000); r.end.Error == "" && r.end.Rows != 100_000 {
		t.Errorf("%+v", r.end)
	}
	s.nameEngine(t.Context())
	lake := answer[lakeAnswer](t, ask(s, "GET", "/api/lake", "", nil), 200)
	if !strings.HasPrefix(lake.SQL.Engine, "duckdb 1.") || lake.SQL.Hint != "" {
		t.Errorf("%+v", lake.SQL)
	}
}

// What SQL must not do, it does not do through the page either; and its errors are
// those of DuckDB.
func TestSQLRefused(t *testing.T) {
	s, dir := withSQL(t)
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a\nsecret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for sql, says := range map[string]string{
		"":                               "the statement is empty",
		"SELECT nope":                    "Binder Error",
		"SELEC 1":                        "Parser Error",
		"FROM read_csv('/etc/passwd')":   "Permission Error",
		"FROM '" + secret + "'":          "",
		"FROM glob('*')":                 "Permission Error",
		"SELECT getenv('PATH')":          "",
		"INSTALL httpfs":                 "Expected a single SELECT statement",
		"COPY (SELECT 1) TO 'x.csv'":     "Expected a single SELECT statement",
		"ATTACH '" + secret + ".db'":     "Expected a single SELECT statement",
		"SET lock_configuration = false": "Expected a single SELECT statement",
		"SELECT 1; SELECT 2":             "Expected a single SELECT statement",
		".shell touch " + dir + "/shell": "syntax error",
		"SELECT '\n;\n.shell touch " + dir + "/shell\n": "",
		"SELECT 1\x00": "NUL",
	} {
		for _, target := range []string{"/api/sql", "/api/sql/download?as=csv&sql=", "/api/sql/download?as=parquet&sql="} {
			method, text := "POST", body(map[string]any{"sql": sql})
			if target != "/api/sql" {
				method, text, target = "GET", "", target+url.QueryEscape(sql)
			}
			w := ask(s, method, target, text, nil)
			e := answer[errorAnswer](t, w, 422)
			if !strings.Contains(e.Error, says) || e.Error == "" || w.Header().Get("Content-Disposition") != "" {
				t.Errorf("%s %q: %q, want %q", target, sql, e.Error, says)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "shell")); err == nil {
		t.Error("a command was run")
	}
	for _, c := range []struct {
		method, target, body string
		status               int
	}{
		{"POST", "/api/sql", `{"sql":"SELECT 1","limit":-1}`, 400},
		{"POST", "/api/sql", `{"sql":"SELECT 1","limit":100001}`, 400},
		{"POST", "/api/sql", `{"sql":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		{"GET", "/api/sql/download?sql=SELECT+1&as=exe", "", 400},
	} {
		if w := ask(s, c.method, c.target, c.body, nil); w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.target, w.Code, w.Body, c.status)
		}
	}
}

func TestSQLDownload(t *testing.T) {
	s, dir := withSQL(t)
	process(t, s, dir, "a.json", `[{"id":1,"price":-1.5}]`)
	get := func(sql, as string) *httptest.ResponseRecorder {
		return ask(s, "GET", "/api/sql/download?sql="+url.QueryEscape(sql)+"&as="+as, "", nil)
	}
	w := get("SELECT price, '=1+1' AS \"@x\", NULL AS n FROM order_lines", "csv")
	if w.Code != 200 || w.Body.String() != "price,'@x,n\r\n-1.5000,'=1+1,\r\n" || w.Header().Get("Content-Disposition") != `attachment; filename="query.csv"` {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
	w = get("SELECT price, order_id FROM order_lines", "parquet")
	if w.Code != 200 || w.Header().Get("Content-Disposition") != `attachment; filename="query.parquet"` {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	table, err := documents.ReadTable("result", bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()), 10)
	if err != nil || len(table.Rows) != 1 || table.Rows[0][0] != "-1.5000" || table.Columns[0].Type.String() != "decimal(18,4)" {
		t.Errorf("%v: %+v", err, table)
	}
}

func TestWithoutEngine(t *testing.T) {
	s := newServer(t, nil)
	e := answer[errorAnswer](t, ask(s, "POST", "/api/sql", `{"sql":"SELECT 1"}`, nil), 503)
	if lake := answer[lakeAnswer](t, ask(s, "GET", "/api/lake", "", nil), 200); !strings.Contains(e.Error, "pip install duckdb-cli") || lake.SQL.Engine != "" || !strings.Contains(lake.SQL.Hint, "pip install") {
		t.Errorf("%+v, %+v", e, lake.SQL)
	}
}

// children are the processes that this one has started and that still run.
func children(t *testing.T) (all []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		var state string
		var parent int
		_, after, _ := strings.Cut(string(text), ") ")
		if _, err := fmt.Sscan(after, &state, &parent); err == nil && parent == os.Getpid() {
			all = append(all, string(text))
		}
	}
	return all
}

// listening is a server that a browser reaches.
func listening(t *testing.T, s *Server) *http.Client {
	t.Helper()
	l := httptest.NewServer(s.Handler())
	t.Cleanup(l.Close)
	s.o.Address = strings.TrimPrefix(l.URL, "http://")
	return l.Client()
}

// request is one that the page makes of a server that listens.
func request(ctx context.Context, s *Server, sql string, limit int) *http.Request {
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+s.o.Address+"/api/sql", strings.NewReader(body(map[string]any{"sql": sql, "limit": limit})))
	if err != nil {
		panic(err) // it is one of ours
	}
	r.Host = "127.0.0.1:" + s.port
	r.AddCookie(&http.Cookie{Name: s.cookie(), Value: s.token})
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

const endless = `SELECT count(*) FROM range(100000) a, range(100000) b, range(100000) c WHERE hash(a.range, b.range, c.range) % 7 = 3`

// A statement ends when the browser is gone: while it searches, and between rows that
// nobody takes. No more than four run.
func TestSQLCancel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	s, _ := withSQL(t)
	client := listening(t, s)
	before := len(children(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, sqlAtOnce)
	for range sqlAtOnce - 1 {
		go func() {
			w, err := client.Do(request(ctx, s, endless, 0))
			if err == nil {
				_, err = io.ReadAll(w.Body)
				w.Body.Close()
			}
			ended <- err
		}()
	}
	w, err := client.Do(request(ctx, s, "SELECT range, repeat('x', 1000) FROM range(1000000000)", maxSQLRows))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	first, err := bufio.NewReader(w.Body).ReadString('\n')
	if err != nil || !strings.HasPrefix(first, `{"columns":`) {
		t.Fatalf("%v: %s", err, first)
	}
	wait(t, "four statements run", func() bool { return len(children(t)) == before+sqlAtOnce })
	fifth, err := client.Do(request(t.Context(), s, "SELECT 1", 0))
	if err != nil {
		t.Fatal(err)
	}
	if fifth.Body.Close(); fifth.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the fifth: %d", fifth.StatusCode)
	}
	cancel()
	for range sqlAtOnce - 1 {
		if err := <-ended; err == nil {
			t.Error("a statement that was cancelled ended by itself")
		}
	}
	wait(t, "no process is left", func() bool { return len(children(t)) == before && len(s.statements) == 0 })
	again, err := client.Do(request(t.Context(), s, "SELECT 1", 0))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(again.Body)
	if again.Body.Close(); err != nil || !strings.Contains(string(text), "[\"1\"]\n") {
		t.Errorf("after that: %v, %s", err, text)
	}
}

// A failure of DuckDB is one of the statement, not of the server.
func TestSQLFailures(t *testing.T) {
	for err, status := range map[error]int{
		&query.Error{Text: "x"}: 422, query.ErrTimeout: 422, query.ErrDied: 422, io.ErrUnexpectedEOF: 500,
	} {
		if f := sqlFailure(err); f.status != status {
			t.Errorf("%v: %d", err, f.status)
		}
	}
}
