package meaning

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"sluice"
)

// What docs/mapping.md says of unknown paths.

// unknownPaths counts the unknown members of the records by path. It is nil where
// another count may be right as well: of quarantined records not all is read, and
// of paths with indexes several may lead to a member.
func (s *spec) unknownPaths(records []*record) map[string]int64 {
	counts := map[string]int64{}
	r := reading{spec: s, record: &record{}, ranks: map[string]int{}}
	for _, route := range r.top().routes {
		if slices.ContainsFunc(route, func(s step) bool { return s.kind == '[' }) {
			return nil
		}
	}
	for _, r := range records {
		if len(r.findings) > 0 || r.uncertain > 0 {
			return nil
		}
		for _, m := range r.strangers {
			counts[m.drift()]++
		}
	}
	return counts
}

// drift is the path of the member. An element that no path names is at the path of
// the array.
func (m *stranger) drift() string {
	at := m.places[0]
	path := slices.DeleteFunc(slices.Clone(at.path), func(s step) bool { return s.kind == '[' })
	name := m.name
	if len(name) > 64 {
		for name = name[:64]; !utf8.ValidString(name); {
			name = name[:len(name)-1]
		}
		name += "…"
	}
	text := path.with(step{kind: '.', name: name}).String()
	if at.around {
		text = "$" + text
	}
	return text
}

// noDrift are the codes of records that say nothing about values.
var noDrift = []string{"bad_json", "truncated_json", "invalid_utf8", "invalid_unicode", "duplicate_key", "missing_field", "no_rows", "zip_length",
	"key_mismatch", "unknown_field", "record_too_large", "field_too_large", "too_many_rows", "depth_limit"}

// held finds out whether on_drift: hold rejects the input.
func (s *spec) held(out *outcome) {
	for _, r := range out.records {
		mistyped := 0
		for f := range r.findings {
			if !slices.Contains(noDrift, f.code) {
				mistyped++
			}
		}
		errors := 0
		for _, all := range r.errors {
			errors += len(all)
		}
		switch {
		case len(r.findings) > 0 && mistyped == len(r.findings), len(r.findings) == 0 && (int64(len(r.strangers)) > r.uncertain || errors > 0):
			out.rejects = []string{"drift"}
		case mistyped > 0, len(r.strangers) > 0:
			out.mayHold = true
		}
	}
}

// compareUnknown holds the paths that the engine names against those that it must.
func compareUnknown(want map[string]int64, st *sluice.Stats) string {
	got := map[string]int64{}
	for _, p := range st.Drift {
		if p.Kind == sluice.DriftUnknown {
			got[p.Path] = p.Count
		}
	}
	if want == nil || len(want) > 100 || maps.Equal(got, want) {
		return ""
	}
	return fmt.Sprintf("the engine counts the unknown paths %v, the interpreter %v", got, want)
}
