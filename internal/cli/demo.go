package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/awslambda"
	"sluice/internal/config"
	"sluice/internal/ledger"
	"sluice/internal/setup"
)

const (
	demoRows    = 8
	demoLines   = 22 // of the input; of the mapping
	demoColumns = 6
)

// demoShown are columns that fit a terminal of 120 characters.
var demoShown = [demoColumns]string{"order_id", "order_date", "customer_name", "product_name", "product_price", "product_quantity"}

func (a *app) demoCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See a file become a table: event, commit, ledger, catalog, quarantine",
		Long: `Puts generated orders, some of them broken, into a folder that stands for a
bucket, writes the notification that S3 sends of such an upload, and hands it to
the handler of the Lambda function. Then it shows what came of it. Nothing is
written outside the folder; the orders are the same every time.

In the folder of an earlier demo it hands the same notification in again, as S3
may do: nothing is written twice.`,
		Example: "  sluice demo\n  sluice demo --dir try-sluice",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd, dir) },
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`folder` to use: new, empty, or of an earlier demo (default a new one for temporary files)")
	return cmd
}

func (a *app) demo(cmd *cobra.Command, dir string) error {
	d, again, err := openDemo(cmd, dir)
	if err != nil {
		return err
	}
	if !again {
		if err := d.write(); err != nil {
			d.remove()
			return err
		}
	}
	if err := a.showDemo(cmd.Context(), d, again); err != nil {
		if !again {
			d.remove()
		}
		return err
	}
	return nil
}

// showDemo hands the notification to the handler and tells the story.
func (a *app) showDemo(ctx context.Context, d demoFiles, again bool) error {
	c, err := config.Load(d.config, func(string) string { return "" })
	if err != nil {
		return err
	}
	s, err := setup.New(ctx, c, d.dir, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	event, err := a.readEvent(d.event)
	if err != nil {
		return err
	}
	started := time.Now()
	sum, _, err := awslambda.New(s, slog.New(slog.DiscardHandler), nil).Invoke(ctx, event)
	took := time.Since(started)
	if err != nil {
		return fmt.Errorf("process %s: %w", d.event, err)
	}
	entry, _, err := s.Pipeline.Ledger.Get(ctx, demoBucket, demoKey)
	if err != nil {
		return err
	}
	if again {
		fmt.Fprintf(a.out, "The notification of the earlier demo, %s, once more, as S3 may send it twice.\n", visible(d.event))
	} else {
		if err := a.printDemoInput(d); err != nil {
			return err
		}
		output := filepath.Join(d.dir, demoBucket, filepath.FromSlash(entry.Outputs[0].Key))
		fmt.Fprintln(a.out, "\nThe rows:")
		if err := printDemoRows(a.out, output, entry.State.RowsWritten); err != nil {
			return err
		}
	}
	n := countObjects(sum.Objects)
	fmt.Fprintf(a.out, "\nWhat the handler did, in %s:\n  objects  %d committed, %d duplicate, %d rejected\n",
		took.Round(time.Millisecond), n.Committed, n.Duplicate, n.Rejected)
	printCounts(a.out, &sum.Stats)
	printReasons(a.out, &sum.Stats)
	if n.Duplicate > 0 {
		fmt.Fprintf(a.out, "The ledger knows this state of the object: nothing was read or written again, the table has its %s.\n",
			plural(entry.State.RowsWritten, "row"))
	}
	a.printDemoPlaces(d, &entry, s)
	return nil
}

func (a *app) printDemoInput(d demoFiles) error {
	for _, part := range []struct{ title, file string }{
		{fmt.Sprintf("An order, as %s holds %s, some of them broken:", visible(d.orders), plural(demoOrders, "order")), d.orders},
		{fmt.Sprintf("The mapping, %s:", visible(d.mapping)), d.mapping},
	} {
		fmt.Fprintln(a.out, part.title)
		if err := printHead(a.out, part.file, demoLines); err != nil {
			return err
		}
		fmt.Fprintln(a.out)
	}
	fmt.Fprintf(a.out, "The upload into the bucket, and what S3 notifies us of, %s:\n  ObjectCreated:Put  s3://%s/%s\n",
		visible(d.event), demoBucket, demoKey)
	return nil
}

// printDemoPlaces says where everything is and what to do with it.
func (a *app) printDemoPlaces(d demoFiles, e *ledger.Entry, s *setup.Setup) {
	table := s.Tables[0]
	fmt.Fprintf(a.out, "\nWhere things are, in %s:\n", visible(filepath.Join(d.dir, demoBucket)))
	for _, place := range [][2]string{
		{"object", e.Key},
		{"rows", e.Outputs[0].Key},
		{"ledger", s.Config.Ledger.Prefix + ledger.ID(e.Bucket, e.Key) + ".json"},
		{"quarantine", e.State.Quarantine},
		{"report", e.State.Report},
		{"catalog", "catalog/" + table.Database + "/" + table.Schema.Table + ".json"},
	} {
		if place[1] != "" {
			fmt.Fprintf(a.out, "  %-10s  %s\n", place[0], visible(place[1]))
		}
	}
	q := shellQuote
	here := "-c " + q(d.config) + " --lake " + q(d.dir)
	fmt.Fprintf(a.out, `
Try next:
  sluice demo --dir %s
  sluice quarantine show %s %s
  sluice run %s
  sluice doctor %s
  sluice convert %s -m %s -o %s
`, q(d.dir), demoKey, here, here, here, q(d.orders), q(d.mapping), q(filepath.Join(d.dir, "orders.parquet")))
}

func printDemoRows(w io.Writer, name string, all int64) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	names, rows, err := readRows(file, info.Size(), demoRows)
	if err != nil {
		return fmt.Errorf("read back %s: %w", name, err)
	}
	shown := make([][]string, len(rows))
	for _, column := range demoShown {
		if i := slices.Index(names, column); i >= 0 {
			for r := range rows {
				shown[r] = append(shown[r], rows[r][i])
			}
		}
	}
	printTable(w, demoShown[:], shown)
	fmt.Fprintf(w, "the first %d of %s, %d of %d columns\n", len(rows), plural(all, "row"), demoColumns, len(names))
	return nil
}
