package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/config"
	"sluice/internal/event"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/internal/store"
)

func (a *app) quarantineCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "quarantine",
		Short: "List, show and replay what was quarantined or rejected",
		Long: `Works on the objects that "sluice run" or the Lambda function processed: those
with quarantined records, and those that were rejected. (The file that "sluice
convert" leaves beside its output is converted like any other input.)`,
		Example: `  sluice quarantine list --lake lake/
  sluice quarantine show raw_orders_data/orders.json --lake lake/
  sluice quarantine replay --lake lake/ -m fixed.yaml`,
	})
	cmd.AddCommand(a.quarantineListCommand(), a.quarantineShowCommand(), a.quarantineReplayCommand())
	return cmd
}

// held are the entries of the ledger with records in quarantine, or whose
// object was rejected, in the order of their keys. An entry that cannot be read
// is reported by the name of its file, and the others are still returned. unread
// counts the entries that could not be read.
func (a *app) held(ctx context.Context, s *setup.Setup) (all []ledger.Entry, unread int64, err error) {
	err = s.Target.Entries(ctx, func(name string, e *ledger.Entry, err error) error {
		switch {
		case errors.Is(err, ledger.ErrDamaged), errors.Is(err, ledger.ErrNewer):
			unread++
			a.complain(fmt.Errorf("%s%s.json: %w", s.Config.Ledger, name, err))
		case err != nil:
			return err
		case e.State != nil && e.State.Report != "":
			all = append(all, *e)
		}
		return nil
	})
	slices.SortFunc(all, func(x, y ledger.Entry) int { return strings.Compare(x.Key, y.Key) })
	return all, unread, err
}

func (a *app) quarantineListCommand() *cobra.Command {
	var f placeFlags
	var report string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the objects with quarantined records, and the rejected ones",
		Example: `  sluice quarantine list --lake lake/`,
		Args:    args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			s, err := a.setup(cmd, f)
			if err != nil {
				return err
			}
			defer s.Close()
			return a.list(cmd.Context(), s, report)
		},
	}
	f.add(cmd)
	reportFlag(cmd, &report)
	return withExits(cmd, "0  all are listed", "1  it failed, or a ledger entry could not be read", exitWrong)
}

func (a *app) list(ctx context.Context, s *setup.Setup, report string) error {
	entries, unread, err := a.held(ctx, s)
	if err != nil {
		return err
	}
	if report == "json" {
		for _, e := range entries {
			if err := printJSON(a.out, e); err != nil {
				return err
			}
		}
	} else if len(entries) == 0 && unread > 0 {
		fmt.Fprintln(a.out, "among the entries that can be read, none has records in quarantine or was rejected")
	} else if len(entries) == 0 {
		fmt.Fprintln(a.out, "nothing is in quarantine, and nothing was rejected")
	} else {
		rows := make([][]string, len(entries))
		for i, e := range entries {
			rows[i] = []string{e.Key, string(e.State.Outcome), grouped(e.State.RecordsQuarantined), reasons(e.State)}
		}
		printTable(a.out, []string{"object", "outcome", "records", "reasons"}, rows)
	}
	if unread > 0 {
		return status(exitFailed)
	}
	return nil
}

func reasons(s *ledger.State) string {
	var all []string
	if s.Reason != "" {
		all = append(all, string(s.Reason))
	}
	for _, code := range slices.Sorted(maps.Keys(s.Reasons)) {
		all = append(all, string(code))
	}
	return strings.Join(all, ", ")
}

func (a *app) quarantineShowCommand() *cobra.Command {
	var f placeFlags
	var raw bool
	cmd := &cobra.Command{
		Use:   "show KEY",
		Short: "Show why an object was rejected, or its records quarantined",
		Long: `Prints the report of a source key and where each quarantined record was in the
object. With --raw it prints the quarantine file itself. That file holds the
bytes of the records as they came, with all personal data.`,
		Example: `  sluice quarantine show raw_orders_data/a.json --lake lake/
  sluice quarantine show raw_orders_data/a.json --lake lake/ --raw > bad.ndjson`,
		Args: args(1, 1, "no KEY: sluice quarantine list names them"),
		RunE: func(cmd *cobra.Command, names []string) error {
			s, err := a.setup(cmd, f)
			if err != nil {
				return err
			}
			defer s.Close()
			return a.show(cmd.Context(), s, names[0], raw)
		},
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(given) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.completeHeld(&f)(cmd, given, word)
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&raw, "raw", false, "print the quarantine file with the records")
	return withExits(cmd, "0  it is shown", exitBad, exitWrong)
}

func (a *app) show(ctx context.Context, s *setup.Setup, key string, raw bool) error {
	e, err := s.Target.Entry(ctx, s.Config.Source.Bucket, key)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("show quarantine of %q: the ledger has no object of this key; sluice quarantine list names those with records there", key)
	}
	if err != nil {
		return fmt.Errorf("show quarantine of %q: %w", key, err)
	}
	if e.State == nil || e.State.Report == "" {
		fmt.Fprintf(a.out, "%s: nothing is in quarantine\n", visible(key))
		return nil
	}
	if e.State.Quarantine == "" {
		fmt.Fprintf(a.out, "%s: rejected: %s; the whole report is %s\n", visible(key), rejected(e.State.Reason, visible(e.State.Detail)), visible(s.Config.Quarantine.Name(e.State.Report)))
		if _, err := s.Pipeline.Quarantine.Head(ctx, e.State.Report); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("show quarantine of %q: %w", key, lost(s.Config.Quarantine, e.State.Report))
		}
		return nil
	}
	file, err := s.Pipeline.Quarantine.Open(ctx, e.State.Quarantine)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("show quarantine of %q: %w", key, lost(s.Config.Quarantine, e.State.Quarantine))
	}
	if err != nil {
		return fmt.Errorf("show quarantine of %q: %w", key, err)
	}
	defer file.Close()
	if raw {
		if _, err := io.Copy(a.out, file); err != nil {
			return fmt.Errorf("show quarantine of %q: %w", key, err)
		}
		return nil
	}
	var rows [][]string
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("show quarantine of %q: %w", key, err)
		}
		var q struct {
			Reason, Path   string
			Record, Offset int64
		}
		if err := json.Unmarshal(line, &q); err != nil {
			return fmt.Errorf("show quarantine of %q: a line of %s is damaged", key, s.Config.Quarantine.Name(e.State.Quarantine))
		}
		rows = append(rows, []string{fmt.Sprint(q.Record), q.Reason, q.Path, fmt.Sprint(q.Offset)})
	}
	are := "are"
	if e.State.RecordsQuarantined == 1 {
		are = "is"
	}
	fmt.Fprintf(a.out, "%s of %s %s in %s\n", plural(e.State.RecordsQuarantined, "record"), visible(key), are, visible(s.Config.Quarantine.Name(e.State.Quarantine)))
	printTable(a.out, []string{"record", "reason", "path", "byte offset"}, rows)
	return nil
}

// lost explains why a file that the ledger names is not in the quarantine.
func lost(quarantine config.Location, name string) error {
	if !strings.HasPrefix(name, quarantine.Prefix) {
		return fmt.Errorf("the ledger names the file %q, which is not in %s: the quarantine was another folder when the file was written; configure that folder, or have the file made here: sluice run --reprocess KEY", name, quarantine)
	}
	return fmt.Errorf("%s, which the ledger names, is missing: it was deleted or has expired, or the quarantine was another folder when the file was written; configure that folder, or have the file made again: sluice run --reprocess KEY", quarantine.Name(name))
}

func (a *app) quarantineReplayCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "replay [KEY...]",
		Short: "Process these objects again, with a fixed mapping",
		Long: `Publishes objects again that have records in quarantine or were rejected, if
that was with another mapping than the one given. The whole object goes through
the same ledger: the fixed records are then in the table once, and the others
are still there once. With the same mapping there is nothing to do.`,
		Example: `  sluice quarantine replay --lake lake/ -m fixed.yaml`,
		RunE: func(cmd *cobra.Command, keys []string) error {
			if err := checkReport(cmd, f.report); err != nil {
				return err
			}
			s, err := a.setup(cmd, f.placeFlags)
			if err != nil {
				return err
			}
			defer s.Close()
			return a.replay(cmd.Context(), s, keys, f)
		},
	}
	cmd.ValidArgsFunction = a.completeHeld(&f.placeFlags)
	f.add(cmd)
	reportFlag(cmd, &f.report)
	return withExits(cmd, exitAll, exitSome, exitWrong, exitHeld)
}

func (a *app) replay(ctx context.Context, s *setup.Setup, keys []string, f runFlags) error {
	started := time.Now()
	s.Pipeline.Redo = pipeline.RedoChanged
	if err := s.Own(ctx); err != nil {
		return err
	}
	entries, unread, err := a.held(ctx, s)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if !slices.ContainsFunc(entries, func(e ledger.Entry) bool { return e.Key == key }) {
			return fmt.Errorf("replay %q: nothing of it is in quarantine", key)
		}
	}
	sum := pipeline.NewSummary()
	sum.Objects[pipeline.DidFail] = unread
	failures := &failures{a: a, s: s}
	var objects []pipeline.Object
	for _, e := range entries {
		if len(keys) > 0 && !slices.Contains(keys, e.Key) {
			continue
		}
		if s.Allow.Check(event.Object{Bucket: e.Bucket, Key: e.Key}).Action != event.Process {
			continue // the configuration has changed: the key is no longer in the source
		}
		objects = append(objects, pipeline.Object{Bucket: e.Bucket, Key: e.Key, Size: e.State.BytesRead})
	}
	sum.Commits = s.Target.ProcessAll(ctx, objects, s.Config.Workers, func(i int, r pipeline.Result, err error) {
		if ctx.Err() == nil {
			failures.note(objects[i].Key, r, err)
		}
		sum.Add(r, err)
	})
	if err := ctx.Err(); err != nil {
		return stopped(err, "what was replayed is kept, and another replay does the rest")
	}
	return a.finishObjects(ctx, s, sum, f, time.Since(started))
}
