package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/awslambda"
	"sluice/internal/config"
	"sluice/internal/lake"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
)

const (
	demoHead = 5  // lines of the input to show
	demoRaw  = 72 // characters of a quarantined record

	demoAddress = "127.0.0.1:0" // any free port: another page may have the usual one
)

// demoColumns are columns that fit a terminal of 80 characters.
var demoColumns = []string{"order_id", "total_amount", "product_name", "product_price", "product_quantity"}

func (a *app) demoCommand() *cobra.Command {
	var dir string
	var table, page, open bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See a file become a table: event, commit, quarantine, ledger, sums",
		Long: `Puts four orders, one of them broken, into a folder that stands for a bucket.
Then it gives the Lambda handler the notification that S3 sends for such an
upload. After that the notification comes a second time, and the file is
uploaded again with the broken order fixed. Nothing is written outside the
folder; the orders are the same every time.

With --table the rows go into an Iceberg table, whose files many objects share.
With --serve the page of "sluice serve" follows, over the same folder. It may
change what is there.`,
		Example: "  sluice demo\n  sluice demo --dir try-sluice\n  sluice demo --table\n  sluice demo --serve --open",
		Args:    args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if open && !page {
				return usage(cmd, "--open opens the page of --serve; add --serve")
			}
			return a.demo(cmd, dir, table, page, open)
		},
	}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	cmd.Flags().StringVar(&dir, "dir", "", "`folder` to use, new or empty (default a new one for temporary files)")
	cmd.Flags().BoolVar(&table, "table", false, "put the rows into an Iceberg table")
	cmd.Flags().BoolVar(&page, "serve", false, "then show the folder in the browser, until Ctrl-C")
	cmd.Flags().BoolVar(&open, "open", false, "with --serve: open the page in the browser")
	complete(cmd, "dir", completeFolder)
	return withExits(cmd, "0  everything went as shown", exitBad, exitFlag)
}

func (a *app) demo(cmd *cobra.Command, dir string, table, page, open bool) error {
	files, err := openDemo(cmd, dir)
	if err != nil {
		return err
	}
	files.table = table
	c, err := a.showDemo(cmd.Context(), files)
	if err != nil {
		files.remove()
		return err
	}
	fmt.Fprintln(a.out)
	if !page {
		a.printNext(files)
		return nil
	}
	f := serveFlags{listen: demoAddress, open: open}
	f.config, f.lake = files.config, files.dir
	return a.serveConfig(cmd.Context(), c, f, nil)
}

// demoRun is what the notifications are handed to.
type demoRun struct {
	*app
	demoFiles
	setup   *setup.Setup
	handler *awslambda.Handler
}

// showDemo goes through the steps of the demo and prints what happens. It returns the
// configuration, in which the environment has no part.
func (a *app) showDemo(ctx context.Context, files demoFiles) (c config.Config, err error) {
	if err := files.write(); err != nil {
		return c, err
	}
	c, err = config.Load(files.config, func(string) string { return "" })
	if err != nil {
		return c, err
	}
	s, err := setup.New(ctx, c, files.dir, nil)
	if err != nil {
		return c, err
	}
	defer s.Close()
	d := &demoRun{a, files, s, awslambda.New(s, slog.New(slog.DiscardHandler), nil)}

	fmt.Fprintf(a.out, "Four orders come as a file into a bucket, here a folder:\n  %s\n", visible(d.object))
	d.printHead(demoOrders)
	fmt.Fprintln(a.out, "\nThe Lambda function gets the notification of S3, event.json:")
	entry, err := d.notify(ctx)
	if err != nil {
		return c, err
	}
	rows, err := d.readRows(ctx)
	if err != nil {
		return c, err
	}
	printValues(d.out, demoColumns, rows, d.out.width)
	fmt.Fprintln(a.out, "One order is not among the rows. It is in quarantine, whole, with the reason:")
	if err := d.printQuarantined(ctx, entry); err != nil {
		return c, err
	}

	fmt.Fprintln(a.out, "\nThe same notification once more, as S3 may send it:")
	if _, err := d.notify(ctx); err != nil {
		return c, err
	}
	fmt.Fprintf(a.out, "\nThe file again, under the same name, now with the price %s:\n", demoFixed)
	if err := d.upload(strings.Replace(demoOrders, demoBroken, demoFixed, 1)); err != nil {
		return c, err
	}
	if entry, err = d.notify(ctx); err != nil {
		return c, err
	}
	if rows, err = d.readRows(ctx); err != nil {
		return c, err
	}
	d.printSums(entry, rows)
	return c, d.printFiles(ctx)
}

// notify hands the notification to the handler and says what came of it.
func (d *demoRun) notify(ctx context.Context) (*ledger.Entry, error) {
	event, err := d.readEvent(d.event)
	if err != nil {
		return nil, err
	}
	sum, _, err := d.handler.Invoke(ctx, event)
	if err != nil {
		return nil, fmt.Errorf("process %s: %w", d.event, err)
	}
	entry, err := d.setup.Target.Entry(ctx, demoBucket, demoKey)
	if err != nil {
		return nil, err
	}
	if n := countObjects(sum.Objects); n.Duplicate > 0 {
		fmt.Fprintf(d.out, "  duplicate: this upload was processed before, the table keeps its %s\n", plural(entry.State.RowsWritten, "row"))
	} else {
		fmt.Fprintf(d.out, "  committed: of %s %d committed, %d quarantined; the table has %s\n", plural(sum.Stats.RecordsRead, "record"),
			sum.Stats.RecordsCommitted, sum.Stats.RecordsQuarantined, plural(entry.State.RowsWritten, "row"))
	}
	return &entry, nil
}

func (d *demoRun) printHead(text string) {
	for i, line := range strings.Split(text, "\n") {
		if i == demoHead {
			fmt.Fprintln(d.out, "  …")
			return
		}
		fmt.Fprintf(d.out, "  %s\n", line)
	}
}

// readRows are the rows of the table, of demoColumns.
func (d *demoRun) readRows(ctx context.Context) ([][]string, error) {
	at := lake.New(func() *setup.Setup { return d.setup })
	v, rows, err := at.Rows(ctx, d.setup.Tables[0].Schema.Table, 0, lake.MaxRows)
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	chosen := make([][]string, len(rows))
	for _, name := range demoColumns {
		c, err := v.Column(name)
		if err != nil {
			return nil, fmt.Errorf("read back: %w", err)
		}
		for r, row := range rows {
			value := ""
			if row[c] != nil {
				value = *row[c]
			}
			chosen[r] = append(chosen[r], value)
		}
	}
	return chosen, nil
}

// printFiles shows what an Iceberg table consists of.
func (d *demoRun) printFiles(ctx context.Context) error {
	t, is := d.setup.Target.(*pipeline.Tables)
	if !is {
		return nil
	}
	seen, err := t.See(ctx)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	fmt.Fprintln(d.out, "\nEach upload was a snapshot of the table, in one step. Readers may open both:")
	for i, s := range seen.Heads[0].Metadata().Snapshots {
		n := s.Summary
		fmt.Fprintf(d.out, "  snapshot %d: data files %s, rows in them %s, delete files %s, rows these take out %s\n",
			i+1, n["total-data-files"], n["total-records"], n["total-delete-files"], n["total-position-deletes"])
	}
	fmt.Fprintln(d.out, "No row of the first file counts any more, so the second snapshot does without it.")
	return nil
}

func (d *demoRun) printQuarantined(ctx context.Context, e *ledger.Entry) error {
	file, err := d.setup.Pipeline.Quarantine.Open(ctx, e.State.Quarantine)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer file.Close()
	line, err := bufio.NewReader(file).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return fmt.Errorf("read back: %w", err)
	}
	var q struct {
		Reason, Path, Raw string
		Record            int
	}
	if err := json.Unmarshal(line, &q); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	raw := []rune(strings.Join(strings.Fields(q.Raw), " "))
	fmt.Fprintf(d.out, "  record %d, counted from 0: %s at %s\n  %s…\n", q.Record, q.Reason, q.Path, visible(string(raw[:min(len(raw), demoRaw)])))
	return nil
}

// printSums shows the sums of the ledger, and the order totals that the last of them
// is the sum of.
func (d *demoRun) printSums(e *ledger.Entry, rows [][]string) {
	const price, total = "order_lines.product_price", "order_lines.total_amount"
	sums, once := e.State.Sums, e.State.RecordSums
	fmt.Fprintf(d.out, `
The ledger keeps the exact sums of the rows. SQL on the table gives the same:
  product_price  %s
  total_amount   %s, as each line of an order repeats it
                 %s, if each order counts once:
`, sums[price], sums[total], once[total])
	var bars []point
	for i, row := range rows {
		if i > 0 && row[0] == rows[i-1][0] {
			continue // another line of the same order
		}
		y, _ := strconv.ParseFloat(row[1], 64) // the length of the bar; the text is exact
		bars = append(bars, point{"  order " + row[0], row[1], y})
	}
	width := chartWidth
	if d.out.width > 0 {
		width = min(width, d.out.width)
	}
	printBars(d.out, bars, width)
}

// printNext says what else to try.
func (a *app) printNext(d demoFiles) {
	files := "\n  duckdb -c \"SELECT sum(product_price), sum(total_amount) FROM '*/*/*.parquet'\""
	if d.table {
		files = "" // some have rows that do not count
	}
	fmt.Fprintf(a.out, `More to try:
  cd %s%s
  sluice serve --lake . --open                  # the page in the browser
  sluice query --lake . 'FROM order_lines'      # SQL, if DuckDB is installed
  sluice convert orders.json -o orders.parquet  # one file, no bucket
`, shellQuote(d.dir), files)
}
