// Command sluice turns nested JSON into typed Parquet tables; see sluice --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"sluice/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
