package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/query"
	"sluice/internal/query/duckdblinked"
	"sluice/internal/query/querytest"
)

// TestMain is the command, or the process of a statement, where a test has started it.
func TestMain(m *testing.M) {
	if os.Getenv("SLUICE_TEST_COMMAND") != "" || len(os.Args) == 2 && os.Args[1] == duckdblinked.Argument {
		main()
	}
	os.Exit(m.Run())
}

func program(t *testing.T) string {
	t.Helper()
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestConformance(t *testing.T) {
	self := program(t)
	querytest.Run(t, func(folder string, tables []query.Table, limits query.Limits) (query.Session, error) {
		return duckdblinked.Engine(self)(folder, tables, limits), nil
	})
}

// The command needs no program duckdb.
func TestCommand(t *testing.T) {
	lake := filepath.Join(t.TempDir(), "demo")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"demo", "--dir", lake}, ""},
		{[]string{"query", "--lake", lake, "-o", "csv", "SELECT count(*), sum(product_price) FROM order_lines"}, "\r\n6,314.3900\r\n"},
	} {
		cmd := exec.Command(program(t), c.args...)
		cmd.Env = []string{"SLUICE_TEST_COMMAND=1", "PATH="}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), c.want) {
			t.Errorf("%v: %v: %s", c.args, err, out)
		}
	}
}

// What is no request is an error, and starts nothing.
func TestNoRequest(t *testing.T) {
	for _, text := range []string{"", "{", "SELECT 1", `{"SQL":""}`} {
		cmd := exec.Command(program(t), duckdblinked.Argument)
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err == nil || len(out) == 0 {
			t.Errorf("%q: %v: %s", text, err, out)
		}
	}
}
