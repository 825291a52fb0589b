package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/atomicfile"
	"sluice/internal/suggest"
	"sluice/mapping"
)

const maxThreads = 8

type convertFlags struct {
	output, mapping, sourceKey, quarantine, codec, report string
	threads                                               int
}

func (a *app) convertCommand() *cobra.Command {
	var f convertFlags
	cmd := &cobra.Command{
		Use:   "convert IN... -o OUT",
		Short: "Convert JSON files or standard input to Parquet",
		Long: `Converts JSON (an array, a wrapped array, one document, NDJSON, concatenated
documents; plain, gzip or zstd) to Parquet. IN is a file; a folder, for all
files below it but hidden ones; a pattern in quotes, in which ** stands for any
folders; or - for standard input, which is also read when no IN is given and it
is not a terminal.

OUT is a file; or - for standard output; or a folder, when it exists, ends in /,
there are several IN, or the mapping has several tables. In a folder,
orders.json.gz becomes orders.parquet, and with several tables
TABLE/orders.parquet. Folders below a named folder, or below the part of a
pattern without *, are kept: raw/dt=1/a.json becomes OUT/dt=1/a.parquet. An
input or the mapping is never overwritten, even under another name.

An output appears whole or not at all: after an error or a reject the older file
is unchanged. Bytes sent to standard output, a FIFO or a device cannot be taken
back: they are a Parquet file only if the exit code is 0 or 3. The summary or
report then goes to standard error.

Quarantined records go to OUT.quarantine.ndjson beside the output. The file
belongs to the output: it is replaced with it, and removed with the next output
that has no quarantined records. A file that --quarantine names (- for standard
output) is written even if it is empty. A quarantine file can be converted like
any other input. If every record is quarantined, the output is a file with the
columns and no rows.

--report json prints one JSON object: the counts of one input, or the totals
and "files" for several; "error" says what failed. The outcome is empty if the
input failed before it was judged.`,
		Example: `  sluice convert orders.json -o orders.parquet
  sluice convert raw/ -o parquet/ -m orders.yaml --report json
  sluice convert 'raw/**/*.json.gz' -o parquet/
  zcat a.json.gz | sluice convert -o - --quarantine bad.ndjson > a.parquet`,
		RunE: func(cmd *cobra.Command, inputs []string) error { return a.convert(cmd, f, inputs) },
	}
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "output `file` or folder; - for standard output")
	mappingFlag(cmd, &f.mapping)
	sourceKeyFlag(cmd, &f.sourceKey)
	cmd.Flags().StringVar(&f.quarantine, "quarantine", "", "`file` for quarantined records; a folder with several inputs (default beside the output)")
	codecs := sluice.Codecs()
	cmd.Flags().StringVar(&f.codec, "codec", codecs[0], "compression of the pages: "+suggest.OneOf(codecs))
	completeWords(cmd, "codec", codecs...)
	cmd.Flags().IntVar(&f.threads, "threads", defaultThreads(), fmt.Sprintf("row groups worked on at once; the default is the number of CPUs, at most %d", maxThreads))
	reportFlag(cmd, &f.report)
	return withExits(cmd, exitAll, "1  something failed or was rejected; a missing input file is such a failure", exitWrong, exitHeld)
}

func defaultThreads() int { return min(runtime.GOMAXPROCS(0), maxThreads) }

func (a *app) convert(cmd *cobra.Command, f convertFlags, inputs []string) error {
	if len(inputs) == 0 && !isTerminal(a.in) {
		inputs = []string{"-"}
	}
	switch {
	case len(inputs) == 0:
		return usage(cmd, "no input: name a file, or pipe JSON in")
	case f.output == "":
		return usage(cmd, "no output: name it with -o OUT")
	case !slices.Contains(sluice.Codecs(), f.codec):
		return usage(cmd, "unknown codec %q; use %s", f.codec, suggest.OneOf(sluice.Codecs()))
	case f.sourceKey != "" && len(inputs) > 1:
		return usage(cmd, "--source-key is the key of one input, and there are %d; leave it out, and name each file by its key, from the folder where keys begin", len(inputs))
	case f.threads < 1:
		return usage(cmd, "--threads %d: at least one is needed", f.threads)
	}
	if err := checkReport(cmd, f.report); err != nil {
		return err
	}
	files, err := expandFiles(inputs)
	if err != nil {
		return err
	}
	m, err := a.loadMapping(cmd, f.mapping)
	if err != nil {
		return err
	}
	jobs, err := a.plan(m, a.mappingFile(f.mapping), files, f.output, f.quarantine)
	if err != nil {
		return usage(cmd, "%w", err)
	}

	c := &converter{app: a, mapping: m, isUnnamed: a.isUnnamed(f.mapping), sourceKey: f.sourceKey, codec: sluice.Codec(f.codec), threads: f.threads}
	c.meter = inputMeter{meter: newMeter(a.errw), all: totalSize(jobs)}
	run := runReport{mapping: usedMapping(a.mappingName(f.mapping), m), start: time.Now(), streamed: slices.ContainsFunc(jobs, func(j job) bool { return j.streamed() })}
	sweep(jobs)
	for _, j := range jobs {
		run.files = append(run.files, c.run(cmd.Context(), j))
		if cmd.Context().Err() != nil {
			break
		}
	}
	c.meter.end()
	return a.reportRun(&run, f)
}

// sweep removes the hidden files that killed commands have left in the folders
// of the outputs. They hold personal data.
func sweep(jobs []job) {
	folders := map[string]bool{}
	for _, j := range jobs {
		for _, name := range append(slices.Clone(j.tables), j.quarantine) {
			if name != "" && !isStream(name) {
				folders[filepath.Dir(name)] = true
			}
		}
	}
	for folder := range folders {
		atomicfile.Sweep(folder)
	}
}

// converter is what the jobs of one command share.
type converter struct {
	*app
	mapping   *mapping.Mapping
	isUnnamed bool // it is the default, to be used where it fits
	sourceKey string
	codec     sluice.Codec
	threads   int
	meter     inputMeter
}

// run does one job. Nothing is visible before everything is written, and the
// quarantine file appears before the rows that lack its records.
func (c *converter) run(ctx context.Context, j job) fileReport {
	stats, err := c.try(ctx, j)
	err = stopped(err, "nothing was committed")
	stats.Add(sluice.Stats{}) // maps, not null, also of an input that could not be opened
	r := fileReport{Input: j.input, Stats: stats, err: err, tables: len(j.tables)}
	if err != nil {
		r.Error = errorText(err)
		if reject := new(sluice.RejectError); !errors.As(err, &reject) {
			r.Outcome, r.Reason = "", ""
		}
		return r
	}
	r.Output = j.output
	if stats.RecordsQuarantined > 0 {
		r.Quarantine = j.quarantine
	}
	return r
}

func (c *converter) try(ctx context.Context, j job) (sluice.Stats, error) {
	src, err := c.open(ctx, j.input)
	if err != nil {
		return sluice.Stats{}, err
	}
	defer src.close()
	defer c.meter.next(src.size)
	if c.isUnnamed {
		if err := refuseDefault(ctx, src, j.input); err != nil {
			return sluice.Stats{}, err
		}
	}
	opts := &sluice.Options{
		Codec: c.codec, Threads: c.threads, Source: cmp.Or(c.sourceKey, src.name), Size: src.size,
		Quarantine: noQuarantine{}, Progress: c.meter.report(),
	}
	var files jobFiles
	defer files.abort()
	if err := files.create(c, j, opts); err != nil {
		return sluice.Stats{}, err
	}
	// The reader itself, which may be a file.
	stats, err := sluice.Convert(ctx, files.dst, src.Reader, c.mapping, opts)
	if err != nil {
		return stats, err
	}
	// The last moment at which an interrupt can still be obeyed.
	if err := ctx.Err(); err != nil {
		return stats, err
	}
	return stats, files.commit(stats.RecordsQuarantined > 0)
}

// totalSize is the number of bytes of all inputs, -1 if it cannot be known.
func totalSize(jobs []job) int64 {
	var total int64
	for _, j := range jobs {
		info, err := os.Stat(j.input)
		switch {
		case j.input == "-", err == nil && !info.Mode().IsRegular():
			return -1
		case err == nil:
			total += info.Size()
		}
	}
	return total
}
