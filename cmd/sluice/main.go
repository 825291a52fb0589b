// Command sluice turns nested JSON into typed Parquet tables; see sluice --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"sluice/internal/cli"
)

func main() {
	ballast := headroom()
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	// A second interrupt ends what cannot be cancelled, such as waiting for a
	// reader of a FIFO. This is for interrupts only: a terminal that closes may
	// send other signals twice.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	code := cli.Main(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	runtime.KeepAlive(ballast)
	os.Exit(code)
}

// endings are the signals after which the command cleans up before it exits:
// its hidden files hold personal data. A signal that was ignored from the start
// stays ignored, as under nohup. If the reader of a pipe is gone, the write
// fails; no signal kills the command.
func endings() []os.Signal {
	signal.Ignore(syscall.SIGPIPE)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
