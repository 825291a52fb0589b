package doctor

import (
	"context"
	"slices"

	"sluice"
	"sluice/internal/ledger"
	"sluice/mapping"
)

// maxDrifted is how many paths that differ are listed.
const maxDrifted = 20

// drift lists the paths at which objects differ from what the mapping expects. That
// is no fault of the setup.
func (d *doctor) drift(ctx context.Context) []Check {
	const name = "drift"
	known, _, err := d.s.Pipeline.Ledger.Drift(ctx)
	if err != nil {
		return []Check{failed(name, err)}
	}
	m := d.s.Pipeline.Mapping
	paths := slices.DeleteFunc(known.Paths, func(p ledger.DriftedPath) bool { return p.Kind == sluice.DriftUnknown && names(m, p.Path) })
	var checks []Check
	for i, p := range paths {
		if i == maxDrifted {
			checks = append(checks, ok(name, "and %s; ledger/_drift.json has all of them", count(int64(len(paths)-i), "path")))
			break
		}
		what := p.Kind
		if p.Reason != "" {
			what += " (" + string(p.Reason) + ")"
		}
		when := "since " + p.Since.Format("2006-01-02 15:04Z")
		if p.Mapping != m.Hash() {
			when += ", with another mapping than now"
		}
		c := ok(name, "%s is %s %s, %s in the first object, %q", p.Path, what, when, count(p.Count, "time"), p.Key)
		c.Hint = hints[p.Kind]
		if !p.Announced {
			c.Status, c.Hint = Warning, "the role needs events:PutEvents of event_bus; a later object with drift tries again"
			c.Detail += "; no event could be sent yet"
		}
		checks = append(checks, c)
	}
	return checks
}

// hints say what to do about a kind of drift.
var hints = map[string]string{
	sluice.DriftUnknown:  "add a column for it, or name it under drop",
	sluice.DriftMistyped: "sluice mapping preview says what to change",
	sluice.DriftMissing:  "ask who writes the objects whether it is gone or has another name",
}

// names reports whether a path of the mapping leads to this one, or through it.
func names(m *mapping.Mapping, text string) bool {
	path, err := mapping.ParsePath(text)
	if err != nil {
		return false // beside the record, where no path leads
	}
	leads := func(p mapping.Path) bool { return p.HasPrefix(path) }
	for i := range m.Tables {
		t := &m.Tables[i]
		if leads(t.Explode) || slices.ContainsFunc(t.Zip, leads) || slices.ContainsFunc(t.Where, func(c mapping.Condition) bool { return leads(c.Path) }) ||
			slices.ContainsFunc(t.Columns, func(c mapping.Column) bool { return slices.ContainsFunc(c.Paths(), leads) }) {
			return true
		}
	}
	return slices.ContainsFunc(m.Drop, leads)
}
