// Package gluecrawler makes files known by starting a Glue crawler.
//
// Athena lists the folder of a table for each query, so new files of a known
// table need no crawl, and each crawl is paid for. One is needed once a table is
// new, or its columns are others than those of the last crawl. A marker, an
// object in the store, says for which columns of each table a crawl was asked
// for, and how far that is:
//
//	dirty    from before the attempt to start the crawler,
//	started  once a crawl was started after that,
//	clean    once a crawl was seen to have succeeded since.
//
// A crawler that runs already cannot be started again, and it may have listed
// the folder before the file with the new columns was there. So the marker is
// made dirty after the commit, and it is cleared only when a crawl that began
// after that has succeeded. Each write is on the condition that the marker is
// still the very one that was read or written before, so that none hides a dirty
// of somebody else. Who dies, anywhere, leaves a marker that says too much: that
// costs a crawl, never a column. model_test.go goes through all interleavings.
//
// With the policy Always every commit makes the marker dirty.
package gluecrawler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"sluice/internal/catalog"
	"sluice/internal/store"
)

// API is the part of glue.Client that is used, and so what the role must allow.
type API interface {
	StartCrawler(context.Context, *glue.StartCrawlerInput, ...func(*glue.Options)) (*glue.StartCrawlerOutput, error)
	GetCrawler(context.Context, *glue.GetCrawlerInput, ...func(*glue.Options)) (*glue.GetCrawlerOutput, error)
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
	known fingerprints // tables of which a crawl was seen to have begun
}

var _ catalog.Catalog = (*Crawler)(nil)

// maxFailures is the number of crawls that may fail one after another before
// FollowUp starts the next only when retryAfter has passed: each is paid for,
// and the cause needs a person.
const (
	maxFailures = 3
	retryAfter  = 24 * time.Hour
)

// New is the crawler of that name. Its marker is in s under prefix, which ends
// with a slash or is empty; everybody who starts the crawler after commits must
// use the same.
func New(api API, name string, s store.Store, prefix string, p Policy) *Crawler {
	return &Crawler{api: api, name: name, marker: newMarker(s, prefix, name), policy: p}
}

// Refresh starts the crawler if the policy says so, or if a start is still owed.
// That it runs already, or cannot be started, is remembered; only the latter is
// an error. Tables that this process knows to be crawled cost no request.
func (c *Crawler) Refresh(ctx context.Context, tables []catalog.Table) (catalog.Result, error) {
	wanted := fingerprintsOf(tables)
	always := c.policy == Always && len(tables) > 0
	if !always && c.isKnown(wanted) {
		return catalog.Result{}, nil
	}
	mark, etag, err := c.marker.ask(ctx, wanted, always)
	if err != nil {
		return catalog.Result{}, err // nobody would follow up
	}
	if mark.State == stateDirty {
		return c.begin(ctx, mark, etag)
	}
	c.learn(mark)
	return catalog.Result{Pending: mark.State != stateClean}, nil
}

// FollowUp starts the crawler if columns may be left that no crawl has seen, and
// clears the marker if a crawl has seen them. It asks for a crawl of tables that
// the marker lacks: who committed their files died before its Refresh.
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
				"it is started again a day after the last crawl began, or by you", c.name, mark.Failures)
		}
	}
	return c.begin(ctx, mark, etag)
}

// begin starts the crawler and writes down that it has, over the marker it was
// started for.
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

// learn keeps what the marker says, so that it need not be read again. A crawl
// has begun; should it fail, FollowUp sees to it.
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

// start reports whether the crawler was started. If not, and without an error,
// it runs; maybe by our own start, whose answer got lost and which the SDK has
// repeated. That is then one crawl too many.
func (c *Crawler) start(ctx context.Context) (bool, error) {
	_, err := c.api.StartCrawler(ctx, &glue.StartCrawlerInput{Name: &c.name})
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

// look is what has become of the last crawl, and when that began.
func (c *Crawler) look(ctx context.Context) (crawl, time.Time, error) {
	got, err := c.get(ctx)
	if err != nil {
		return crawlRuns, time.Time{}, err
	}
	last := got.LastCrawl
	switch {
	case got.State != types.CrawlerStateReady: // RUNNING, STOPPING
		return crawlRuns, time.Time{}, nil
	case last == nil: // deleted since it was started, and created again
		return crawlFailed, time.Time{}, nil
	case last.Status == types.LastCrawlStatusFailed, last.Status == types.LastCrawlStatusCancelled:
		return crawlFailed, aws.ToTime(last.StartTime), nil
	}
	return crawlSucceeded, time.Time{}, nil
}

func (c *Crawler) get(ctx context.Context) (*types.Crawler, error) {
	got, err := c.api.GetCrawler(ctx, &glue.GetCrawlerInput{Name: &c.name})
	if err == nil && got.Crawler == nil {
		err = errors.New("the answer of Glue has no crawler")
	}
	if err != nil {
		return nil, fmt.Errorf("look at crawler %s: %w", c.name, err)
	}
	return got.Crawler, nil
}
