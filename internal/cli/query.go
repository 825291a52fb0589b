package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/atomicfile"
	"sluice/internal/awsconfig"
	"sluice/internal/config"
	"sluice/internal/query"
	"sluice/internal/query/duckdbcli"
	"sluice/internal/query/published"
	"sluice/internal/setup"
)

// maxStatement bounds a statement that is read from standard input.
const maxStatement = 1 << 20

type queryFlags struct {
	placeFlags
	format, output, chart string
	memory, fetch         string
	timeout               time.Duration
	threads               int
}

// The formats of a result.
const (
	asTable   = "table"
	asCSV     = "csv"
	asJSON    = "json"
	asParquet = "parquet"
)

func (a *app) queryCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "query [SQL]",
		Short: "SQL over the tables of a lake, with DuckDB",
		Long: `Runs one SELECT over the tables that "sluice run" or the Lambda function wrote.
Each table is a view of the files that the ledger names as published: an object
that was replaced counts once, and no other file of the folders counts. Without
SQL it asks for statements; if standard input is no terminal, it reads one.

SQL reads the files of these tables and nothing else: no other file, no network,
no extension. It writes nothing. DuckDB must be there as the program duckdb:
pip install duckdb-cli. Of a bucket, the files of the tables that the SQL names
are copied to this machine first, to a folder that is removed at the end.

--lake DIR takes a lake, or a folder like that of "sluice demo", with
sluice.yaml and folders that stand for buckets. docs/query.md says more.`,
		Example: `  sluice query --lake lake/ 'SELECT sum(product_price) FROM order_lines'
  sluice query --lake lake/
  sluice query -c sluice.yaml 'FROM order_lines' --output lines.parquet
  sluice query --lake lake/ --chart 'SELECT order_id, count(*) FROM order_lines
    GROUP BY 1'`,
		Args: args(0, 1, ""),
		RunE: func(cmd *cobra.Command, sql []string) error { return a.query(cmd, f, sql) },
	}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	f.add(cmd)
	cmd.Flags().StringVarP(&f.format, "format", "o", "", "table, csv, json (an object on each line) or parquet (default by the ending of --output, else table)")
	cmd.Flags().StringVar(&f.output, "output", "", "`file` to write (default standard output)")
	cmd.Flags().StringVar(&f.chart, "chart", "", "draw the second column over the first: bar, line or auto")
	cmd.Flags().Lookup("chart").NoOptDefVal = chartAuto
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Minute, "how long a statement may take")
	cmd.Flags().StringVar(&f.memory, "memory", "1GiB", "`size` of memory that a statement may use")
	cmd.Flags().IntVar(&f.threads, "threads", runtime.NumCPU(), "threads of a statement")
	cmd.Flags().StringVar(&f.fetch, "max-download", "4GiB", "`size` of files that are copied from a bucket at most")
	completeWords(cmd, "format", asTable, asCSV, asJSON, asParquet)
	completeWords(cmd, "chart", chartAuto, chartBar, chartLine)
	return withExits(cmd, "0  the statement was run", "1  it failed, or is none that may be run", "2  wrong usage or configuration, or there is no DuckDB")
}

// queryLimits are the limits that flags give.
func (f *queryFlags) limits(cmd *cobra.Command) (limits query.Limits, fetch int64, err error) {
	memory, err := parseSize(f.memory)
	if err != nil || memory > 1<<50 {
		return limits, 0, usage(cmd, "--memory %q is no size such as 1GiB or 500MB", f.memory)
	}
	most, err := parseSize(f.fetch)
	if err != nil || most > 1<<62 {
		return limits, 0, usage(cmd, "--max-download %q is no size such as 4GiB or 500MB", f.fetch)
	}
	if f.timeout <= 0 || f.threads < 1 {
		return limits, 0, usage(cmd, "--timeout and --threads must be above 0")
	}
	return query.Limits{Memory: int64(memory), Threads: f.threads, Timeout: f.timeout}, int64(most), nil
}

// formats checks the flags about the result, and fills in what they leave open.
func (f *queryFlags) formats(cmd *cobra.Command) error {
	if f.format == "" {
		f.format = map[string]string{".parquet": asParquet, ".csv": asCSV, ".json": asJSON, ".ndjson": asJSON}[strings.ToLower(filepath.Ext(f.output))]
	}
	f.format = cmp.Or(f.format, asTable)
	switch {
	case !slices.Contains([]string{asTable, asCSV, asJSON, asParquet}, f.format):
		return usage(cmd, "-o %s: there is table, csv, json and parquet; the file is --output", f.format)
	case f.format == asParquet && f.output == "":
		return usage(cmd, "-o parquet needs --output FILE")
	case !slices.Contains([]string{"", chartAuto, chartBar, chartLine}, f.chart):
		return usage(cmd, "--chart=%s: there is auto, bar and line", f.chart)
	case f.chart != "" && (f.format != asTable || f.output != ""):
		return usage(cmd, "--chart draws on standard output; leave out -o and --output")
	}
	return nil
}

func (a *app) query(cmd *cobra.Command, f queryFlags, sql []string) error {
	if err := f.formats(cmd); err != nil {
		return err
	}
	limits, fetch, err := f.limits(cmd)
	if err != nil {
		return err
	}
	interactive := len(sql) == 0 && isTerminal(a.in)
	if interactive && f.output != "" {
		return usage(cmd, "--output needs SQL")
	}
	if len(sql) == 0 && !interactive {
		text, err := io.ReadAll(io.LimitReader(a.in, maxStatement+1))
		if err != nil {
			return fmt.Errorf("read SQL: %w", err)
		}
		if len(text) > maxStatement {
			return fmt.Errorf("read SQL: more than %s on standard input", size(maxStatement))
		}
		sql = []string{string(text)}
	}
	engine, err := a.engine()
	if err != nil {
		return usage(cmd, "%w", err)
	}
	if f.config == "" && f.lake != "" {
		f.config = ownConfig(f.lake)
	}
	c, err := f.load(cmd, a.getenv)
	if err != nil {
		return err
	}
	if f.lake != "" && f.config == "" && !isLake(c) {
		return usage(cmd, "%s is no lake: there is neither %s nor %s; did you mean -c, with the configuration of folders that stand for buckets?", visible(f.lake), c.Source.Prefix, c.Ledger.Prefix)
	}
	ctx := cmd.Context()
	s, err := setup.New(ctx, c, f.lake, awsconfig.Load)
	if err != nil {
		return err
	}
	defer s.Close()
	session := published.New(published.Options{Setup: func() *setup.Setup { return s }, Mapped: c.Mapping != "", MaxFetched: fetch, Engine: engine, Limits: limits})
	defer func() {
		if err := session.Close(); err != nil {
			a.complain(fmt.Errorf("remove the copies of the tables: %w", err))
		}
	}()
	q := &querying{app: a, session: session, look: session.Tables, timeout: limits.Timeout, format: f.format, chart: f.chart}
	if interactive {
		return q.prompt(ctx)
	}
	if f.output == "" {
		return q.failed(q.show(ctx, a.out, sql[0]))
	}
	tables, err := session.Tables(ctx)
	if err != nil {
		return q.failed(err)
	}
	if err := separate(f.output, s, tables); err != nil {
		return usage(cmd, "%w", err)
	}
	return q.failed(q.write(ctx, f.output, sql[0]))
}

// engine is the DuckDB of this program, or that on the PATH.
func (a *app) engine() (query.Engine, error) {
	if a.linked != nil {
		return a.linked, nil
	}
	program, err := duckdbcli.Find()
	if err != nil {
		return nil, err
	}
	return duckdbcli.Engine(program), nil
}

// ownConfig is the configuration in a folder that is no lake itself but holds
// folders that stand for buckets, as that of the demo; empty if there is none.
func ownConfig(dir string) string {
	name := filepath.Join(dir, "sluice.yaml")
	_, noLake := os.Stat(filepath.Join(dir, filepath.FromSlash(setup.Lake(dir).Source.Prefix)))
	if info, err := os.Stat(name); noLake == nil || err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return name
}

// isLake reports whether the folder of --lake may have tables: without a ledger they are
// empty, which is right as long as there is a source.
func isLake(c config.Config) bool {
	for _, at := range []config.Location{c.Source, c.Ledger} {
		if _, err := os.Stat(filepath.Join(at.Dir, filepath.FromSlash(at.Prefix))); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	_, err := os.Stat(c.Source.Dir)
	return err != nil // which the next step says
}

// separate refuses to write among the tables: what is there is read by others.
func separate(output string, s *setup.Setup, tables []query.Table) error {
	if s.SinkFolder() == "" {
		return nil
	}
	info, err := os.Stat(output)
	for _, t := range tables {
		for _, f := range t.Files {
			name := f.Name
			if !filepath.IsAbs(name) {
				name = filepath.Join(s.SinkFolder(), name)
			}
			if of, err2 := os.Stat(name); err == nil && err2 == nil && os.SameFile(info, of) {
				return fmt.Errorf("--output %s is a file of table %s", output, t.Schema.Table)
			}
		}
	}
	sink, err := filepath.EvalSymlinks(filepath.Join(s.SinkFolder(), filepath.FromSlash(s.Config.Sink.Prefix)))
	if err != nil {
		return nil // there is no such folder yet
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(output)); err == nil {
		if folder, err = filepath.Abs(folder); err == nil {
			sink, err = filepath.Abs(sink)
		}
		if inside, err2 := filepath.Rel(sink, folder); err == nil && err2 == nil && filepath.IsLocal(inside) {
			return fmt.Errorf("--output %s is in the folder of the tables, where every file is taken for a part of one", output)
		}
	}
	return nil
}

// querying is a session and how its results are shown.
type querying struct {
	*app
	session       query.Session
	look          func(context.Context) ([]query.Table, error) // as they are now
	timeout       time.Duration
	format, chart string
}

// failed adds what can be done about an error.
func (q *querying) failed(err error) error {
	switch {
	case errors.As(err, new(*published.TooLargeError)):
		return fmt.Errorf("%w; --max-download raises it", err)
	case errors.Is(err, query.ErrTimeout):
		return fmt.Errorf("%w, after %s; --timeout raises it", err, q.timeout)
	case errors.Is(err, query.ErrDied):
		return fmt.Errorf("%w; --memory raises it", err)
	}
	return err
}

// show runs a statement and prints its result.
func (q *querying) show(ctx context.Context, w *printer, sql string) error {
	rows, err := q.session.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	switch {
	case q.chart != "":
		return printChart(w, rows, q.chart)
	case q.format == asCSV:
		return query.WriteCSV(w, rows)
	case q.format == asJSON:
		return writeJSON(w, rows)
	}
	return q.printRows(w, rows)
}

// write runs a statement and writes its result to a file, which appears whole.
func (q *querying) write(ctx context.Context, name, sql string) error {
	out, err := atomicfile.Create(name)
	if err != nil {
		return err
	}
	defer out.Abort()
	if q.format == asParquet {
		err = q.export(ctx, out, sql)
	} else {
		p := newPrinter(out, q.getenv)
		if err = q.show(ctx, p, sql); err == nil {
			err = p.err
		}
	}
	if err != nil {
		return err
	}
	return out.Commit()
}

// export writes the result as Parquet. DuckDB writes it to a folder of its own.
func (q *querying) export(ctx context.Context, out io.Writer, sql string) error {
	dir, err := os.MkdirTemp("", "sluice-query-")
	if err != nil {
		return fmt.Errorf("make a folder for the result: %w", err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "result.parquet")
	if err := q.session.Export(ctx, sql, name); err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	defer file.Close()
	_, err = io.Copy(out, file)
	return err
}
