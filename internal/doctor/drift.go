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

// drift lists the paths at which objects differ from what the mapping expects.
func (d *doctor) drift(ctx context.Context) []Check {
	const name = "drift"
	known, _, err := d.s.Pipeline.Ledger.Drift(ctx)
	if err != nil {
		return []Check{failed(name, err)}
	}
	m := d.s.Pipeline.Mapping
	paths := slices.DeleteFunc(known.Paths, func(p ledger.DriftedPath) bool { return p.Kind == sluice.DriftUnknown && names(m, p.Path) })
	if len(paths) == 0 {
		return []Check{ok(name, "no object was seen to differ from what the mapping expects")}
	}
	var checks []Check
	for i, p := range paths {
		if i == maxDrifted {
			checks = append(checks, warn(name, "ledger/_drift.json has all of them", "and %s", count(int64(len(paths)-i), "path")))
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
		untold := ""
		if !p.Announced {
			untold = "; no event could be sent yet"
		}
		checks = append(checks, warn(name, hints[p.Kind], "%s is %s %s, %d times in the first object, %q%s", p.Path, what, when, p.Count, p.Key, untold))
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
