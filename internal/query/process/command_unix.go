//go:build unix

package process

import (
	"context"
	"fmt"
	"os/exec"
	"syscall"

	"sluice/internal/query"
)

// overhead is memory that DuckDB has beside what it counts.
const overhead = 512 << 20

// command starts a program in a process group of its own, which ends with ctx, also
// where the program is a script that starts another. The limits of the operating
// system hold if DuckDB's do not: for memory, for CPU time, which also ends what a
// dead sluice leaves behind, and for files, of which it writes none.
func command(ctx context.Context, limits query.Limits, readOnly bool, name string, args ...string) *exec.Cmd {
	script := fmt.Sprintf("{ ulimit -c 0; ulimit -d %d; ulimit -t %d; } 2>/dev/null; ", (limits.Memory+overhead)>>10, int64(limits.Timeout.Seconds()+1)*int64(max(limits.Threads, 1)))
	switch {
	case readOnly:
		script += "ulimit -f 0; "
	case limits.File > 0:
		script += fmt.Sprintf("ulimit -f %d; ", limits.File/512)
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", script + `exec "$@"`, "sh", name}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = patience
	return cmd
}
