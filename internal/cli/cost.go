package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/cost"
)

type costFlags struct {
	job            cost.Job
	bytes, per     string
	trigger        string
	catalog, crawl string
	prices         string
	report         string
	table          bool
}

func (a *app) costCommand() *cobra.Command {
	f := costFlags{job: cost.Defaults()}
	cmd := &cobra.Command{
		Use:   "cost --objects N --bytes B",
		Short: "Estimate what AWS charges a month, and which quotas are near",
		Long: `Estimates what a stream of objects costs a month on AWS, item by item; how much
of AWS's quotas it uses at its busiest; and what the same job costs with
Firehose, Glue Spark, and a pandas function that starts a crawler for each file.

The estimate is arithmetic: it calls no service. It counts the S3 requests that
the pipeline makes. Settings default to those of deploy/template.yaml, speeds
and waiting times to those of docs/scale.md, which explains the figures. Prices
are list prices of us-east-1 without free tier and volume discounts; --report
json names the source and date of each, and --prices overrides them.`,
		Example: `  sluice cost --objects 1000 --bytes 1GB
  sluice cost --objects 1e6 --bytes 1TB --catalog glue --memory 512
  sluice cost --objects 1e6 --bytes 1GB --table
  sluice cost --objects 30000 --bytes 30GB --per month --prices eu.yaml`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.cost(cmd, &f) },
	}
	j, flags := &f.job, cmd.Flags()
	flags.Float64Var(&j.Objects, "objects", 0, "`number` of objects a day, such as 1000 or 1e6 (required)")
	flags.StringVar(&f.bytes, "bytes", "", "their total `size` as stored, such as 1GB or 500MiB (required)")
	flags.StringVar(&f.per, "per", "day", "whether --objects and --bytes count a day or a month (of 30 days)")
	flags.Float64Var(&j.Ratio, "ratio", j.Ratio, "bytes written for each byte read")
	flags.BoolVar(&f.table, "table", false, "objects share the files of an Iceberg table; batches of 6,000 messages or 60 s, catalog glue")
	flags.Float64Var(&j.MemoryMB, "memory", j.MemoryMB, "memory setting of the function, MB; 1769 has one vCPU")
	flags.Float64Var(&j.Workers, "workers", j.Workers, "objects it works on at once (default the CPUs, 2 to 8)")
	flags.StringVar(&f.trigger, "trigger", string(j.Trigger), "how objects reach it: queue, direct or eventbridge")
	flags.Float64Var(&j.Batch, "batch", j.Batch, "most messages in one invocation")
	flags.Float64Var(&j.Window, "batch-window", j.Window, "seconds to wait until a batch is full")
	flags.Float64Var(&j.Concurrency, "concurrency", j.Concurrency, "most batches of the queue that are worked on at once")
	flags.Float64Var(&j.Timeout, "timeout", j.Timeout, "seconds that an invocation may take")
	flags.StringVar(&f.catalog, "catalog", string(j.Catalog), "how files are made known: crawler, glue or none")
	flags.StringVar(&f.crawl, "crawl", string(j.Crawl), "when the crawler is started: changed or always")
	flags.Float64Var(&j.Changes, "changes", j.Changes, "changes of columns a month; each starts a crawl")
	flags.Float64Var(&j.Peak, "peak", j.Peak, "busiest rate, as a multiple of the average")
	flags.Float64Var(&j.Keep, "keep", j.Keep, "days that the source keeps its objects")
	flags.BoolVar(&j.Storage, "storage", j.Storage, "price the storage of source and output for these days")
	flags.Float64Var(&j.Reconciles, "reconciles", j.Reconciles, "scheduled runs a day that look for lost events")
	flags.Float64Var(&j.SparkRuns, "spark-runs", j.SparkRuns, "runs a day of the Glue Spark job")
	flags.Float64Var(&j.MBPerSecond, "speed", j.MBPerSecond, "MB a second that a vCPU converts")
	flags.Float64Var(&j.NetworkMB, "network", j.NetworkMB, "most MB a second that an invocation reads")
	flags.Float64Var(&j.LatencySeconds, "latency", j.LatencySeconds, "seconds that a small request of S3 takes")
	flags.Float64Var(&j.CrawlSeconds, "crawl-seconds", j.CrawlSeconds, "seconds that a crawl keeps the crawler busy")
	flags.StringVar(&f.prices, "prices", "", "`file` of prices to use instead of those built in")
	completeWords(cmd, "per", "day", "month")
	completeWords(cmd, "trigger", string(cost.Queue), string(cost.Direct), string(cost.EventBridge))
	completeWords(cmd, "catalog", string(cost.Crawler), string(cost.Glue), string(cost.None))
	completeWords(cmd, "crawl", "changed", "always")
	complete(cmd, "prices", completeExtension("yaml", "yml"))
	reportFlag(cmd, &f.report)
	return withExits(cmd, "0  the estimate is printed", exitBad, exitFlag)
}

func (a *app) cost(cmd *cobra.Command, f *costFlags) error {
	if err := checkReport(cmd, f.report); err != nil {
		return err
	}
	if f.table {
		f.withTables(cmd.Flags())
	}
	if err := f.read(); err != nil {
		return usage(cmd, "%w", err)
	}
	prices, err := f.priceList()
	if err != nil {
		return usage(cmd, "%w", err)
	}
	e, err := cost.New(f.job, prices)
	if err != nil {
		return usage(cmd, "cost: %w", err)
	}
	if f.report == "json" {
		return printJSON(a.out, e)
	}
	a.printCost(e)
	return nil
}

// withTables sets what was not given to what tables want.
func (f *costFlags) withTables(given *pflag.FlagSet) {
	d := cost.TableDefaults()
	f.job.Tables = true
	for _, o := range []struct {
		name string
		v    *float64
		want float64
	}{{"batch", &f.job.Batch, d.Batch}, {"batch-window", &f.job.Window, d.Window}, {"concurrency", &f.job.Concurrency, d.Concurrency}} {
		if !given.Changed(o.name) {
			*o.v = o.want
		}
	}
	if !given.Changed("catalog") {
		f.catalog = string(d.Catalog)
	}
}

// read fills the job from the options that are text.
func (f *costFlags) read() error {
	j := &f.job
	if j.Objects == 0 || f.bytes == "" {
		return errors.New("--objects and --bytes are required")
	}
	var err error
	if j.Bytes, err = parseSize(f.bytes); err != nil {
		return fmt.Errorf("--bytes: %w", err)
	}
	switch f.per {
	case "day":
	case "month":
		j.Objects, j.Bytes = j.Objects/30, j.Bytes/30
	default:
		return fmt.Errorf("unknown --per %q; use day or month", f.per)
	}
	switch j.Trigger = cost.Trigger(f.trigger); j.Trigger {
	case cost.Queue, cost.Direct, cost.EventBridge:
	default:
		return fmt.Errorf("unknown --trigger %q; use queue, direct or eventbridge", f.trigger)
	}
	switch j.Catalog = cost.Catalog(f.catalog); j.Catalog {
	case cost.Crawler, cost.Glue, cost.None:
	default:
		return fmt.Errorf("unknown --catalog %q; use crawler, glue or none", f.catalog)
	}
	switch j.Crawl = cost.Crawl(f.crawl); j.Crawl {
	case cost.Changed, cost.Always:
	default:
		return fmt.Errorf("unknown --crawl %q; use changed or always", f.crawl)
	}
	return nil
}

func (f *costFlags) priceList() (cost.Prices, error) {
	prices, err := cost.ListPrices()
	if err != nil || f.prices == "" {
		return prices, err
	}
	file, err := os.ReadFile(f.prices)
	if err != nil {
		return cost.Prices{}, fmt.Errorf("read prices: %w", err)
	}
	if prices, err = prices.Override(f.prices, file); err != nil {
		return cost.Prices{}, err
	}
	return prices, nil
}

// sizeUnits are SI and IEC 80000-13 multiples, as in a mapping's limits.
var sizeUnits = map[string]float64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
}

func parseSize(s string) (float64, error) {
	number := strings.TrimRight(s, "BiKMGTP")
	unit, known := sizeUnits[s[len(number):]]
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is no size such as 1GB, 1.5TB, 500MiB or 1000000", s)
	}
	return v * unit, nil
}

func (a *app) printCost(e cost.Estimate) {
	j := e.Job
	fmt.Fprintln(a.out, a.out.wrap(0, 2, fmt.Sprintf("%s objects a day of %s, %s a day; %s MB of memory, trigger %s, catalog %s; %s",
		amount(j.Objects), size(j.Bytes/j.Objects), size(j.Bytes), amount(j.MemoryMB), j.Trigger, j.Catalog, e.Prices.Region)))
	var rows [][]string
	for _, i := range e.Sluice.Items {
		rows = append(rows, []string{i.Service, i.Name, amount(i.Quantity) + " " + unitOf(i), dollars(i.USD)})
	}
	printTable(a.out, []string{"sluice", "", "a month", "USD a month"}, append(rows, []string{"all", "", "", dollars(e.Sluice.USD)}))

	rows = [][]string{{e.Sluice.Name, dollars(e.Sluice.USD)}}
	for _, b := range e.Peers {
		price := dollars(b.USD)
		if b.Impossible != "" {
			price = "impossible"
		}
		rows = append(rows, []string{b.Name, price})
	}
	printTable(a.out, []string{"the same job with", "USD a month"}, rows)
	for _, b := range e.Peers {
		fmt.Fprintln(a.out, a.out.wrap(0, 4, "  "+b.Name+": "+b.Note+b.Impossible))
	}

	rows = nil
	for _, l := range e.Limits {
		mark := ""
		if l.Exceeded() {
			mark = "over"
		}
		rows = append(rows, []string{l.Name, amount(l.Value) + l.Unit, amount(l.Max) + l.Unit, mark})
	}
	printTable(a.out, []string{fmt.Sprintf("at %gx the average", j.Peak), "here", "quota", ""}, rows)
	for _, l := range e.Limits {
		if l.Exceeded() {
			fmt.Fprintln(a.out, a.out.wrap(0, 4, "  over: "+l.Name+": "+l.Beyond))
		}
	}
}

// unitOf is the plural of an item's unit, where it has one.
func unitOf(i cost.Item) string {
	if i.Quantity == 1 || i.Unit == "GB" || strings.HasPrefix(i.Unit, "GB-m") {
		return i.Unit
	}
	return i.Unit + "s"
}

// amount writes a number with as many digits as an estimate deserves.
func amount(v float64) string {
	if v != 0 && v < 100 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return grouped(int64(math.Round(v)))
}

func dollars(v float64) string {
	cents := int64(math.Round(v * 100))
	return fmt.Sprintf("%s.%02d", grouped(cents/100), cents%100)
}
