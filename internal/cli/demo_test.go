package cli

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The demo is read on a terminal: 80 columns, and not much more than one screen.
func TestDemoFitsATerminal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	code, out, errw := run(t, t.Context(), nil, "demo", "--dir", dir)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errw)
	}
	lines := strings.Split(strings.ReplaceAll(out, dir, "/tmp/sluice-demo-1234567890"), "\n")
	if len(lines) > 46 {
		t.Errorf("the demo prints %d lines", len(lines))
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
