package dirstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

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
	goleak.VerifyTestMain(m)
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
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SLUICE_TEST_COUNTER="+s.String())
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
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
