//go:build linux

package profiler_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"testing"

	"sluice/internal/profiler"
	"sluice/mapping"
)

// The memory of a profile of 10^5 paths, read by two threads, stays under 256 MiB
// (peak RSS). It is measured in a process of its own, which limits its heap as
// mapping infer does; make memory measures the whole command.
func TestMemoryOfPaths(t *testing.T) {
	const paths, limit = 100_000, 256 << 20
	if os.Getenv("SLUICE_TEST_MEMORY") != "" {
		debug.SetMemoryLimit(180 << 20)
		p := run(t, profiler.Options{Threads: 2, Limits: mapping.DefaultLimits}, profiler.Input{Name: "wide.json", Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(&wide{paths: paths, fields: 2000, records: 1000}), nil
		}})
		leaves := 0
		for _, group := range p.Root.Members {
			leaves += len(group.Members)
		}
		if leaves != paths {
			t.Fatalf("%d paths, not %d", leaves, paths)
		}
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestMemoryOfPaths$")
	c.Env = append(os.Environ(), "SLUICE_TEST_MEMORY=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	peak := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	t.Logf("peak %d MiB", peak>>20)
	if peak > limit {
		t.Errorf("peak %d MiB of %d", peak>>20, int64(limit)>>20)
	}
}
