package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/atomicfile"
	"sluice/internal/gen"
	"sluice/mapping"
)

const (
	demoOrders = 1_000
	demoRows   = 10
	demoLines  = 24 // of the input; of the mapping
)

// demoColumns are those that fit a terminal of 120 characters.
var demoColumns = []string{"order_id", "order_date", "customer_name", "product_name", "product_price", "product_quantity"}

func (a *app) demoCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Generate orders, convert them and show what happened",
		Long: `Writes generated orders, some of them broken, into a fresh folder, converts them
as sluice convert does, and shows the input, the mapping, the rows and what was
quarantined. Nothing is written outside the folder. The orders are the same
every time.`,
		Example: "  sluice demo\n  sluice demo --dir try-sluice",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			made := dir
			if dir == "" {
				var err error
				if made, err = os.MkdirTemp("", "sluice-demo-"); err != nil {
					return fmt.Errorf("make folder: %w", err)
				}
			} else if err := makeEmpty(cmd, dir); err != nil {
				return err
			}
			err := a.demo(cmd.Context(), demoIn(made))
			if err != nil {
				demoIn(made).remove()
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`folder` to use, new or empty (default a new one for temporary files)")
	return cmd
}

func makeEmpty(cmd *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if len(entries) > 0 {
		return usage(cmd, "--dir %s is not empty", dir)
	}
	return nil
}

// demoFiles are the files of a demo.
type demoFiles struct{ dir, orders, mapping, parquet, quarantine string }

func demoIn(dir string) demoFiles {
	in := func(name string) string { return filepath.Join(dir, name) }
	return demoFiles{dir, in("orders.json"), in("orders.yaml"), in("orders.parquet"), in("orders.quarantine.ndjson")}
}

func (f demoFiles) remove() {
	for _, name := range []string{f.orders, f.mapping, f.parquet, f.quarantine, f.dir} {
		os.Remove(name)
	}
}

func (a *app) demo(ctx context.Context, f demoFiles) error {
	if err := writeDemoInput(f); err != nil {
		return err
	}
	m, err := mapping.Load(f.mapping)
	if err != nil {
		return err
	}
	jobs, err := plan(m, []string{f.orders}, f.parquet, "")
	if err != nil {
		return err
	}
	c := &conversion{app: a, mapping: m, codec: sluice.Zstd, threads: defaultThreads()}
	report := c.run(ctx, jobs[0])
	if report.err != nil {
		return fmt.Errorf("convert %s: %w", f.orders, report.err)
	}

	fmt.Fprintf(a.out, "An order, as %s holds %s:\n", visible(f.orders), plural(report.RecordsRead, "record"))
	if err := printHead(a.out, f.orders, demoLines); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\nThe mapping, %s:\n", visible(f.mapping))
	if err := printHead(a.out, f.mapping, demoLines); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\nRows of %s:\n", visible(f.parquet))
	if err := printDemoRows(a.out, f.parquet, report.RowsWritten); err != nil {
		return err
	}
	fmt.Fprintln(a.out, "\nCounts:")
	printCounts(a.out, &report.Stats)
	printReasons(a.out, &report.Stats)
	fmt.Fprintf(a.out, `
Files, in %s:
  orders.json               the input
  orders.yaml               the mapping, the same as the preset "orders"
  orders.parquet            the rows
  orders.quarantine.ndjson  the quarantined records, each with its reason and place

Try next:
  sluice mapping preview -m %s %s -n 5
  sluice convert %s -m %s -o %s
  sluice convert %s -m %s -o %s --report json
`, visible(f.dir),
		shellQuote(f.mapping), shellQuote(f.orders),
		shellQuote(f.orders), shellQuote(f.mapping), shellQuote(filepath.Join(f.dir, "again.parquet")),
		shellQuote(f.quarantine), shellQuote(f.mapping), shellQuote(filepath.Join(f.dir, "mended.parquet")))
	return nil
}

func writeDemoInput(f demoFiles) error {
	text, err := mapping.PresetSource(mapping.DefaultPreset)
	if err != nil {
		return err
	}
	write := func(name string, fill func(io.Writer) error) error {
		file, err := atomicfile.Create(name)
		if err != nil {
			return err
		}
		defer file.Abort()
		if err := fill(file); err != nil {
			return err
		}
		return file.Commit()
	}
	if err := write(f.mapping, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	return write(f.orders, func(w io.Writer) error {
		_, err := gen.Write(w, gen.Options{Seed: 1, Orders: demoOrders, Form: gen.Pretty, Catalogue: true, Bad: 0.01})
		return err
	})
}

// printHead prints the first lines of a text file.
func printHead(w io.Writer, name string, lines int) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	for ; s.Scan(); lines-- {
		if lines == 0 {
			fmt.Fprintln(w, "  ...")
			break
		}
		fmt.Fprintf(w, "  %s\n", visible(s.Text()))
	}
	return s.Err()
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
	for _, column := range demoColumns {
		if i := slices.Index(names, column); i >= 0 {
			for r := range rows {
				shown[r] = append(shown[r], rows[r][i])
			}
		}
	}
	printTable(w, demoColumns, shown)
	fmt.Fprintf(w, "the first %d of %s, %d of %d columns\n", len(rows), plural(all, "row"), len(demoColumns), len(names))
	return nil
}
