package gluecrawler

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"sluice/internal/store"
)

type state string

const (
	stateClean   state = "clean"
	stateDirty   state = "dirty"
	stateStarted state = "started"
)

// content is the marker object, JSON. docs/catalog.md describes it.
type content struct {
	Crawler  string `json:"crawler"`
	State    state  `json:"state"`
	Failures int    `json:"failures,omitempty"` // crawls that failed since the marker was dirty
	// Write is random: without it two writes of one state would have one ETag,
	// and a condition could take a dirty of somebody else for its own.
	Write string `json:"write"`
}

// maxMarkerBytes is far more than a marker has.
const maxMarkerBytes = 64 << 10

type marker struct {
	store   store.Store
	key     string
	crawler string
}

// newMarker names the marker with "_" before it: Athena leaves out such objects,
// and the folder is that of a table over the ledger's entries
// (https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html).
func newMarker(s store.Store, prefix, crawler string) marker {
	return marker{store: s, key: prefix + "_crawler-" + url.PathEscape(crawler) + ".json", crawler: crawler}
}

// get reads the marker. One that is absent is clean: the first commit writes
// it. One that cannot be understood is dirty, as it must not hide a file.
func (m marker) get(ctx context.Context) (content, string, error) {
	data, info, err := store.Get(ctx, m.store, m.key, maxMarkerBytes)
	if errors.Is(err, store.ErrNotFound) {
		return content{State: stateClean}, "", nil
	}
	if err != nil {
		return content{}, "", fmt.Errorf("read marker of crawler %s: %w", m.crawler, err)
	}
	var c content
	if json.Unmarshal(data, &c) != nil || c.State != stateClean && c.State != stateStarted || c.Crawler != m.crawler {
		c = content{State: stateDirty}
	}
	return c, info.ETag, nil
}

// set makes the marker dirty, whatever it was, and returns its ETag.
func (m marker) set(ctx context.Context) (string, error) {
	info, err := m.put(ctx, content{State: stateDirty}, store.Unconditional())
	return info.ETag, err
}

// replace writes the marker if it is still the one with this ETag. If it is not,
// somebody has newer files, and follows them up.
func (m marker) replace(ctx context.Context, etag string, c content) error {
	_, err := m.put(ctx, c, store.IfMatch(etag))
	if errors.Is(err, store.ErrPrecondition) || errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

func (m marker) put(ctx context.Context, c content, p store.Precondition) (store.Info, error) {
	c.Crawler = m.crawler
	c.Write = rand.Text()
	data, err := json.Marshal(c)
	if err != nil {
		return store.Info{}, fmt.Errorf("write marker of crawler %s: %w", m.crawler, err)
	}
	info, err := store.Put(ctx, m.store, m.key, append(data, '\n'), store.CreateOptions{ContentType: "application/json"}, p)
	if err != nil {
		return store.Info{}, fmt.Errorf("write marker of crawler %s: %w", m.crawler, err)
	}
	return info, nil
}
