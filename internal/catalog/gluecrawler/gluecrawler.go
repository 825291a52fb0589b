// Package gluecrawler makes files known by starting a Glue crawler.
//
// Athena lists the folder of a table for each query, so new files of a known table
// need no crawl, and each crawl costs money. A crawl is needed when a table is new,
// or when its columns differ from those of the last crawl. A marker, an object in
// the store, says for which columns of each table a crawl was requested, and how
// far it has come:
//
//	dirty    from before the attempt to start the crawler,
//	started  once a crawl was started after that,
//	clean    once a crawl was seen to have succeeded since.
//
// A running crawler cannot be started again, and it may have listed the folder
// before the file with the new columns was there. So the marker is made dirty
// after the commit, and it is cleared only when a crawl that began after that has
// succeeded. Each write has the condition that the marker is still the one that
// was read or written before, so that no write hides a dirty of another process.
// A process that dies, at any point, leaves a marker that asks for too much: that
// costs a crawl, never a column. model_test.go goes through all interleavings.
//
// With the policy Always every commit makes the marker dirty.
package gluecrawler

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/glue"
	"sluice/internal/store"
)

// API is the part of glue.Client that is used. The role must allow these calls.
type API interface {
	StartCrawler(ctx context.Context, name string) error
	GetCrawler(ctx context.Context, name string) (*glue.Crawler, error)
}

// Policy says which commits start the crawler.
type Policy string

const (
	WhenChanged Policy = "changed" // those that make a table or change its columns
	Always      Policy = "always"  // all
)

// Crawler is a crawler and its marker.
type Crawler struct {
	api    API
	name   string
	marker marker
	policy Policy

	mu    sync.Mutex
	known fingerprints // tables for which a crawl is known to have begun
}

var _ catalog.Catalog = (*Crawler)(nil)

// maxFailures is the number of crawls that may fail in a row. After that FollowUp
// waits for retryAfter before it starts the next: each crawl costs money, and a
// person must find the cause.
const (
	maxFailures = 3
	retryAfter  = 24 * time.Hour
)

// New returns the crawler of that name. Its marker is in s under prefix, which ends
// with a slash or is empty. All processes that start the crawler after commits
// must use the same marker.
func New(api API, name string, s store.Store, prefix string, p Policy) *Crawler {
	return &Crawler{api: api, name: name, marker: newMarker(s, prefix, name), policy: p}
}

// Refresh starts the crawler if the policy says so, or if an earlier start is still
// due. If it already runs, or cannot be started, the marker remembers that; only
// the latter is an error. Tables that this process knows to be crawled cost no
// request.
func (c *Crawler) Refresh(ctx context.Context, tables []catalog.Table) (catalog.Result, error) {
	wanted := fingerprintsOf(tables)
	always := c.policy == Always && len(tables) > 0
	if !always && c.isKnown(wanted) {
		return catalog.Result{}, nil
	}
	mark, etag, err := c.marker.ask(ctx, wanted, always)
	if err != nil {
		return catalog.Result{}, err // not Pending: FollowUp would not know of it
	}
	if mark.State == stateDirty {
		return c.begin(ctx, mark, etag)
	}
	c.learn(mark)
	return catalog.Result{Pending: mark.State != stateClean}, nil
}

// FollowUp starts the crawler if there may be columns that no crawl has seen, and
// clears the marker if a crawl has seen them. It requests a crawl of tables that
// the marker lacks: the worker that committed their files died before its Refresh.
func (c *Crawler) FollowUp(ctx context.Context, tables []catalog.Table) (catalog.Result, error) {
	mark, etag, err := c.marker.ask(ctx, fingerprintsOf(tables), false)
	if err != nil {
		return catalog.Result{Pending: true}, err
	}
	switch mark.State {
	case stateClean:
		return catalog.Result{}, nil
	case stateStarted:
		state, began, err := c.look(ctx)
		switch {
		case err != nil:
			return catalog.Result{Pending: true}, err
		case state == crawlSucceeded:
			err := c.marker.replace(ctx, etag, content{State: stateClean, Tables: mark.Tables})
			return catalog.Result{Pending: err != nil}, err
		case state == crawlRuns:
			return catalog.Result{Pending: true}, nil
		}
		mark.Failures++
		if mark.Failures >= maxFailures && time.Since(began) < retryAfter {
			return catalog.Result{Pending: true}, fmt.Errorf("crawler %s failed %d times: look at its log and fix it; "+
				"sluice starts it again a day after the last crawl began; you can start it earlier", c.name, mark.Failures)
		}
	}
	return c.begin(ctx, mark, etag)
}

// begin starts the crawler and records that in the marker it was started for.
func (c *Crawler) begin(ctx context.Context, mark content, etag string) (catalog.Result, error) {
	started, err := c.start(ctx)
	if started {
		mark.State = stateStarted
		if err = c.marker.replace(ctx, etag, mark); err == nil {
			c.learn(mark)
		}
	}
	return catalog.Result{Started: started, Pending: true}, err
}

// learn keeps what the marker says, so that it need not be read again. A crawl has
// begun; if it fails, FollowUp starts another.
func (c *Crawler) learn(mark content) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = mark.Tables
}

func (c *Crawler) isKnown(wanted fingerprints) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wanted.in(c.known)
}

// start reports whether the crawler was started. If it was not, and there is no
// error, the crawler already runs. Perhaps we started it ourselves, and the client
// repeated the call because the answer got lost; that costs one crawl too many.
func (c *Crawler) start(ctx context.Context) (bool, error) {
	err := c.api.StartCrawler(ctx, c.name)
	switch {
	case err == nil:
		return true, nil
	case catalog.CodeOf(err) == "CrawlerRunningException", catalog.CodeOf(err) == "CrawlerStoppingException":
		return false, nil
	}
	return false, fmt.Errorf("start crawler %s: %w", c.name, err)
}

type crawl uint8

const (
	crawlRuns crawl = iota
	crawlSucceeded
	crawlFailed
)

// look is the outcome of the last crawl, and when it began.
func (c *Crawler) look(ctx context.Context) (crawl, time.Time, error) {
	got, err := c.get(ctx)
	if err != nil {
		return crawlRuns, time.Time{}, err
	}
	last := got.LastCrawl
	switch {
	case got.State != "READY": // RUNNING, STOPPING
		return crawlRuns, time.Time{}, nil
	case last == nil: // deleted since it was started, and created again
		return crawlFailed, time.Time{}, nil
	case last.Status == "FAILED", last.Status == "CANCELLED":
		return crawlFailed, last.Began(), nil
	}
	return crawlSucceeded, time.Time{}, nil
}

func (c *Crawler) get(ctx context.Context) (*glue.Crawler, error) {
	got, err := c.api.GetCrawler(ctx, c.name)
	if err != nil {
		return nil, fmt.Errorf("look at crawler %s: %w", c.name, err)
	}
	return got, nil
}
