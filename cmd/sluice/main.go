// Command sluice turns nested JSON into typed Parquet tables; see sluice --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"sluice/internal/cli"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// What is held is reused and hardly any of it becomes garbage: little
		// room for that saves up to a fifth of the memory, for 1 to 4 % of the time.
		debug.SetGCPercent(10)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
