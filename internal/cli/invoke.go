package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/awslambda"
	"sluice/internal/event"
	"sluice/internal/setup"
)

type invokeFlags struct {
	placeFlags
	dryRun bool
	report string
}

func (a *app) invokeCommand() *cobra.Command {
	var f invokeFlags
	cmd := &cobra.Command{
		Use:   "invoke EVENT.json",
		Short: "Hand an event file to the Lambda handler, here",
		Long: `Gives an event (of S3, SQS, SNS, EventBridge, S3 Batch Operations, Step
Functions, or {"bucket","key"}) to the handler of the Lambda function, and
prints the result and the handler's response. docs/events.md has examples.

--lake DIR reads and writes the folder DIR/BUCKET for each bucket, or DIR itself
for events that name none. --dry-run changes nothing: it prints a JSON line for
each record of the event, with the action: process, skip, refuse or error.`,
		Example: `  sluice invoke put.json --lake lake/
  sluice invoke put.json -c sluice.yaml --dry-run`,
		Args: args(1, 1, "no event: name its file"),
		RunE: func(cmd *cobra.Command, names []string) error { return a.invoke(cmd, f, names[0]) },
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only say what would be done about each record")
	reportFlag(cmd, &f.report)
	return withExits(cmd, exitAll, "1  a record failed or was refused, or its object rejected", exitWrong, exitHeld)
}

func (a *app) invoke(cmd *cobra.Command, f invokeFlags, name string) error {
	if err := checkReport(cmd, f.report); err != nil {
		return err
	}
	raw, err := a.readEvent(name)
	if err != nil {
		return err
	}
	if f.dryRun {
		c, err := f.load(cmd, a.getenv)
		if err != nil {
			return err
		}
		return a.dryRun(raw, setup.Allow(c))
	}
	s, err := a.setup(cmd, f.placeFlags)
	if err != nil {
		return err
	}
	defer s.Close()
	started := time.Now()
	log := slog.New(slog.NewJSONHandler(a.errw, &slog.HandlerOptions{Level: slog.LevelWarn}))
	sum, response, failure := awslambda.New(s, log, nil).Invoke(cmd.Context(), raw)
	n := countObjects(sum.Objects)
	sum.Stats.Outcome = outcome(n, sum.Stats)
	if f.report == "json" {
		err = printJSON(a.out, struct {
			sluice.Stats
			mappingUsed
			Objects  objectCounts  `json:"objects"`
			Tables   *tableCommits `json:"tables,omitempty"`
			Response any           `json:"response"`
			Error    string        `json:"error,omitempty"`
		}{sum.Stats, usedBy(s), n, commitsOf(s, sum.Commits, nil), response, textOf(failure)})
	} else {
		a.printObjects(n, sum.Stats, usedBy(s), time.Since(started))
		if response != nil {
			fmt.Fprint(a.out, "  response ")
			err = printJSON(a.out, response)
		}
	}
	if err != nil {
		return err
	}
	if failure != nil && f.report != "json" {
		a.complain(failure)
	}
	return finished(failure != nil || n.bad(), &sum.Stats)
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return errorText(err)
}

// readEvent reads an event file, or standard input for -.
func (a *app) readEvent(name string) ([]byte, error) {
	src := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read event: %w", err)
		}
		defer f.Close()
		src = f
	}
	raw, err := io.ReadAll(io.LimitReader(src, event.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return raw, nil
}

// dryRun prints a line for each record. An event of unknown shape is one line.
func (a *app) dryRun(raw []byte, allow event.Allow) error {
	ev, err := event.Parse(raw, allow)
	records := ev.Records
	if fault := new(event.ParseError); errors.As(err, &fault) {
		records = []event.Record{{Action: event.Error, Reason: fault.Reason, Detail: fault.Detail}}
	} else if err != nil {
		return err
	}
	bad := false
	for _, r := range records {
		bad = bad || r.Action == event.Refuse || r.Action == event.Error
		if err := printJSON(a.out, r); err != nil {
			return err
		}
	}
	if bad {
		return status(exitFailed)
	}
	return nil
}
