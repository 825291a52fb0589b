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
	// A second interrupt ends what cannot be called off, such as the wait for a
	// reader of a FIFO. Of other signals a terminal that closes may send two.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	code := cli.Main(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	runtime.KeepAlive(ballast)
	os.Exit(code)
}

// endings are the signals that end the command in order, with its hidden files
// removed: they hold personal data. A signal that was ignored from the start
// stays so, as under nohup. A reader that has gone is an error of the write,
// and no signal that kills.
func endings() []os.Signal {
	signal.Ignore(syscall.SIGPIPE)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
