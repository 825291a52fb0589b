// Package gluecrawler makes files known by starting a Glue crawler.
//
// A crawler that runs already cannot be started again, and it may have listed
// the folder before the newest file was there. So every commit leaves a marker,
// an object in the store, which is cleared only when a crawl that began after it
// has succeeded. The marker is
//
//	dirty    from before the attempt to start the crawler,
//	started  once a crawl was started after that,
//	clean    once a crawl was seen to have succeeded since.
//
// Refresh writes dirty over whatever there is. All other changes are on the
// condition that the marker is still the very one that was read or written
// before, so that they never hide a dirty of somebody else. Who dies, anywhere,
// leaves a marker that says too much: that costs a crawl, never a file. No clock
// is compared. model_test.go goes through all interleavings.
package gluecrawler

import (
	"context"
	"errors"
	"fmt"

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

// Crawler is a crawler and its marker.
type Crawler struct {
	api    API
	name   string
	marker marker
}

var _ catalog.Catalog = (*Crawler)(nil)

// maxFailures is the number of crawls that may fail one after another before
// FollowUp starts no more of them: each is paid for, and the cause needs a person.
const maxFailures = 3

// New is the crawler of that name. Its marker is in s under prefix, which ends
// with a slash or is empty; everybody who starts the crawler after commits must
// use the same.
func New(api API, name string, s store.Store, prefix string) *Crawler {
	return &Crawler{api: api, name: name, marker: newMarker(s, prefix, name)}
}

// Refresh starts the crawler. That it runs already, or cannot be started, is
// remembered; only the latter is an error.
func (c *Crawler) Refresh(ctx context.Context, tables []catalog.Table) (catalog.Result, error) {
	if len(tables) == 0 {
		return catalog.Result{}, nil
	}
	etag, marked := c.marker.set(ctx)
	started, err := c.start(ctx)
	if marked != nil {
		// Nobody will follow up, so whatever became of the start is not enough.
		return catalog.Result{Started: started}, errors.Join(marked, err)
	}
	if started {
		err = c.marker.replace(ctx, etag, content{State: stateStarted})
	}
	return catalog.Result{Started: started, Pending: true}, err
}

// FollowUp starts the crawler if files may be left that no crawl has seen, and
// clears the marker if a crawl has seen them.
func (c *Crawler) FollowUp(ctx context.Context, _ []catalog.Table) (catalog.Result, error) {
	mark, etag, err := c.marker.get(ctx)
	if err != nil {
		return catalog.Result{Pending: true}, err
	}
	switch mark.State {
	case stateClean:
		return catalog.Result{}, nil
	case stateStarted:
		state, err := c.look(ctx)
		switch {
		case err != nil:
			return catalog.Result{Pending: true}, err
		case state == crawlSucceeded:
			err := c.marker.replace(ctx, etag, content{State: stateClean})
			return catalog.Result{Pending: err != nil}, err
		case state == crawlRuns:
			return catalog.Result{Pending: true}, nil
		}
		mark.Failures++
		if mark.Failures >= maxFailures {
			return catalog.Result{Pending: true}, fmt.Errorf("crawler %s failed %d times: look at its log, mend it and start it; "+
				"until it has succeeded, or files are committed, it is not started again", c.name, mark.Failures)
		}
	}
	started, err := c.start(ctx)
	if started {
		err = c.marker.replace(ctx, etag, content{State: stateStarted, Failures: mark.Failures})
	}
	return catalog.Result{Started: started, Pending: true}, err
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

// look is what has become of the last crawl.
func (c *Crawler) look(ctx context.Context) (crawl, error) {
	got, err := c.get(ctx)
	if err != nil {
		return crawlRuns, err
	}
	if got.State != types.CrawlerStateReady { // RUNNING, STOPPING
		return crawlRuns, nil
	}
	last := got.LastCrawl
	// Without a last crawl this is not the crawler that was started: it was
	// deleted and made anew.
	if last == nil || last.Status == types.LastCrawlStatusFailed || last.Status == types.LastCrawlStatusCancelled {
		return crawlFailed, nil
	}
	return crawlSucceeded, nil
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
