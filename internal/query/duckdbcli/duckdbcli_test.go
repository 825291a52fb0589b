package duckdbcli_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sluice/internal/query"
	"sluice/internal/query/duckdbcli"
	"sluice/internal/query/querytest"
)

func TestConformance(t *testing.T) {
	program := querytest.Program(t)
	querytest.Run(t, func(folder string, tables []query.Table, limits query.Limits) (query.Session, error) {
		return duckdbcli.Open(program, folder, tables, limits), nil
	})
}

// stands writes a program that stands for duckdb.
func stands(t *testing.T, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	name := filepath.Join(t.TempDir(), "duckdb")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

var limits = query.Limits{Memory: 1 << 30, Threads: 1, Timeout: time.Minute}

// A program that does not lock itself never sees the statement.
func TestNotLocked(t *testing.T) {
	dir := t.TempDir()
	program := stands(t, `while read -r line; do
  echo "$line" >> `+dir+`/seen
  case $line in *lock_configuration*) echo falsefalse;; esac
done
`)
	s := duckdbcli.Open(program, dir, nil, limits)
	// To export a file, so that the program may write what it has seen.
	if err := s.Export(t.Context(), "SELECT 'mine'", filepath.Join(dir, "out")); err == nil || !strings.Contains(err.Error(), "locked down") {
		t.Error(err)
	}
	seen, err := os.ReadFile(filepath.Join(dir, "seen"))
	if err != nil || !strings.Contains(string(seen), ".safe_mode") || strings.Contains(string(seen), "query(") {
		t.Errorf("%v, it has seen\n%s", err, seen)
	}
}

// What the program starts ends with it: PyPI's is a script that waits for another.
func TestNoChildIsLeft(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "alive")
	program := stands(t, "mkfifo "+fifo+"\necho falsetrue\n(exec 9<> "+fifo+"; sleep 1000 >/dev/null)\n")
	s := duckdbcli.Open(program, dir, nil, limits)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if _, err := s.Query(ctx, "SELECT 1"); err != context.Canceled {
		t.Error(err)
	}
	// Nobody holds the other end any more. A killed process may take a moment.
	for range 100 {
		f, err := os.OpenFile(fifo, os.O_WRONLY|nonblock, 0)
		if err != nil {
			return
		}
		f.Close()
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("a child of the program lives on")
}

// It gets no more of the environment than it needs, and has limits of its own.
func TestSurroundings(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hidden")
	dir := t.TempDir()
	program := stands(t, "echo falsetrue\nenv > "+dir+"/env 2>/dev/null; { env; ulimit -f; ulimit -c; } >&2; exit 1\n")
	_, err := duckdbcli.Open(program, dir, nil, limits).Query(t.Context(), "SELECT 1")
	if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "PATH=") || !strings.HasSuffix(err.Error(), "\n0\n0") {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "env")); err == nil && info.Size() > 0 {
		t.Error("it could write a file")
	}
}
