package cost

import (
	"fmt"
	"slices"
)

// Item is a line of a bill.
type Item struct {
	Service  string  `json:"service"`
	Name     string  `json:"name"`
	Quantity float64 `json:"quantity"` // of a month
	Unit     string  `json:"unit"`
	Price    string  `json:"price"` // its name
	USD      float64 `json:"usd"`   // of a month
}

// Bill is what one way to do a job costs.
type Bill struct {
	Name  string  `json:"name"`
	Items []Item  `json:"items"`
	USD   float64 `json:"usd"`            // of a month
	Note  string  `json:"note,omitempty"` // what it leaves out
	// Impossible says why the job cannot be done this way; there are no items then.
	Impossible string `json:"impossible,omitempty"`
}

// biller adds items to a bill.
type biller struct {
	Bill
	prices Prices
	err    error
}

// add charges quantity units of a month.
func (b *biller) add(service, name, price string, quantity float64) {
	p, ok := b.prices.Prices[price]
	if !ok && b.err == nil {
		b.err = fmt.Errorf("prices: no price %q", price)
	}
	b.Items = append(b.Items, Item{Service: service, Name: name, Quantity: quantity, Unit: p.Unit, Price: price, USD: quantity * p.USD})
	b.USD += quantity * p.USD
}

// Estimate is what a job costs, the quotas it uses, and what the alternatives cost.
type Estimate struct {
	Job    Job     `json:"job"`
	Sluice Bill    `json:"sluice"`
	Peers  []Bill  `json:"peers"`
	Limits []Limit `json:"limits"`
	Prices Prices  `json:"prices"`
}

// New estimates a job.
func New(j Job, p Prices) (Estimate, error) {
	if err := j.check(); err != nil {
		return Estimate{}, err
	}
	e := Estimate{Job: j, Limits: limits(j), Prices: p}
	bills := []func(Job, *biller){function, firehose, spark, pandas}
	if j.Tables {
		bills = slices.Insert(bills, 1, withoutTables)
	}
	for i, bill := range bills {
		b := &biller{prices: p}
		bill(j, b)
		if b.err != nil {
			return Estimate{}, b.err
		}
		if i == 0 {
			e.Sluice = b.Bill
		} else {
			e.Peers = append(e.Peers, b.Bill)
		}
	}
	return e, nil
}

// function is the bill of sluice's Lambda function, as docs/deploy.md sets it up.
func function(j Job, b *biller) {
	b.Name = "sluice, catalog " + string(j.Catalog)
	if j.Tables {
		b.Name = "sluice, tables, catalog " + string(j.Catalog)
	}
	if j.Catalog == Crawler && j.Crawl == Always {
		b.Name += ", crawl always"
	}
	month := func(perDay float64) float64 { return perDay * daysPerMonth }
	invocations, crawls := j.invocations(), 0.0
	if j.Catalog == Crawler {
		crawls = j.crawls()
	}
	// A crawl that ends is an invocation of its own, which looks at its marker.
	small := crawls * 3 * j.LatencySeconds
	reconcile := 0.0
	switch {
	case j.Tables:
		verify := j.verifyRequests()
		reconcile = j.Reconciles * (verify.put + verify.get) * j.LatencySeconds
	case j.Reconciles > 0:
		reconcile = j.Reconciles * (j.fresh()/smallAtOnce + j.known()/listPage) * j.LatencySeconds
	}
	seconds := invocations*j.invocationSeconds() + small + reconcile
	calls := invocations + crawls + j.Reconciles
	b.add("Lambda", "duration", "lambda_gb_second", month(seconds)*j.MemoryMB/1024)
	b.add("Lambda", "requests", "lambda_request", month(calls))

	s3 := objectRequests(j.objectBytes(), j.objectBytes()*j.Ratio).times(j.Objects)
	if j.Tables {
		s3 = j.batchRequests().times(invocations).plus(j.verifyRequests().times(j.Reconciles))
	}
	if j.Catalog == Crawler {
		s3 = s3.plus(crawlRequests.times(j.crawling())).plus(followUpRequests.times(crawls)).plus(idleRequests.times(j.Reconciles))
	}
	if !j.Tables {
		s3 = s3.plus(reconcileRequests(j.known(), j.fresh()).times(j.Reconciles))
	}
	b.add("S3", "PUT, POST, LIST", "s3_put", month(s3.put))
	b.add("S3", "GET, HEAD", "s3_get", month(s3.get))
	if j.Storage {
		b.add("S3", "storage of both", "s3_gb_month", j.Bytes*(1+j.Ratio)*j.Keep/bytesPerGB)
	}

	if j.Trigger == EventBridge {
		b.add("EventBridge", "events of S3", "eventbridge_event", month(j.Objects))
	}
	if j.Trigger != Direct {
		// Sent one by one; received and deleted in tens.
		receives := 2 * invocations * ceil(j.batch()/receiveBatch)
		b.add("SQS", "messages", "sqs_request", month(j.Objects+receives))
		b.add("SQS", "polling while idle", "sqs_request", month(idlePollers*secondsPerDay/pollSeconds))
	}

	logs := j.Objects*logPerObject + calls*(logPerInvocation+logLambda)
	b.add("CloudWatch", "logs", "logs_gb", month(logs)/bytesPerGB)
	shown, watched := float64(metrics), float64(alarms)
	if j.Tables {
		shown, watched = shown+tableMetrics, watched+tableAlarms
	}
	b.add("CloudWatch", "metrics", "metric_month", shown)
	b.add("CloudWatch", "alarms", "alarm_month", watched)
	b.add("CloudWatch", "dashboard", "dashboard_month", dashboards)

	switch j.Catalog {
	case Crawler:
		b.add("Glue", "crawls", "glue_dpu_hour", month(crawls)*crawlerDPU*max(crawlMinimum, j.CrawlSeconds)/3600)
	case Glue:
		calls := invocations + j.Reconciles
		if j.Tables {
			calls = invocations*(glueLoads+glueCommits) + j.Reconciles*glueLoads
		}
		b.add("Glue", "catalog requests", "glue_request", month(calls))
	}
}
