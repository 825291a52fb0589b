package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/ledger"
)

// received is an event as a page receives it.
type received struct {
	id, name string
	data     map[string]any
}

// listen receives the events of a server until the test ends.
func (r *running) listen() <-chan received {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	q, err := http.NewRequestWithContext(ctx, "GET", "http://"+r.s.o.Address+"/api/events", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	q.AddCookie(&http.Cookie{Name: r.s.cookie(), Value: r.s.token})
	a, err := r.client.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" || a.Header.Get("Cache-Control") != "no-store" {
		r.t.Fatalf("%d %v", a.StatusCode, a.Header)
	}
	events := make(chan received, 10_000)
	go func() {
		defer close(events)
		defer a.Body.Close()
		var e received
		for lines := bufio.NewScanner(a.Body); lines.Scan(); {
			switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				if err := json.Unmarshal([]byte(value), &e.data); err != nil {
					r.t.Errorf("event %s: %v in %s", e.name, err, value)
				}
			case "":
				if e.name != "" {
					events <- e
				}
				e = received{}
			}
		}
	}()
	r.t.Cleanup(func() {
		cancel()
		for range events {
		}
	})
	return events
}

func TestEvents(t *testing.T) {
	r := serveLake(t, t.TempDir(), nil)
	events := r.listen()
	r.until("the start", func(a lakeAnswer) bool { return !a.Counts.Loading })
	r.write("a.json", orders(3))
	seen := map[string]received{}
	ids := map[string]bool{}
	for deadline := time.After(patience); ; {
		var e received
		select {
		case e = <-events:
		case <-deadline:
			t.Fatalf("events so far: %v", seen)
		}
		if e.id == "" || ids[e.id] {
			t.Errorf("event %+v: its ID is empty or was there", e)
		}
		ids[e.id] = true
		if e.name == "object" && e.data["state"] != stateDone || e.name == "lake" && e.data["rows"] != 3.0 {
			continue
		}
		if seen[e.name] = e; seen["object"].id != "" && seen["lake"].id != "" && seen["tables"].id != "" {
			break
		}
	}
	if o := seen["object"].data; o["key"] != "raw_orders_data/a.json" || o["rows"] != 3.0 || len(o["id"].(string)) != 64 {
		t.Errorf("object %v", o)
	}
	if l := seen["lake"].data; l["objects"] != 1.0 || l["empty"] != false || l["problem"] != "" {
		t.Errorf("lake %v", l)
	}
	if n := fmt.Sprint(seen["tables"].data["names"]); n != "[order_lines]" {
		t.Errorf("tables %s", n)
	}
	// The stream ends with the server, and nothing is left of it.
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for range events {
	}
}

// Of thousands of changes a page hears as many as it can show, and that there were
// more; and of each reading object, not more than ten times a second.
func TestManyEvents(t *testing.T) {
	s := newServer(t, nil)
	events, end := s.hub.listen()
	defer end()
	for i := range 5000 {
		s.objects.change("", fmt.Sprint(i), func(k *known) bool { k.State = stateDone; return true })
	}
	p, done := s.feed.begin(ledger.IDOf("", "1"), 1000)
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.feed.run(ctx) }()
	defer func() { cancel(); <-ended }()
	count := map[string]int{}
	leftOut := 0
	for leftOut == 0 {
		p.read.Add(10)
		select {
		case m := <-events:
			count[m.name]++
			if m.name == "lake" {
				var l lakeEvent
				if err := json.Unmarshal(m.data, &l); err != nil {
					t.Fatal(err)
				}
				leftOut = l.LeftOut
			}
		case <-time.After(patience):
			t.Fatal("no event of what was left out")
		}
	}
	if count["object"] != feedObjects || leftOut != 5000-feedObjects || count["progress"] > 10 {
		t.Errorf("events %v, %d left out", count, leftOut)
	}
}

func TestListeners(t *testing.T) {
	s := newServer(t, nil)
	var all []chan message
	for range maxListeners {
		l, end := s.hub.listen()
		if l == nil {
			t.Fatal("too many")
		}
		defer end()
		all = append(all, l)
	}
	if w := ask(s, "GET", "/api/events", "", nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", w.Code)
	}
	// The first never takes anything: it is dropped, the others have it all.
	for i := range listenerRoom + 10 {
		s.hub.send("object", i)
		for _, l := range all[1:] {
			<-l
		}
	}
	n := 0
	for range all[0] { // it ends
		n++
	}
	if n != listenerRoom {
		t.Errorf("the slow one has %d events", n)
	}
	if l, end := s.hub.listen(); l == nil {
		t.Error("there is no room after one was dropped")
	} else {
		end()
	}
}

// An end that comes after the listener was dropped does nothing.
func TestEndTwice(t *testing.T) {
	h := newHub()
	_, end := h.listen()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.run(ctx)
	end()
	end()
	if l, _ := h.listen(); l != nil {
		t.Error("an ended hub has listeners")
	}
}
