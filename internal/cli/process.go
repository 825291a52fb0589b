package cli

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"sluice/internal/query"
)

// Process is [Main] for a process, with its arguments, streams and signals. linked is
// the DuckDB that the program contains; nil if it contains none.
func Process(linked query.Engine) (code int) {
	ballast := headroom()
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	// A second interrupt ends what cannot be cancelled, such as waiting for a
	// reader of a FIFO. This is for interrupts only: a terminal that closes may
	// send other signals twice.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	code = execute(ctx, linked, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	runtime.KeepAlive(ballast)
	return code
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

// headroom makes the garbage collector run each time the heap has grown by a
// few MB, whatever its size. GOGC alone cannot do this: it is a percentage of
// the heap. So the heap is made to look larger by memory that is never touched
// and takes no RAM, and GOGC is set low. The caller keeps that memory alive.
//
// With GOGC alone, either a small conversion spends a tenth of its time on
// collections, or a large one takes 1.5 times the memory.
func headroom() []byte {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	const ballast, percent = 40 << 20, 7
	debug.SetGCPercent(percent)
	return make([]byte, ballast)
}
