package cli

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress is the bar of a whole command, over the bytes of all its inputs.
// It is nil, and does nothing, where there is no terminal to draw it on.
type progress struct {
	bar  *progressbar.ProgressBar
	done int64 // bytes of the inputs before this one
}

// newProgress draws on w if that is a terminal; total is -1 if unknown.
func newProgress(w io.Writer, total int64) *progress {
	if total == 0 || !isTerminal(w) {
		return nil
	}
	return &progress{bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(&later{w, time.Now().Add(time.Second)}),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(false),
	)}
}

// report is the Options.Progress of the next input.
func (p *progress) report() func(int64) {
	if p == nil {
		return nil
	}
	return func(bytes int64) { p.bar.Set64(p.done + bytes) }
}

func (p *progress) next(bytes int64) {
	if p != nil {
		p.done += bytes
	}
}

// end wipes the bar away.
func (p *progress) end() {
	if p != nil {
		p.bar.Finish()
	}
}

// later drops what is written before a time: no bar for work that is over in
// a moment, and yet the rate is measured from the start.
type later struct {
	w     io.Writer
	start time.Time
}

func (l *later) Write(p []byte) (int, error) {
	if time.Now().Before(l.start) {
		return len(p), nil
	}
	return l.w.Write(p)
}
