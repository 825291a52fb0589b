package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/ledger"
	"sluice/internal/query"
	"sluice/internal/query/querytest"
	"sluice/internal/servertest"
	"sluice/schema"
)

// withDuckDB has the program on the PATH, or skips the test.
func withDuckDB(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(querytest.Program(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// newLake is a lake with source objects.
func newLake(t *testing.T, objects map[string]string) string {
	t.Helper()
	return newLakeIn(t, t.TempDir(), objects)
}

func newLakeIn(t *testing.T, lake string, objects map[string]string) string {
	t.Helper()
	source := filepath.Join(lake, "raw_orders_data")
	if err := os.MkdirAll(source, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range objects {
		write(t, source, name, text)
	}
	return lake
}

// selected is what sluice query prints as CSV, without the names.
func selected(t *testing.T, sql string, flags ...string) string {
	t.Helper()
	code, out, errw := run(t, t.Context(), nil, append([]string{"query", sql, "-o", "csv"}, flags...)...)
	if code != 0 {
		t.Fatalf("%s: exit code %d\n%s", sql, code, errw)
	}
	_, rows, _ := strings.Cut(out, "\n")
	return strings.ReplaceAll(strings.TrimSuffix(rows, "\r\n"), "\r\n", "\n") // lines end as RFC 4180 says
}

// SQL on the tables gives what the ledger says, after overwrites, deletions,
// rejects and quarantine, and with files in the folder that are nobody's.
func TestQueryEqualsLedger(t *testing.T) {
	withDuckDB(t)
	lake := newLakeIn(t, filepath.Join(t.TempDir(), "bucket"), map[string]string{
		"stays.json":       "[" + order("", `"price":1.25`) + "," + order("", `"price":2.50`) + "]",
		"overwritten.json": "[" + order("", `"price":100`) + "]",
		"deleted.json":     "[" + order("", `"price":10`) + "]",
		"rejected.json":    "[" + order("", `"price":1000`) + "]",
		"never.json":       "[" + order("", `"price":5`),
		"part.json":        "[" + order("", `"price":"x"`) + "," + order("", `"price":0.0001`) + "]",
		"empty.json":       "[]",
	})
	source, tables := filepath.Join(lake, "raw_orders_data"), filepath.Join(lake, "orders_data_parquet")
	// The folder stands for a bucket, as in the demo.
	above, bucket := filepath.Split(lake)
	const settings = "source: s3://%s/raw_orders_data/\nsink: s3://%[1]s/orders_data_parquet/\nledger: s3://%[1]s/ledger/\nquarantine: s3://%[1]s/quarantine/\n"
	config := write(t, above, "sluice.yaml", fmt.Sprintf(settings, bucket))
	process := func(flags ...string) (int, string) {
		code, _, errw := run(t, t.Context(), nil, append([]string{"run", "--lake", above, "-c", config}, flags...)...)
		return code, errw
	}
	check := func(want, keys string) {
		t.Helper()
		var rows int64
		sum := "0"
		outputs, err := filepath.Glob(filepath.Join(lake, "ledger", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range outputs {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var e ledger.Entry
			if err := json.Unmarshal(data, &e); err != nil || e.State == nil || e.State.Outcome == "reject" {
				continue
			}
			rows += e.State.RowsWritten
			sum = addDecimals(t, sum, e.State.Sums["order_lines.product_price"])
		}
		got := selected(t, "SELECT count(*), sum(product_price) FROM order_lines", "--lake", above)
		if got != want {
			t.Errorf("rows and sum %s, want %s", got, want)
		}
		if keys == "ledger" && got != fmt.Sprintf("%d,%s", rows, sum) {
			t.Errorf("rows and sum %s, the ledger has %d,%s", got, rows, sum)
		}
	}
	if code, errw := process(); code != 1 { // one is rejected
		t.Fatalf("exit code %d: %s", code, errw)
	}
	check("6,1113.7501", "ledger")

	// What nobody published does not count: files of others, copies, halves.
	files, err := filepath.Glob(filepath.Join(tables, "orders_*.parquet"))
	if err != nil || len(files) != 6 {
		t.Fatalf("%v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	write(t, tables, "copy.parquet", string(data))
	write(t, tables, "orders_20200101T000000.000Z_000000000000.parquet", string(data))
	write(t, tables, "half.parquet", string(data[:len(data)/2]))
	check("6,1113.7501", "ledger")

	write(t, source, "overwritten.json", "["+order("", `"price":200`)+","+order("", `"price":300`)+"]")
	write(t, source, "rejected.json", "{")
	if err := os.Remove(filepath.Join(source, "deleted.json")); err != nil {
		t.Fatal(err)
	}
	process()
	check("7,1513.7501", "") // the rejected state changes nothing, nor does the deletion, by default

	write(t, above, "sluice.yaml", fmt.Sprintf(settings, bucket)+"on_delete: remove\n")
	process("--changed-mapping")
	check("6,1503.7501", "")
	if got := selected(t, "SELECT sum(product_price) FROM order_lines", "-c", config, "--lake", above); got != "1503.7501" {
		t.Errorf("with -c: %s", got)
	}

	// A file that is missing is an error, not fewer rows.
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	code, out, errw := run(t, t.Context(), nil, "query", "--lake", above, "SELECT count(*) FROM order_lines")
	if code != 1 || out != "" || !strings.Contains(errw, "which the ledger names, is missing; sluice run makes it again") {
		t.Errorf("exit code %d: %s%s", code, out, errw)
	}
}

// addDecimals adds two decimals with four digits after the point.
func addDecimals(t *testing.T, a, b string) string {
	t.Helper()
	var whole, part, sum int64
	for _, s := range []string{a, b} {
		if s == "" {
			continue
		}
		before, after, _ := strings.Cut(s, ".")
		whole, part = 0, 0
		if _, err := fmt.Sscan(before, &whole); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan("1"+(after + "0000")[:4], &part); err != nil {
			t.Fatal(err)
		}
		sum += whole*10000 + part - 10000
	}
	return fmt.Sprintf("%d.%04d", sum/10000, sum%10000)
}

// The tables are those of the ledger, whatever mapping the command would take.
func TestQueryTables(t *testing.T) {
	withDuckDB(t)
	lake := newLake(t, map[string]string{"a.json": `{"id":1,"lines":[{"price":1.5},{"price":2}]}`})
	mapping := write(t, lake, "two.yaml", `
records: ["$"]
tables:
  - table: heads
    columns: [{name: id, path: $.id, type: int64}]
  - table: prices
    explode: $.lines[*]
    columns: [{name: price, path: "$.lines[*].price", type: "decimal(9,2)"}]
`)
	// Before the first run there are the tables of the mapping.
	if got := selected(t, "SELECT name FROM (SHOW TABLES)", "--lake", lake, "-m", mapping); got != "heads\nprices" {
		t.Errorf("tables %q", got)
	}
	if code, _, errw := run(t, t.Context(), nil, "run", "--lake", lake, "-m", mapping); code != 0 {
		t.Fatal(errw)
	}
	for _, flags := range [][]string{{"--lake", lake}, {"--lake", lake, "-m", mapping}} {
		if got := selected(t, "SELECT name, (SELECT sum(price) FROM prices), (SELECT count(*) FROM heads) FROM (SHOW TABLES)", flags...); got != "heads,3.50,1\nprices,3.50,1" {
			t.Errorf("%v: %q", flags, got)
		}
	}
}

func TestQueryOutputs(t *testing.T) {
	withDuckDB(t)
	lake := newLake(t, nil)
	const sql = `SELECT * FROM (VALUES (1, 2.50::DECIMAL(9,4), '=1+1', NULL, true, [1.5], 'a"b,<'), (-1, -0.1, '-x', '', false, NULL, E'\n\x1b[31m')) AS t(i, d, "@s", n, b, l, v)`
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"-o", "csv"}, "i,d,'@s,n,b,l,v\r\n1,2.5000,'=1+1,,true,[1.5],\"a\"\"b,<\"\r\n-1,-0.1000,'-x,,false,,\"'\n\x1b[31m\"\r\n"},
		{[]string{"-o", "json"}, `{"i":1,"d":2.5000,"@s":"=1+1","n":null,"b":true,"l":"[1.5]","v":"a\"b,<"}` + "\n" + `{"i":-1,"d":-0.1000,"@s":"-x","n":"","b":false,"l":null,"v":"\n\u001b[31m"}` + "\n"},
		{nil, `
┌────┬─────────┬──────┬──────┬───────┬───────┬────────────┐
│ i  │ d       │ @s   │ n    │ b     │ l     │ v          │
├────┼─────────┼──────┼──────┼───────┼───────┼────────────┤
│ 1  │ 2.5000  │ =1+1 │ NULL │ true  │ [1.5] │ a"b,<      │
│ -1 │ -0.1000 │ -x   │      │ false │ NULL  │ \n\x1b[31m │
└────┴─────────┴──────┴──────┴───────┴───────┴────────────┘
`[1:]},
	} {
		code, out, errw := run(t, t.Context(), nil, append([]string{"query", "--lake", lake, sql}, c.flags...)...)
		if diff := cmp.Diff(c.want, out); diff != "" || code != 0 {
			t.Errorf("%v: exit code %d, %s (-want +got):\n%s", c.flags, code, errw, diff)
		}
		if len(c.flags) == 0 {
			continue
		}
		file := filepath.Join(t.TempDir(), "out."+c.flags[1])
		if code, _, errw := run(t, t.Context(), nil, "query", "--lake", lake, sql, "--output", file); code != 0 {
			t.Errorf("%s: %s", file, errw)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != c.want {
			t.Errorf("%s: %v, %q", file, err, data)
		}
	}
	if code, out, errw := run(t, t.Context(), strings.NewReader("SELECT range FROM range(1001)\n"), "query", "--lake", lake); code != 0 || strings.Count(out, "\n") != 1004 || !strings.Contains(errw, "the first 1,000 rows") {
		t.Errorf("exit code %d, %d lines, %s", code, strings.Count(out, "\n"), errw)
	}
	// A file appears whole or not at all, and what stood there stays.
	out := filepath.Join(t.TempDir(), "out.parquet")
	for _, sql := range []string{"SELECT nope", "SELECT 1 AS one"} {
		code, _, errw := run(t, t.Context(), nil, "query", "--lake", lake, sql, "--output", out)
		if _, err := os.Stat(out); (code == 0) != (err == nil) || (sql == "SELECT nope") != (code == 1) {
			t.Errorf("%s: exit code %d, %v, %s", sql, code, err, errw)
		}
	}
	if left := list(t, filepath.Dir(out)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// Of a bucket the files are copied, as many as are allowed, and nothing is left.
func TestQueryBucket(t *testing.T) {
	withDuckDB(t)
	server := servertest.Moto(t)
	server.Setenv(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	client, bucket := server.Client(), server.Bucket(t, false)
	for i := range 20 {
		key := fmt.Sprintf("raw/%d.json", i)
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(order("", fmt.Sprintf(`"price":%d`, i)))}); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{
		"SLUICE_SOURCE": "s3://" + bucket + "/raw/", "SLUICE_SINK": "s3://" + bucket + "/tables/", "SLUICE_LEDGER": "s3://" + bucket + "/ledger/", "SLUICE_CATALOG": "none",
	}
	do := func(args ...string) (int, string, string) {
		var out, errw bytes.Buffer
		code := Main(t.Context(), args, func(name string) string { return env[name] }, nil, &out, &errw)
		return code, out.String(), errw.String()
	}
	if code, _, errw := do("run"); code != 0 {
		t.Fatal(errw)
	}
	const sql = "SELECT count(*), sum(product_price) FROM order_lines"
	if code, out, errw := do("query", sql, "-o", "csv"); code != 0 || !strings.HasSuffix(out, "\n20,190.0000\r\n") {
		t.Errorf("exit code %d: %s%s", code, out, errw)
	}
	if code, _, errw := do("query", sql, "--max-download", "10KB"); code != 1 || !strings.Contains(errw, "more than 10000 bytes") || !strings.Contains(errw, "--max-download raises it") {
		t.Errorf("exit code %d: %s", code, errw)
	}
	if left := list(t, temporary); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Results never go where they would be a part of a table.
func TestQueryOutputApart(t *testing.T) {
	withDuckDB(t)
	lake := newLake(t, map[string]string{"a.json": "[" + order("", `"price":1`) + "]"})
	run(t, t.Context(), nil, "run", "--lake", lake)
	files, err := filepath.Glob(filepath.Join(lake, "orders_data_parquet", "orders_*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	away := t.TempDir()
	link, hard := filepath.Join(away, "folder"), filepath.Join(away, "hard.parquet")
	if err := os.Symlink(filepath.Dir(files[0]), link); err != nil {
		t.Skip(err)
	}
	if err := os.Link(files[0], hard); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{files[0], filepath.Join(filepath.Dir(files[0]), "new.csv"), filepath.Join(link, "new.csv"), hard} {
		if code, _, errw := run(t, t.Context(), nil, "query", "--lake", lake, "SELECT 1", "--output", name); code != 2 || !strings.Contains(errw, "table") {
			t.Errorf("--output %s: exit code %d, %s", name, code, errw)
		}
	}
	if got := selected(t, "SELECT count(*) FROM order_lines", "--lake", lake); got != "1" {
		t.Errorf("%s rows", got)
	}
}

func TestQueryUsage(t *testing.T) {
	withDuckDB(t)
	lake := newLake(t, nil)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"SELECT 1", "-o", "xml"}, 2, "there is table, csv, json and parquet"},
		{[]string{"SELECT 1", "-o", "parquet"}, 2, "needs --output FILE"},
		{[]string{"SELECT 1", "--chart=pie"}, 2, "there is auto, bar and line"},
		{[]string{"SELECT 1", "--chart", "-o", "csv"}, 2, "draws on standard output"},
		{[]string{"SELECT 1", "--memory", "much"}, 2, "--memory \"much\" is no size"},
		{[]string{"SELECT 1", "--max-download", "0"}, 2, "--max-download \"0\" is no size"},
		{[]string{"SELECT 1", "--timeout", "-1s"}, 2, "must be above 0"},
		{[]string{"SELECT 1", "--threads", "0"}, 2, "must be above 0"},
		{[]string{"SELECT 1", "SELECT 2"}, 2, "one argument too many"},
		{[]string{"SELECT nope"}, 1, "nope"},
		{[]string{"DROP VIEW order_lines"}, 1, "Expected a single SELECT statement"},
		{[]string{""}, 1, "the statement is empty"},
		{[]string{"SELECT 1", "--chart"}, 1, "a second column of numbers"},
		{[]string{"SELECT count(*) FROM range(100000) a, range(100000) b WHERE hash(a.range, b.range) % 7 = 3", "--timeout", "1s"}, 1, "the time limit is over, after 1s; --timeout raises it"},
	} {
		code, out, errw := run(t, t.Context(), nil, append([]string{"query", "--lake", lake}, c.args...)...)
		if code != c.code || !strings.Contains(errw, c.says) || out != "" {
			t.Errorf("%v: exit code %d, %q, %s", c.args, code, out, errw)
		}
	}
	// An interrupt ends the statement.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	if code, _, errw := run(t, ctx, nil, "query", "--lake", lake, "SELECT count(*) FROM range(100000) a, range(100000) b WHERE hash(a.range, b.range) % 7 = 3"); code != 1 || !strings.Contains(errw, "interrupted") {
		t.Errorf("exit code %d: %s", code, errw)
	}
}

func TestQueryWithoutDuckDB(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	code, _, errw := run(t, t.Context(), nil, "query", "--lake", newLake(t, nil), "SELECT 1")
	if code != 2 || !strings.Contains(errw, "pip install duckdb-cli") {
		t.Errorf("exit code %d: %s", code, errw)
	}
}

// fixed are rows that a test gives.
type fixed struct {
	columns []query.Column
	rows    [][]*string
}

func (f *fixed) Columns() []query.Column { return f.columns }

func (f *fixed) Next() ([]*string, error) {
	if len(f.rows) == 0 {
		return nil, io.EOF
	}
	row := f.rows[0]
	f.rows = f.rows[1:]
	return row, nil
}

func (f *fixed) Close() error { return nil }

func points(kind string, pairs ...string) *fixed {
	f := &fixed{columns: []query.Column{{Name: "x", Type: kind}, {Name: "y", Type: "DECIMAL(9,2)"}}}
	for i := 0; i < len(pairs); i += 2 {
		row := []*string{&pairs[i], &pairs[i+1]}
		for j := range row {
			if *row[j] == "NULL" {
				row[j] = nil
			}
		}
		f.rows = append(f.rows, row)
	}
	return f
}

func TestCharts(t *testing.T) {
	var out bytes.Buffer
	w := &printer{Writer: &out, width: 31}
	if err := printChart(w, points("VARCHAR", "a", "4.00", "bb\n", "1.00", "NULL", "-2.00", "日本", "NULL", "small", "0.01"), chartAuto); err != nil {
		t.Fatal(err)
	}
	const bars = `y by x
a     │  4.00       ███████████
bb\n  │  1.00       ██▊
NULL  │ -2.00 ██████
日本  │  NULL
small │  0.01       ▏
`
	if diff := cmp.Diff(bars, out.String()); diff != "" {
		t.Errorf("bars (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := printChart(w, points("DATE", "2024-01-01", "0", "2024-01-03", "10", "2024-01-02", "NULL", "2024-01-05", "0"), chartAuto); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 1+lineHeight+2+1 || !strings.HasPrefix(lines[1], "10 │") || !strings.HasPrefix(lines[lineHeight], " 0 │") || !strings.HasSuffix(lines[lineHeight+2], "2024-01-01      2024-01-05") {
		t.Errorf("line:\n%s", out.String())
	}
	// Whatever the numbers are, a chart is drawn and fits.
	for _, f := range []*fixed{
		points("VARCHAR"), points("VARCHAR", "a", "NULL"), points("VARCHAR", "a", "0"), points("DOUBLE", "nan", "1", "inf", "2"), points("DOUBLE", "1", "5"),
		points("DOUBLE", "-1e308", "-1e308", "1e308", "1e308"), points("BIGINT", "1", "1e308", "2", "-1e308", "3", "nan", "4", "inf"), points("VARCHAR", strings.Repeat("x", 100), "-1"),
	} {
		for _, kind := range []string{chartAuto, chartBar, chartLine} {
			for _, width := range []int{1, 20, 80} {
				again := *f
				if err := printChart(&printer{Writer: io.Discard, width: width}, &again, kind); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// asked is a session that answers with the statement itself, or waits, and takes its time
// to end then.
type asked struct{ waits, ends chan struct{} }

func (s asked) Query(ctx context.Context, sql string) (query.Rows, error) {
	switch {
	case strings.Contains(sql, "wait"):
		s.waits <- struct{}{}
		<-ctx.Done()
		<-s.ends
		return nil, ctx.Err()
	case strings.Contains(sql, "wrong"):
		return nil, &query.Error{Text: "no such thing"}
	}
	f := &fixed{columns: []query.Column{{Name: "asked", Type: "VARCHAR"}}, rows: [][]*string{{&sql}}}
	return f, nil
}

func (s asked) Export(context.Context, string, string) error { return nil }
func (s asked) Close() error                                 { return nil }

func TestPrompt(t *testing.T) {
	in, keyboard := io.Pipe()
	var out bytes.Buffer
	a := &app{out: &printer{Writer: &out, width: 200}, errw: &printer{Writer: &out}}
	session := asked{make(chan struct{}), make(chan struct{})}
	tables := []query.Table{{Schema: schema.Schema{Table: "order_lines"}}}
	q := &querying{app: a, session: session, format: asTable, look: func(context.Context) ([]query.Table, error) { return tables, nil }}
	done := make(chan error, 1)
	go func() { done <- q.converse(t.Context(), in, &out) }()
	press := func(keys string) {
		t.Helper()
		if _, err := keyboard.Write([]byte(keys)); err != nil {
			t.Fatal(err)
		}
	}
	press("SELECT 1,\r2;\r")     // two lines
	press("FROM ord\t;\r")       // completed
	press("SELECT wrong;\r")     // goes on
	press("SELECT wait;\r")      //
	<-session.waits              //
	press("\x03")                // stops it
	press("SELECT half,\r")      //
	press("more\x03")            // cleared
	press("SELECT 3;\r")         //
	session.ends <- struct{}{}   //
	press("\x1b[A\x1b[D\x7f4\r") // the one before, with 4 for 3
	press("\\dt\r")              //
	press("\\?\r")               //
	press("\\d order_lines\r")   //
	press("\\q\r")               //
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`SELECT 1,\n2;\n `, `FROM order_lines;\n `, "no such thing", "interrupted", `SELECT 3;\n `, `SELECT 4;\n `, "│ order_lines │ 0 ", `\d TABLE`, `(DESCRIBE "order_lines")`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), `half,\n`) {
		t.Errorf("what was cleared was run:\n%s", out.String())
	}
}

// A folder that is no lake is not shown as one with empty tables.
func TestQueryOfNoLake(t *testing.T) {
	withDuckDB(t)
	ask := func(lake string) (int, string, string) {
		return run(t, t.Context(), nil, "query", "SELECT count(*) FROM order_lines", "-o", "csv", "--lake", lake)
	}
	buckets := t.TempDir()
	newLakeIn(t, filepath.Join(buckets, "orders"), map[string]string{"a.json": "[]"})
	for _, lake := range []string{t.TempDir(), buckets} {
		code, out, errw := ask(lake)
		if code != 2 || out != "" || !strings.Contains(errw, "is no lake: there is neither raw_orders_data/ nor ledger/; did you mean -c") {
			t.Errorf("%d: %s%s", code, out, errw)
		}
		if made, err := os.ReadDir(lake); err != nil || len(made) > 1 {
			t.Errorf("%v: the query made %v", err, made)
		}
	}
	if code, out, errw := ask(newLake(t, nil)); code != 0 || !strings.Contains(out, "0") {
		t.Errorf("a new lake: %d: %s%s", code, out, errw)
	}
	if code, _, errw := ask(filepath.Join(buckets, "none")); code != 1 || !strings.Contains(errw, "no such file") {
		t.Errorf("no folder: %d: %s", code, errw)
	}
}
