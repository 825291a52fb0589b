package gluecrawler

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	// Tables are those for which a crawl was requested, each with its fingerprint
	// at that time: what the crawler knows, or will know once the marker is clean.
	Tables fingerprints `json:"tables,omitempty"`
	// Write is random. Without it two writes of the same state would have the same
	// ETag, and a condition could mistake a dirty of another process for its own.
	Write string `json:"write"`
}

// maxMarkerBytes is far more than a marker of a thousand tables has.
const maxMarkerBytes = 1 << 20

// maxConflicts is how often others may replace the marker before ours is written.
// After a lost race there is mostly nothing left to write.
const maxConflicts = 8

type marker struct {
	store   store.Store
	key     string
	crawler string
}

// newMarker gives the marker a name that begins with "_". Its folder is that of a
// table over the ledger's entries, and Athena ignores objects with such names
// (https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html).
func newMarker(s store.Store, prefix, crawler string) marker {
	return marker{store: s, key: prefix + "_crawler-" + url.PathEscape(crawler) + ".json", crawler: crawler}
}

// get reads the marker. A missing marker counts as clean, without tables. One that
// cannot be understood counts as dirty: it must not hide a file.
func (m marker) get(ctx context.Context) (content, string, error) {
	data, info, err := store.Get(ctx, m.store, m.key, maxMarkerBytes)
	if errors.Is(err, store.ErrNotFound) {
		return content{State: stateClean}, "", nil
	}
	if err != nil {
		return content{}, "", fmt.Errorf("read marker of crawler %s: %w", m.crawler, err)
	}
	var c content
	if json.Unmarshal(data, &c) != nil || c.State != stateClean && c.State != stateStarted && c.State != stateDirty || c.Crawler != m.crawler {
		c = content{State: stateDirty}
	}
	return c, info.ETag, nil
}

// ask returns the marker. Before that it makes the marker dirty if one of the
// wanted tables is missing in it or differs, or if anyway is set. The write replaces
// only the marker that was read: of several processes at the same time one asks for
// all, and what others ask for meanwhile stays.
func (m marker) ask(ctx context.Context, wanted fingerprints, anyway bool) (content, string, error) {
	var err error
	for try := range maxConflicts {
		var c content
		var etag string
		c, etag, err = m.get(ctx)
		if errors.Is(err, store.ErrChanged) {
			continue
		}
		// If another process wrote dirty since our first look, that is enough.
		asked := wanted.in(c.Tables) && (!anyway || try > 0 && c.State == stateDirty)
		if err != nil || asked {
			return c, etag, err
		}
		dirty := content{State: stateDirty, Tables: fingerprints{}}
		maps.Copy(dirty.Tables, c.Tables)
		maps.Copy(dirty.Tables, wanted)
		condition := store.IfNoneMatch()
		if etag != "" {
			condition = store.IfMatch(etag)
		}
		var info store.Info
		if info, err = m.put(ctx, dirty, condition); !store.IsRace(err) {
			return dirty, info.ETag, err
		}
	}
	return content{}, "", err
}

// replace writes the marker if it still has this ETag. If not, another process has
// asked for a crawl, and follows it up.
func (m marker) replace(ctx context.Context, etag string, c content) error {
	_, err := m.put(ctx, c, store.IfMatch(etag))
	if store.IsRace(err) {
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
