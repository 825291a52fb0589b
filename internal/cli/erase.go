package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/erase"
	"sluice/internal/setup"
	"sluice/internal/upkeep"
)

type eraseFlags struct {
	placeFlags
	where     []string
	whereFile string
	raw       string
	versions  string
	request   string
	report    string
	workers   int
	dryRun    bool
}

func (a *app) eraseCommand() *cobra.Command {
	var f eraseFlags
	cmd := &cobra.Command{
		Use:   "erase {--where COLUMN=VALUE | --where-file FILE}",
		Short: "Take the rows of persons out of tables, quarantine and source",
		Long: `Writes all files again that have rows with the value in the column, without
them: those of tables, also with rows that no longer count, and those of
quarantined records. Then it reads all files that count once more, and says
where the rows are yet: in snapshots, until when, and what ends it; in objects
of the source; in older versions of buckets.

--raw rewrite first writes the objects of the source again, without the records
that give such rows. What the other records give is compared before. Then it
does what sluice run does. With --raw keep, the objects that have such records
are only named: whatever converts them again brings the rows back, as sluice run
--reprocess does.

A bucket with versioning keeps what is replaced or removed. --versions remove
reads all older versions of source, sink, quarantine and ledger, and removes for
good those that have such rows or records, and what was deleted of the metadata
of tables. What is current stays.

A value on the command line may be kept by the shell: --where-file FILE has a
COLUMN=VALUE on each line, - is standard input. With several, a row goes if it
meets one. No report or message has a value, and none is kept anywhere.

After an error the same command goes on. docs/erase.md says what it does not
find.`,
		Example: `  sluice erase --lake lake/ --where customer_email=ada@example.com --dry-run
  sluice erase --lake lake/ --where-file - --raw rewrite --request 2026-17
  sluice erase -c sluice.yaml --where-file persons.txt --report json`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.erase(cmd, f) },
	}
	f.add(cmd)
	cmd.Flags().StringArrayVar(&f.where, "where", nil, "`column=value` of the rows that go; may be given several times")
	cmd.Flags().StringVar(&f.whereFile, "where-file", "", "`file` with column=value on each line; - is standard input")
	cmd.Flags().StringVar(&f.raw, "raw", erase.RawKeep, "what becomes of the objects of the source: keep or rewrite")
	cmd.Flags().StringVar(&f.versions, "versions", erase.VersionsKeep, "what becomes of older versions in buckets: keep or remove")
	cmd.Flags().StringVar(&f.request, "request", "", "`ID` of the request, for the report")
	cmd.Flags().IntVar(&f.workers, "workers", 0, "files read at once (default from the configuration)")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only count what would go")
	reportFlag(cmd, &f.report)
	completeWords(cmd, "raw", erase.RawKeep, erase.RawRewrite)
	completeWords(cmd, "versions", erase.VersionsKeep, erase.VersionsRemove)
	return withExits(cmd, "0  no file that counts, and no quarantined record, has such rows", "1  it failed, or something could not be read or written again", exitWrong)
}

// conditions are what the flags ask for. Errors do not quote values.
func (f *eraseFlags) conditions(cmd *cobra.Command, in io.Reader) (all []upkeep.Condition, err error) {
	add := func(text, where string) error {
		column, value, ok := strings.Cut(text, "=")
		if !ok || column == "" || value == "" {
			return usage(cmd, "%s is not COLUMN=VALUE", where)
		}
		all = append(all, upkeep.Condition{Column: column, Value: value})
		return nil
	}
	for i, text := range f.where {
		if err := add(text, fmt.Sprintf("--where (the %d. one)", i+1)); err != nil {
			return nil, err
		}
	}
	if f.whereFile != "" {
		if f.whereFile != "-" {
			file, err := os.Open(f.whereFile)
			if err != nil {
				return nil, usage(cmd, "--where-file: %w", err)
			}
			defer file.Close()
			in = file
		}
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			if text := strings.TrimSuffix(lines.Text(), "\r"); text != "" {
				if err := add(text, fmt.Sprintf("--where-file: line %d", n)); err != nil {
					return nil, err
				}
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read --where-file: %w", err)
		}
	}
	if len(all) == 0 {
		return nil, usage(cmd, "no rows are named: give --where COLUMN=VALUE or --where-file FILE")
	}
	return all, nil
}

func (a *app) erase(cmd *cobra.Command, f eraseFlags) error {
	if err := checkReport(cmd, f.report); err != nil {
		return err
	}
	if f.raw != erase.RawKeep && f.raw != erase.RawRewrite {
		return usage(cmd, "--raw is keep or rewrite")
	}
	if f.versions != erase.VersionsKeep && f.versions != erase.VersionsRemove {
		return usage(cmd, "--versions is keep or remove")
	}
	if f.workers < 0 {
		return usage(cmd, "--workers must be above 0")
	}
	conditions, err := f.conditions(cmd, a.in)
	if err != nil {
		return err
	}
	if f.lake != "" && f.config == "" {
		f.config = ownConfig(f.lake)
	}
	s, err := a.setup(cmd, f.placeFlags)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.CheckOwner(cmd.Context()); err != nil {
		return err
	}
	m := newMeter(a.errw)
	r, err := erase.Run(cmd.Context(), s, erase.Options{
		Conditions: conditions, Request: f.request, Raw: f.raw, Versions: f.versions, DryRun: f.dryRun, Workers: cmp.Or(f.workers, s.Config.Workers), Now: time.Now,
		Progress: m.steps(),
	})
	m.end()
	if errors.As(err, new(*erase.WrongError)) {
		return usage(cmd, "%w", err)
	}
	if err != nil {
		return stopped(err, "what was written is kept, and the same command does the rest")
	}
	if f.report == "json" {
		err = printJSON(a.out, r)
	} else {
		a.printErased(s, r)
	}
	if err == nil && !r.OK() {
		err = status(exitFailed)
	}
	return err
}

// printErased prints a report for a person.
func (a *app) printErased(s *setup.Setup, r *erase.Report) {
	say := func(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }
	were := "erased"
	if r.DryRun {
		were = "would be erased"
	}
	if r.Request != "" {
		say("request %s", visible(r.Request))
	}
	if r.Refused != "" {
		say("it would not begin: %s", r.Refused)
	}
	raw := &r.Raw
	say("source: %s read", plural(int64(raw.Read), "object"))
	if raw.Rewritten > 0 {
		say("source: %s %s from %s", plural(raw.Records, "record"), were, plural(int64(raw.Rewritten), "object"))
		if raw.Shortened > 0 {
			say("source: of %s with rows of others too, only elements of arrays", plural(raw.Shortened, "record"))
		}
	}
	for _, t := range r.Tables {
		if len(t.Columns) == 0 {
			say("table %s: it has none of the columns, and was not searched", t.Table)
			continue
		}
		say("table %s: %s %s, %s that had been replaced already; %s written again", t.Table, plural(t.Rows, "row"), were, plural(t.Replaced, "row"), plural(int64(t.Rewritten), "data file"))
	}
	q := &r.Quarantine
	say("quarantine: %s %s from %s of %s", plural(q.Records, "record"), were, plural(int64(q.Rewritten), "file"), grouped(int64(q.Read)))
	if !r.DryRun {
		word := a.out.paint(green, "proved")
		if !r.Proved.Whole || r.Proved.Matches > 0 {
			word = a.out.paint(red, "not proved")
		}
		say("%s: files read %s, rows found %s", word, grouped(int64(r.Proved.Files)), grouped(r.Proved.Matches))
	}
	a.printHeld(s, r, were)
}

// printHeld says where rows and records are yet.
func (a *app) printHeld(s *setup.Setup, r *erase.Report, were string) {
	say := func(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }
	list := func(what string, names []string) {
		if len(names) == 0 {
			return
		}
		say("%s: %s", what, grouped(int64(len(names))))
		for _, name := range names[:min(len(names), 100)] {
			say("  %s", visible(name))
		}
		if more := len(names) - 100; more > 0 {
			say("  and %s more: --report json", grouped(int64(more)))
		}
	}
	list("objects of the source that have such records yet", r.Raw.Keep)
	for _, l := range r.Raw.Why {
		say("  %s was not written again: %s", visible(l.Key), l.Error)
	}
	if r.Raw.Policy == erase.RawKeep && len(r.Raw.Keep) > 0 && !r.DryRun {
		say("  sluice run --reprocess brings their rows back; --raw rewrite takes these records out")
	}
	expire := false
	for _, t := range r.Tables {
		for _, h := range t.Held.Snapshots {
			until := "until " + h.Until.Format(time.RFC3339)
			if h.More > 0 {
				until += ", and until the table has had " + plural(int64(h.More), "more snapshot")
			}
			if h.Ref != "" {
				until = "as long as the branch or tag " + visible(h.Ref) + " keeps it"
			}
			say("table %s: snapshot %d of %s has them %s", t.Table, h.ID, h.Time.Format(time.RFC3339), until)
			expire = true
		}
		list("table "+t.Table+": data files of these snapshots", t.Held.Files)
		list("table "+t.Table+": data files that no snapshot names", t.Held.Unnamed)
		list("table "+t.Table+": files of metadata and ledger that have values or paths of these", slices.Concat(t.Held.Metadata, t.Held.Lists, t.Held.Deletes, t.Held.Runs))
		list("table "+t.Table+": files among these that another engine wrote, and must remove", t.Held.Others)
		list("table "+t.Table+": files among these of the former sink, which no command removes: delete the former sink and its ledger as a whole, as docs/tables.md says", t.Held.Former)
		list("table "+t.Table+": data files that cannot be read", t.Unread)
		if t.Held.Unlisted {
			say("table %s: its folder is not listed, so nobody knows whether it has files that no snapshot names", t.Table)
		}
		if t.Held.Old > 0 {
			say("table %s: %s of metadata and ledger that no snapshot names may have them, and were not read", t.Table, plural(int64(t.Held.Old), "file"))
		}
		expire = expire || len(t.Held.Unnamed) > 0
	}
	if expire && !r.DryRun {
		say("a day from now this ends it: sluice table maintain --expire-older 24h --older-than 24h")
	}
	list("files of the sink that the ledger does not name, and that have such rows", r.Unnamed)
	list("files that cannot be read", append(r.Unread, r.Quarantine.Unread...))
	for _, u := range r.Uploads {
		if u.Unknown != "" {
			say("%s: nobody knows whether it has uploads of dead workers: %s", u.Place, visible(u.Unknown))
			continue
		}
		say("%s: %s begun and not ended, and may have such rows; sluice run, or this command once more, removes those of dead workers (of a folder an hour after they were written, of a bucket a day)",
			u.Place, plural(int64(u.Pending), "upload"))
	}
	if r.Ledger.Entries > 0 || r.Ledger.Keys > 0 || r.Ledger.Drift {
		say("ledger: %s with the value in a name; source keys with it: %d", plural(int64(r.Ledger.Entries), "entry"), r.Ledger.Keys)
		if r.Ledger.Drift {
			say("ledger: %s_drift.json has it in a path; delete the file: paths are then announced again", visible(s.Config.Ledger.String()))
		}
	}
	for _, v := range r.Versions {
		switch {
		case v.Unknown != "":
			say("%s: nobody knows whether the bucket keeps older versions: %s", v.Place, visible(v.Unknown))
		case v.On && v.Days > 0:
			say("%s: older versions stay for %d days", v.Place, v.Days)
		case v.On:
			say("%s: older versions stay until somebody removes them, as --versions remove does", v.Place)
		}
		if v.Removed > 0 {
			say("%s: %s %s", v.Place, plural(v.Removed, "older version"), were)
		}
		for _, l := range v.Left {
			say("  version %s of %s is there yet: %s", visible(l.Version), visible(l.Key), l.Error)
		}
	}
	if r.Run > 0 {
		say("%s failed when the source was brought up to date: sluice run says why", plural(r.Run, "object"))
	}
}
