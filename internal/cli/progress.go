package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"sluice/internal/setup"
	"sluice/internal/store"
)

const (
	meterDelay = time.Second            // no meter for work that is over in a moment
	meterEvery = 100 * time.Millisecond // between two looks at the counts
)

// meter is a line on a terminal that says how far the work is, and how long it
// still takes. It is nil, and does nothing, where there is no terminal for it.
type meter struct {
	out     *printer
	pretty  progress.Writer
	tracker *progress.Tracker
	begun   time.Time
	start   *time.Timer
	ended   chan struct{} // closed when the line is drawn no more

	mu     sync.Mutex
	looked time.Time
}

// newMeter begins to draw on out a second from now.
func newMeter(out *printer) *meter {
	if !out.moves {
		return nil
	}
	m := &meter{out: out, pretty: progress.NewWriter(), tracker: &progress.Tracker{AutoStopDisabled: true}, begun: time.Now(), ended: make(chan struct{})}
	style := m.pretty.Style()
	style.Visibility = progress.StyleVisibility{Percentage: true, Tracker: true}
	style.Chars = progress.StyleCharsBlocks
	style.Options.Separator, style.Options.PercentFormat, style.Options.PercentIndeterminate = " ", "%3.0f%%", "    "
	m.pretty.SetOutputWriter(out.Writer)
	m.pretty.SetTerminalWidth(out.width)
	m.pretty.SetTrackerPosition(progress.PositionRight)
	m.pretty.SetTrackerLength(12)
	m.pretty.SetUpdateFrequency(meterEvery)
	m.start = time.AfterFunc(meterDelay, m.draw)
	return m
}

// draw draws until the end. What is told meanwhile appears above the line.
func (m *meter) draw() {
	m.pretty.AppendTracker(m.tracker)
	m.out.setAbove(func(text string) { m.pretty.Log(strings.TrimSuffix(text, "\n")) })
	m.pretty.Render()
	m.out.setAbove(nil)
	fmt.Fprint(m.out.Writer, "\x1b[1A\r\x1b[J") // the last state of the line
	close(m.ended)
}

// show takes counts from look, not more often than they are drawn: how much is
// done, of how much in all (0 if not known), and the text beside it.
func (m *meter) show(look func(took time.Duration) (done, all int64, text string)) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Sub(m.looked) < meterEvery {
		return
	}
	m.looked = now
	took := now.Sub(m.begun)
	done, all, text := look(took)
	if left := float64(all-done) / max(float64(done), 1) * float64(took); done > 0 && all > done {
		text += fmt.Sprintf(", %s left", time.Duration(left).Round(time.Second))
	}
	m.tracker.UpdateMessage(text)
	m.tracker.UpdateTotal(all)
	m.tracker.SetValue(done)
}

// steps is the Progress of work in several steps: each has counts of its own. It is nil
// where nothing is drawn.
func (m *meter) steps() func(step string, done, all int64) {
	if m == nil {
		return nil
	}
	var mu sync.Mutex
	of := ""
	return func(step string, done, all int64) {
		mu.Lock()
		defer mu.Unlock()
		if step != of {
			of = step
			m.mu.Lock()
			m.begun, m.looked = time.Now(), time.Time{}
			m.mu.Unlock()
		}
		m.show(func(time.Duration) (int64, int64, string) {
			text := step + ": " + grouped(done)
			if all > 0 {
				text += " of " + grouped(all)
			}
			return done, all, text
		})
	}
}

// end wipes the line away.
func (m *meter) end() {
	if m == nil || m.start.Stop() {
		return
	}
	// Stop is without effect before Render has begun.
	for ticks := time.Tick(meterEvery); ; {
		m.pretty.Stop()
		select {
		case <-m.ended:
			return
		case <-ticks:
		}
	}
}

// inputMeter counts the bytes of all inputs of a command.
type inputMeter struct {
	*meter
	all  int64 // -1 if unknown
	done int64 // bytes of the inputs before this one
}

// report is the Options.Progress of the next input.
func (m *inputMeter) report() func(int64) {
	if m.meter == nil {
		return nil
	}
	return func(bytes int64) {
		m.show(func(took time.Duration) (int64, int64, string) {
			done := m.done + bytes
			text := size(float64(done))
			if m.all > 0 {
				text += " of " + size(float64(m.all))
			}
			return done, max(m.all, 0), text + ", " + rate(done, took)
		})
	}
}

func (m *inputMeter) next(bytes int64) { m.done += bytes }

// objectMeter counts the objects of a run.
type objectMeter struct {
	*meter
	mu                 sync.Mutex
	listed, done       int64
	listedWork, work   int64
	rows, read, failed int64
}

// effort is what an object takes in bytes: a small one mostly waits.
func effort(size int64) int64 { return size + 64<<10 }

// count lists the source a second time, since a run lists no further than its
// workers have come. This costs requests only if there is a terminal. stop ends it.
func (m *objectMeter) count(ctx context.Context, s *setup.Setup) (stop func()) {
	if m.meter == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var counting sync.WaitGroup
	counting.Go(func() {
		src, err := s.Pipeline.Source(s.Config.Source.Bucket)
		if err == nil {
			// The run itself reports what is wrong with the listing.
			_ = src.List(ctx, s.Config.Source.Prefix, func(info store.Info) error {
				m.list(info.Size)
				return ctx.Err()
			})
		}
	})
	return func() {
		cancel()
		counting.Wait()
	}
}

func (m *objectMeter) list(size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listed++
	m.listedWork += effort(size)
}

func (m *objectMeter) finish(size, rows, read int64, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done++
	m.work += effort(size)
	m.rows += rows
	m.read += read
	if failed {
		m.failed++
	}
	m.show(m.look)
}

func (m *objectMeter) look(took time.Duration) (int64, int64, string) {
	// Deleted objects are looked at too, and are not listed.
	listed := max(m.listed, m.done)
	text := fmt.Sprintf("%s of %s, %s, %s", grouped(m.done), plural(listed, "object"), plural(m.rows, "row"), rate(m.read, took))
	if m.failed > 0 {
		text += fmt.Sprintf(", %s failed", grouped(m.failed))
	}
	return m.work, max(m.listedWork, m.work), text
}

func rate(bytes int64, took time.Duration) string {
	return size(float64(bytes)/max(took.Seconds(), 1e-3)) + "/s"
}
