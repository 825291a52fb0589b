package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A bucket that accepts and never answers ends the run with exit code 1, and
// says what on which object was waited for.
func TestSilentBucket(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	config := filepath.Join(t.TempDir(), "sluice.yaml")
	write(t, filepath.Dir(config), "sluice.yaml", "source: s3://b/raw/\ncatalog: {kind: none}\n"+
		"s3: {endpoint: \"http://"+listener.Addr().String()+"\", region: eu-west-1, timeout: 1s}\n")
	for _, command := range []string{"run", "doctor"} {
		code, out, errw := run(t, t.Context(), nil, command, "-c", config)
		if code != 1 || !strings.Contains(out+errw, "the server is silent") || !strings.Contains(out+errw, "s3://b/") {
			t.Errorf("%s: exit code %d\n%s%s", command, code, out, errw)
		}
	}
}

// A run removes what dead workers left, and says so; what it cannot remove it
// complains of, and does its work.
func TestRunSweeps(t *testing.T) {
	lake := t.TempDir()
	uploads := filepath.Join(lake, ".sluice", "uploads")
	for _, dir := range []string{uploads, filepath.Join(lake, "raw_orders_data")} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(lake, "raw_orders_data"), "a.json", order("", `"price":1`))
	yesterday := time.Now().Add(-24 * time.Hour)
	for i, place := range []string{"orders_data_parquet", "ledger", "quarantine", "catalog"} {
		name := fmt.Sprintf("ID%d-%s%%2Fx", i, place)
		write(t, uploads, name, "half")
		if err := os.Chtimes(filepath.Join(uploads, name), yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
	}
	write(t, uploads, "ID9-ledger%2Fy", "new") // its writer may be about to lock it
	for _, test := range []struct {
		args []string
		says string
		left int
	}{
		{[]string{"--dry-run"}, "dry run", 5},
		{nil, "4 uploads of dead workers removed", 1},
		{[]string{"--report", "json"}, `"uploads_removed":0`, 1},
	} {
		code, out, errw := run(t, t.Context(), nil, append([]string{"run", "--lake", lake}, test.args...)...)
		if code != 0 || !strings.Contains(out, test.says) || len(list(t, uploads)) != test.left {
			t.Errorf("run %v: exit code %d, left %v\n%s%s", test.args, code, list(t, uploads), out, errw)
		}
	}
	old := filepath.Join(uploads, "ID0-ledger%2Fx")
	if err := os.Mkdir(old, 0o777); err != nil { // no file, as nobody expects
		t.Fatal(err)
	}
	code, _, errw := run(t, t.Context(), nil, "run", "--lake", lake)
	if code != 0 || !strings.Contains(errw, "remove uploads of dead workers: sweep ") {
		t.Errorf("exit code %d: %s", code, errw)
	}
}

// Many small objects, a hundredth of them bad, by several workers: all are
// accounted for, and a second run has nothing to do.
func TestRunManyObjects(t *testing.T) {
	files := 500
	if testing.Short() {
		files = 100
	}
	lake := t.TempDir()
	raw := filepath.Join(lake, "raw_orders_data")
	if err := os.Mkdir(raw, 0o777); err != nil {
		t.Fatal(err)
	}
	bad, rows := 0, 0
	for i := range files {
		text := "[" + order("", `"price":1`) + "]"
		switch {
		case i%100 == 7:
			text = text[:len(text)-1]
			bad++
		case i%10 == 3:
			text = "[]"
		default:
			rows++
		}
		write(t, raw, fmt.Sprintf("%04d.json", i), text)
	}
	type report struct {
		Rows    int `json:"rows_written"`
		Objects objectCounts
	}
	for _, want := range []report{
		{rows, objectCounts{Committed: int64(files - bad), Rejected: int64(bad)}},
		{0, objectCounts{Duplicate: int64(files)}},
	} {
		_, out, errw := run(t, t.Context(), nil, "run", "--lake", lake, "--workers", "8", "--report", "json")
		var got report
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v: %s", err, errw)
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for folder, want := range map[string]int{"ledger": files + 2, "orders_data_parquet": files - bad + 1} { // with index, owner and mark
		if n := len(list(t, filepath.Join(lake, folder))); n != want {
			t.Errorf("%s holds %d objects, want %d", folder, n, want)
		}
	}
	if uploads, err := os.ReadDir(filepath.Join(lake, ".sluice", "uploads")); err == nil && len(uploads) > 0 {
		t.Errorf("%d uploads are left", len(uploads))
	}
}

// Records and report of an object are looked for apart.
func TestLostRecords(t *testing.T) {
	lake := t.TempDir()
	source := filepath.Join(lake, "raw_orders_data")
	if err := os.Mkdir(source, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, source, "a.json", "["+order("", `"price":"none"`)+","+order("", `"price":2`)+"]")
	run(t, t.Context(), nil, "run", "--lake", lake)
	for _, end := range []string{"records.ndjson", "report.json"} {
		files, err := filepath.Glob(filepath.Join(lake, "quarantine", "*", "*."+end))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
		const told = `"name":"quarantined","status":"warning"`
		if _, out, _ := run(t, t.Context(), nil, "doctor", "--lake", lake, "--report", "json"); !strings.Contains(out, told) {
			t.Errorf("without %s: %s", end, out)
		}
		run(t, t.Context(), nil, "run", "--lake", lake, "--reprocess")
		if _, out, _ := run(t, t.Context(), nil, "doctor", "--lake", lake, "--report", "json"); strings.Contains(out, told) {
			t.Errorf("with %s again: %s", end, out)
		}
	}
}
