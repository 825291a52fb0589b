package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/awsconfig"
	"sluice/internal/config"
	"sluice/internal/pipeline"
	"sluice/internal/serve"
	"sluice/internal/setup"
	"sluice/mapping"
)

const (
	serveFolder  = "lake" // without --lake
	serveAddress = "127.0.0.1:8321"

	// serveWaiting is how many goroutines may wait for the disk at once. Each keeps
	// its processor of the Go scheduler for up to 10 ms, which requests of the page
	// would wait for too: with this many more, 99 of 100 answers on two busy
	// processors took 80 ms at most, and 190 ms without.
	serveWaiting = 10
)

type serveFlags struct {
	placeFlags
	listen           string
	token, cert, key string // files, for other machines than this one
	open, write      bool
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "A page in the browser over a lake, which is kept up to date",
		Long: `Shows a lake in the browser: objects, tables, sums, quarantine, mapping, SQL.
What is put into raw_orders_data/ is processed at once, as "sluice run" does it.
Without flags the lake is the folder lake in the working directory; it is made
if it is missing, and offers sample orders while it is empty.

Over buckets (-c) it shows what the ledger has, and changes nothing; with
--write it also processes what is new.

Only this machine reaches the page, and only with the token in the printed
address. Others reach it if --listen names another address, over TLS, with a
token of yours. docs/serve.md says more.`,
		Example: `  sluice serve --open
  sluice serve --lake lake/ -m mapping.yaml
  sluice serve -c sluice.yaml --write`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd, f) },
	}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	f.add(cmd)
	cmd.Flags().StringVar(&f.listen, "listen", serveAddress, "`address` to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&f.token, "token", "", "`file` with the token, for an address that other machines reach")
	cmd.Flags().StringVar(&f.cert, "tls-cert", "", "certificate `file` (PEM), for such an address")
	cmd.Flags().StringVar(&f.key, "tls-key", "", "private key `file` (PEM), for such an address")
	cmd.Flags().BoolVar(&f.open, "open", false, "open the page in the browser")
	cmd.Flags().BoolVar(&f.write, "write", false, "over buckets: process what is new, and let the page change the lake")
	return withExits(cmd, "0  it was told to end", "1  it could not go on", exitWrong)
}

func (a *app) serve(cmd *cobra.Command, f serveFlags) error {
	if given := f.token != "" || f.cert != "" || f.key != ""; given && (f.token == "" || f.cert == "" || f.key == "") {
		return usage(cmd, "--token, --tls-cert and --tls-key go together")
	}
	outside, err := f.outside()
	if err != nil {
		return err
	}
	if outside == nil {
		if err := serve.CheckAddress(f.listen); err != nil {
			return usage(cmd, "--listen: %w", err)
		}
	}
	if f.config == "" && f.lake != "" {
		f.config = ownConfig(f.lake)
	}
	if f.config == "" {
		if f.lake == "" {
			f.lake = serveFolder
		}
		// The source must be there before anything comes.
		if err := os.MkdirAll(filepath.Join(f.lake, filepath.FromSlash(setup.Lake("").Source.Prefix)), 0o777); err != nil {
			return fmt.Errorf("make the lake: %w", err)
		}
	}
	c, err := f.load(cmd, a.getenv)
	if err != nil {
		return err
	}
	if f.config == "" {
		// Small objects and a large one are converted side by side, and the page
		// must be answered too.
		spare := max(runtime.GOMAXPROCS(0)-1, 2)
		c.Workers = spare / 2
		c.Threads = spare - c.Workers
	}
	return a.serveConfig(cmd.Context(), c, f, outside)
}

// serveConfig serves the page over what a configuration names, until ctx ends; outside is
// nil if only this machine reaches it.
func (a *app) serveConfig(ctx context.Context, c config.Config, f serveFlags, outside *serve.Outside) error {
	at, err := setup.New(ctx, c, f.lake, awsconfig.Load)
	if err != nil {
		return err
	}
	defer at.Close()
	write := f.write || at.SourceFolder() != ""
	if !write {
		if _, err := at.CheckOwner(ctx); err != nil {
			return err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; --listen names another port", f.listen, err)
	}
	defer l.Close()
	engine, _ := a.engine() // without one, the page says how to get it
	o := serve.Options{
		Setup: at, Folder: f.lake, MappingFile: a.writtenMapping(f, c.Mapping), Write: write, Address: l.Addr().String(), Outside: outside, Version: buildVersion().Version, Engine: engine,
		Warn: a.complain, Tell: a.tellProcessed,
	}
	s, err := serve.New(o)
	if err != nil {
		return err
	}
	url := s.URL()
	fmt.Fprintf(a.out, "The page of %s: %s\n", visible(at.Config.Source.String()), url)
	if outside != nil {
		fmt.Fprintf(a.out, "The token in %s comes after the =\n", visible(f.token))
		url += outside.Token
	}
	if f.open {
		if err := openBrowser(url); err != nil {
			a.complain(fmt.Errorf("open the browser: %w; open the address yourself", err))
		}
	}
	if a.getenv("GOMAXPROCS") == "" {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + serveWaiting))
	}
	return s.Serve(ctx, l)
}

// outside is what other machines need; nil if only this one reaches the page.
func (f *serveFlags) outside() (*serve.Outside, error) {
	if f.token == "" {
		return nil, nil
	}
	token, err := os.ReadFile(f.token)
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("read certificate and key: %w", err)
	}
	return &serve.Outside{Token: strings.TrimSpace(string(token)), Certificate: pair}, nil
}

// writtenMapping is the file that the page may write: that of the lake, or the one that a
// person has named; empty if there is none, as with a preset.
func (a *app) writtenMapping(f serveFlags, name string) string {
	switch {
	case name != "" && !slices.Contains(mapping.Presets(), name):
		return name
	case name == "" && f.config == "":
		return filepath.Join(f.lake, lakeMapping)
	}
	return ""
}

// openBrowser asks the system to open an address.
func openBrowser(url string) error {
	program, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		program = "open"
	case "windows":
		program, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	cmd := exec.Command(program, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() //nolint:errcheck // some wait until the browser ends; that is not our concern
	return nil
}

// tellProcessed prints a line for what was processed.
func (a *app) tellProcessed(sum *pipeline.Summary) {
	n, s := countObjects(sum.Objects), &sum.Stats
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{{n.Committed, "committed"}, {n.Duplicate, "duplicate"}, {n.Rejected, "rejected"}, {n.Failed, "failed"}} {
		if p.n > 0 {
			parts = append(parts, grouped(p.n)+" "+p.what)
		}
	}
	fmt.Fprintf(a.out, "%s  objects: %s; %s of %s", time.Now().Format(time.TimeOnly), strings.Join(parts, ", "), plural(s.RowsWritten, "row"), plural(s.RecordsRead, "record"))
	if s.RecordsQuarantined > 0 {
		fmt.Fprintf(a.out, ", %s quarantined", grouped(s.RecordsQuarantined))
	}
	fmt.Fprintln(a.out)
}
