package gluecrawler

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/glue/types"
)

// The law, for two workers with a file each: a file that was acknowledged was
// listed by a crawl that then succeeded, or the marker says that one is needed;
// and once nothing else happens, calls of FollowUp bring that crawl about. So
// the last file is always crawled by a crawl that listed it.
//
// The test runs the real code through all interleavings of the calls of two
// workers and of FollowUp, with a crawler that lists and ends at any time and
// may have been started by somebody else before, and with faults at any call.

const workers = 2

func TestEveryFileIsCrawled(t *testing.T) {
	for _, c := range []struct {
		name      string
		followUps int
		failures  int
		faults    map[fault]int
	}{
		{name: "workers that die", faults: map[fault]int{crash: 2}},
		{name: "follow-up beside them", followUps: 1, failures: 1},
		{name: "a start fails", followUps: 1, faults: map[fault]int{throttled: 1, lostReply: 1}},
		{name: "one of three dies", followUps: 1, faults: map[fault]int{crash: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			explore(t, func() *world {
				w := &world{failures: c.failures, faults: map[fault]int{}, processes: make([]*process, workers+c.followUps)}
				for f, n := range c.faults {
					w.faults[f] = n
				}
				// Somebody else's crawl runs. It may end before anything else
				// happens, so this is also the beginning with an idle crawler.
				w.running = true
				for i := range w.processes {
					if i < workers {
						w.spawn(i, worker(1<<i))
					} else {
						// Something is left from before, else it does nothing.
						w.etag, w.marker = 1, `{"crawler":"c","state":"started","write":""}`
						w.status = types.LastCrawlStatusSucceeded
						w.spawn(i, schedule)
					}
				}
				return w
			})
		})
	}
}

// explore goes through all that can happen, depth first. The code cannot be
// copied in the middle of a call, so to come back to a state its history is
// played again.
func explore(t *testing.T, begin func() *world) {
	seen := map[string]bool{}
	todo := [][]choice{nil}
	ends := 0
	for len(todo) > 0 {
		history := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		w := begin()
		for _, c := range history {
			w.do(c)
		}
		for {
			if err := w.law(); err != nil {
				t.Fatalf("%v, after %v", err, history)
			}
			key := w.key()
			if seen[key] {
				break
			}
			seen[key] = true
			if w.rests() {
				ends++
				if err := w.settle(); err != nil {
					t.Fatalf("%v, after %v", err, history)
				}
				break
			}
			choices := w.choices()
			for _, c := range choices[1:] {
				todo = append(todo, append(history[:len(history):len(history)], c))
			}
			history = append(history[:len(history):len(history)], choices[0])
			w.do(choices[0])
		}
		w.close()
	}
	t.Logf("%d states, %d ends", len(seen), ends)
}

// law is what must hold always.
func (w *world) law() error {
	if open := w.acknowledged &^ w.crawled; open != 0 && w.clean() {
		return fmt.Errorf("files %b are acknowledged, were not crawled, and the marker is %s", open, w.says())
	}
	return nil
}

// rests reports whether all processes have ended.
func (w *world) rests() bool {
	for _, p := range w.processes {
		if !p.done {
			return false
		}
	}
	return true
}

// settle goes on with nothing but the schedule and the crawler.
func (w *world) settle() error {
	w.faults, w.failures = nil, 0
	for range 4 {
		if w.running && !w.listed {
			w.do(choice{crawler: "list"})
		}
		if w.running {
			w.do(choice{crawler: "succeed"})
		}
		w.spawn(0, schedule)
		for p := w.processes[0]; !p.done; {
			p.step(noFault)
		}
	}
	if open := w.acknowledged &^ w.crawled; open != 0 || !w.clean() || w.running {
		return fmt.Errorf("in the end files %b are not crawled, the marker is %s, crawler running: %t", open, w.says(), w.running)
	}
	return nil
}

func (w *world) close() {
	for _, p := range w.processes {
		p.stop()
	}
}
