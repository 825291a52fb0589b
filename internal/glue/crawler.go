package glue

import "time"

// Crawler is what is used of a crawler.
// https://docs.aws.amazon.com/glue/latest/webapi/API_Crawler.html
type Crawler struct {
	State    string // READY, RUNNING, STOPPING
	Schedule struct {
		State              string // SCHEDULED, NOT_SCHEDULED, TRANSITIONING
		ScheduleExpression string
	}
	LastCrawl *LastCrawl
	Targets   struct {
		S3Targets []struct{ Path string }
	}
	RecrawlPolicy struct {
		RecrawlBehavior string // CRAWL_EVERYTHING, CRAWL_NEW_FOLDERS_ONLY, CRAWL_EVENT_MODE
	}
}

// LastCrawl is the crawl that ended last.
// https://docs.aws.amazon.com/glue/latest/webapi/API_LastCrawlInfo.html
type LastCrawl struct {
	Status       string // SUCCEEDED, CANCELLED, FAILED
	ErrorMessage string
	StartTime    float64 // seconds since 1970
}

// Began is when the crawl began.
func (l *LastCrawl) Began() time.Time { return time.UnixMilli(int64(l.StartTime * 1000)) }
