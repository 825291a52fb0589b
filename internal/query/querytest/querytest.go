// Package querytest is the conformance suite of query.Session: what a session
// shows, and what it must never do.
package querytest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/internal/query"
	"sluice/mapping"
)

// Open makes a session. The suite closes it.
type Open func(folder string, tables []query.Table, limits query.Limits) (query.Session, error)

// limits are enough for everything that ends.
var limits = query.Limits{Memory: 256 << 20, Threads: 2, Timeout: time.Minute}

// columns is a mapping with every type.
const columns = `
table: t
records: ["$[*]", "$"]
columns:
  - {name: id, path: $.id, type: int64}
  - {name: small, path: $.small, type: int32}
  - {name: name, path: $.name, type: string}
  - {name: paid, path: $.paid, type: boolean}
  - {name: ratio, path: $.ratio, type: double}
  - {name: price, path: $.price, type: "decimal(18,4)"}
  - {name: huge, path: $.huge, type: "decimal(38,10)"}
  - {name: day, path: $.day, type: date}
  - {name: at, path: $.at, type: timestamp}
  - {name: other, path: $.other, type: json}
  - {name: tags, path: $.tags, type: list<string>}
  - {name: prices, path: $.prices, type: "list<decimal(9,2)>"}
`

// lake is a folder of Parquet files, made by sluice itself.
type lake struct {
	t      *testing.T
	open   Open
	folder string
}

func newLake(t *testing.T, open Open) *lake { return &lake{t, open, t.TempDir()} }

// file converts JSON with a mapping, and returns the file.
func (l *lake) file(name, source, json string) query.File {
	l.t.Helper()
	m, err := mapping.Parse("test.yaml", []byte(source))
	if err != nil {
		l.t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(l.folder, name))
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := sluice.Convert(l.t.Context(), f, strings.NewReader(json), m, nil); err != nil {
		l.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		l.t.Fatal(err)
	}
	return query.File{Name: name, Columns: m.Hash()}
}

// table is a table of such files.
func (l *lake) table(source string, files ...query.File) query.Table {
	l.t.Helper()
	m, err := mapping.Parse("test.yaml", []byte(source))
	if err != nil {
		l.t.Fatal(err)
	}
	return query.Table{Schema: m.Schema(&m.Tables[0]), Files: files}
}

func (l *lake) session(with query.Limits, tables ...query.Table) query.Session {
	l.t.Helper()
	s, err := l.open(l.folder, tables, with)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return s
}

// ask returns the columns of a statement, and its rows with NULL for what is NULL.
func ask(ctx context.Context, s query.Session, sql string) ([]query.Column, [][]string, error) {
	r, err := s.Query(ctx, sql)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	var all [][]string
	for {
		row, err := r.Next()
		if err == io.EOF {
			return r.Columns(), all, nil
		}
		if err != nil {
			return nil, nil, err
		}
		var texts []string
		for _, v := range row {
			if v == nil {
				texts = append(texts, "NULL")
			} else {
				texts = append(texts, *v)
			}
		}
		all = append(all, texts)
	}
}

func want(t *testing.T, s query.Session, sql string, rows ...[]string) {
	t.Helper()
	_, got, err := ask(t.Context(), s, sql)
	if err != nil {
		t.Errorf("%s: %v", sql, err)
	} else if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", sql, diff)
	}
}

// Run holds an implementation to the contract.
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"Types", types},
		{"OnlyItsFiles", onlyItsFiles},
		{"NoFiles", noFiles},
		{"FilesDiffer", filesDiffer},
		{"Masked", masked},
		{"Constants", constants},
		{"Named", named},
		{"HostileNames", hostileNames},
		{"Statements", statements},
		{"Refused", refused},
		{"Escapes", escapes},
		{"NothingIsLeft", nothingIsLeft},
		{"Timeout", timeout},
		{"Cancel", cancel},
		{"Memory", memory},
		{"Depth", depth},
		{"Streams", streams},
		{"Export", export},
		{"SideBySide", sideBySide},
		{"FileIsGone", fileIsGone},
		{"Absent", absent},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open)
		})
	}
}

func types(t *testing.T, open Open) {
	l := newLake(t, open)
	f := l.file("a.parquet", columns, `{"id":9007199254740993,"small":-1,"name":"a\n\"ü\u0001","paid":true,"ratio":0.1,"price":25,"huge":"1234567890123456789012345678.0123456789",
		"day":"2024-02-29","at":"2024-01-10T12:00:00.5+02:00","other":{"a":[1]},"tags":["x",null],"prices":[1.5]}{"id":2}`)
	s := l.session(limits, l.table(columns, f))
	got, rows, err := ask(t.Context(), s, `SELECT * FROM t ORDER BY id DESC`)
	if err != nil {
		t.Fatal(err)
	}
	wanted := []query.Column{
		{Name: "id", Type: "BIGINT"}, {Name: "small", Type: "INTEGER"}, {Name: "name", Type: "VARCHAR"}, {Name: "paid", Type: "BOOLEAN"},
		{Name: "ratio", Type: "DOUBLE"}, {Name: "price", Type: "DECIMAL(18,4)"}, {Name: "huge", Type: "DECIMAL(38,10)"}, {Name: "day", Type: "DATE"},
		{Name: "at", Type: "TIMESTAMP WITH TIME ZONE"}, {Name: "other", Type: "VARCHAR"}, {Name: "tags", Type: "VARCHAR[]"}, {Name: "prices", Type: "DECIMAL(9,2)[]"},
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{
		{"9007199254740993", "-1", "a\n\"ü\x01", "true", "0.1", "25.0000", "1234567890123456789012345678.0123456789", "2024-02-29", "2024-01-10T10:00:00.5Z", `{"a":[1]}`, "[x, NULL]", "[1.50]"},
		{"2", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"},
	}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	// Sums of decimals are exact; parts of times are those of UTC, whatever zone
	// the machine is in; json can be taken apart.
	want(t, s, `SELECT sum(price), hour(max("at")), max(other->>'$.a[0]') FROM t`, []string{"25.0000", "10", "1"})
}

func onlyItsFiles(t *testing.T, open Open) {
	l := newLake(t, open)
	a, b := l.file("a.parquet", columns, `{"id":1}`), l.file("b.parquet", columns, `{"id":2}`)
	l.file("stray.parquet", columns, `{"id":3}`)
	empty := l.file("empty.parquet", columns, `[]`)
	s := l.session(limits, l.table(columns, a, b, empty))
	want(t, s, `SELECT count(*), sum(id) FROM t`, []string{"2", "3"})
	want(t, s, `SHOW TABLES`, []string{"t"})
}

func noFiles(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns))
	want(t, s, `SELECT count(*), count(price), sum(price) FROM t`, []string{"0", "0", "NULL"})
	got, _, err := ask(t.Context(), s, `SELECT price, prices FROM t`)
	if diff := cmp.Diff([]query.Column{{Name: "price", Type: "DECIMAL(18,4)"}, {Name: "prices", Type: "DECIMAL(9,2)[]"}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Files of an earlier mapping lack columns, or have others and smaller ones.
func filesDiffer(t *testing.T, open Open) {
	l := newLake(t, open)
	const (
		old = "table: t\ncolumns:\n  - {name: price, path: $.price, type: \"decimal(9,2)\"}\n  - {name: gone, path: $.gone, type: string}\n  - {name: id, path: $.id, type: int32}\n"
		now = "table: t\ncolumns:\n  - {name: id, path: $.id, type: int64}\n  - {name: price, path: $.price, type: \"decimal(18,4)\"}\n"
	)
	a, b := l.file("a.parquet", old, `{"id":1,"price":1.25,"gone":"g"}`), l.file("b.parquet", now, `{"id":2,"price":0.0001}`)
	for _, known := range []bool{true, false} {
		if !known {
			a.Columns, b.Columns = "", ""
		}
		s := l.session(limits, l.table(now, a, b))
		want(t, s, `SELECT * FROM t ORDER BY id`, []string{"1", "1.2500", "g"}, []string{"2", "0.0001", "NULL"})
		want(t, s, `SELECT sum(price) FROM t`, []string{"1.2501"})
	}
}

// Masked rows are not there, whatever a statement asks for, and others are there once.
func masked(t *testing.T, open Open) {
	const source = "table: t\nrecords: [\"$[*]\", \"$\"]\ncolumns:\n  - {name: id, path: $.id, type: int64}\n  - {name: filename, path: $.name, type: string}\n"
	l := newLake(t, open)
	whole := l.file("whole.parquet", source, `[{"id":1,"name":"a"},{"id":2,"name":"b"}]`)
	some := l.file("so'me.parquet", source, `[{"id":10},{"id":11,"name":"c"},{"id":12},{"id":13},{"id":14}]`)
	some.Masked = []query.Range{{From: 0, To: 1}, {From: 2, To: 4}}
	other := l.file("other.parquet", source, `[{"id":20},{"id":21}]`)
	other.Masked = []query.Range{{From: 1, To: 2}}
	none := l.file("none.parquet", source, `[{"id":30},{"id":31}]`)
	none.Masked = []query.Range{{From: 0, To: 2}}
	for _, known := range []bool{true, false} {
		files := []query.File{whole, some, other, none}
		for i := range files {
			if !known {
				files[i].Columns = ""
			}
		}
		s := l.session(limits, l.table(source, files...))
		want(t, s, "SELECT * FROM t ORDER BY id", []string{"1", "a"}, []string{"2", "b"}, []string{"11", "c"}, []string{"14", "NULL"}, []string{"20", "NULL"})
		want(t, s, "SELECT count(*), count(filename) FROM t", []string{"5", "3"})
		want(t, s, "SELECT count(*) FROM t WHERE id > 11 AND filename IS NULL", []string{"2"})
		want(t, s, "SELECT sum(a.id) FROM t a JOIN t b USING (id)", []string{"48"})
	}
}

// Columns that a file lacks have the values that are said of it, whatever these are, and
// whatever rows count.
func constants(t *testing.T, open Open) {
	l := newLake(t, open)
	const has = columns + "  - {name: source, path: $.source, type: string}\n"
	own := l.file("own.parquet", has, `{"id":1,"source":"x"}`)
	one := l.file("one.parquet", columns, `{"id":2}{"id":3}`)
	one.Constants = map[string]string{"source": "it's; --\n\x01"}
	two := l.file("two.parquet", columns, `{"id":4}{"id":5}`)
	two.Constants, two.Masked = map[string]string{"source": "two"}, []query.Range{{From: 0, To: 1}}
	three := l.file("three.parquet", columns, `{"id":6}`)
	three.Constants, three.Columns = map[string]string{"source": "three"}, ""
	s := l.session(limits, l.table(has, own, one, two, three))
	want(t, s, `SELECT id, source FROM t ORDER BY id`, []string{"1", "x"}, []string{"2", "it's; --\n\x01"}, []string{"3", "it's; --\n\x01"}, []string{"5", "two"}, []string{"6", "three"})
	want(t, s, `SELECT count(*) FROM t WHERE source > 'three'`, []string{"2"})
}

// Of a file that says what it calls the columns, the view has these and no others.
func named(t *testing.T, open Open) {
	l := newLake(t, open)
	const (
		file  = "table: t\ncolumns:\n  - {name: id, path: $.id, type: int32}\n  - {name: a, path: $.a, type: string}\n  - {name: b, path: $.b, type: string}\n"
		table = "table: t\ncolumns:\n  - {name: id, path: $.id, type: int64}\n  - {name: b, path: $.a, type: string}\n  - {name: data, path: $.c, type: date}\n  - {name: source, path: $.d, type: string}\n"
	)
	old, same := l.file("old.parquet", file, `{"id":1,"a":"x","b":"y"}{"id":2,"b":"z"}`), l.file("same.parquet", table, `{"id":3,"a":"w","c":"2024-01-10","d":"own"}`)
	old.Names, old.Masked, old.Constants = []string{"id", "a", "", ""}, []query.Range{{From: 1, To: 2}}, map[string]string{"source": "of the file"}
	same.Names = []string{"id", "b", "data", "source"}
	s := l.session(limits, l.table(table, old, same))
	want(t, s, `SELECT * FROM t ORDER BY id`, []string{"1", "x", "NULL", "of the file"}, []string{"3", "w", "2024-01-10", "own"})
	want(t, s, `SELECT count(data), min(typeof(id)) FROM t`, []string{"1", "BIGINT"})
}

// Names and values are data, whatever is in them.
func hostileNames(t *testing.T, open Open) {
	l := newLake(t, open)
	f := l.file("it's; .shell touch x\n.shell touch y.parquet", columns, `{"id":1}`)
	g := l.file("-- \"';.parquet", columns, `{"id":2}`)
	table := l.table(columns, f, g)
	table.Schema.Table = "a\"b; DROP TABLE c; --\n.shell touch z"
	table.Schema.Columns = slices.Clone(table.Schema.Columns)
	table.Schema.Columns[1].Name = "x\"') FROM y; --\n.quit"
	order := l.table(columns)
	order.Schema.Table = "order"
	s := l.session(limits, table, order)
	want(t, s, `SELECT count(*), count("x""') FROM y; --`+"\n"+`.quit") FROM "a""b; DROP TABLE c; --`+"\n"+`.shell touch z"`, []string{"2", "0"})
	want(t, s, `SELECT count(*) FROM "order"`, []string{"0"})
	want(t, s, "SELECT 'a\n.shell touch x\n;' AS \"b\n.quit\", '/*'", []string{"a\n.shell touch x\n;", "/*"})
	if entries, err := os.ReadDir(l.folder); err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// What may stand in the place of SELECT.
func statements(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns, l.file("a.parquet", columns, `{"id":1}{"id":2}`)))
	one := []string{"1"}
	want(t, s, `FROM t SELECT id ORDER BY id LIMIT 1`, one)
	want(t, s, `VALUES (1)`, one)
	want(t, s, `WITH x AS (SELECT 1) FROM x; -- the end`, one)
	want(t, s, `(SELECT 1)`, one)
	want(t, s, `SELECT 1;;`, one)
	want(t, s, `SELECT id FROM t ORDER BY id DESC`, []string{"2"}, one)
	want(t, s, `SELECT column_name FROM (DESCRIBE t) LIMIT 1`, []string{"id"})
	want(t, s, `SELECT id FROM t WHERE false`)
	for sql, first := range map[string]string{`DESCRIBE t`: "id", `SUMMARIZE t`: "id", `SHOW TABLES`: "t"} {
		if _, rows, err := ask(t.Context(), s, sql); err != nil || len(rows) == 0 || rows[0][0] != first {
			t.Errorf("%s: %v, %v", sql, rows, err)
		}
	}
	got, rows, err := ask(t.Context(), s, `SELECT 1 AS a, 2 AS a, 'x' AS "A", 3 AS ""`)
	if err == nil {
		names := map[string]bool{}
		for _, c := range got {
			names[c.Name] = true
		}
		if len(names) != 4 || len(rows) != 1 {
			t.Errorf("columns %v of rows %v", got, rows)
		}
	} else if !errors.As(err, new(*query.Error)) {
		t.Error(err)
	}
}

// fails runs a statement that must fail by its own fault.
func fails(t *testing.T, s query.Session, sql, says string) {
	t.Helper()
	_, rows, err := ask(t.Context(), s, sql)
	wrong := new(query.Error)
	if !errors.As(err, &wrong) || !strings.Contains(wrong.Text, says) {
		t.Errorf("%.200q gives %v and %v, want an error with %q", sql, rows, err, says)
	}
}

func refused(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns))
	const select1 = "Expected a single SELECT statement"
	fails(t, s, ``, "empty")
	fails(t, s, " \n", "empty")
	fails(t, s, "SELECT 1\x00", "NUL")
	fails(t, s, "SELECT '\xff'", "UTF-8")
	fails(t, s, `-- nothing`, select1)
	fails(t, s, `SELEC 1`, "syntax error")
	fails(t, s, `SELECT nope FROM t`, "nope")
	fails(t, s, `SELECT 1; SELECT 2`, select1)
	fails(t, s, `SELECT 'x'::INTEGER`, "Could not convert")
	for _, sql := range []string{
		`CREATE TABLE x (a INTEGER)`, `CREATE VIEW t AS SELECT 1`, `CREATE MACRO m() AS 1`, `CREATE SECRET (TYPE s3)`, `DROP VIEW t`, `INSERT INTO t VALUES (1)`, `DELETE FROM t`,
		`UPDATE t SET id = 1`, `BEGIN`, `CALL pragma_version()`, `CHECKPOINT`, `VACUUM`, `EXPLAIN SELECT 1`, `PREPARE p AS SELECT 1`, `EXECUTE p`, `USE memory`, `SET VARIABLE x = 1`,
	} {
		fails(t, s, sql, select1)
	}
}

// Every way out of the lake that is known: RELIABILITY is the list.
func escapes(t *testing.T, open Open) {
	l := newLake(t, open)
	table := l.table(columns, l.file("a.parquet", columns, `{"id":1}`))
	l.file("stray.parquet", columns, `{"id":3}`)
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.csv")
	for _, name := range []string{secret, filepath.Join(l.folder, "secret.csv")} {
		if err := os.WriteFile(name, []byte("a,b\n1,hidden\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link.csv": secret, "away": outside} {
		if err := os.Symlink(to, filepath.Join(l.folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	s := l.session(limits, table)
	ctx := t.Context()
	const (
		denied  = "Permission Error"
		select1 = "Expected a single SELECT statement"
	)
	stray := filepath.Join(l.folder, "stray.parquet")
	for _, c := range []struct{ sql, says string }{
		{`FROM read_csv('/etc/passwd')`, denied},
		{`FROM read_csv_auto('/etc/passwd')`, denied},
		{`FROM '/etc/passwd'`, ""},
		{`FROM read_csv('` + secret + `')`, denied},
		{`FROM '` + secret + `'`, denied},
		{`FROM read_text('/etc/passwd')`, denied},
		{`FROM read_blob('/etc/passwd')`, denied},
		{`FROM read_json('/etc/passwd')`, denied},
		{`FROM read_json_objects('/etc/passwd')`, denied},
		{`FROM read_csv('/dev/stdin')`, denied},
		{`FROM read_text('/proc/self/environ')`, denied},
		{`FROM sniff_csv('/etc/passwd')`, denied},
		{`FROM glob('/etc/*')`, denied},
		{`FROM glob('*')`, denied},
		{`FROM glob('a.parquet/../*')`, denied},
		{`SELECT getenv('PATH')`, ""},
		// Other files of the lake, and what links lead to.
		{`FROM 'stray.parquet'`, denied},
		{`FROM '` + stray + `'`, denied},
		{`FROM read_parquet('*.parquet')`, denied},
		{`FROM 'a.parquet/../stray.parquet'`, denied},
		{`FROM parquet_metadata('stray.parquet')`, denied},
		{`FROM parquet_schema('` + stray + `')`, denied},
		{`FROM read_csv('link.csv')`, denied},
		{`FROM read_csv('away/secret.csv')`, denied},
		{`FROM read_csv('secret.csv')`, denied},
		// The network, and extensions for it.
		{`FROM 'http://127.0.0.1:1/x.csv'`, denied},
		{`FROM read_csv('https://127.0.0.1:1/x.csv')`, denied},
		{`FROM read_parquet('s3://bucket/x.parquet')`, denied},
		{`FROM iceberg_scan('x')`, ""},
		{`FROM sqlite_scan('x', 'y')`, ""},
		{`INSTALL httpfs`, select1},
		{`LOAD httpfs`, select1},
		{`LOAD '` + secret + `'`, select1},
		// Writing.
		{`COPY (SELECT 1) TO '` + filepath.Join(outside, "copy.csv") + `'`, select1},
		{`COPY t TO 'a.parquet'`, select1},
		{`EXPORT DATABASE '` + filepath.Join(outside, "export") + `'`, select1},
		{`IMPORT DATABASE '` + outside + `'`, select1},
		{`ATTACH '` + filepath.Join(outside, "x.db") + `'`, select1},
		{`ATTACH ':memory:' AS m`, select1},
		// Settings.
		{`SET lock_configuration = false`, select1},
		{`SET enable_external_access = true`, select1},
		{`RESET allowed_paths`, select1},
		{`PRAGMA enable_profiling`, select1},
		{`PRAGMA database_list`, select1},
		{`SELECT set_config('lock_configuration', 'false')`, ""},
		// Statements inside statements.
		{`SELECT 1; COPY (SELECT 1) TO '` + filepath.Join(outside, "two.csv") + `'`, select1},
		{`SELECT 1); COPY (SELECT 1) TO '` + filepath.Join(outside, "three.csv") + `'; (SELECT 2`, "syntax error"},
		{`SELECT 1') ; COPY (SELECT 1) TO '` + filepath.Join(outside, "four.csv") + `'; --`, "syntax error"},
		{`FROM query('COPY (SELECT 1) TO ''` + filepath.Join(outside, "five.csv") + `''')`, select1},
		{`FROM query('FROM read_csv(''/etc/passwd'')')`, denied},
		{`FROM json_execute_serialized_sql(json_serialize_sql('FROM read_csv(''/etc/passwd'')'))`, denied},
		{`WITH x AS (COPY t TO 'b') FROM x`, "Parser Error"},
		// Commands of the program.
		{`.shell touch ` + filepath.Join(outside, "shell"), "syntax error"},
		{"\n.shell touch " + filepath.Join(outside, "shell"), "syntax error"},
		{".read " + secret, "syntax error"},
		{".open " + filepath.Join(outside, "x.db"), "syntax error"},
		{".output " + filepath.Join(outside, "out"), "syntax error"},
		{"SELECT 1;\n.shell touch " + filepath.Join(outside, "shell"), ""},
		{"SELECT '\n;\n.shell touch " + filepath.Join(outside, "shell") + "\n", ""},
		{"/* \n;\n.shell touch " + filepath.Join(outside, "shell") + "\n", ""},
	} {
		// It must fail, for that reason: one that finds no file is refused by chance.
		_, rows, err := ask(ctx, s, c.sql)
		wrong := new(query.Error)
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Text, c.says) {
			t.Errorf("%q gives %v and %v, want an error with %q", c.sql, rows, err, c.says)
		}
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside the lake there is %v, %v", left, err)
	}
	// Its own file it may read, and nothing has written it.
	want(t, s, `SELECT id FROM 'a.parquet'`, []string{"1"})
	if _, rows, err := ask(ctx, s, `FROM duckdb_secrets()`); len(rows) > 0 {
		t.Errorf("secrets %v, %v", rows, err)
	}
}

// A statement leaves nothing to the next one, which sees the same views.
func nothingIsLeft(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns, l.file("a.parquet", columns, `{"id":1}`)))
	for range 3 {
		want(t, s, `SELECT id FROM t`, []string{"1"})
		fails(t, s, `SELECT nope`, "nope")
		fails(t, s, `FROM _`, "")
		want(t, s, `SELECT count(*) FROM duckdb_tables()`, []string{"0"})
	}
}

// endless is a statement that nobody waits for.
const endless = `SELECT count(*) FROM range(100000) a, range(100000) b, range(100000) c WHERE hash(a.range, b.range, c.range) % 7 = 3`

func timeout(t *testing.T, open Open) {
	l := newLake(t, open)
	short := limits
	short.Timeout = time.Second
	s := l.session(short, l.table(columns))
	if _, rows, err := ask(t.Context(), s, endless); !errors.Is(err, query.ErrTimeout) {
		t.Errorf("%v, %v", rows, err)
	}
	if err := s.Export(t.Context(), endless, filepath.Join(l.folder, "out.parquet")); !errors.Is(err, query.ErrTimeout) {
		t.Error(err)
	}
}

func cancel(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns))
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, stop)
	if _, rows, err := ask(ctx, s, endless); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", rows, err)
	}
	// Between two rows, too.
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	r, err := s.Query(ctx, `SELECT range FROM range(1000000000)`)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 10 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := s.Query(ctx, `SELECT 1`); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func memory(t *testing.T, open Open) {
	l := newLake(t, open)
	small := limits
	small.Memory = 64 << 20
	s := l.session(small, l.table(columns))
	for _, sql := range []string{
		`SELECT count(*) FROM (SELECT range, md5(range::VARCHAR) AS m FROM range(50000000) ORDER BY m)`,
		`SELECT count(DISTINCT md5(range::VARCHAR)) FROM range(50000000)`,
		`SELECT length(list(range)::VARCHAR) FROM range(50000000)`,
		`SELECT length(repeat('x', 4000000000))`,
	} {
		_, rows, err := ask(t.Context(), s, sql)
		if !errors.As(err, new(*query.Error)) && !errors.Is(err, query.ErrDied) {
			t.Errorf("%s: %v, %v", sql, rows, err)
		}
	}
	want(t, s, `SELECT 1`, []string{"1"})
}

func depth(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns))
	for _, n := range []int{2_000, 200_000} {
		for _, sql := range []string{
			"SELECT " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n),
			"SELECT " + strings.Repeat("[", n) + strings.Repeat("]", n),
			"SELECT 1" + strings.Repeat("+1", n),
			"SELECT " + strings.Repeat("NOT ", n) + "true",
			strings.Repeat("SELECT * FROM (", n) + "SELECT 1" + strings.Repeat(")", n),
		} {
			// Either it is taken or refused, and others are not disturbed.
			_, _, err := ask(t.Context(), s, sql)
			if err != nil && !errors.As(err, new(*query.Error)) && !errors.Is(err, query.ErrDied) {
				t.Errorf("%d times %.20q: %v", n, sql, err)
			}
		}
	}
	want(t, s, `SELECT 1`, []string{"1"})
}

// The first rows come before the last ones are found, and a reader that has
// enough of them does not wait.
func streams(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns))
	r, err := s.Query(t.Context(), `SELECT range, md5(range::VARCHAR) FROM range(1000000000000)`)
	if err != nil {
		t.Fatal(err)
	}
	for range 100_000 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if row, err := r.Next(); err == nil || err == io.EOF {
		t.Errorf("after Close: %v, %v", row, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	// A wide value, and many columns.
	want(t, s, `SELECT length(repeat('é', 1000000)), repeat('é', 100000)`, []string{"1000000", strings.Repeat("é", 100000)})
	if columns, rows, err := ask(t.Context(), s, `SELECT `+strings.Repeat("1,", 999)+`1`); err != nil || len(columns) != 1000 || len(rows) != 1 || len(rows[0]) != 1000 {
		t.Errorf("%d columns, %v", len(columns), err)
	}
}

func export(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns, l.file("a.parquet", columns, `{"id":1,"price":2.5,"at":"2024-01-10T00:00:00Z","tags":["x"]}{"id":2}`)))
	out := t.TempDir()
	name := filepath.Join(out, "it's\n.shell \"x\".parquet")
	if err := s.Export(t.Context(), `SELECT id, price, "at", tags, 'é' AS "n""m" FROM t ORDER BY id DESC`, name); err != nil {
		t.Fatal(err)
	}
	back := &lake{t, open, out}
	b := back.session(limits, query.Table{Files: []query.File{{Name: filepath.Base(name)}}, Schema: l.table("table: back\ncolumns: [{name: id, path: $.id, type: int64}]\n").Schema})
	want(t, b, `FROM back`, []string{"2", "NULL", "NULL", "NULL", "é"}, []string{"1", "2.5000", "2024-01-10T00:00:00Z", "[x]", "é"})
	want(t, b, `SELECT typeof(price), typeof("at"), typeof(tags) FROM back LIMIT 1`, []string{"DECIMAL(18,4)", "TIMESTAMP WITH TIME ZONE", "VARCHAR[]"})
	for sql, says := range map[string]string{
		`SELECT nope`: "nope", `COPY t TO 'x'`: "single SELECT", ``: "empty", `FROM read_csv('/etc/passwd')`: "Permission Error",
		`SELECT 1) TO 'x'; --`: "syntax error",
	} {
		wrong := new(query.Error)
		if err := s.Export(t.Context(), sql, filepath.Join(out, "bad.parquet")); !errors.As(err, &wrong) || !strings.Contains(wrong.Text, says) {
			t.Errorf("export of %s: %v, want %q", sql, err, says)
		}
	}
	if err := s.Export(t.Context(), `SELECT 1`, filepath.Join(out, "none", "x.parquet")); err == nil {
		t.Error("a file was written in a folder that does not exist")
	}
}

func sideBySide(t *testing.T, open Open) {
	l := newLake(t, open)
	s := l.session(limits, l.table(columns, l.file("a.parquet", columns, `{"id":1}`)))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { want(t, s, `SELECT sum(id) FROM t, range(1000)`, []string{"1000"}) })
		all.Go(func() { fails(t, s, `SELECT nope FROM t`, "nope") })
	}
	all.Wait()
}

// A file that is not there is an error, never a table with fewer rows.
func fileIsGone(t *testing.T, open Open) {
	l := newLake(t, open)
	a, b := l.file("a.parquet", columns, `{"id":1}`), l.file("b.parquet", columns, `{"id":2}`)
	s, err := l.open(l.folder, []query.Table{l.table(columns, a, b)}, limits)
	if err == nil {
		defer s.Close()
		if err := os.Remove(filepath.Join(l.folder, "b.parquet")); err != nil {
			t.Fatal(err)
		}
		var rows [][]string
		_, rows, err = ask(t.Context(), s, `SELECT count(*), sum(id) FROM t`)
		if err == nil {
			t.Errorf("rows %v without a file", rows)
		}
	}
}

// A table whose files are not there has columns, and no statement gives rows of it.
func absent(t *testing.T, open Open) {
	l := newLake(t, open)
	gone, unknown := l.table(columns), query.Table{Absent: "it's \"away\""}
	gone.Absent, unknown.Schema.Table = "not here", "u"
	s := l.session(limits, gone, unknown)
	want(t, s, `SHOW TABLES`, []string{"t"}, []string{"u"})
	want(t, s, `SELECT column_type FROM (DESCRIBE t) WHERE column_name = 'price'`, []string{"DECIMAL(18,4)"})
	want(t, s, `SELECT 1`, []string{"1"})
	for _, sql := range []string{`FROM t`, `SELECT count(*) FROM t`, `SELECT 1 WHERE EXISTS (FROM t)`, `SELECT max(id) FROM t, range(3)`} {
		fails(t, s, sql, "not here")
	}
	fails(t, s, `FROM u`, `it's "away"`)
}
