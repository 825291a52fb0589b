package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// onSmallDisk has a command started in mounts of its own, where a folder is a disk of
// this size. It needs user namespaces.
func onSmallDisk(cmd *exec.Cmd, folder, size string) {
	cmd.Env = append(cmd.Env, "SLUICE_TEST_DISK="+folder, "SLUICE_TEST_DISK_SIZE="+size)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// mountDisk mounts that disk, in the process of the command.
func mountDisk() error {
	folder := os.Getenv("SLUICE_TEST_DISK")
	if folder == "" {
		return nil
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+os.Getenv("SLUICE_TEST_DISK_SIZE")); err != nil {
		return fmt.Errorf("mount a disk: %w", err)
	}
	return nil
}

// inside is a folder as the process of the command sees it.
func (s *served) inside(folder string) string {
	return filepath.Join("/proc", fmt.Sprint(s.cmd.Process.Pid), "root", folder)
}

// A disk without room: nothing is lost, the page says why, and the work goes on by
// itself when there is room.
func TestServeOnFullDisk(t *testing.T) {
	t.Parallel()
	lake := t.TempDir()
	s := serve(t, lake, func(cmd *exec.Cmd) {
		onSmallDisk(cmd, lake, "1m")
	})
	inside := s.inside(lake)
	r := rand.New(rand.NewPCG(1, 1))
	rows := int64(0)
	wasFull := false
	for i, pages := range []int64{0, 1, 3, 6} {
		// Room for a few pages of 4 KiB.
		ballast := filepath.Join(inside, "ballast")
		fill(t, ballast, pages*4096+8192)
		text := manyOrders(r, 20)
		name := filepath.Join(inside, "raw_orders_data", fmt.Sprintf("%d.ndjson", pages))
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("raw_orders_data/%d.ndjson", pages)
		var seen struct {
			Objects []struct{ State, Error string }
		}
		s.until("an outcome", func(l lakeState) bool {
			s.get("/api/objects?find="+key, &seen)
			return len(seen.Objects) == 1 && (seen.Objects[0].State == "done" || seen.Objects[0].State == "failed")
		})
		if seen.Objects[0].State == "failed" {
			wasFull = true
			if !strings.Contains(seen.Objects[0].Error, "no space left on device") {
				t.Errorf("error %q", seen.Objects[0].Error)
			}
			s.until("what is wrong", func(l lakeState) bool { return strings.Contains(l.Problem, "the disk is full") })
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		l := s.until("the rest", func(l lakeState) bool {
			return l.Counts.Objects == int64(i)+1 && l.Counts.Waiting+l.Counts.Working+l.Counts.Failed == 0 && l.Problem == ""
		})
		if l.Counts.Rows <= rows {
			t.Errorf("%d rows after %d", l.Counts.Rows, rows)
		}
		rows = l.Counts.Rows
	}
	if !wasFull {
		t.Error("the disk was never full")
	}
	s.end()
}

// fill writes a file until the disk has no more than this room.
func fill(t *testing.T, name string, room int64) {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(name), &disk); err != nil {
		t.Fatal(err)
	}
	if n := int64(disk.Bavail)*disk.Bsize - room; n > 0 {
		if err := os.WriteFile(name, make([]byte, n), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
