package gluecrawler

import (
	"flag"
	"fmt"
	"testing"
)

// The law, for two workers: of a file that was acknowledged, a crawl that then
// succeeded has listed it, or with the policy WhenChanged another file with its
// columns, or the marker says that a crawl is needed; and once nothing else
// happens, calls of FollowUp bring that crawl about. So no column is missed.
//
// The test runs the real code through all interleavings of the calls of two
// workers and of FollowUp, with a crawler that lists and ends at any time and
// may have been started by somebody else before, and with faults at any call.

const workers = 2

var all = flag.Bool("all", false, "go through the interleavings of three processes too")

func TestEveryFileIsCrawled(t *testing.T) {
	alike := [workers]job{{[]uint{1}, "a"}, {[]uint{2}, "a"}}
	differ := [workers]job{{[]uint{1}, "a"}, {[]uint{2}, "b"}}
	for _, c := range []struct {
		name     string
		long     bool
		policy   Policy
		work     [workers]job
		runs     bool
		followUp func(*process)
		failures int
		faults   map[fault]int
	}{
		{name: "workers that die", policy: Always, work: alike, faults: map[fault]int{crash: 2}},
		{name: "follow-up beside them", long: true, policy: Always, work: alike, followUp: ended, failures: 1},
		{name: "a start fails", long: true, policy: Always, work: alike, followUp: ended, faults: map[fault]int{throttled: 1, lostReply: 1}},
		{name: "one of three dies", long: true, policy: Always, work: alike, followUp: ended, faults: map[fault]int{crash: 1}},

		{name: "same columns, workers that die", policy: WhenChanged, work: alike, faults: map[fault]int{crash: 2}},
		{name: "same columns, follow-up beside them", policy: WhenChanged, work: alike, followUp: ended, failures: 1},
		{name: "two mappings, workers that die", policy: WhenChanged, work: differ, faults: map[fault]int{crash: 2}},
		{name: "two mappings, follow-up beside them", long: true, policy: WhenChanged, work: differ, followUp: ended, failures: 1},
		{name: "two mappings, schedule beside them", long: true, policy: WhenChanged, work: differ, followUp: schedule, failures: 1},
		{name: "two mappings, a start fails", long: true, policy: WhenChanged, work: differ, followUp: ended, faults: map[fault]int{throttled: 1, lostReply: 1}},
		{name: "two mappings, one of three dies", long: true, policy: WhenChanged, work: differ, followUp: schedule, faults: map[fault]int{crash: 1}},
		{name: "two mappings, several files each", long: true, policy: WhenChanged, work: [workers]job{{[]uint{1, 2}, "a"}, {[]uint{4, 8}, "b"}}, failures: 1},
		{name: "runs that die", policy: WhenChanged, work: alike, runs: true, faults: map[fault]int{crash: 2}},
		{name: "runs that die, schedule beside them", long: true, policy: WhenChanged, work: alike, runs: true, followUp: schedule, faults: map[fault]int{crash: 2}},
	} {
		if c.long && !*all {
			continue // some minutes; .ci/run has the time
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			explore(t, func() *world {
				w := &world{policy: c.policy, work: c.work, runs: c.runs, failures: c.failures, faults: map[fault]int{}}
				w.processes = make([]*process, workers, workers+1)
				for f, n := range c.faults {
					w.faults[f] = n
				}
				// Somebody else's crawl runs. It may end before anything else
				// happens, so this is also the beginning with an idle crawler.
				w.running = true
				for i := range workers {
					w.spawn(i, w.worker(i))
				}
				if c.followUp != nil {
					// Something is left from before, else it does nothing.
					w.etag, w.marker = 1, `{"crawler":"c","state":"started","write":""}`
					w.status = "SUCCEEDED"
					w.processes = append(w.processes, nil)
					w.spawn(workers, c.followUp)
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
	if open := w.open(w.acknowledged); open != 0 && w.clean() {
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
	// A run that died has acknowledged nothing; what it committed is found.
	files := w.acknowledged
	if w.policy == WhenChanged {
		files |= w.committed & w.newest().all()
	}
	if open := w.open(files); open != 0 || !w.clean() || w.running {
		return fmt.Errorf("in the end files %b are not crawled, the marker is %s, crawler running: %t", open, w.says(), w.running)
	}
	return nil
}

func (w *world) close() {
	for _, p := range w.processes {
		p.stop()
	}
}
