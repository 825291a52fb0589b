package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/config"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = time.Minute

// running is a server that answers and works.
type running struct {
	t      *testing.T
	s      *Server
	dir    string
	client *http.Client
	stop   func() error
}

// serveLake starts a server over the lake in dir.
func serveLake(t *testing.T, dir string, edit func(*Options)) *running {
	return serveOver(t, dir, setup.Lake(dir), edit)
}

// serveTables starts a server over a lake with tables.
func serveTables(t *testing.T, dir string) *running {
	t.Helper()
	c := setup.Lake(dir)
	var err error
	if c.Table, err = config.FileTable([]string{"day(order_date)"}); err != nil {
		t.Fatal(err)
	}
	return serveOver(t, dir, c, nil)
}

func serveOver(t *testing.T, dir string, c config.Config, edit func(*Options)) *running {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "raw_orders_data"), 0o777); err != nil {
		t.Fatal(err)
	}
	at, err := setup.New(t.Context(), c, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Setup: at, Folder: dir, MappingFile: filepath.Join(dir, "mapping.yaml"), Write: true, Address: l.Addr().String(), Version: "test",
		Warn: func(err error) { t.Log("warn:", err) }, Tell: func(*pipeline.Summary) {},
	}
	if edit != nil {
		edit(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	r := &running{t: t, s: s, dir: dir, client: &http.Client{Transport: &http.Transport{}}}
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		at.Close()
		r.client.CloseIdleConnections()
		return err
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// working has a server work that answers no network.
func working(t *testing.T, s *Server) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.work.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// ask makes a request as the page does.
func (r *running) ask(method, target string, body io.Reader) (status int, text []byte) {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.s.o.Address+target, body)
	if err != nil {
		r.t.Fatal(err)
	}
	q.AddCookie(&http.Cookie{Name: r.s.cookie(), Value: r.s.token})
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	a, err := r.client.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Body.Close()
	if text, err = io.ReadAll(a.Body); err != nil {
		r.t.Fatal(err)
	}
	return a.StatusCode, text
}

// get reads an answer into v.
func (r *running) get(target string, v any) {
	r.t.Helper()
	status, text := r.ask("GET", target, nil)
	if status != http.StatusOK {
		r.t.Fatalf("GET %s: %d %s", target, status, text)
	}
	if err := json.Unmarshal(text, v); err != nil {
		r.t.Fatalf("GET %s: %v in %s", target, err, text)
	}
}

type listing struct {
	Objects []map[string]any
	Total   int
	Next    string
}

// until asks for the lake until its state is as wanted.
func (r *running) until(what string, is func(lakeAnswer) bool) lakeAnswer {
	r.t.Helper()
	var a lakeAnswer
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r.get("/api/lake", &a); is(a) {
			return a
		}
	}
	for _, state := range []string{stateWaiting, stateWorking, stateFailed} {
		var l listing
		if r.get("/api/objects?limit=3&state="+state, &l); l.Total > 0 {
			r.t.Logf("%d objects are %s, such as %v", l.Total, state, l.Objects)
		}
	}
	r.t.Fatalf("%s never came: %+v, %q", what, a.Counts, a.Problem)
	return a
}

// done waits until n objects are done.
func (r *running) done(n int64) lakeAnswer {
	r.t.Helper()
	return r.until(fmt.Sprintf("%d objects", n), func(a lakeAnswer) bool {
		return !a.Counts.Loading && a.Counts.Objects == n && a.Counts.Waiting+a.Counts.Working+a.Counts.Failed == 0
	})
}

func (r *running) write(name, text string) {
	r.t.Helper()
	name = filepath.Join(r.dir, "raw_orders_data", name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) object(key string) map[string]any {
	r.t.Helper()
	var l listing
	r.get("/api/objects?find="+key, &l)
	if len(l.Objects) != 1 {
		r.t.Fatalf("%d objects of %q", len(l.Objects), key)
	}
	return l.Objects[0]
}

// orders are n orders of one row each.
func orders(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"order_id":%d,"order_date":"2024-01-10","total_amount":1.50,"customer":{"customer_id":1},"products":[{"product_id":1,"price":1.50,"quantity":1}]}`, i+1))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func TestFolder(t *testing.T) {
	t.Run("objects", func(t *testing.T) {
		folder(t, func(t *testing.T, dir string) *running { return serveLake(t, dir, nil) })
	})
	t.Run("tables", func(t *testing.T) { folder(t, serveTables) })
}

func folder(t *testing.T, serve func(t *testing.T, dir string) *running) {
	dir := t.TempDir()
	r := serve(t, dir)
	if a := r.until("an empty lake", func(a lakeAnswer) bool { return !a.Counts.Loading }); !a.Empty || !a.Folder || a.Problem != "" {
		t.Fatalf("at first: %+v", a)
	}
	r.write("a.json", orders(3))
	r.write("shop/b.json", `[{"order_id":1}]`)
	r.write("shop/cut.json", `[{"order_id":1`)
	r.write(".hidden.json", orders(3))
	if a := r.done(3); a.Counts.Rows != 3 || a.Counts.RecordsQuarantined != 1 {
		t.Fatalf("counts %+v", a.Counts)
	}
	if o := r.object("a.json"); o["state"] != "done" || o["outcome"] != "accept" || o["rows"] != 3.0 || o["records_read"] != 3.0 || o["duplicate"] != false {
		t.Errorf("a.json: %v", o)
	}
	if o := r.object("shop/b.json"); o["outcome"] != "quarantine" || fmt.Sprint(o["reasons"]) != "map[missing_field:1]" {
		t.Errorf("b.json: %v", o)
	}
	if o := r.object("cut.json"); o["outcome"] != "reject" || o["error"] != "" {
		t.Errorf("cut.json: %v", o)
	}

	// Overwritten, and deleted.
	r.write("a.json", orders(5))
	r.until("the overwritten object", func(a lakeAnswer) bool { return a.Counts.Rows == 5 })
	if err := os.Remove(filepath.Join(dir, "raw_orders_data/shop/b.json")); err != nil {
		t.Fatal(err)
	}
	r.until("the deletion", func(lakeAnswer) bool { return r.object("shop/b.json")["outcome"] == "absent" })

	// What another start does: nothing is left.
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = serve(t, dir)
	if a := r.done(3); a.Counts.Rows != 5 {
		t.Errorf("after another start: %+v", a.Counts)
	}
}

// Files that come together are few snapshots of a table; the page shows the rows, where
// those of an object are, that the sums are equal, and what is in quarantine.
func TestTablesOfManyObjects(t *testing.T) {
	dir := t.TempDir()
	r := &running{t: t, dir: dir}
	for i := range 100 {
		r.write(fmt.Sprintf("%03d.json", i), orders(2))
	}
	r.write("bad.json", `[{"order_id":1}]`)
	r = serveTables(t, dir)
	r.done(101)
	r.write("000.json", orders(3))
	r.until("the overwritten object", func(a lakeAnswer) bool { return a.Counts.Rows == 201 })

	var tables struct{ Tables []map[string]any }
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r.get("/api/tables", &tables); tables.Tables[0]["rows"] == 201.0 {
			break
		}
	}
	if table := tables.Tables[0]; table["rows"] != 201.0 || table["files"].(float64) > 20 || table["unreadable"] != 0.0 {
		t.Errorf("%v", table)
	}
	snapshots, err := filepath.Glob(filepath.Join(dir, "orders_data_parquet/order_lines/metadata/snap-*"))
	if err != nil || len(snapshots) == 0 || len(snapshots) > 20 {
		t.Errorf("%d snapshots, %v", len(snapshots), err)
	}
	var story struct {
		Entry   map[string]any
		Outputs []map[string]any
	}
	r.get("/api/objects/"+r.object("000.json")["id"].(string), &story)
	if len(story.Outputs) != 1 || story.Outputs[0]["rows"] != 3.0 || story.Outputs[0]["shared"] != true || story.Outputs[0]["missing"] != false || story.Entry["key"] != "raw_orders_data/000.json" {
		t.Errorf("%v", story)
	}
	var money struct {
		Rows    map[string]any
		Columns []map[string]any
	}
	if r.get("/api/money", &money); fmt.Sprint(money.Rows) != "map[equal:true ledger:201 older:0 published:201]" || len(money.Columns) != 2 || money.Columns[1]["published"] != "301.5000" || money.Columns[1]["equal"] != true {
		t.Errorf("%v", money)
	}
	var held struct{ Total int }
	if r.get("/api/quarantine", &held); held.Total != 1 {
		t.Errorf("%d in quarantine", held.Total)
	}
	if status, text := r.ask("POST", "/api/quarantine/replay", strings.NewReader("{}")); status != http.StatusAccepted || !strings.Contains(string(text), `"objects":1`) {
		t.Errorf("replay: %d %s", status, text)
	}
	r.done(101)
}

// What was there before the start, and files that come while the server is away.
func TestCatchUp(t *testing.T) {
	dir := t.TempDir()
	r := &running{t: t, dir: dir}
	for i := range 200 {
		r.write(fmt.Sprintf("%03d.json", i), orders(1))
	}
	r = serveLake(t, dir, nil)
	if a := r.done(200); a.Counts.Rows != 200 {
		t.Fatalf("counts %+v", a.Counts)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.write("new.json", orders(2))
	r.write("000.json", orders(3))
	r = serveLake(t, dir, nil)
	if a := r.until("the rest", func(a lakeAnswer) bool { return a.Counts.Rows == 204 && a.Counts.Waiting+a.Counts.Working == 0 }); a.Counts.Objects != 201 {
		t.Fatalf("counts %+v", a.Counts)
	}
}

// A file is not read while it is written, though other looks at everything go on.
func TestSlowlyWritten(t *testing.T) {
	r := serveLake(t, t.TempDir(), nil)
	r.until("an empty lake", func(a lakeAnswer) bool { return !a.Counts.Loading })
	name := filepath.Join(r.dir, "raw_orders_data/slow.json")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := orders(20)
	for i := 0; i < len(text); i += 200 {
		if _, err := f.WriteString(text[i:min(i+200, len(text))]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	a := r.done(1)
	o := r.object("slow.json")
	var s struct{ Attempts []attempt }
	r.get("/api/objects/"+o["id"].(string), &s)
	if a.Counts.Rows != 20 || len(s.Attempts) != 1 || s.Attempts[0].What != "committed" {
		t.Errorf("counts %+v, attempts %+v", a.Counts, s.Attempts)
	}
}

func TestStory(t *testing.T) {
	r := serveLake(t, t.TempDir(), nil)
	r.write("a.json", strings.Replace(orders(3), `"price":1.50`, `"price":"x"`, 1))
	r.done(1)
	var s struct {
		Object  map[string]any
		Entry   struct{ Key string }
		Report  struct{ Reasons map[string]int }
		Outputs []output
	}
	r.get("/api/objects/"+r.object("a.json")["id"].(string), &s)
	if s.Entry.Key != "raw_orders_data/a.json" || s.Report.Reasons["bad_decimal"] != 1 || len(s.Outputs) != 1 || s.Outputs[0].Missing || s.Outputs[0].Bytes == 0 || s.Outputs[0].Rows != 2 || s.Outputs[0].Damaged || s.Outputs[0].Table != "order_lines" {
		t.Errorf("story %+v", s)
	}
	path := filepath.Join(r.dir, filepath.FromSlash(s.Outputs[0].Key))
	if err := os.WriteFile(path, []byte("no Parquet"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.Outputs = nil
	r.get("/api/objects/"+r.object("a.json")["id"].(string), &s)
	if len(s.Outputs) != 1 || !s.Outputs[0].Damaged || s.Outputs[0].Rows != 0 {
		t.Errorf("outputs with a damaged file %+v", s.Outputs)
	}
	for id, want := range map[string]int{strings.Repeat("0", 64): 404, "x": 400, strings.Repeat("A", 64): 400, "..": 404, "%2e%2e%2fledger": 400} {
		if status, text := r.ask("GET", "/api/objects/"+id, nil); status != want && !(id == ".." && status < 400) {
			t.Errorf("object %q: %d %s", id, status, text)
		}
	}
}

func TestUpload(t *testing.T) {
	r := serveLake(t, t.TempDir(), nil)
	if status, text := r.ask("POST", "/api/objects?name=shop/a.json", strings.NewReader(orders(2))); status != 201 || !bytes.Contains(text, []byte(`"key":"raw_orders_data/shop/a.json"`)) {
		t.Fatalf("%d %s", status, text)
	}
	r.done(1)
	if status, text := r.ask("POST", "/api/objects?name=shop/a.json", strings.NewReader(orders(3))); status != 409 || !bytes.Contains(text, []byte("hint")) {
		t.Fatalf("again: %d %s", status, text)
	}
	if status, text := r.ask("POST", "/api/objects?name=shop/a.json&replace=1", strings.NewReader(orders(4))); status != 201 {
		t.Fatalf("replaced: %d %s", status, text)
	}
	r.until("the new content", func(a lakeAnswer) bool { return a.Counts.Rows == 4 })

	// An upload that breaks off leaves nothing.
	half, w := io.Pipe()
	go func() {
		io.WriteString(w, `[{"order_id":1`)
		w.CloseWithError(io.ErrUnexpectedEOF)
	}()
	q, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+r.s.o.Address+"/api/objects?name=half.json", half)
	if err != nil {
		t.Fatal(err)
	}
	q.AddCookie(&http.Cookie{Name: r.s.cookie(), Value: r.s.token})
	if a, err := r.client.Do(q); err == nil {
		a.Body.Close()
		t.Fatalf("half an upload: %d", a.StatusCode)
	}
	if files, err := filepath.Glob(filepath.Join(r.dir, "raw_orders_data/*")); err != nil || len(files) != 1 {
		t.Errorf("files %v, %v", files, err)
	}
}

// No name leads out of the source, or to what sluice keeps for itself.
func TestUploadNames(t *testing.T) {
	s := newServer(t, nil)
	for _, name := range []string{
		"", ".", "..", "../a.json", "a/../b.json", "a/./b.json", "/a.json", "/etc/passwd", "a//b.json", "a/", `..\a.json`, `a\b.json`, "C:a.json",
		"a%00.json", "a%0a.json", "a%1b.json", "%ff.json", "_owner.json", ".sluice/a.json", "a/_b.json", "a/.b.json", strings.Repeat("x", 1025), strings.Repeat("x/", 300) + strings.Repeat("x", 600),
	} {
		w := ask(s, "POST", "/api/objects?name="+name, orders(1), nil)
		if w.Code != 400 || !strings.Contains(w.Body.String(), "name is not possible") {
			t.Errorf("%q: %d %s", name, w.Code, w.Body)
		}
	}
	err := filepath.WalkDir(filepath.Dir(s.o.Folder), func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s was written", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSamples(t *testing.T) {
	r := serveLake(t, t.TempDir(), nil)
	for range 2 { // the second time they are there
		if status, text := r.ask("POST", "/api/samples", nil); status != 201 {
			t.Fatalf("%d %s", status, text)
		}
	}
	a := r.done(9)
	if a.Counts.RecordsQuarantined != 1 || a.Counts.Rows < 600 {
		t.Errorf("counts %+v", a.Counts)
	}
	for i, f := range sampleFiles() {
		if !bytes.Equal(f.text, sampleFiles()[i].text) {
			t.Errorf("%s is another at each call", f.name)
		}
	}
	total := 0
	for _, f := range sampleFiles() {
		total += bytes.Count(f.text, []byte(`"order_id"`))
	}
	if total < 300 || total > 1000 {
		t.Errorf("%d orders", total)
	}

	// They are for one mapping.
	if err := os.WriteFile(r.s.o.MappingFile, []byte("table: t\ncolumns:\n  - {name: id, path: $.id, type: int64}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := r.s.UseMapping(t.Context(), r.s.o.MappingFile); err != nil {
		t.Fatal(err)
	}
	if status, text := r.ask("POST", "/api/samples", nil); status != 409 {
		t.Errorf("with another mapping: %d %s", status, text)
	}
}

// A mapping is used from the next object on, and again has others follow.
func TestUseMapping(t *testing.T) {
	r := serveLake(t, t.TempDir(), nil)
	r.write("a.json", `[{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[]}]`)
	r.done(1)
	if o := r.object("a.json"); o["outcome"] != "quarantine" {
		t.Fatalf("a.json: %v", o)
	}
	if err := os.WriteFile(r.s.o.MappingFile, []byte("table: t\ncolumns:\n  - {name: id, path: $.order_id, type: int64}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := r.s.UseMapping(t.Context(), r.s.o.MappingFile); err != nil {
		t.Fatal(err)
	}
	r.s.again([]string{"raw_orders_data/a.json"})
	r.until("the row", func(a lakeAnswer) bool { return a.Counts.Rows == 1 && a.Counts.RecordsQuarantined == 0 })
	if err := r.s.UseMapping(t.Context(), "nowhere.yaml"); err == nil {
		t.Error("a mapping that is not there is used")
	}
}

// Two servers and a run over one lake: each object once.
func TestBesideOthers(t *testing.T) {
	dir := t.TempDir()
	a := serveLake(t, dir, nil)
	b := serveLake(t, dir, nil)
	at, err := setup.New(t.Context(), setup.Lake(dir), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	for i := range 50 {
		a.write(fmt.Sprintf("%d.json", i), orders(2))
	}
	if err := at.Own(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := at.Pipeline.Run(t.Context(), at.Run()); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*running{a, b} {
		r.until("100 rows", func(l lakeAnswer) bool { return l.Counts.Rows == 100 && l.Counts.Objects == 50 })
	}
	files, err := filepath.Glob(filepath.Join(dir, "orders_data_parquet/orders_*.parquet"))
	if err != nil || len(files) != 50 {
		t.Errorf("%d files of the table, %v", len(files), err)
	}
}

// An object that fails is tried again, and the others do not wait for it.
func TestFailure(t *testing.T) {
	r := serveLake(t, t.TempDir(), nil)
	blocked := filepath.Join(r.dir, "quarantine")
	if err := os.WriteFile(blocked, nil, 0o666); err != nil { // not a folder
		t.Fatal(err)
	}
	r.write("bad.json", `[{"order_id":1}]`)
	r.until("a failure", func(a lakeAnswer) bool { return a.Counts.Failed == 1 })
	if o := r.object("bad.json"); o["error"] == "" || o["state"] != "failed" {
		t.Errorf("bad.json: %v", o)
	}
	r.write("good.json", orders(2))
	r.until("the others", func(a lakeAnswer) bool { return a.Counts.Rows == 2 && a.Problem == "" })
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	if a := r.done(2); a.Counts.RecordsQuarantined != 1 {
		t.Errorf("counts %+v", a.Counts)
	}
	var s struct{ Attempts []attempt }
	r.get("/api/objects/"+r.object("bad.json")["id"].(string), &s)
	last := len(s.Attempts) - 1
	if last < 1 || s.Attempts[0].What != "failed" || s.Attempts[0].Error == "" || s.Attempts[last].What != "committed" || s.Attempts[last].Error != "" {
		t.Errorf("attempts %+v", s.Attempts)
	}
}

// A read-only server shows what others do.
func TestReading(t *testing.T) {
	dir := t.TempDir()
	r := serveLake(t, dir, func(o *Options) { o.Write, o.Poll = false, 100*time.Millisecond })
	r.write("a.json", orders(2))
	at, err := setup.New(t.Context(), setup.Lake(dir), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	if err := at.Own(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := at.Pipeline.Run(t.Context(), at.Run()); err != nil {
		t.Fatal(err)
	}
	r.until("the rows of the run", func(a lakeAnswer) bool { return a.Counts.Rows == 2 && !a.Write })
}
