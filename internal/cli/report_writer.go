package cli

import (
	"errors"
	"io"
	"syscall"
)

// reportWriter is standard output, for what a command tells. It remembers the
// first error, so that a report that is lost is never taken for one that was
// read; the bytes of an output go round it, to Writer itself.
type reportWriter struct {
	io.Writer
	err error
}

func (w *reportWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, err
}

// lost says that something of the report was lost. A reader that had enough,
// as head has, is no loss.
func (w *reportWriter) lost() error {
	if w.err == nil || errors.Is(w.err, syscall.EPIPE) {
		return nil
	}
	return &reportError{w.err}
}

// reportError says that the report could not be written: the work is done.
type reportError struct{ err error }

func (e *reportError) Error() string { return "write report: " + e.err.Error() }
func (e *reportError) Unwrap() error { return e.err }
