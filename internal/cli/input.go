package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// source is an opened input.
type source struct {
	io.Reader
	name  string // for the quarantine and _source_key
	size  int64  // 0 if unknown
	close func()
}

// open opens an input file, or standard input for "-".
func (a *app) open(ctx context.Context, name string) (*source, error) {
	if name == "-" {
		r, stop := interruptible(ctx, a.in)
		return &source{Reader: r, name: "stdin", close: stop}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open input: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder; name one of its files", name)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open input: %w", err)
	}
	if !info.Mode().IsRegular() {
		r, stop := interruptible(ctx, f)
		return &source{Reader: r, name: name, close: func() { stop(); f.Close() }}, nil
	}
	return &source{Reader: f, name: name, size: info.Size(), close: func() { f.Close() }}, nil
}

// interruptible makes a read of a pipe or terminal end when ctx ends. Without
// it a read that waits for the other side could not be cancelled, and the first
// interrupt would seem to be ignored.
func interruptible(ctx context.Context, r io.Reader) (io.Reader, func()) {
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, r)
		pw.CloseWithError(err)
	}()
	unwatch := context.AfterFunc(ctx, func() { pw.CloseWithError(ctx.Err()) })
	return pr, func() {
		unwatch()
		pr.Close()
	}
}

// errNoQuarantine is the error of an output that has no folder for its quarantine.
var errNoQuarantine = errors.New("a record must be quarantined, but there is no file for it: the output is a stream")

type noQuarantine struct{}

func (noQuarantine) Write([]byte) (int, error) { return 0, errNoQuarantine }
