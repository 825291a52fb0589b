package cost

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A bill of round numbers, computed by hand.
func TestBill(t *testing.T) {
	j := Defaults()
	j.Objects, j.Bytes = 86_400, 86_400*100e6 // one of 100 MB each second
	j.Ratio, j.MBPerSecond, j.NetworkMB, j.LatencySeconds = 0.1, 100, 200, 0.1
	j.Catalog, j.Storage, j.Keep, j.Reconciles, j.Window = Glue, true, 10, 0, 5
	e, err := New(j, list(t))
	if err != nil {
		t.Fatal(err)
	}
	// A batch has 5 objects, of a window of 5 s: 17,280 invocations a day, of
	// which 2 objects are worked on at once by 1 vCPU: 5 s, not 3 rounds of
	// 1.9 s, which is longer: 5.7 s. And 0.1 s for the catalog: 5.8 s.
	// 10 MB of output are 2 parts: 4 calls. 100 MB of source are 24 ranges.
	want := map[string]float64{
		"Lambda duration":        17_280 * 30 * 5.8 * 1769 / 1024,
		"Lambda requests":        17_280 * 30,
		"S3 PUT, POST, LIST":     86_400 * 30 * (2 + 4),
		"S3 GET, HEAD":           86_400 * 30 * (3 + 24),
		"S3 storage of both":     8_640 * 10 * 1.1,
		"SQS messages":           30 * (86_400 + 2*17_280),
		"SQS polling while idle": 30 * 5 * 4320,
		"CloudWatch logs":        30 * (86_400*430 + 17_280*1360) / 1e9,
		"CloudWatch metrics":     6,
		"CloudWatch alarms":      8,
		"CloudWatch dashboard":   1,
		"Glue catalog requests":  17_280 * 30,
	}
	got, sum := map[string]float64{}, 0.0
	for _, i := range e.Sluice.Items {
		got[i.Service+" "+i.Name] = i.Quantity
		if i.USD != i.Quantity*e.Prices.Prices[i.Price].USD {
			t.Errorf("%s: USD %v", i.Name, i.USD)
		}
		sum += i.USD
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(close9)); diff != "" {
		t.Errorf("quantities (-want +got):\n%s", diff)
	}
	if !close9(sum, e.Sluice.USD) {
		t.Errorf("sum %v, total %v", sum, e.Sluice.USD)
	}
	// GB-seconds and requests are prices times: 1,038 and 0.10 dollars.
	if d := e.Sluice.Items[0].USD; math.Abs(d-69.26) > 0.01 {
		t.Errorf("duration costs %.2f", d)
	}

	// 259,200 GB a month of 0.047 dollars, and a file of each 128 MiB.
	if d := e.Peers[0].USD; math.Abs(d-(259_200*0.047+9.66)) > 0.01 {
		t.Errorf("Firehose costs %.2f", d)
	}
	// 360 GB an hour at 60 MB a second and DPU: 1.667 hours of a DPU.
	if d := e.Peers[1].USD; math.Abs(d-(720*(100.0/60)*0.44+86_400*30*24*4e-7)) > 0.01 {
		t.Errorf("Glue Spark costs %.2f", d)
	}
	// 720 crawls of 10 minutes with 2 DPU a day.
	if i := e.Peers[2].Items[4]; i.Quantity != 720*30*2/6.0 {
		t.Errorf("crawls: %+v", i)
	}
}

func close9(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a)) }

func TestCrawlsAreBounded(t *testing.T) {
	for _, c := range []struct {
		objects float64
		crawl   Crawl
		crawls  float64
	}{{100, Always, 100}, {1e6, Always, 720}, {100, Changed, 2.0 / 30}, {1e6, Changed, 2.0 / 30}} {
		j := Defaults()
		j.Objects, j.Bytes, j.Crawl, j.Changes = c.objects, c.objects*1e6, c.crawl, 2
		if j.crawls() != c.crawls {
			t.Errorf("%v objects, %s: %v crawls a day, want %v", c.objects, c.crawl, j.crawls(), c.crawls)
		}
	}
}

// What docs/scale.md and the README promise: a gigabyte a day in a thousand
// objects, as the template sets everything up, for less than 20 dollars a month.
func TestDefaultBill(t *testing.T) {
	j := Defaults()
	j.Objects, j.Bytes = 1000, 1e9
	for _, c := range []Catalog{Crawler, Glue, None} {
		j.Catalog = c
		e, err := New(j, list(t))
		if err != nil {
			t.Fatal(err)
		}
		if e.Sluice.USD >= 20 || e.Sluice.USD < 5 {
			t.Errorf("%s: %.2f dollars a month", e.Sluice.Name, e.Sluice.USD)
		}
	}
	j.Catalog, j.Crawl = Crawler, Always
	if e, err := New(j, list(t)); err != nil || e.Sluice.USD < 3000 {
		t.Errorf("%s: %.2f dollars a month, %v", e.Sluice.Name, e.Sluice.USD, err)
	}
}

func TestPandasImpossible(t *testing.T) {
	for mb, want := range map[float64]string{100: "", 700: "", 900: "memory"} {
		j := Defaults()
		j.Objects, j.Bytes = 1000, 1000*mb*1e6
		e, err := New(j, list(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Peers[2].Impossible; (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%v MB: %q", mb, got)
		}
	}
}

// Whatever the job: figures are finite, totals are sums, and more bytes or more
// objects never cost less.
func TestBillProperties(t *testing.T) {
	prices := list(t)
	rapid.Check(t, func(t *rapid.T) {
		j := Defaults()
		j.Objects = rapid.Float64Range(1, 1e8).Draw(t, "objects")
		// A job has at most 1e18 bytes a day, and they are doubled below.
		j.Bytes = j.Objects * rapid.Float64Range(1, min(1e10, 0.49e18/j.Objects)).Draw(t, "size")
		j.MemoryMB = rapid.Float64Range(128, 10_240).Draw(t, "memory")
		j.Trigger = rapid.SampledFrom([]Trigger{Queue, Direct, EventBridge}).Draw(t, "trigger")
		j.Catalog = rapid.SampledFrom([]Catalog{Crawler, Glue, None}).Draw(t, "catalog")
		j.Storage = rapid.Bool().Draw(t, "storage")
		j.Batch = float64(rapid.IntRange(1, 1000).Draw(t, "batch"))
		bill := func(j Job) Estimate {
			e, err := New(j, prices)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range append(e.Peers, e.Sluice) {
				sum := 0.0
				for _, i := range b.Items {
					if !(i.Quantity >= 0) || math.IsInf(i.Quantity, 0) {
						t.Fatalf("%s %s: %v", b.Name, i.Name, i.Quantity)
					}
					sum += i.USD
				}
				if !close9(sum, b.USD) {
					t.Fatalf("%s: items %v, total %v", b.Name, sum, b.USD)
				}
			}
			return e
		}
		before := bill(j)
		j.Bytes *= 2 // larger objects
		larger := bill(j)
		j.Objects *= 2 // and then smaller again, but twice as many
		if more := bill(j); larger.Sluice.USD < before.Sluice.USD || j.Trigger == Direct && more.Sluice.USD < before.Sluice.USD {
			t.Fatalf("cost %v, of larger objects %v, of more %v", before.Sluice.USD, larger.Sluice.USD, more.Sluice.USD)
		}
	})
}

func TestJobBounds(t *testing.T) {
	for name, change := range map[string]func(*Job){
		"objects": func(j *Job) { j.Objects = 0 },
		"bytes":   func(j *Job) { j.Bytes = math.NaN() },
		"memory":  func(j *Job) { j.MemoryMB = 20_000 },
		"peak":    func(j *Job) { j.Peak = 0.5 },
		"changes": func(j *Job) { j.Changes = -1 },
		"latency": func(j *Job) { j.LatencySeconds = 0 },
	} {
		j := Defaults()
		j.Objects, j.Bytes = 1, 1
		change(&j)
		if _, err := New(j, list(t)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	j := Defaults()
	j.Objects, j.Bytes, j.Ratio = 864_000, 864_000*2e12, 0.1 // 2 TB each, ten a second
	j.Crawl, j.LatencySeconds, j.Reconciles = Always, 1, 1   // a slow store, looked at once a day
	over := map[string]bool{}
	for _, l := range limits(j) {
		over[l.Name] = l.Exceeded()
		if l.Source == "" || l.Beyond == "" {
			t.Errorf("%s has no source, or does not say what happens", l.Name)
		}
	}
	for _, name := range []string{"time of an invocation", "concurrent executions", "S3 writes, busiest prefix",
		"S3 reads, busiest prefix", "parts of an output", "batches of the queue at once", "commits that start a crawl", "objects a scheduled run verifies"} {
		if !over[name] {
			t.Errorf("%s is not over", name)
		}
	}
	j.Objects, j.Bytes, j.Catalog, j.Keep = 100, 1e8, Glue, 1
	for _, l := range limits(j) {
		if l.Exceeded() {
			t.Errorf("%s is over: %v", l.Name, l.Value)
		}
	}
}

func list(t *testing.T) Prices {
	t.Helper()
	p, err := ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every price says where it is from and when it was read, and is used.
func TestPriceSources(t *testing.T) {
	p := list(t)
	used := map[string]bool{}
	for _, trigger := range []Trigger{Queue, EventBridge} {
		for _, c := range []Catalog{Crawler, Glue} {
			j := Defaults()
			j.Objects, j.Bytes, j.Trigger, j.Catalog, j.Storage = 1000, 1e9, trigger, c, true
			e, err := New(j, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range append(e.Peers, e.Sluice) {
				for _, i := range b.Items {
					used[i.Price] = true
				}
			}
		}
	}
	for name, price := range p.Prices {
		if _, err := time.Parse(time.DateOnly, price.Read); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(price.Source, "https://aws.amazon.com/") || price.Unit == "" || price.USD <= 0 {
			t.Errorf("%s: %+v", name, price)
		}
		if !used[name] {
			t.Errorf("%s is used nowhere", name)
		}
	}
}

func TestOverride(t *testing.T) {
	p := list(t)
	got, err := p.Override("eu.yaml", []byte("region: eu-central-1\nprices:\n  logs_gb: {usd: 0.63, source: https://example.com/}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Price{USD: 0.63, Unit: "GB", Source: "https://example.com/"}
	if got.Region != "eu-central-1" || got.Prices["logs_gb"] != want || got.Prices["s3_put"] != p.Prices["s3_put"] {
		t.Errorf("%+v", got)
	}
	if p.Prices["logs_gb"].USD != 0.5 {
		t.Error("the list itself has changed")
	}
	for file, want := range map[string]string{
		"prices: {logs_gb: free}":               "eu.yaml:1: logs_gb must have keys (usd, ",
		"prices: {logs_gb: {usd: free}}":        "eu.yaml:1: logs_gb: usd must be 0 or more",
		"prices: {log_gb: {usd: 1}}":            "did you mean logs_gb?",
		"prices: none":                          "eu.yaml:1: prices must have keys",
		"region: [eu]":                          "eu.yaml:1: region must be one value, found a list",
		"prices: {logs: {usd: 1}}":              `unknown price "logs"; known are alarm_month`,
		"prices: {logs_gb: {usd: -1}}":          "usd must be 0 or more",
		"prices: {logs_gb: {usd: .nan}}":        "usd must be 0 or more",
		"prices: {logs_gb: {usd: 1, unit: kB}}": "for one GB, not kB",
		"prices: {logs_gb: {price: 1}}":         `eu.yaml:1: logs_gb: unknown key "price"; use usd, unit, source, read, confirmed, note`,
		"logs_gb: 1":                            `eu.yaml:1: price list: unknown key "logs_gb"; use region, prices`,
	} {
		if _, err := p.Override("eu.yaml", []byte(file)); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
