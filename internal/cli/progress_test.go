package cli

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is a terminal that two goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// until waits for a text on the terminal.
func (l *lockedBuffer) until(t *testing.T, text string, again func()) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(l.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q does not appear in %q", text, l.String())
		}
		again()
	}
}

// A run shows its counts on one line, complaints above it, and wipes it away.
func TestMeter(t *testing.T) {
	var screen lockedBuffer
	a := &app{errw: &printer{Writer: &screen, width: 80, moves: true}}
	m := &objectMeter{meter: newMeter(a.errw)}
	m.start.Stop()
	go m.draw()
	for range 3 {
		m.list(1000)
	}
	m.finish(1000, 12345, 1000, false)
	m.finish(1000, 0, 0, true)
	screen.until(t, "2 of 3 objects, 12,345 rows, ", func() {
		m.meter.show(m.look)
	})
	if !strings.Contains(screen.String(), ", 1 failed, ") || !strings.Contains(screen.String(), " left ") || !strings.Contains(screen.String(), " 67%") {
		t.Errorf("the screen shows %q", screen.String())
	}
	a.complain(errors.New("something is wrong"))
	screen.until(t, "sluice: something is wrong\n", func() {})
	m.end()
	if !strings.HasSuffix(screen.String(), "\x1b[1A\r\x1b[J") {
		t.Errorf("the line is left: %q", screen.String())
	}
	a.complain(errors.New("later"))
	if !strings.HasSuffix(screen.String(), "\x1b[Jsluice: later\n") {
		t.Errorf("what follows is not told: %q", screen.String())
	}
}

// Work in steps shows the counts of the step that it is in.
func TestMeterOfSteps(t *testing.T) {
	var screen lockedBuffer
	m := newMeter(&printer{Writer: &screen, width: 80, moves: true})
	m.start.Stop()
	go m.draw()
	tell := m.steps()
	screen.until(t, "source: 1,200 of 2,400, ", func() { tell("source", 1200, 2400) })
	screen.until(t, " 50%", func() { tell("source", 1200, 2400) })
	screen.until(t, "ledger: 7 ", func() { tell("ledger", 7, 0) })
	m.end()
	if !strings.HasSuffix(screen.String(), "\x1b[1A\r\x1b[J") {
		t.Errorf("the line is left: %q", screen.String())
	}
}

// Where there is no terminal, or work is over in a moment, nothing is drawn.
func TestNoMeter(t *testing.T) {
	var out bytes.Buffer
	if m := newMeter(&printer{Writer: &out}); m != nil {
		t.Error("a meter without a terminal")
	}
	none := inputMeter{}
	none.end()
	if none.report() != nil || none.steps() != nil {
		t.Error("a meter that is not there asks for reports")
	}
	m := &inputMeter{meter: newMeter(&printer{Writer: &out, width: 80, moves: true}), all: 100}
	m.report()(10)
	m.end()
	if out.Len() > 0 {
		t.Errorf("drawn: %q", out.String())
	}
}
