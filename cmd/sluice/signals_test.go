//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain runs the command itself where a test has started it.
func TestMain(m *testing.M) {
	if os.Getenv("SLUICE_TEST_COMMAND") != "" {
		if err := mountDisk(); err != nil {
			panic(err)
		}
		main()
	}
	os.Exit(m.Run())
}

// process is the command running in its own process, in the middle of a
// conversion, with its hidden files in dir. It is given the mapping: without one,
// it reads more records before it begins.
type process struct {
	*exec.Cmd
	dir    string
	in     io.WriteCloser
	stderr bytes.Buffer
}

func start(t *testing.T, dir string, out io.Writer, command ...string) *process {
	t.Helper()
	p := open(t, dir, out, command...)
	for deadline := time.Now().Add(time.Minute); len(p.left(t)) < 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no hidden file appears")
		}
	}
	return p
}

// open starts the command and gives it the first record.
func open(t *testing.T, dir string, out io.Writer, command ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for i, word := range command {
		if word == "sluice" {
			command[i] = exe
		}
	}
	p := &process{Cmd: exec.Command(command[0], command[1:]...), dir: dir}
	p.Dir, p.Stdout, p.Stderr = dir, out, &p.stderr
	p.Env = append(os.Environ(), "SLUICE_TEST_COMMAND=1")
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	if _, err := io.WriteString(p.in, `[{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[]},`); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) left(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// ended waits for the end and returns the exit code, -1 after a signal.
func (p *process) ended(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// Each signal that ends a command leaves no hidden file, which would hold
// personal data.
func TestSignalsLeaveNothing(t *testing.T) {
	// Under nohup, programs started by the test would ignore HUP too. A signal
	// that is caught here has its default action in them.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(caught)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			p := start(t, t.TempDir(), nil, "sluice", "convert", "-m", "orders", "-", "-o", "o.parquet")
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if code := p.ended(t); code != 1 || !strings.Contains(p.stderr.String(), "interrupted; nothing was committed") {
				t.Errorf("exit code %d, standard error %q", code, p.stderr.String())
			}
			if left := p.left(t); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
		})
	}
}

// While it is not known yet whether the default mapping fits, a signal ends the
// command in the same way, and the end of the input lets it go on.
func TestSignalBeforeMapping(t *testing.T) {
	p := open(t, t.TempDir(), nil, "sluice", "convert", "-", "-o", "o.parquet")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// The signal may come before the command listens for it.
	if code := p.ended(t); code != 1 && code != -1 || code == 1 && !strings.Contains(p.stderr.String(), "interrupted; nothing was committed") {
		t.Errorf("exit code %d, standard error %q", code, p.stderr.String())
	}
	if left, err := os.ReadDir(p.dir); err != nil || len(left) > 0 {
		t.Errorf("%v are left (%v)", left, err)
	}
	p = open(t, t.TempDir(), nil, "sluice", "convert", "-", "-o", "o.parquet")
	if _, err := io.WriteString(p.in, `{"order_id":2,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[]}]`); err != nil {
		t.Fatal(err)
	}
	p.in.Close()
	if code := p.ended(t); code != 3 {
		t.Errorf("exit code %d, standard error %q", code, p.stderr.String())
	}
}

// Files left by a killed command are removed by the next command that writes
// there, once they are old. Files of a running command stay, however old they
// look.
func TestKilledLeavesNothingForLong(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, nil, "sluice", "convert", "-m", "orders", "-", "-o", "o.parquet")
	for _, isKilled := range []bool{false, true} {
		if isKilled {
			if err := p.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			p.ended(t)
		}
		yesterday := time.Now().Add(-24 * time.Hour)
		for _, name := range p.left(t) {
			if err := os.Chtimes(name, yesterday, yesterday); err != nil {
				t.Fatal(err)
			}
		}
		next := start(t, dir, nil, "sluice", "convert", "-m", "orders", "-", "-o", "next.parquet")
		if _, err := io.WriteString(next.in, `{"order_id":2,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[]}]`); err != nil {
			t.Fatal(err)
		}
		next.in.Close()
		if code := next.ended(t); code != 3 {
			t.Errorf("exit code %d, standard error %q", code, next.stderr.String())
		}
		if left := p.left(t); len(left) > 0 == isKilled {
			t.Errorf("killed %t: %v are left", isKilled, left)
		}
	}
}

// Under nohup, the command goes on when the terminal closes.
func TestNohup(t *testing.T) {
	p := start(t, t.TempDir(), nil, "sh", "-c", `trap "" HUP; exec "$0" convert -m orders - -o o.parquet`, "sluice")
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(p.in, `{"order_id":2,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[]}]`); err != nil {
		t.Fatal(err)
	}
	p.in.Close()
	if code := p.ended(t); code != 3 {
		t.Errorf("exit code %d, standard error %q", code, p.stderr.String())
	}
}

// If the reader of standard output goes away, the command still removes its
// hidden quarantine file before it ends.
func TestReaderGone(t *testing.T) {
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, w, "sluice", "convert", "-m", "orders", "-", "-o", "-", "--quarantine", "q.ndjson")
	w.Close()
	r.Close()
	if _, err := io.WriteString(p.in, `{"order_id":2,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[]}]`); err != nil {
		t.Fatal(err)
	}
	p.in.Close()
	if code := p.ended(t); code != 1 {
		t.Errorf("exit code %d, standard error %q", code, p.stderr.String())
	}
	if left := p.left(t); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// A wait that cannot be cancelled, here for a reader, ends at the second
// interrupt.
func TestSecondInterrupt(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o666); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "convert", "-m", "orders", "-", "-o", "pipe")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SLUICE_TEST_COMMAND=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.After(time.Minute); ; {
		select {
		case <-ended:
			return
		case <-deadline:
			cmd.Process.Kill()
			t.Fatal("it does not end")
		case <-time.After(50 * time.Millisecond):
			cmd.Process.Signal(os.Interrupt)
		}
	}
}
