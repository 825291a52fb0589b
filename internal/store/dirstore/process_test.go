package dirstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/internal/store/storetest"
)

// As a child process, the test program increases a counter until it is killed
// or has done its share, and says so after each step.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SLUICE_TEST_COUNTER"); dir != "" {
		if err := count(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv("SLUICE_TEST_WRITER"); dir != "" {
		fmt.Fprintln(os.Stderr, hold(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// hold writes uploads, says so, and does not end them.
func hold(dir string) error {
	s, err := dirstore.Open(dir)
	if err != nil {
		return err
	}
	for _, key := range []string{"out/table.parquet", "out/" + strings.Repeat("long", 60)} {
		w, err := s.Create(context.Background(), key, store.CreateOptions{})
		if err != nil {
			return err
		}
		if _, err := w.Write([]byte("half")); err != nil {
			return err
		}
	}
	fmt.Println("written")
	select {}
}

const share = 20

func count(dir string) error {
	s, err := dirstore.Open(dir)
	if err != nil {
		return err
	}
	for i := range share {
		if err := storetest.Increment(context.Background(), s, "counter"); err != nil {
			return err
		}
		fmt.Println(i)
	}
	return s.Close()
}

// process starts this test program again, to do what the variable says.
func process(t *testing.T, variable string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// Processes increase one counter; some are killed on the way. No step that was
// reported is lost, a killed process holds nobody up, and what it leaves can
// be listed and removed.
func TestProcesses(t *testing.T) {
	s := open(t)
	if _, err := store.Put(t.Context(), s, "counter", []byte("0"), store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	const processes, killed = 6, 3
	steps := make([]int, processes)
	var wg sync.WaitGroup
	for i := range processes {
		cmd, out := process(t, "SLUICE_TEST_COUNTER="+s.String())
		wg.Go(func() {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if steps[i]++; i < killed && steps[i] == 3+i {
					cmd.Process.Kill() // it may have ended
				}
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); err != nil && (i >= killed || !errors.As(err, &exit)) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sum := 0
	for i, n := range steps {
		if sum += n; i >= killed && n != share {
			t.Errorf("process %d did %d steps", i, n)
		}
	}
	data, _, err := store.Get(t.Context(), s, "counter", 100)
	if err != nil {
		t.Fatal(err)
	}
	// A killed process may have done one step more than it said.
	if n, err := strconv.Atoi(string(data)); err != nil || n < sum || n > sum+killed {
		t.Errorf("the counter is %q, %d steps were reported: %v", data, sum, err)
	}
	uploads, err := s.PendingUploads(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uploads {
		if u.Key != "counter" && u.Key != "" {
			t.Errorf("pending upload of %q", u.Key)
		}
		if err := s.AbortUpload(t.Context(), u); err != nil {
			t.Error(err)
		}
	}
	if uploads, err := s.PendingUploads(t.Context(), ""); err != nil || len(uploads) > 0 {
		t.Errorf("left: %v, %v", uploads, err)
	}
}

// What a process writes stays while it lives, however old it looks; once it was
// killed, what it left is removed.
func TestSweepAfterKill(t *testing.T) {
	s := open(t)
	cmd, out := process(t, "SLUICE_TEST_WRITER="+s.String())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "written\n" {
		t.Errorf("the writer says %q, %v", line, err)
	}
	makeOld(t, s)
	for _, test := range []struct {
		when  string
		swept int
		files int
	}{{"it lives", 0, 3}, {"it was killed", 2, 0}} {
		n, err := s.Sweep(t.Context(), "")
		if err != nil || n != test.swept || len(uploadFiles(t, s)) != test.files {
			t.Errorf("while %s: swept %d, left %v: %v", test.when, n, uploadFiles(t, s), err)
		}
		cmd.Process.Kill() // it may have ended
		cmd.Wait()         // it was killed
	}
}

// makeOld gives all uploads the time of yesterday.
func makeOld(t *testing.T, s *dirstore.Store) {
	t.Helper()
	yesterday := time.Now().Add(-24 * time.Hour)
	for _, name := range uploadFiles(t, s) {
		if err := os.Chtimes(filepath.Join(s.String(), ".sluice/uploads", name), yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
	}
}

func uploadFiles(t *testing.T, s *dirstore.Store) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.String(), ".sluice/uploads"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
