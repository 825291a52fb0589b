package gluecrawler

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
)

// Description is what a person needs to know about the crawler.
type Description struct {
	Name           string
	State          string   // READY, RUNNING, STOPPING
	Schedule       string   // empty: none
	LastCrawl      string   // SUCCEEDED, FAILED, CANCELLED; empty: there was none
	LastError      string   // of the last crawl
	Targets        []string // paths in S3
	NewFoldersOnly bool     // it does not look at new files in a folder it knows
	Dirty          bool     // there may be files that no crawl has seen
}

// Describe looks at the crawler and its marker, and changes nothing.
func (c *Crawler) Describe(ctx context.Context) (Description, error) {
	got, err := c.get(ctx)
	if err != nil {
		return Description{}, err
	}
	mark, _, err := c.marker.get(ctx)
	if err != nil {
		return Description{}, err
	}
	d := Description{Name: c.name, State: string(got.State), Dirty: mark.State == stateDirty}
	if s := got.Schedule; s != nil && s.State != types.ScheduleStateNotScheduled {
		d.Schedule = aws.ToString(s.ScheduleExpression)
	}
	if l := got.LastCrawl; l != nil {
		d.LastCrawl, d.LastError = string(l.Status), aws.ToString(l.ErrorMessage)
	}
	if t := got.Targets; t != nil {
		for _, s3 := range t.S3Targets {
			d.Targets = append(d.Targets, aws.ToString(s3.Path))
		}
	}
	if r := got.RecrawlPolicy; r != nil {
		d.NewFoldersOnly = r.RecrawlBehavior == types.RecrawlBehaviorCrawlNewFoldersOnly
	}
	return d, nil
}
