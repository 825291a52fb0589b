package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	maxListeners = 64
	listenerRoom = 256              // events that a slow listener may be behind
	quietTime    = 15 * time.Second // after which a comment shows that the server lives
	writeTime    = 10 * time.Second // for one event to be taken
)

// hub hands events to all pages that listen. A listener that takes them too slowly
// is dropped: its browser connects again, and the page loads what it missed.
type hub struct {
	mu        sync.Mutex
	listeners map[chan message]struct{}
	last      int64 // ID of the last event
	ended     bool
}

// message is one of the events "object", "progress", "lake" and "tables".
type message struct {
	id   int64
	name string
	data []byte
}

func newHub() *hub { return &hub{listeners: map[chan message]struct{}{}} }

// run ends all streams when ctx ends.
func (h *hub) run(ctx context.Context) {
	<-ctx.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for l := range h.listeners {
		h.drop(l)
	}
}

// send hands an event to all listeners; it does not wait for any.
func (h *hub) send(name string, v any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) == 0 {
		return
	}
	data, err := json.Marshal(v)
	if err != nil {
		return // what is sent are our own types
	}
	h.last++
	for l := range h.listeners {
		select {
		case l <- message{h.last, name, data}:
		default:
			h.drop(l)
		}
	}
}

// drop ends a listener. h.mu is locked.
func (h *hub) drop(l chan message) {
	if _, ok := h.listeners[l]; ok {
		delete(h.listeners, l)
		close(l)
	}
}

// listen begins a listener, or returns nil if there are too many.
func (h *hub) listen() (events chan message, end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended || len(h.listeners) >= maxListeners {
		return nil, nil
	}
	l := make(chan message, listenerRoom)
	h.listeners[l] = struct{}{}
	return l, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.drop(l)
	}
}

// getEvents streams events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) error {
	events, end := s.hub.listen()
	if events == nil {
		return fail(http.StatusServiceUnavailable, "listen to events: %d pages listen already", maxListeners).with("close some of them")
	}
	defer end()
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	quiet := time.NewTicker(quietTime)
	defer quiet.Stop()
	text := "retry: 1000\n\n"
	for {
		if err := out.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return fmt.Errorf("listen to events: %w", err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return nil //nolint:nilerr // the page is gone
		}
		if err := out.Flush(); err != nil {
			return nil //nolint:nilerr // the page is gone
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-quiet.C:
			text = ":\n\n"
		case e, ok := <-events:
			if !ok {
				return nil
			}
			text = fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", e.id, e.name, e.data)
		}
	}
}
