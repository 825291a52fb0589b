// Package docs_test runs what the documents show.
package docs_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/internal/cli"
)

var update = flag.Bool("update", false, "write what the commands of the documents print into them")

// tools is set where the tools are that blocks may need: make docs.
const tools = "SLUICE_DOCS_TOOLS"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sluice": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestDocuments runs the blocks of each document, in order, in a folder that
// is like a fresh clone:
//
//   - sh: the commands must succeed; sluice may also end with 3, which says
//     that records are in quarantine.
//   - console: each line "$ COMMAND" is followed by what it prints, to the
//     character. A line "…" stands for lines that are left out. After a change:
//     go test ./docs -update
//   - sql: DuckDB must take the statements.
//
// A comment before a block says what a reader need not see: "not run: WHY",
// "needs: TOOL", "first: COMMANDS", "in: FOLDER", "gives: no rows", "exits: 1".
// A block without a comment is run.
func TestDocuments(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the documents show commands for a POSIX shell")
	}
	names, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	run := 0
	t.Run("all", func(t *testing.T) {
		for _, name := range append(names, "../README.md") {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all := blocks(string(text))
			run += len(all)
			if len(all) > 0 {
				t.Run(filepath.Base(name), func(t *testing.T) {
					t.Parallel()
					runDocument(t, name, string(text), all)
				})
			}
		}
	})
	if run < 40 {
		t.Errorf("only %d blocks were found", run)
	}
}

func runDocument(t *testing.T, name, text string, all []block) {
	dir := clone(t)
	var now strings.Builder
	at := 0
	for _, b := range all {
		where := filepath.Base(name)
		switch {
		case b.notRun != "":
			t.Logf("%s:%d is not run: %s", where, b.line, b.notRun)
			continue
		case b.needs != "" && os.Getenv(tools) == "":
			t.Logf("%s:%d is run by make docs: it needs %s", where, b.line, b.needs)
			continue
		}
		if b.first != "" {
			if out, err := shell(t, dir, b.first); err != nil {
				t.Fatalf("%s:%d: before it: %v\n%s", where, b.line, err, out)
			}
		}
		shown := b.text
		switch b.lang {
		case "sh":
			if out, err := shell(t, filepath.Join(dir, b.in), b.text); err != nil {
				t.Fatalf("%s:%d: %v\n%s", where, b.line, err, out)
			}
		case "sql":
			out, err := query(t, filepath.Join(dir, b.in), b.text)
			if err != nil || b.gives == "no rows" && !strings.HasSuffix(out, "0 rows\n") {
				t.Fatalf("%s:%d: %v\n%s", where, b.line, err, out)
			}
		case "console":
			var code int
			if shown, code = console(t, filepath.Join(dir, b.in), b.text); code != 0 && code != 3 && b.exits != strconv.Itoa(code) {
				t.Fatalf("%s:%d ends with %d:\n%s", where, b.line, code, shown)
			}
		}
		now.WriteString(text[at:b.start])
		at = b.end
		if shows(b.text, shown) {
			shown = b.text
		} else if !*update {
			t.Errorf("%s:%d shows\n%s\nbut it prints\n%s", where, b.line, b.text, shown)
		} else if strings.Contains("\n"+b.text, "\n"+elided) {
			t.Errorf("%s:%d leaves lines out, so it must be changed by hand; it prints\n%s", where, b.line, shown)
			shown = b.text
		}
		now.WriteString(indented(text[:b.start], shown))
	}
	if *update && !t.Failed() {
		now.WriteString(text[at:])
		if err := os.WriteFile(name, []byte(now.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// clone makes a folder like a clone of the repository.
func clone(t *testing.T) string {
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "cmd", "deploy", "docs", "examples", "go.mod", "go.sum", "internal", "mapping", "reason", "schema"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if err := os.Symlink(filepath.Join(root, filepath.Base(name)), filepath.Join(dir, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getenv(tools) == "" { // nothing builds it then
		sluice, err := exec.LookPath("sluice")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(sluice, filepath.Join(dir, "sluice")); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// command is a command of a document, without the settings of this machine.
func command(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "SLUICE_") {
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(c.Env, "TZ=UTC", "PYTHONUTF8=1")
	return c
}

// shell runs the commands of a block, and stops at the first that fails.
func shell(t *testing.T, dir, commands string) (string, error) {
	const prelude = "set -e\nsluice() { command sluice \"$@\" || test $? = 3; }\n"
	out, err := command(t, dir, "sh", "-c", prelude+commands).CombinedOutput()
	return string(out), err
}

var prompt = regexp.MustCompile(`(?m)^\$ (.*)$`)

// console is the block as it would be shown now. It ends with the first
// command whose exit code is neither 0 nor 3.
func console(t *testing.T, dir, text string) (shown string, code int) {
	for _, m := range prompt.FindAllStringSubmatch(text, -1) {
		c := command(t, dir, "sh", "-c", m[1])
		out, err := c.CombinedOutput()
		if c.ProcessState == nil {
			t.Fatal(err)
		}
		shown += "$ " + m[1] + "\n"
		if out := strings.TrimRight(string(out), "\n"); out != "" {
			shown += out + "\n"
		}
		if code = c.ProcessState.ExitCode(); code != 0 && code != 3 {
			break
		}
	}
	return shown, code
}

// query runs statements in DuckDB, by its package for Python.
func query(t *testing.T, dir, statements string) (string, error) {
	const script = `
import duckdb, sys
for statement in duckdb.extract_statements(sys.argv[1]):
    result = duckdb.sql(statement.query)
    rows = result.fetchall() if result else []
    print(*rows, str(len(rows)) + " rows", sep="\n")
`
	out, err := command(t, dir, "python", "-c", script, statements).CombinedOutput()
	return string(out), err
}

// indented gives lines the indentation of the block that begins at the end of before.
func indented(before, lines string) string {
	line := before[strings.LastIndex(strings.TrimSuffix(before, "\n"), "\n")+1:]
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if indent == "" {
		return lines
	}
	return indent + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n"+indent) + "\n"
}

// A document shows what is printed, but for what varies and what is left out.
func TestShows(t *testing.T) {
	for _, c := range []struct {
		shown, printed string
		want           bool
	}{
		{"$ a\nx\n", "$ a\nx\n", true},
		{"$ a\nx\n", "$ a\ny\n", false},
		{"$ a\nx\n", "$ a\nx\nmore\n", false},
		{"$ a\nx\n…\n", "$ a\nx\nmore\n", true},
		{"$ a\n…\nz\n$ b\n", "$ a\nx\ny\nz\n$ b\n", true},
		{"$ a\n…\nz\n", "$ a\nx\n", false},
		{"  time     0.5 s, 12 MB/s\n", "  time     0.7 s, 9 MB/s\n", true},
		{"  bytes    1 kB\n", "  bytes    2 kB\n", false},
		{"orders_20240110T083000.123Z_0c23\n", "orders_20260110T083000.999Z_0c23\n", true},
		{"orders_20240110T083000.123Z_0c23\n", "orders_20260110T083000.999Z_0c24\n", false},
	} {
		if got := shows(c.shown, c.printed); got != c.want {
			t.Errorf("shows(%q, %q) = %t", c.shown, c.printed, got)
		}
	}
	doc := "a\n<!-- needs: x -->\n<!-- in: y -->\n```sh\nb\n```\n  <!-- not run: z -->\n  ```console\n  $ c\n\n  d\n  ```\n```json\n{}\n```\n"
	all := blocks(doc)
	if len(all) != 2 || all[0].needs != "x" || all[0].in != "y" || all[0].text != "b\n" || all[1].notRun != "z" || all[1].text != "$ c\n\nd\n" || all[1].line != 8 {
		t.Errorf("%+v", all)
	}
}
