package gluecrawler

import "context"

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
	d := Description{
		Name: c.name, State: got.State, Dirty: mark.State == stateDirty,
		NewFoldersOnly: got.RecrawlPolicy.RecrawlBehavior == "CRAWL_NEW_FOLDERS_ONLY",
	}
	if got.Schedule.State != "NOT_SCHEDULED" {
		d.Schedule = got.Schedule.ScheduleExpression
	}
	if l := got.LastCrawl; l != nil {
		d.LastCrawl, d.LastError = l.Status, l.ErrorMessage
	}
	for _, s3 := range got.Targets.S3Targets {
		d.Targets = append(d.Targets, s3.Path)
	}
	return d, nil
}
