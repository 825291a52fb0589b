// Package cli is the command sluice as a function: arguments, environment and
// streams in, an exit code out. A file per subcommand; they hold no data
// logic, only names of files, reports and the order of commits.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/query"
	"sluice/internal/setup"
	"sluice/internal/suggest"
)

// Exit codes, a contract of the command.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitQuarantined = 3
)

// What the exit codes mean to most commands.
const (
	exitAll    = "0  everything was committed"
	exitSome   = "1  something failed or was rejected"
	exitBad    = "1  it failed"
	exitWrong  = "2  wrong usage or configuration: a flag, a mapping, names that clash"
	exitFlag   = "2  wrong usage"
	exitHeld   = "3  committed, with quarantined records"
	exitsShown = "exits"
)

// withExits says in the help of a command which exit codes it can give.
func withExits(cmd *cobra.Command, codes ...string) *cobra.Command {
	cmd.Annotations = map[string]string{exitsShown: "  " + strings.Join(codes, "\n  ")}
	return cmd
}

// app is what every subcommand needs of the world.
type app struct {
	getenv    func(string) string
	in        io.Reader
	out, errw *printer
	linked    query.Engine // the DuckDB that this program contains, if it does
}

// Main runs the command with args, the program's name not among them, and
// returns its exit code. When ctx ends it returns 1 and leaves nothing behind.
func Main(ctx context.Context, args []string, getenv func(string) string, in io.Reader, out, errw io.Writer) int {
	return execute(ctx, nil, args, getenv, in, out, errw)
}

// execute is Main for a program that may contain DuckDB.
func execute(ctx context.Context, linked query.Engine, args []string, getenv func(string) string, in io.Reader, out, errw io.Writer) int {
	a := &app{getenv: getenv, in: in, out: newPrinter(out, getenv), errw: newPrinter(errw, getenv), linked: linked}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(a.out)
	root.SetErr(a.errw)
	err := root.ExecuteContext(ctx)
	if a.out.err != nil && errors.Is(err, a.out.err) {
		err = status(exitFailed) // told once, here
	}
	code := a.exitCode(err)
	if lost := a.out.lost(); lost != nil {
		a.complain(lost)
		code = exitFailed
	}
	return code
}

func (a *app) rootCommand() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "sluice",
		Short: "Nested JSON in, typed Parquet out",
		Long: `sluice turns nested JSON into typed Parquet tables. A mapping says which JSON
path feeds which column; a record that does not fit is quarantined with its
reason, and an input that cannot be trusted is rejected whole.`,
		Example: `  sluice demo
  sluice convert orders.json -o orders.parquet`,
		Version:       buildVersion().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	withExits(root, exitAll, exitSome, exitWrong, exitHeld)
	root.SetUsageFunc(printUsage)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(cmd, "%w", flagError(cmd, err))
	})
	root.AddCommand(a.convertCommand(), a.runCommand(), a.splitCommand(), a.serveCommand(), a.queryCommand(), a.invokeCommand(), a.quarantineCommand(), a.doctorCommand(), a.tableCommand(), a.eraseCommand(), a.demoCommand(), a.mappingCommand(), a.costCommand(), a.versionCommand())
	return root
}

// group makes a command that only holds others: without arguments it prints
// its help, and a name it does not know is wrong usage.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return usage(cmd, "unknown command %q; did you mean %s?", args[0], strings.Join(near, " or "))
		}
		return usage(cmd, "unknown command %q", args[0])
	}
	cmd.SuggestionsMinimumDistance = 2
	return cmd
}

// flagError says what is wrong with a flag, without the words of strconv.
func flagError(cmd *cobra.Command, err error) error {
	if unknown := new(pflag.NotExistError); errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := suggest.Near(unknown.GetSpecifiedName(), names); near != "" {
			return fmt.Errorf("%w; did you mean --%s?", err, near)
		}
	}
	if wrong := new(pflag.InvalidValueError); errors.As(err, &wrong) {
		is := map[string]string{"int": "whole number", "int64": "whole number", "float64": "number", "bool": "true or false"}[wrong.GetFlag().Value.Type()]
		if is != "" {
			return fmt.Errorf("--%s %q is no %s", wrong.GetFlag().Name, wrong.GetValue(), is)
		}
	}
	return err
}

// args is a check of the number of arguments whose failure is wrong usage;
// missing says what to name when there are too few.
func args(least, most int, missing string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage(cmd, "%s", missing)
		case len(args) > most:
			return usage(cmd, "%q is one argument too many", args[most])
		}
		return nil
	}
}

// usageError is an error of the caller or the configuration: exit code 2.
type usageError struct {
	err  error
	help string // the command whose help to read
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), cmd.CommandPath() + " --help"}
}

// status ends the command with an exit code when everything has been said.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// finished is the end of a command whose work is done and reported.
func finished(failed bool, s *sluice.Stats) error {
	switch {
	case failed:
		return status(exitFailed)
	case s.RecordsQuarantined > 0:
		return status(exitQuarantined)
	}
	return nil
}

func (a *app) exitCode(err error) int {
	var (
		code    status
		wrong   *usageError
		mapping *setup.MappingError
		owner   *ledger.OwnerError
		columns *pipeline.ColumnsError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &wrong):
		a.complain(err)
		fmt.Fprintf(a.errw, "See: %s\n", wrong.help)
		return exitUsage
	case errors.As(err, &mapping), errors.As(err, &owner), errors.As(err, &columns):
		a.complain(err)
		return exitUsage
	}
	a.complain(err)
	return exitFailed
}

// complain prints an error for a person, and what to do if that is known.
func (a *app) complain(err error) {
	a.errw.sentence("sluice:", red, errorText(err))
	if h := hint(err); h != "" {
		a.errw.sentence("  hint:", yellow, h)
	}
}

// interrupted is the end of work that was told to stop. It says what was kept.
type interrupted string

func (i interrupted) Error() string { return "interrupted; " + string(i) }

// stopped replaces an error that only says that the work was told to stop: the
// new one also says what was kept.
func stopped(err error, then string) error {
	if errors.Is(err, context.Canceled) {
		return interrupted(then)
	}
	return err
}

// errorText is the text of an error for a person. It may contain a file name,
// which can hold anything, so control characters are made visible.
func errorText(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	return strings.Join(lines, "\n")
}
