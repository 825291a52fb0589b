package serve

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/ledger"
	"sluice/mapping"
)

// answer decodes an answer of the wanted status.
func answer[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != status {
		t.Fatalf("status %d, want %d: %v: %s", w.Code, status, err, w.Body)
	}
	return v
}

// body is a request in JSON.
func body(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

const orderLines = `table: order_lines
records: ["$[*]", "$"]
columns:
  - {name: order_id, path: $.id, type: int64, required: true}
  - {name: price, path: $.price, type: "decimal(18,4)", required: true}
`

// withMapping is a server whose mapping is a file that the page may write, and the
// lake's folder.
func withMapping(t *testing.T, text string) (*Server, string) {
	t.Helper()
	var dir string
	s := newServer(t, func(o *Options) {
		dir = o.Folder
		o.MappingFile = filepath.Join(dir, "mapping.yaml")
	})
	if text != "" {
		if err := os.WriteFile(s.o.MappingFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.UseMapping(t.Context(), s.o.MappingFile); err != nil {
			t.Fatal(err)
		}
	}
	return s, dir
}

// process puts an object into the lake, and has it processed.
func process(t *testing.T, s *Server, dir, name, text string) ledger.Entry {
	t.Helper()
	key := "raw_orders_data/" + name
	if err := os.MkdirAll(filepath.Join(dir, "raw_orders_data"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(key)), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := s.Setup()
	if err := at.Own(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := at.Pipeline.Process(t.Context(), at.Config.Source.Bucket, key); err != nil {
		t.Fatal(err)
	}
	if err := s.lake.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return entry(t, s, key)
}

func entry(t *testing.T, s *Server, key string) ledger.Entry {
	t.Helper()
	at := s.Setup()
	e, _, err := at.Pipeline.Ledger.Get(t.Context(), at.Config.Source.Bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A price that does not fit becomes a row: it is in quarantine, the mapping is edited
// beside it, put to work, and the object replayed.
func TestFromQuarantineToRows(t *testing.T) {
	s, dir := withMapping(t, orderLines)
	e := process(t, s, dir, "a.json", `[{"id":1,"price":1.5},{"id":2,"price":"2,50"},{"id":3,"price":"on request"}]`)
	if e.State.RecordsQuarantined != 2 || e.State.RowsWritten != 1 {
		t.Fatalf("%+v", e.State)
	}
	id := e.ID().String()
	fixed := strings.Replace(orderLines, `path: $.price,`, `path: $.price, format: "1.234,50",`, 1)

	p := answer[previewed](t, ask(s, "POST", "/api/quarantine/"+id+"/preview", body(map[string]any{"mapping": fixed, "records": nil}), nil), 200)
	if len(p.Faults) > 0 || len(p.Records) != 2 || !p.Records[0].OK || p.Records[1].OK || p.Records[1].Reason != "bad_decimal" || p.Records[1].Path != "$.price" {
		t.Errorf("%+v", p)
	}
	if r := p.Records[1]; r.Fault != int64(strings.Index(`{"id":3,"price":"on request"}`, `"on`)) || r.Detail == "" {
		t.Errorf("%+v", r)
	}
	if len(p.Tables) != 1 || len(p.Tables[0].Rows) != 1 || *p.Tables[0].Rows[0][1] != "2.5000" || p.Tables[0].Columns[1] != (column{"price", "decimal(18,4)"}) {
		t.Errorf("%+v", p.Tables)
	}
	// Of the mapping at work, nothing fits, and the advice says what would.
	p = answer[previewed](t, ask(s, "POST", "/api/quarantine/"+id+"/preview", body(map[string]any{"mapping": orderLines, "records": []int{1}}), nil), 200)
	if len(p.Records) != 1 || p.Records[0].OK || !strings.Contains(p.Records[0].Detail, "1.234,50") || len(p.Tables[0].Rows) != 0 {
		t.Errorf("%+v", p)
	}

	m := answer[mappingFile](t, ask(s, "GET", "/api/mapping", "", nil), 200)
	if m.Text != orderLines || !m.Writable || m.SHA256 == "" || m.SHA256 != m.DeployedSHA256 {
		t.Errorf("%+v", m)
	}
	put := answer[struct {
		SHA256 string `json:"sha256"`
		Others int    `json:"others"`
	}](t, ask(s, "PUT", "/api/mapping", body(map[string]string{"text": fixed, "base_sha256": m.TextSHA256}), nil), 200)
	if put.Others != 1 || put.SHA256 != s.Setup().Pipeline.Mapping.Hash() {
		t.Errorf("%+v", put)
	}
	working(t, s)
	if again := answer[replayed](t, ask(s, "POST", "/api/quarantine/replay", body(map[string]any{"ids": []string{id}}), nil), 202); again.Objects != 1 {
		t.Errorf("%+v", again)
	}
	wait(t, "the object is replayed", func() bool {
		e = entry(t, s, e.Key)
		return e.State.RecordsQuarantined == 1 && e.State.RowsWritten == 2 && e.State.Sums["order_lines.price"] == "4.0000"
	})
}

// Nobody's change is lost, and what is wrong is not put to work.
func TestPutMapping(t *testing.T) {
	s, _ := withMapping(t, "")
	m := answer[mappingFile](t, ask(s, "GET", "/api/mapping", "", nil), 200)
	preset, err := mapping.PresetSource(mapping.DefaultPreset)
	if err != nil || m.Text != string(preset) || m.Name != mapping.DefaultPreset {
		t.Errorf("%v, %+v", err, m)
	}
	put := func(text, base string) *httptest.ResponseRecorder {
		return ask(s, "PUT", "/api/mapping", body(map[string]string{"text": text, "base_sha256": base}), nil)
	}
	before := s.Setup()
	if w := put("table: t\ncolumns: []\n", m.TextSHA256); w.Code != 422 || !strings.Contains(w.Body.String(), `"line":2`) {
		t.Errorf("a wrong mapping: %d %s", w.Code, w.Body)
	}
	if w := put(orderLines, sumOf([]byte("other"))); w.Code != 409 {
		t.Errorf("another base: %d %s", w.Code, w.Body)
	}
	if _, err := os.Stat(s.o.MappingFile); err == nil || s.Setup() != before {
		t.Errorf("it was written: %v", err)
	}
	answer[any](t, put(orderLines, m.TextSHA256), 200)
	if w := put(orderLines+"# again\n", m.TextSHA256); w.Code != 409 {
		t.Errorf("an old base: %d %s", w.Code, w.Body)
	}
	text, err := os.ReadFile(s.o.MappingFile)
	if err != nil || string(text) != orderLines {
		t.Errorf("%v: %s", err, text)
	}
	// A program that edits the file is not overwritten, and what it wrote is shown.
	if err := os.WriteFile(s.o.MappingFile, []byte("table: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if w := put(orderLines, sumOf([]byte(orderLines))); w.Code != 409 {
		t.Errorf("an edited file: %d %s", w.Code, w.Body)
	}
	if m := answer[mappingFile](t, ask(s, "GET", "/api/mapping", "", nil), 200); m.Text != "table: [" || m.SHA256 != "" {
		t.Errorf("%+v", m)
	}
	// A file that was removed can be written again.
	if err := os.Remove(s.o.MappingFile); err != nil {
		t.Fatal(err)
	}
	if m := answer[mappingFile](t, ask(s, "GET", "/api/mapping", "", nil), 200); m.Text != "" || m.DeployedSHA256 == "" {
		t.Errorf("%+v", m)
	}
	answer[any](t, put(orderLines, sumOf(nil)), 200)
	s.o.MappingFile = ""
	if w := put(orderLines, m.TextSHA256); w.Code != 409 {
		t.Errorf("no file: %d %s", w.Code, w.Body)
	}
}

func TestCheckMapping(t *testing.T) {
	s := newServer(t, nil)
	type checked struct {
		Faults   []fault
		Cautions []string
		SHA256   string
	}
	check := func(text string) checked {
		return answer[checked](t, ask(s, "POST", "/api/mapping/check", body(textRequest{text}), nil), 200)
	}
	if c := check(orderLines); len(c.Faults) > 0 || c.SHA256 == "" || c.Cautions == nil {
		t.Errorf("%+v", c)
	}
	c := check("table: t\ncolumns:\n  - {name: a, path: $.a, type: int65}\n  - {name: b, path: $.b, type: string, colour: red}\n")
	if len(c.Faults) != 2 || c.Faults[0].Line != 3 || c.Faults[1].Line != 4 || c.Faults[1].Column != 40 || !strings.Contains(c.Faults[1].Text, "colour") || c.Faults[1].Remedy == "" {
		t.Errorf("%+v", c.Faults)
	}
	for _, text := range []string{"", "\t", "[", "table: [\n- {", "\x00", "a: *b", "<script>", "---\n---\n", strings.Repeat("a", 2<<20)} {
		if c := check(text); len(c.Faults) == 0 || c.Faults[0].Line < 1 || c.Faults[0].Column < 1 || c.Faults[0].Text == "" {
			t.Errorf("%.20q: %+v", text, c)
		}
	}
	w := ask(s, "GET", "/api/mapping/schema", "", nil)
	if w.Code != 200 || w.Body.String() != string(mapping.JSONSchema) || w.Header().Get("Content-Type") != "application/schema+json" {
		t.Errorf("schema: %d %v", w.Code, w.Header())
	}
}

func TestDiffMapping(t *testing.T) {
	s, _ := withMapping(t, orderLines)
	type diffed struct {
		Changes []struct{ Kind, Text, Path string }
	}
	d := answer[diffed](t, ask(s, "POST", "/api/mapping/diff", body(textRequest{strings.Replace(orderLines, "18,4", "18,2", 1) + "  - {name: note, path: $.note, type: string}\n"}), nil), 200)
	if len(d.Changes) != 2 || d.Changes[0].Kind != "breaking" || d.Changes[1].Kind != "additive" || !strings.Contains(d.Changes[1].Text, "note") {
		t.Errorf("%+v", d)
	}
	if w := ask(s, "POST", "/api/mapping/diff", body(textRequest{"table: t"}), nil); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A mapping is made of a file that is sent, and of objects of the lake.
func TestInferMapping(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // of others nothing is seen
	s, dir := withMapping(t, orderLines)
	process(t, s, dir, "a.json", `[{"id":1,"price":1.5}]`)
	process(t, s, dir, "b.json", `[{"id":2,"price":2.5,"note":"é"}]`)
	made := answer[inferred](t, ask(s, "POST", "/api/mapping/infer?name=lamps.json", `[{"id":1,"price":19.99},{"id":2,"price":5}]`, nil), 200)
	m, err := mapping.Parse("made", []byte(made.Text))
	if err != nil || m.Tables[0].Name != "lamps" || made.Records != 2 || len(made.Tables) != 1 || len(made.Tables[0].Rows) != 2 || len(made.Notes) == 0 {
		t.Errorf("%v: %+v", err, made)
	}
	made = answer[inferred](t, ask(s, "POST", "/api/mapping/infer", body(map[string]any{"keys": []string{"raw_orders_data/a.json", "raw_orders_data/b.json"}}), nil), 200)
	if !strings.Contains(made.Text, "note") || made.Records != 2 || made.Preset != nil {
		t.Errorf("%+v", made)
	}
	made = answer[inferred](t, ask(s, "POST", "/api/mapping/infer?name=o.json", `{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":"C-1"},"products":[{"product_id":"P01","price":1.5,"quantity":1}]}`, nil), 200)
	if made.Preset == nil || made.Preset.Name != "orders" || made.Preset.Takes != 1 || made.Preset.Of != 1 {
		t.Errorf("%+v", made)
	}
	for _, c := range []struct {
		target, body string
		status       int
	}{
		{"/api/mapping/infer?name=a.json", "", 422},
		{"/api/mapping/infer?name=a.json", "<html>", 422},
		{"/api/mapping/infer?name=a.json", "[]", 422},
		{"/api/mapping/infer?name=..%2F..%2Fetc%2Fpasswd", "{", 422},
		{"/api/mapping/infer", "{}", 400},
		{"/api/mapping/infer", `{"keys":["raw_orders_data/none.json"]}`, 404},
		{"/api/mapping/infer", `{"keys":["mapping.yaml"]}`, 404},
		{"/api/mapping/infer", `{"keys":["../../etc/passwd"]}`, 404},
		{"/api/mapping/infer", `{"keys":["raw_orders_data/../mapping.yaml"]}`, 404},
		{"/api/mapping/infer", `{"keys":["raw_orders_data/a.json","ledger/_owner.json"]}`, 404},
	} {
		if w := ask(s, "POST", c.target, c.body, nil); w.Code != c.status || !strings.Contains(w.Body.String(), `"error":`) {
			t.Errorf("%s %s: %d %s, want %d", c.target, c.body, w.Code, w.Body, c.status)
		}
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "sluice-infer-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A preview shows any bytes as text, and says what it cannot show.
func TestPreviewHostile(t *testing.T) {
	s, dir := withMapping(t, orderLines)
	records := []string{
		`{"id":1,"price":"<script>alert(1)</script>"}`,
		`{"id":2,"price":"=1+1"}`,
		"{\"id\":3,\"price\":\"\xff\xfe\"}",
		`{"id":4,"price":`,
		`{"id":5,"price":"\u0000\u202e"}`,
	}
	e := process(t, s, dir, "a.json", strings.Join(records, "\n")+"\n")
	text := strings.Replace(orderLines, `"decimal(18,4)", required: true`, "string", 1)
	p := answer[previewed](t, ask(s, "POST", "/api/quarantine/"+e.ID().String()+"/preview", body(map[string]any{"mapping": text}), nil), 200)
	var ok []bool
	for _, r := range p.Records {
		ok = append(ok, r.OK)
	}
	if !slices.Equal(ok, []bool{true, true, false, false, true}) || len(p.Tables[0].Rows) != 3 || *p.Tables[0].Rows[0][1] != "<script>alert(1)</script>" {
		t.Errorf("%v: %+v", ok, p)
	}
	target := "/api/quarantine/" + e.ID().String() + "/preview"
	if p := answer[previewed](t, ask(s, "POST", target, body(map[string]any{"mapping": "table: ["}), nil), 200); len(p.Faults) == 0 || len(p.Records) > 0 {
		t.Errorf("%+v", p)
	}
	if p := answer[previewed](t, ask(s, "POST", target, body(map[string]any{"mapping": orderLines, "records": []int{-1, 99}}), nil), 200); len(p.Records) > 0 {
		t.Errorf("%+v", p)
	}
	// A rejected object has no quarantine file: its own first records are shown.
	bad := process(t, s, dir, "b.json", `[{"id":1,"price":"x"}]`)
	if bad.State.Quarantine == "" {
		p = answer[previewed](t, ask(s, "POST", "/api/quarantine/"+bad.ID().String()+"/preview", body(map[string]any{"mapping": text}), nil), 200)
		if len(p.Records) != 1 || !p.Records[0].OK || len(p.Tables[0].Rows) != 1 {
			t.Errorf("%+v", p)
		}
	}
	good := process(t, s, dir, "c.json", `[{"id":1,"price":1}]`)
	for id, status := range map[string]int{good.ID().String(): 409, strings.Repeat("0", 64): 404, "x": 404, "..%2f": 404} {
		if w := ask(s, "POST", "/api/quarantine/"+id+"/preview", body(map[string]any{"mapping": orderLines}), nil); w.Code != status {
			t.Errorf("%s: %d %s, want %d", id, w.Code, w.Body, status)
		}
	}
}

// Objects that were made with another mapping are made again with the one at work.
func TestReprocess(t *testing.T) {
	s, dir := withMapping(t, orderLines)
	old := process(t, s, dir, "a.json", `[{"id":1,"price":1.5,"note":"n"}]`)
	m := answer[mappingFile](t, ask(s, "GET", "/api/mapping", "", nil), 200)
	answer[any](t, ask(s, "PUT", "/api/mapping", body(map[string]string{"text": orderLines + "  - {name: note, path: $.note, type: string}\n", "base_sha256": m.TextSHA256}), nil), 200)
	process(t, s, dir, "b.json", `[{"id":2,"price":2.5,"note":"n"}]`)
	working(t, s)
	if again := answer[replayed](t, ask(s, "POST", "/api/mapping/reprocess", "{}", nil), 202); again.Objects != 1 {
		t.Errorf("%+v", again)
	}
	wait(t, "the object is made again", func() bool {
		return entry(t, s, old.Key).State.Mapping == s.Setup().Pipeline.Mapping.Hash()
	})
	if again := answer[replayed](t, ask(s, "POST", "/api/mapping/reprocess", "", nil), 202); again.Objects != 0 {
		t.Errorf("%+v", again)
	}
}

// wait waits for something to become so.
func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not after 10 s: %s", what)
}
