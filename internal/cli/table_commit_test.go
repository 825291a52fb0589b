package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lines is output that is read line by line while a command runs.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		l <- line
	}
	return len(p), nil
}

func (l lines) wait(t *testing.T, part string) {
	t.Helper()
	for line := range l {
		if strings.Contains(line, part) {
			return
		}
	}
	t.Fatalf("the command ended, and did not say %q", part)
}

// With --watch, commit makes visible what comes, also after an error, until it is interrupted.
func TestWatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := write(t, dir, "sluice.yaml", "source: s3://orders/raw_orders_data/\ntable: {format: iceberg, commit: staged}\n")
	lake := filepath.Join(dir, "lake")
	if err := os.MkdirAll(filepath.Join(lake, "orders", "raw_orders_data"), 0o777); err != nil {
		t.Fatal(err)
	}
	stage := func(name string) {
		t.Helper()
		write(t, filepath.Join(lake, "orders", "raw_orders_data"), name, "["+order("", `"price":1`)+"]")
		if code, _, stderr := run(t, t.Context(), nil, "run", "-c", config, "--lake", lake); code != exitOK {
			t.Fatal(stderr)
		}
	}
	stage("a.json")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errw := make(lines, 100), make(lines, 100)
	code := make(chan int)
	go func() {
		c := Main(ctx, []string{"table", "commit", "--watch", "-c", config, "--lake", lake}, func(string) string { return "" }, nil, out, errw)
		close(out)
		close(errw)
		code <- c
	}()
	out.wait(t, "committed  1 object in 1 snapshot")
	roots, err := filepath.Glob(filepath.Join(lake, "orders", "ledger", "*", "root-*"))
	if err != nil || len(roots) != 1 {
		t.Fatal(roots, err)
	}
	staged := filepath.Join(filepath.Dir(roots[0]), "staged")
	if err := os.MkdirAll(staged, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, staged, "20260110T083000.000Z_0123456789abcdef0123456789abcdef.json.gz", "no batch")
	errw.wait(t, "it is damaged")
	stage("b.json")
	out.wait(t, "committed  1 object in 1 snapshot")
	cancel()
	if c := <-code; c != exitOK {
		t.Errorf("exit code %d", c)
	}
}
