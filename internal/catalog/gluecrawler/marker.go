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
	// Tables are those that a crawl was asked for, each with its fingerprint at
	// that time: what the crawler knows, or will know once the marker is clean.
	Tables fingerprints `json:"tables,omitempty"`
	// Write is random: without it two writes of one state would have one ETag,
	// and a condition could take a dirty of somebody else for its own.
	Write string `json:"write"`
}

// maxMarkerBytes is far more than a marker of a thousand tables has.
const maxMarkerBytes = 1 << 20

// maxConflicts is how often a marker may be replaced by others before ours is
// written. Who lost once mostly finds that nothing is left to write.
const maxConflicts = 8

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

// get reads the marker. One that is absent is clean, of no table. One that
// cannot be understood is dirty, as it must not hide a file.
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

// ask gives the marker, after it was made dirty if it lacks one of the tables
// as they are wanted, or anyway. It is written over the very marker that was
// read, so of several who come at once one asks for all, and what others ask for
// meanwhile stays.
func (m marker) ask(ctx context.Context, wanted fingerprints, anyway bool) (content, string, error) {
	var err error
	for try := range maxConflicts {
		var c content
		var etag string
		c, etag, err = m.get(ctx)
		if errors.Is(err, store.ErrChanged) {
			continue
		}
		// A dirty that was written since our first look is as good as ours.
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

// replace writes the marker if it is still the one with this ETag. If it is not,
// somebody has asked for another crawl, and follows it up.
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
