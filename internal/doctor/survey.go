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
	sum, err := d.s.Pipeline.Run(ctx, o)
	if err != nil {
		return []Check{failed("backlog", err)}
	}
	f := &sum.Findings
	checks := []Check{backlog(f)}
	if leftOut > 0 {
		checks = append(checks, warn("source names", "rename it, or move it to another place; sluice run names all of them",
			"%s left out, the first: %v", count(leftOut, "name"), first))
	}
	checks = append(checks, outputs(f)...)
	if unlisted != nil {
		checks = append(checks, unseen(heldName, unlisted, "s3:ListBucket for the quarantine"))
	} else if f.Unheld > 0 {
		checks = append(checks, d.unheld(ctx, f.Unheld))
	}
	return append(checks, changes(f)...)
}

const heldName = "quarantined"

// unheld is of objects whose quarantined records or report are gone.
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
	return warn(heldName, "if quarantine was another folder before, name that one; else sluice run --reprocess KEY makes them again: sluice quarantine list names the keys", "%s", what)
}

func backlog(f *pipeline.Findings) Check {
	if f.Behind == 0 {
		return ok("backlog", "of %s of the source none is newer than the ledger", count(f.Source, "object"))
	}
	return warn("backlog", "run: sluice run; if that happens again, see whether events arrive",
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
		{f.Changed, "object", "whose outputs are missing, or not those that the ledger names", "run: sluice run makes them again"},
		{f.Torn, "object", "whose tables show different states, or lack the one they should", "run: sluice run; what it cannot make again it names"},
		{f.Doubled, "key", "with outputs of several names, as after a ledger entry was deleted: rows may be doubled", "docs/ledger.md#care says how to find the older ones and take them away"},
		{f.Unaccounted, "output", "that no ledger entry names", "run: sluice run makes the entries of objects that are still in the source; the others' rows stay in the table"},
		{f.Damaged, "ledger file", "that cannot be read, of an object that is gone", "docs/ledger.md#care"},
		{f.Foreign, "object", "in the sink that sluice did not write: queries of the table read their rows too", "move what is no output of this pipeline to another place"},
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
	const name, hint = "changes", "run: sluice run --changed-mapping carries it out"
	var checks []Check
	for _, c := range []struct {
		n    int64
		what string
	}{
		{f.Elsewhere, "with rows only where an earlier configuration wanted them: their table lacks these"},
		{f.OtherMapping, "made with another mapping"},
		{f.Dropped, "with rows in outputs that the configuration no longer names"},
		{f.Kept, "deleted from the source, and their rows stand"},
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
