//go:build !unix

package process

import (
	"context"
	"os/exec"

	"sluice/internal/query"
)

// command is not reached: see Find.
func command(ctx context.Context, _ query.Limits, _ bool, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = patience
	return cmd
}
