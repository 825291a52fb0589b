package doctor

import (
	"cmp"
	"context"
	"fmt"

	"sluice/internal/pipeline"
)

// survey compares source, ledger and sink, as a run does, and changes nothing.
func (d *doctor) survey(ctx context.Context) []Check {
	o := d.s.Run()
	o.DryRun = true
	leftOut, first := int64(0), error(nil)
	o.Done = func(_ string, _ int64, _ pipeline.Result, err error) {
		if err != nil {
			leftOut++
			first = cmp.Or(first, err)
		}
	}
	held, unlisted := d.s.Pipeline.ListHeld(ctx)
	o.Held = held
	sum, err := d.s.Target.Run(ctx, o)
	_, shared := d.s.Target.(*pipeline.Tables)
	if err != nil {
		c := failed("backlog", err)
		if shared {
			c.Hint = cmp.Or(c.Hint, "the checks of tables say what to do")
		}
		return []Check{c}
	}
	f := &sum.Findings
	checks := []Check{backlog(f)}
	if leftOut > 0 {
		checks = append(checks, warn("source names", "rename it, or move it to another place; sluice run names all of them",
			"%s left out, the first: %v", count(leftOut, "name"), first))
	}
	if !shared {
		checks = append(checks, outputs(f)...)
	}
	if unlisted != nil {
		checks = append(checks, unseen(heldName, unlisted, "s3:ListBucket for the quarantine"))
	} else if f.Unheld > 0 {
		checks = append(checks, d.unheld(ctx, f.Unheld))
	}
	return append(checks, changes(f)...)
}

const heldName = "quarantined"

// unheld reports objects whose quarantined records or report are gone.
func (d *doctor) unheld(ctx context.Context, n int64) Check {
	p := d.place("quarantine")
	what := fmt.Sprintf("%s whose quarantined records or report are not in %s", count(n, "object"), p)
	if b := p.bucket(); b != nil {
		rules, err := b.Lifecycle(ctx)
		if err != nil {
			return unseen(heldName, fmt.Errorf("%s; and whether a rule expires them: %w", what, err), "s3:GetLifecycleConfiguration")
		}
		for _, r := range rules {
			if r.Expires && overlap(r.Prefix, p.at.Prefix) {
				return ok(heldName, "%s, where a rule for %q expires them; sluice run --reprocess KEY makes them again", what, r.Prefix)
			}
		}
	}
	return warn(heldName, "if the quarantine was another folder before, configure that folder; else sluice run --reprocess KEY makes them again, and sluice quarantine list names the keys", "%s", what)
}

func backlog(f *pipeline.Findings) Check {
	if f.Behind == 0 {
		return ok("backlog", "none of the %s of the source is newer than the ledger", count(f.Source, "object"))
	}
	return warn("backlog", "run: sluice run; if it happens again, check whether events arrive",
		"%d of %s of the source newer than the ledger, the oldest written %s ago", f.Behind, count(f.Source, "object"), age(f.Oldest))
}

// outputs says whether the sink has what the ledger names, and nothing else.
func outputs(f *pipeline.Findings) []Check {
	const name = "outputs"
	var checks []Check
	for _, c := range []struct {
		n          int64
		noun, what string
		hint       string
	}{
		{f.Changed, "object", "whose outputs are missing, or differ from the ledger", "run: sluice run, which makes them again"},
		{f.Torn, "object", "whose tables show different states, or not the state they should", "run: sluice run; it names those that it cannot make again"},
		{f.Doubled, "key", "with outputs of several names, perhaps because a ledger entry was deleted: rows may be doubled", "docs/ledger.md#care says how to find the older ones and remove them"},
		{f.Unaccounted, "output", "that no ledger entry names", "run: sluice run, which makes the entries of objects that are still in the source; the rows of the others stay in the table"},
		{f.Damaged, "ledger file", "that cannot be read, of an object that is gone", "docs/ledger.md#care"},
		{f.Foreign, "object", "in the sink that sluice did not write: queries of the table read their rows too", "move files that this pipeline did not write to another place"},
	} {
		if c.n > 0 {
			checks = append(checks, warn(name, c.hint, "%s %s", count(c.n, c.noun), c.what))
		}
	}
	if len(checks) == 0 {
		checks = append(checks, ok(name, "the sink has what the ledger names, and nothing else"))
	}
	return checks
}

// changes says what an earlier configuration has left.
func changes(f *pipeline.Findings) []Check {
	const name, hint = "changes", "run: sluice run --changed-mapping, which applies the change"
	var checks []Check
	for _, c := range []struct {
		n    int64
		what string
	}{
		{f.Elsewhere, "with rows only where an earlier configuration put them: the table lacks these rows"},
		{f.OtherMapping, "made with another mapping"},
		{f.Dropped, "with rows in outputs that the configuration no longer names"},
		{f.Kept, "deleted from the source, whose rows are still there"},
	} {
		if c.n > 0 {
			checks = append(checks, warn(name, hint, "%s %s", count(c.n, "object"), c.what))
		}
	}
	if f.Outside > 0 {
		checks = append(checks, warn(name, "name them again; or, to have them removed, run: sluice run --changed-mapping with on_delete: remove",
			"%s that source and suffixes no longer name, whose rows are still there", count(f.Outside, "object")))
	}
	return checks
}

func count(n int64, noun string) string { return plural(int(n), noun) }
