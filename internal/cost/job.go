// Package cost estimates what AWS charges for a stream of objects, and how much of
// AWS's quotas the stream uses. Prices are data with their sources, the model is
// arithmetic over them, and the command prints the result. It calls no service and
// knows no account. docs/scale.md explains it to users.
package cost

import (
	"errors"
	"fmt"
	"math"
)

// Figures that were measured or assumed, each with where it comes from. The
// defaults of Job; options of the command override them.
const (
	// MBPerSecond is what one CPU converts of orders, JSON to Parquet with
	// zstd, in 10^6 bytes: 1 GB of generated orders, one a line, one core,
	// median of 3 runs of the whole process, shop-1000-ndjson of
	// bench/RESULTS.md. Orders of which no value repeats are converted at 248.
	// A vCPU of Lambda may be slower.
	MBPerSecond = 439

	// pandasMBPerSecond and pandasMemory are those of examples/migrate/pandas_lambda.py
	// on the same file and machine: 27 s of CPU, 2.6 GB. pandas 3.1.
	pandasMBPerSecond = 9.5
	pandasMemory      = 10.2 // bytes of memory for a byte of input
	pandasBaseMB      = 150  // of the interpreter and its libraries
	pandasHeadroom    = 1.2  // memory is set above the largest use
	pandasRoundTrips  = 3    // GET, PUT, StartCrawler
	asyncTries        = 3    // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

	// sparkMBPerSecond is what one CPU does of the same orders as NDJSON:
	// explode, write Parquet with zstd; PySpark 4.3, local[2], the third run in
	// one JVM, 253 MB in 16.6 s of CPU. Its start is not counted.
	sparkMBPerSecond = 15

	// NetworkMBPerSecond bounds what an invocation reads. AWS states no figure;
	// others measured 400 to 700 Mbit/s, whatever the memory.
	NetworkMBPerSecond = 75

	// LatencySeconds is what a small request of S3 takes: "roughly 100-200
	// milliseconds", https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html.
	LatencySeconds = 0.1

	// CrawlSeconds is how long a crawl keeps the crawler busy; an assumption.
	// The bill has 10 minutes at least.
	CrawlSeconds = 120

	// vCPUMemoryMB is the memory setting that has the power of one vCPU:
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
	vCPUMemoryMB = 1769

	// Bytes of log in CloudWatch, measured by logs_test.go, but for Lambda's
	// own lines (start and report, as JSON).
	logPerObject     = 430
	logPerInvocation = 860
	logLambda        = 500
	metrics          = 6 // of internal/awslambda that come every hour: five of uploads, and the duplicates of schedules
	alarms           = 8 // of deploy/template.yaml, like the dashboard
	dashboards       = 1
	idlePollers      = 5  // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
	pollSeconds      = 20 // the longest wait, https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
	receiveBatch     = 10 // messages of one ReceiveMessage or DeleteMessageBatch
	crawlMinimum     = 600
	crawlerDPU       = 2
	sparkMinimum     = 60
	sparkDPU         = 2
	dpuVCPU          = 4
	firehoseBuffer   = 128 << 20
	daysPerMonth     = 30
	secondsPerDay    = 86_400
	bytesPerGB       = 1e9
	bytesPerMB       = 1e6
)

// Trigger is how objects reach the function.
type Trigger string

const (
	Queue       Trigger = "queue"       // S3 to SQS to Lambda
	Direct      Trigger = "direct"      // S3 to Lambda
	EventBridge Trigger = "eventbridge" // S3 to EventBridge to SQS to Lambda
)

// Catalog is how files are made known, as in docs/catalog.md.
type Catalog string

const (
	Crawler Catalog = "crawler"
	Glue    Catalog = "glue"
	None    Catalog = "none"
)

// Crawl is when the crawler is started, as in docs/catalog.md.
type Crawl string

const (
	Changed Crawl = "changed" // when a table is new or its columns change
	Always  Crawl = "always"  // after each batch
)

// Job is a stream of objects, and how it is processed.
type Job struct {
	Objects float64 `json:"objects_per_day"`
	Bytes   float64 `json:"bytes_per_day"` // as stored
	Ratio   float64 `json:"output_ratio"`  // bytes written for a byte read

	Tables bool `json:"tables"` // objects share the files of tables, see docs/tables.md

	MemoryMB    float64 `json:"memory_mb"` // of the function
	Workers     float64 `json:"workers"`   // objects it works on at once; 0: as docs/config.md says
	Trigger     Trigger `json:"trigger"`
	Batch       float64 `json:"batch"`               // messages of an invocation, at most
	Window      float64 `json:"window_seconds"`      // how long a batch is waited for
	Concurrency float64 `json:"maximum_concurrency"` // batches of the queue at once, at most
	Timeout     float64 `json:"timeout_seconds"`     // of an invocation
	Catalog     Catalog `json:"catalog"`
	Crawl       Crawl   `json:"crawl"`
	Changes     float64 `json:"changes_per_month"` // of the columns, the first table included

	Peak       float64 `json:"peak"` // busiest rate, as a multiple of the average
	Keep       float64 `json:"keep_days"`
	Storage    bool    `json:"storage"`            // price what is kept
	Reconciles float64 `json:"reconciles_per_day"` // scheduled runs
	SparkRuns  float64 `json:"spark_runs_per_day"` // of the job it is compared with

	MBPerSecond    float64 `json:"mb_per_second"` // a vCPU converts
	NetworkMB      float64 `json:"network_mb_per_second"`
	LatencySeconds float64 `json:"latency_seconds"`
	CrawlSeconds   float64 `json:"crawl_seconds"`
}

// Defaults is a job without objects, for the defaults of deploy/template.yaml.
func Defaults() Job {
	return Job{
		Ratio: 0.1, MemoryMB: vCPUMemoryMB, Trigger: Queue, Batch: 10, Concurrency: 10, Timeout: 300,
		Catalog: Crawler, Crawl: Changed, Changes: 1,
		Peak: 4, Keep: 30, Reconciles: 24, SparkRuns: 24,
		MBPerSecond: MBPerSecond, NetworkMB: NetworkMBPerSecond, LatencySeconds: LatencySeconds, CrawlSeconds: CrawlSeconds,
	}
}

// TableDefaults is a job without objects, with tables and the batches that they want.
func TableDefaults() Job {
	j := Defaults()
	j.Tables, j.Catalog = true, Glue
	j.Batch, j.Window, j.Concurrency = tableBatch, tableWindow, tableConcurrency
	return j
}

func (j Job) check() error {
	if j.Tables && j.Catalog == Crawler {
		return errors.New("a crawler does not know tables: use the catalog glue or none")
	}
	for _, c := range []struct {
		name     string
		v, least float64
		most     float64
	}{
		{"objects", j.Objects, 1, 1e12},
		{"bytes", j.Bytes, 1, 1e18},
		{"output ratio", j.Ratio, 0, 10},
		{"memory", j.MemoryMB, 128, 10_240},
		{"workers", j.Workers, 0, 64},
		{"batch", j.Batch, 1, 10_000},
		{"batch window", j.Window, 0, 300},
		{"concurrency", j.Concurrency, 2, maxBatches},
		{"timeout", j.Timeout, 1, maxInvocation},
		{"changes of columns", j.Changes, 0, 1000},
		{"peak", j.Peak, 1, 1000},
		{"days kept", j.Keep, 0, 36_500},
		{"reconciles", j.Reconciles, 0, 1440},
		{"Spark runs", j.SparkRuns, 0.01, 1440},
		{"MB a second", j.MBPerSecond, 0.1, 1e6},
		{"MB a second of network", j.NetworkMB, 0.1, 1e6},
		{"seconds of latency", j.LatencySeconds, 0.001, 60},
		{"seconds of a crawl", j.CrawlSeconds, 1, 86_400},
	} {
		if !(c.v >= c.least && c.v <= c.most) {
			return fmt.Errorf("%s must be from %g to %g, not %g", c.name, c.least, c.most, c.v)
		}
	}
	return nil
}

func (j Job) objectBytes() float64 { return j.Bytes / j.Objects }

func (j Job) vCPU() float64 { return j.MemoryMB / vCPUMemoryMB }

// workers at once: those of docs/config.md are the CPUs that the function
// sees, two at least.
func (j Job) workers() float64 {
	if j.Workers > 0 {
		return j.Workers
	}
	return min(8, max(2, math.Ceil(j.vCPU())))
}

// batch is the number of objects of an invocation. A queue gives what comes
// within the window, at the average rate.
func (j Job) batch() float64 {
	if j.Trigger == Direct {
		return 1
	}
	return min(j.Batch, max(1, j.Objects/secondsPerDay*j.Window))
}

// objectSeconds is how long one object takes alone: whichever of converting
// and reading is slower, and the waiting for S3.
func (j Job) objectSeconds() float64 {
	bytes := j.objectBytes()
	work := bytes / bytesPerMB / (j.MBPerSecond * min(1, j.vCPU()))
	read := bytes / bytesPerMB / j.NetworkMB
	return max(work, read) + roundTrips(bytes*j.Ratio)*j.LatencySeconds
}

// invocationSeconds is how long a batch takes: the workers share the vCPUs and
// the network, and wait side by side.
func (j Job) invocationSeconds() float64 {
	if j.Tables {
		return j.batchSeconds() + (glueLoads+glueCommits)*j.catalogCalls()*j.LatencySeconds
	}
	n, bytes := j.batch(), j.objectBytes()
	rounds := math.Ceil(n / min(j.atOnce(), n))
	shared := n * bytes / bytesPerMB / min(j.MBPerSecond*j.vCPU(), j.NetworkMB)
	return max(rounds*j.objectSeconds(), shared) + j.catalogCalls()*j.LatencySeconds
}

// catalogCalls are those at the end of an invocation: with a crawl after each,
// the marker is read and written before its start, and written after it; else
// the table is looked at. A function that is warm knows what the marker says.
func (j Job) catalogCalls() float64 {
	switch {
	case j.Catalog == Crawler && j.Crawl == Always:
		return 4
	case j.Catalog == Glue:
		return 1
	}
	return 0
}

func (j Job) invocations() float64 { return j.Objects / j.batch() }

// crawling are the invocations of a day that start a crawl.
func (j Job) crawling() float64 {
	if j.Crawl == Always {
		return j.invocations()
	}
	return min(j.Changes/daysPerMonth, j.invocations())
}

// crawls of a day: one after each such invocation, or one after the other.
func (j Job) crawls() float64 {
	return min(j.crawling(), secondsPerDay/j.CrawlSeconds)
}

// What the pipeline does at once, and what a listing gives in a call.
const (
	smallObject = 256 << 10 // bytes; see pipeline.Flight
	smallAtOnce = 64
	listPage    = 1000
)

// atOnce is the number of objects that an invocation works on at once: small
// ones mostly wait for S3.
func (j Job) atOnce() float64 {
	if j.objectBytes() <= smallObject {
		return smallAtOnce
	}
	return j.workers()
}

// known is the number of objects that a scheduled run compares.
func (j Job) known() float64 { return j.Objects * max(j.Keep, 1) }

// fresh is the number of objects whose ledger entries a scheduled run reads:
// those that events have brought since the run before.
func (j Job) fresh() float64 {
	return min(j.Objects/max(j.Reconciles, 1), j.reconcilable())
}

func (j Job) reconcilable() float64 {
	margin := max(2, min(15, j.Timeout/10)) // kept for the answer, docs/lambda.md
	return math.Floor(smallAtOnce * max(0, j.Timeout-margin) / j.LatencySeconds)
}
