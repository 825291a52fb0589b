package cost

import "math"

// Quotas of AWS, defaults of an account, with the page that says so.
const (
	maxInvocation = 900    // seconds, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	maxMemoryMB   = 10_240 // same page
	maxConcurrent = 1000   // same page; new accounts have less, and it can be raised
	maxBatches    = 1000   // of one queue at once, https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
	maxPuts       = 3500   // a second and prefix, https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
	maxGets       = 5500   // same page
	commitSeconds = 1      // that a commit takes, and excludes others: docs/tables.md
	maxParts      = 10_000 // https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
)

// Limit is a quota and how much of it the job uses at its busiest.
type Limit struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Max    float64 `json:"max"`
	Unit   string  `json:"unit"`
	Source string  `json:"source"` // of Max
	Beyond string  `json:"beyond"` // what happens above it, and what to do
}

// Exceeded reports whether the job does not fit.
func (l Limit) Exceeded() bool { return l.Value > l.Max }

const (
	lambdaPage = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
	pollerPage = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"
	prefixPage = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"
	partsPage  = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"
	tablesPage = "docs/tables.md"
	crawlPage  = "https://docs.aws.amazon.com/glue/latest/webapi/API_StartCrawler.html"
)

func limits(j Job) []Limit {
	perSecond := j.Objects / secondsPerDay * j.Peak
	bytes := j.objectBytes()
	concurrent := math.Ceil(perSecond / j.batch() * j.invocationSeconds())
	// The busiest prefixes: the ledger is written twice for an object, the
	// sink once or in parts; the source has a HEAD and its parts.
	puts := perSecond * max(2, outputWrites(bytes*j.Ratio))
	gets := perSecond * (1 + sourceReads(bytes))
	if j.Tables { // the table's prefix has all but two of a commit's writes
		r := j.batchRequests()
		puts, gets = perSecond/j.batch()*(r.put-2), perSecond*sourceReads(bytes)
		bytes *= j.batch()
	}
	list := []Limit{
		{"time of an invocation", j.invocationSeconds(), j.Timeout, " s", lambdaPage,
			"the objects go back to the queue each time and end in the dead-letter queue: use a longer timeout, up to 900 s, more memory, smaller batches or objects, or sluice run on a machine"},
		{"concurrent executions", concurrent, maxConcurrent, "", lambdaPage,
			"calls are throttled and wait; ask AWS to raise the quota"},
		{"S3 writes, busiest prefix", puts, maxPuts, "/s", prefixPage,
			"S3 answers 503 and is asked again, with pauses, until it has split the prefix"},
		{"S3 reads, busiest prefix", gets, maxGets, "/s", prefixPage,
			"S3 answers 503 and is asked again, with pauses, until it has split the prefix"},
		{"parts of an output", math.Ceil(bytes * j.Ratio / partSize), maxParts, "", partsPage,
			"the commit fails: use smaller objects"},
	}
	if j.Trigger != Direct {
		list = append(list, Limit{"batches of the queue at once", concurrent, j.Concurrency, "", pollerPage,
			"messages wait in the queue, which keeps them for 4 days; the scheduled run finds the objects of older ones: raise MaximumConcurrency, up to 1,000"})
	}
	if j.Catalog == Crawler {
		list = append(list, Limit{"commits that start a crawl", j.crawling(), secondsPerDay / j.CrawlSeconds, "/day", crawlPage,
			"the crawler runs without a pause, and each crawl includes what came meanwhile; --crawl changed starts it when columns change, --catalog glue needs no crawls"})
	}
	if j.Tables {
		list = append(list, Limit{"commits to the table", perSecond / j.batch(), 1 / commitSeconds, "/s", tablesPage,
			"batches wait for one another and are offered again: a longer batching window"})
	}
	if j.Reconciles > 0 && !j.Tables {
		list = append(list, Limit{"objects a scheduled run verifies", j.Objects / max(j.Reconciles, 1), j.reconcilable(), "", lambdaPage,
			"objects newer than their ledger entry come first; then the entries that events wrote since the last run are read until the time is up, and the next run goes on"})
	}
	return list
}
