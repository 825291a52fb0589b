package cost

import (
	"fmt"
	"math"
)

func ceil(v float64) float64 { return math.Ceil(v) }

// withoutTables is the same function with a file for each object, and the batches of the
// default.
func withoutTables(j Job, b *biller) {
	d := Defaults()
	j.Tables, j.Batch, j.Window, j.Concurrency = false, d.Batch, d.Window, d.Concurrency
	function(j, b)
	b.Name = "sluice, a file for each object"
	b.Note = "rows are there some seconds after the object, not after the batching window"
}

// firehose is Amazon Data Firehose with format conversion: the producer sends
// records to it, instead of objects to S3.
func firehose(j Job, b *biller) {
	b.Name = "Firehose, format conversion"
	b.Note = "records of orders packed to 5 KB or more, not objects of S3; arrays stay arrays; the producer is not priced, and the price was not confirmed"
	gb := j.Bytes * daysPerMonth / bytesPerGB
	b.add("Firehose", "ingestion", "firehose_gb", gb)
	b.add("Firehose", "format conversion", "firehose_conversion_gb", gb)
	b.add("S3", "PUT", "s3_put", ceil(j.Bytes*daysPerMonth/firehoseBuffer))
}

// spark is a Glue job on a schedule. More workers need less time, so the price does
// not depend on their number; but a job has a least number and a least time.
func spark(j Job, b *biller) {
	runs := "runs"
	if j.SparkRuns == 1 {
		runs = "run"
	}
	b.Name = fmt.Sprintf("Glue Spark, %g %s a day", j.SparkRuns, runs)
	b.Note = "rows wait for the next run; listing of many small objects is not counted"
	hours := j.Bytes / j.SparkRuns / bytesPerMB / (sparkMBPerSecond * dpuVCPU) / 3600
	least := sparkDPU * float64(sparkMinimum) / 3600
	b.add("Glue", "Spark", "glue_dpu_hour", j.SparkRuns*daysPerMonth*max(hours, least))
	b.add("S3", "GET", "s3_get", j.Objects*daysPerMonth*sourceReads(j.objectBytes()))
}

// pandas is the function of examples/migrate. Each call holds one object in memory
// and starts a crawl. If the crawler still runs, StartCrawler fails, so the call
// fails too, and Lambda repeats it twice.
func pandas(j Job, b *biller) {
	b.Name = "pandas Lambda, crawl per file"
	memory := math.Ceil((pandasMemory*j.objectBytes()/bytesPerMB + pandasBaseMB) * pandasHeadroom)
	if memory > maxMemoryMB {
		b.Impossible = fmt.Sprintf("an object of %.0f MB takes %.0f MB of memory; Lambda has %d", j.objectBytes()/bytesPerMB, memory, maxMemoryMB)
		return
	}
	memory = max(memory, 512)
	seconds := j.objectBytes()/bytesPerMB/(pandasMBPerSecond*min(1, memory/vCPUMemoryMB)) + pandasRoundTrips*j.LatencySeconds
	if seconds > maxInvocation {
		b.Impossible = fmt.Sprintf("an object of %.0f MB takes %.0f s; Lambda has %d", j.objectBytes()/bytesPerMB, seconds, maxInvocation)
		return
	}
	crawls := min(j.Objects, secondsPerDay/j.CrawlSeconds)
	busy := 1 - crawls/j.Objects // share of the tries that find the crawler running
	tries, p := 0.0, 1.0
	for range asyncTries {
		tries, p = tries+p, p*busy
	}
	runs := j.Objects * tries * daysPerMonth
	b.Note = fmt.Sprintf("%.1f tries an object, each of which writes its rows again; arrays of JSON only", tries)
	b.add("Lambda", "duration", "lambda_gb_second", runs*seconds*memory/1024)
	b.add("Lambda", "requests", "lambda_request", runs)
	b.add("S3", "GET", "s3_get", runs)
	b.add("S3", "PUT", "s3_put", runs)
	b.add("Glue", "crawls", "glue_dpu_hour", crawls*daysPerMonth*crawlerDPU*max(crawlMinimum, j.CrawlSeconds)/3600)
}
