package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

func (a *app) mappingPreviewCommand() *cobra.Command {
	var name, key string
	var n int64
	cmd := &cobra.Command{
		Use:   "preview [-m MAPPING] IN",
		Short: "Show the first rows a mapping makes of an input",
		Long: `Converts the first records of IN, a file or - for standard input, and prints
the first rows of each table, then the records that would be quarantined. Long
cells are cut; control characters are shown as escapes. Nothing is written.`,
		Example: "  sluice mapping preview -m orders.yaml orders.json -n 5",
		Args:    args(1, 1, "no input: name a file, or - for standard input"),
		RunE: func(cmd *cobra.Command, inputs []string) error {
			if n < 1 {
				return usage(cmd, "-n %d: at least one row is needed", n)
			}
			m, err := a.loadMapping(cmd, name)
			if err != nil {
				return err
			}
			return a.preview(cmd.Context(), m, a.isUnnamed(name), inputs[0], key, n)
		},
	}
	mappingFlag(cmd, &name)
	sourceKeyFlag(cmd, &key)
	cmd.Flags().Int64VarP(&n, "rows", "n", 20, "rows of each table to show, of the first `N` records")
	return withExits(cmd, "0  the preview is shown, even if records would be quarantined", "1  it failed, or the input would be rejected", exitWrong)
}

func (a *app) preview(ctx context.Context, m *mapping.Mapping, isUnnamed bool, input, key string, n int64) error {
	src, err := a.open(ctx, input)
	if err != nil {
		return err
	}
	defer src.close()
	if isUnnamed {
		if err := refuseDefault(ctx, src, input); err != nil {
			return fmt.Errorf("preview %s: %w", input, err)
		}
	}

	// A preview is for finding out why records do not fit, so it shows all of
	// them, also where a conversion would reject the input for their number.
	lenient := *m
	lenient.Limits.QuarantineShare = 1
	var quarantine bytes.Buffer
	files := map[string]*bytes.Buffer{}
	table := func(name string) (io.Writer, error) {
		files[name] = &bytes.Buffer{}
		return files[name], nil
	}
	dst, _ := table(m.Tables[0].Name)
	stats, err := sluice.Convert(ctx, dst, src, &lenient, &sluice.Options{
		Codec: sluice.None, Source: cmp.Or(key, src.name), Size: src.size, MaxRecords: n, Quarantine: &quarantine, Table: table,
	})
	if err != nil {
		return fmt.Errorf("preview %s: %w", input, err)
	}
	for i := range m.Tables {
		t := &m.Tables[i]
		data := files[t.Name].Bytes()
		names, rows, err := readRows(bytes.NewReader(data), int64(len(data)), int(n))
		if err != nil {
			return fmt.Errorf("preview %s, table %s: %w", input, t.Name, err)
		}
		fmt.Fprintf(a.out, "%s: %s of the first %s\n", t.Name, plural(int64(len(rows)), "row"), plural(stats.RecordsRead, "record"))
		printValues(a.out, names, rows)
	}
	printValueErrors(a.out, &stats)
	return printQuarantine(a.out, &quarantine)
}

// readRows reads the names of the columns and the first rows of a Parquet file.
func readRows(r io.ReaderAt, size int64, limit int) (names []string, rows [][]string, err error) {
	f, err := parquetread.Open(r, size)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range f.Schema().Columns {
		names = append(names, c.Name)
	}
	err = f.Rows(limit, func(row []string) error {
		row = slices.Clone(row)
		for i := range row {
			if row[i] == parquetread.Null {
				row[i] = "NULL"
			}
		}
		rows = append(rows, row)
		return nil
	})
	return names, rows, err
}

// printQuarantine prints the quarantined records of a quarantine file: where
// they are and why, not what they hold.
func printQuarantine(w io.Writer, file io.Reader) error {
	var rows [][]string
	for d := json.NewDecoder(file); ; {
		var q struct {
			Record, Offset int64
			Reason, Path   string
		}
		if err := d.Decode(&q); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read quarantine: %w", err)
		}
		rows = append(rows, []string{strconv.FormatInt(q.Record, 10), q.Reason, q.Path, strconv.FormatInt(q.Offset, 10)})
	}
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(w, "%s quarantined\n", plural(int64(len(rows)), "record"))
	printTable(w, []string{"record", "reason", "path", "byte offset"}, rows)
	return nil
}
