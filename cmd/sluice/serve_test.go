//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/documents"
)

var kills = flag.Int("kills", 4, "how often TestServeIsKilled kills the server")

// served is `sluice serve` in its own process.
type served struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string // http://127.0.0.1:port
	client  *http.Client
	stderr  bytes.Buffer
}

// serve starts the server over a lake, and returns once its page can be asked for.
func serve(t *testing.T, lake string, edit func(*exec.Cmd)) *served {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, cmd: exec.Command(exe, "serve", "--lake", lake, "--listen", "127.0.0.1:0")}
	s.cmd.Stderr = &s.stderr
	s.cmd.Env = append(os.Environ(), "SLUICE_TEST_COMMAND=1")
	if edit != nil {
		edit(s.cmd)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Skipf("start the server: %v", err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	lines := bufio.NewScanner(out)
	url := ""
	for url == "" {
		if !lines.Scan() {
			s.cmd.Wait()
			t.Fatalf("the server does not start: %s", s.stderr.String())
		}
		if i := strings.Index(lines.Text(), "http://"); i >= 0 {
			url = lines.Text()[i:]
		}
	}
	go io.Copy(io.Discard, out)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.address = url[:strings.Index(url, "/?")]
	s.client = &http.Client{Jar: jar, Timeout: time.Minute}
	a, err := s.client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	return s
}

type lakeState struct {
	Counts struct {
		Objects, Waiting, Working, Failed, Rows int64
		Loading                                 bool
	}
	Problem string
}

func (s *served) get(target string, v any) {
	s.t.Helper()
	a, err := s.client.Get(s.address + target)
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode == http.StatusOK {
		err = json.Unmarshal(text, v)
	}
	if err != nil || a.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %d %v %s", target, a.StatusCode, err, text)
	}
}

// until waits until the lake is as wanted.
func (s *served) until(what string, is func(lakeState) bool) lakeState {
	s.t.Helper()
	var l lakeState
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if s.get("/api/lake", &l); is(l) {
			return l
		}
	}
	s.t.Fatalf("%s never came: %+v", what, l)
	return l
}

// end tells the server to end, and waits for it.
func (s *served) end() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server ended with %v: %s", err, s.stderr.String())
	}
}

// The page of the demo shows what the demo has left in its folder, and may change it.
// The environment names another place, which neither of them looks at.
func TestDemoServes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	s := serve(t, "", func(cmd *exec.Cmd) {
		cmd.Args = []string{cmd.Args[0], "demo", "--dir", dir, "--serve"}
		cmd.Env = append(cmd.Env, "SLUICE_SOURCE=nowhere/", "SLUICE_SINK=nowhere/")
	})
	s.until("the rows of the demo", func(l lakeState) bool { return l.Counts.Objects == 1 && l.Counts.Rows == 6 })
	var place struct {
		Place string
		Write bool
	}
	if s.get("/api/lake", &place); place.Place != "s3://demo-bucket/raw_orders_data/" || !place.Write {
		t.Errorf("%+v", place)
	}
	s.end()
	if _, err := os.Stat(filepath.Join(dir, "orders.json")); err != nil {
		t.Error(err)
	}
}

// command runs the command and returns its standard output.
func command(t *testing.T, args ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), "SLUICE_TEST_COMMAND=1")
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 3 { // 3: with quarantined records
		t.Fatalf("sluice %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// manyOrders are orders of two lines each; one in a hundred does not fit.
func manyOrders(r *rand.Rand, n int) []byte {
	var b bytes.Buffer
	for range n {
		id := r.IntN(1e9)
		price := fmt.Sprintf("%d.%02d", r.IntN(1000), r.IntN(100))
		if r.IntN(100) == 0 {
			price = `"none"`
		}
		fmt.Fprintf(&b, `{"order_id":%d,"order_date":"2024-01-10","total_amount":%d.5,"customer":{"customer_id":%d,"name":"Ada"},"products":[{"product_id":%d,"name":"Mug","price":%s,"quantity":2},{"product_id":2,"price":1.25,"quantity":1}]}`+"\n",
			id, r.IntN(1000), r.IntN(1000), r.IntN(1000), price)
	}
	return b.Bytes()
}

// drop puts a file into the source that is whole and was written a while ago, so that
// the server reads it at once.
func drop(t *testing.T, lake, name string, text []byte, written time.Time) {
	t.Helper()
	to := filepath.Join(lake, "raw_orders_data", name)
	if err := os.WriteFile(filepath.Join(lake, "new"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(lake, "new"), written, written); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(lake, "new"), to); err != nil {
		t.Fatal(err)
	}
}

// published is what the ledger of a lake says of each key, without what depends on
// when it was written; and of each key, how many files its table has.
func published(t *testing.T, lake string) map[string]string {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(lake, "ledger/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	named := map[string]bool{}
	for _, name := range entries {
		if strings.HasPrefix(filepath.Base(name), "_") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Key     string
			Outputs []struct{ Key, ETag string }
			State   map[string]any
		}
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, own := range []string{"identity", "listed", "bytes_written", "report", "quarantine"} {
			delete(e.State, own)
		}
		state, err := json.Marshal(e.State)
		if err != nil {
			t.Fatal(err)
		}
		all[e.Key] = string(state)
		for _, o := range e.Outputs {
			if o.ETag != "" {
				named[filepath.Base(o.Key)] = true
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(lake, "orders_data_parquet/*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if !named[filepath.Base(name)] {
			t.Errorf("no entry of the ledger names %s", name)
		}
	}
	if len(files) != len(named) {
		t.Errorf("the ledger names %d files, and %d are there", len(named), len(files))
	}
	return all
}

// rowsOf are the rows of the tables that the ledger names for some keys, in the order
// of the keys.
func rowsOf(t *testing.T, lake string, keys map[string]string) (rows []string) {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(lake, "ledger/[0-9a-f]*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range entries { // by the ID of the key, so in the same order everywhere
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Key     string
			Outputs []struct{ Key, ETag string }
		}
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		if _, ok := keys[e.Key]; !ok {
			continue
		}
		for _, o := range e.Outputs {
			if o.ETag == "" {
				continue
			}
			file, err := os.Open(filepath.Join(lake, filepath.FromSlash(o.Key)))
			if err != nil {
				t.Fatal(err)
			}
			info, err := file.Stat()
			if err != nil {
				t.Fatal(err)
			}
			table, err := documents.ReadTable("", file, info.Size(), math.MaxInt)
			file.Close()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range table.Rows {
				rows = append(rows, e.Key+": "+strings.Join(row, "|"))
			}
		}
	}
	return rows
}

// A server that is killed at any moment loses nothing, and does nothing twice: after
// another start the lake is as a run makes it that nobody disturbs.
func TestServeIsKilled(t *testing.T) {
	t.Parallel()
	lake := t.TempDir()
	if err := os.MkdirAll(filepath.Join(lake, "raw_orders_data"), 0o777); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	written := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	uploads, interrupted := 0, 0
	for round := range *kills {
		// Some are new, others overwritten, one is removed.
		for range 6 {
			written = written.Add(time.Second)
			drop(t, lake, fmt.Sprintf("%02d.ndjson", r.IntN(20)), manyOrders(r, 50+r.IntN(4000)), written)
		}
		if names, err := filepath.Glob(filepath.Join(lake, "raw_orders_data/*.ndjson")); err == nil && round%5 == 4 {
			os.Remove(names[r.IntN(len(names))])
		}
		s := serve(t, lake, nil)
		time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		s.cmd.Wait()
		if left, err := filepath.Glob(filepath.Join(lake, ".sluice/uploads/*")); err == nil && len(left) > uploads {
			uploads = len(left)
			interrupted++
		}
	}
	t.Logf("%d of %d kills came in the middle of a conversion", interrupted, *kills)
	if *kills >= 50 && interrupted < *kills/20 {
		t.Error("too few to say anything")
	}
	s := serve(t, lake, nil)
	s.until("the end of the work", func(l lakeState) bool {
		c := l.Counts
		return !c.Loading && c.Objects > 0 && c.Waiting+c.Working+c.Failed == 0
	})
	// What was deleted is not counted before the first look at everything, so ask a run.
	var left struct {
		Objects map[string]int64
		Found   map[string]any
	}
	report := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		report = command(t, "run", "--lake", lake, "--dry-run", "--report", "json")
		if err := json.Unmarshal([]byte(report), &left); err != nil {
			t.Fatal(err)
		}
		if left.Objects["committed"] == 0 {
			break
		}
	}
	if left.Objects["committed"]+left.Objects["failed"] > 0 {
		t.Errorf("something is left to do: %s", report)
	}
	s.end()
	for _, found := range []string{"unaccounted", "elsewhere", "damaged_entries", "changed_outputs", "torn"} {
		if strings.Contains(report, `"`+found+`":`) && !strings.Contains(report, `"`+found+`":0`) {
			t.Errorf("%s: %s", found, report)
		}
	}

	calm := t.TempDir()
	if err := os.CopyFS(filepath.Join(calm, "raw_orders_data"), os.DirFS(filepath.Join(lake, "raw_orders_data"))); err != nil {
		t.Fatal(err)
	}
	command(t, "run", "--lake", calm)
	got, want := published(t, lake), published(t, calm)
	for key, state := range want {
		if got[key] != state {
			t.Errorf("%s:\n got %s\nwant %s", key, got[key], state)
		}
	}
	for key, state := range got {
		if _, ok := want[key]; !ok && !strings.Contains(state, `"outcome":"absent"`) {
			t.Errorf("%s is gone from the source, and not absent: %s", key, state)
		}
	}
	if a, b := rowsOf(t, lake, want), rowsOf(t, calm, want); !slices.Equal(a, b) {
		t.Errorf("the rows differ: %d and %d", len(a), len(b))
	}
}
