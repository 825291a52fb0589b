// Package meaning reads docs/mapping.md a second time: a small, slow, plain
// interpreter of mappings, which shares no code with the engine, and random
// mappings and inputs on which both must agree: on the rows, on what is left
// out or kept, and on the code, path and byte of what does not fit. A long run:
//
//	go test ./internal/meaning -mappings 10000 -documents 150
package meaning

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/mapping"
	"sluice/reason"
)

var (
	seed      = flag.Uint64("seed", 0, "seed of the first mapping; 0: a new one each time")
	mappings  = flag.Int("mappings", 120, "number of random mappings")
	documents = flag.Int("documents", 40, "number of random records for each mapping")
)

// TestAgainstInterpreter converts random inputs with random mappings, and holds
// what comes of them against the interpreter. A mapping that the interpreter
// refuses must be refused as a file and as the mapping of a program.
func TestAgainstInterpreter(t *testing.T) {
	first, most := *seed, *mappings
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	if testing.Short() {
		most /= 4
	}
	var total tally
	for i := first; total.mappings < most; i++ {
		if !agree(t, i, &total) {
			t.Fatalf("found by: go test ./internal/meaning -seed %d -mappings 1 -documents %d", i, *documents)
		}
	}
	t.Logf("from seed %d on: %+v", first, total)
	if n := total.records; n >= 50_000 && (total.committed < n/3 || total.quarantined < n/10 || total.skipped < n/50 || total.unknown < n/10 || total.errors < n/50 ||
		total.rejected < total.inputs/20 || total.refused < total.mappings/20 || total.lists < n/20 || total.chosen < n/60) {
		t.Errorf("the inputs test little: %+v", total)
	}
}

// tally counts what was compared.
type tally struct {
	mappings, refused, none, inputs, rejected, records, committed, quarantined, skipped, rows, errors, unknown, lists, chosen int
}

// agree compares with the mapping and the inputs of a seed.
func agree(t *testing.T, seed uint64, total *tally) bool {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	s := g.mapping()
	if g.one(6) {
		s = g.wrong()
	}
	m, err := mapping.Parse("random.yaml", []byte(s.yaml()))
	built := s.build()
	if fault := s.fault(); err != nil || fault != "" {
		total.refused++
		var reject *sluice.RejectError
		_, built := convert(t, built, "{}", "source", map[string]*bytes.Buffer{}, io.Discard)
		if fault == "" || err == nil || built == nil || errors.As(built, &reject) {
			t.Errorf("seed %d: the file is refused with: %v\nthe mapping of a program with: %v\nby the interpreter with: %s\n%s", seed, err, built, fault, s.yaml())
			return false
		}
		return true
	}
	if built.Hash() != m.Hash() {
		t.Errorf("seed %d: built by a program it is another mapping:\n%s\n%s", seed, built.Canonical(), m.Canonical())
	}
	if g.one(2) {
		m = built
	}
	if m, err = m.WithHashKey([]byte(hashKey)); err != nil {
		t.Fatal(err)
	}
	total.mappings++
	none := takeNoRow(m)
	total.none += len(none)
	together := newJoined(m)
	for left := *documents; left > 0; {
		n := min(left, pick(g, 1, 5, 20, 20, 20, 100))
		left -= n
		g.open(s)
		text := g.input(n)
		source := g.source(s)
		want := s.interpret(text, source)
		got := run(t, m, text, source)
		for _, name := range none {
			if len(got.tables[name]) > 0 {
				t.Errorf("seed %d: check says that table %s takes no row, and it has %d\n%s\n%s", seed, name, len(got.tables[name]), s.yaml(), text)
				return false
			}
		}
		if diff := together.add(t, text, source, got); diff != "" {
			t.Errorf("seed %d: %s\n%s\n%s\n%s", seed, diff, s.yaml(), source, text)
			return false
		}
		if diff := compare(s, &want, got, source, total); diff != "" {
			t.Errorf("seed %d: %s\n%s\n%s\n%s", seed, diff, s.yaml(), source, text)
			return false
		}
	}
	if diff := together.rows(t); diff != "" {
		t.Errorf("seed %d: %s\n%s", seed, diff, s.yaml())
		return false
	}
	return true
}

// takeNoRow are the tables of which check says that they take no row.
func takeNoRow(m *mapping.Mapping) (names []string) {
	for _, caution := range m.Cautions() {
		if name, what, _ := strings.Cut(strings.TrimPrefix(caution, "table "), ": "); strings.HasPrefix(what, "where: no value") {
			names = append(names, name)
		}
	}
	return names
}

// made is what the engine made of a text.
type made struct {
	stats  sluice.Stats
	err    error
	tables map[string][][]string
	bad    []entry
}

type entry struct {
	Reason, Path, Source, Raw, Place string
	RawBase64                        []byte `json:"raw_base64"`
	ErrorOffset                      int64  `json:"error_offset"`
	Offset, Record                   int64
}

// convert converts a text into files, one for each table.
func convert(t *testing.T, m *mapping.Mapping, text, source string, files map[string]*bytes.Buffer, bad io.Writer) (sluice.Stats, error) {
	return sluice.Convert(t.Context(), nil, strings.NewReader(text), m, &sluice.Options{
		Codec: sluice.None, Source: source, Quarantine: bad,
		Table: func(name string) (io.Writer, error) {
			files[name] = &bytes.Buffer{}
			return files[name], nil
		},
	})
}

func run(t *testing.T, m *mapping.Mapping, text, source string) *made {
	t.Helper()
	got := &made{tables: map[string][][]string{}}
	files := map[string]*bytes.Buffer{}
	var bad bytes.Buffer
	got.stats, got.err = convert(t, m, text, source, files, &bad)
	if got.err != nil {
		return got
	}
	got.bad = entries(t, bad.Bytes())
	for name, file := range files {
		got.tables[name] = readFile(t, file.Bytes())
	}
	return got
}

// entries are those of a quarantine file.
func entries(t *testing.T, file []byte) (all []entry) {
	t.Helper()
	for line := range bytes.Lines(file) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// compare says what differs, or nothing.
func compare(s *spec, want *outcome, got *made, source string, total *tally) string {
	total.inputs++
	var reject *sluice.RejectError
	switch {
	case errors.As(got.err, &reject) && slices.Contains(want.rejects, string(reject.Reason)):
		total.rejected++
		return ""
	case errors.As(got.err, &reject) && (reject.Reason == reason.Drift && want.mayHold || reject.Reason == reason.DepthLimit && want.mayDeep):
		total.rejected++
		return ""
	case got.err != nil || want.rejects != nil:
		return fmt.Sprintf("the engine says %v, the interpreter %q", got.err, want.rejects)
	}
	var quarantined, skipped, elements, filtered, unknown, uncertain, perhaps int64
	rows := map[string][][]string{}
	rescued := map[string][]map[string]rescue{}
	rowErrors := map[string][]map[string]string{}
	valueErrors := map[string]int64{}
	for i, r := range want.records {
		switch {
		case len(r.findings) > 0:
			if int(quarantined) == len(got.bad) {
				return fmt.Sprintf("record %d must be quarantined: %v\n%s", i, r.findings.sorted(), r.text)
			}
			if diff := r.compare(&got.bad[quarantined], source, i); diff != "" {
				return diff
			}
			quarantined++
			perhaps += int64(len(r.strangers))
			continue
		case r.skipped:
			skipped++
		}
		elements += r.elements
		r.countErrors(valueErrors)
		filtered += r.filtered
		unknown += int64(len(r.strangers))
		uncertain += r.uncertain
		for _, t := range s.tables {
			rows[t.name] = append(rows[t.name], r.rows[t.name]...)
			rescued[t.name] = append(rescued[t.name], r.rescued[t.name]...)
			rowErrors[t.name] = append(rowErrors[t.name], r.rowErrors[t.name]...)
			total.rows += len(r.rows[t.name])
			total.lists += t.lists(r.rows[t.name])
			total.chosen += t.chosenBy(r.rows[t.name])
		}
	}
	st := &got.stats
	total.records += len(want.records)
	total.quarantined += int(quarantined)
	total.skipped += int(skipped)
	total.committed += int(st.RecordsCommitted)
	total.unknown += int(unknown)
	for _, n := range valueErrors {
		total.errors += int(n)
	}
	switch {
	case len(got.bad) != int(quarantined):
		return fmt.Sprintf("quarantined beside those that must be: %+v", got.bad[quarantined])
	case st.RecordsRead != int64(len(want.records)) || st.RecordsQuarantined != quarantined || st.RecordsSkipped != skipped || st.ElementsSkipped != elements || st.RowsFiltered != filtered:
		return fmt.Sprintf("the engine counts %+v, the interpreter %d quarantined, %d skipped, %d elements, %d rows filtered of %d", st, quarantined, skipped, elements, filtered, len(want.records))
	case !sameCounts(st.ValueErrors, valueErrors):
		return fmt.Sprintf("the engine counts the value errors %v, the interpreter %v", st.ValueErrors, valueErrors)
	case st.UnknownFields < unknown-uncertain || st.UnknownFields > unknown+perhaps:
		return fmt.Sprintf("the engine counts %d unknown members, the interpreter %d, and at most %d in quarantine", st.UnknownFields, unknown, perhaps)
	}
	if diff := compareUnknown(s.unknownPaths(want.records), st); diff != "" {
		return diff
	}
	for _, t := range s.tables {
		if diff := compareRows(s, &t, rows[t.name], rescued[t.name], rowErrors[t.name], got.tables[t.name]); diff != "" {
			return diff
		}
	}
	return ""
}

// compare holds the entry of the i-th record against what is wrong with it.
func (r *record) compare(e *entry, source string, i int) string {
	raw := e.Raw
	if e.RawBase64 != nil {
		raw = string(e.RawBase64)
	}
	told := finding{e.Reason, e.Path, int(e.ErrorOffset)}
	if raw != r.text || e.Offset != int64(r.at) || e.Record != int64(i) || e.Source != source || !r.findings.has(told) {
		return fmt.Sprintf("record %d: the engine says %v of record %d, the interpreter %v\n%s", i, told, e.Record, r.findings.sorted(), r.text)
	}
	return ""
}

func compareRows(s *spec, t *table, want [][]string, rescued []map[string]rescue, valueErrors []map[string]string, got [][]string) string {
	at := len(t.columns) // of _rescued
	for i, row := range got {
		if i == len(want) {
			return fmt.Sprintf("table %s: a row beside those that must be: %q", t.name, row)
		}
		if s.unknown == "keep" {
			if diff := compareRescued(rescued[i], row[at]); diff != "" {
				return fmt.Sprintf("table %s, row %d: %s", t.name, i, diff)
			}
			row = slices.Delete(row, at, at+1)
		}
		if t.keepsErrors() {
			if diff := compareErrors(valueErrors[i], row[at]); diff != "" {
				return fmt.Sprintf("table %s, row %d: %s", t.name, i, diff)
			}
			row = slices.Delete(row, at, at+1)
		}
		if !slices.Equal(row, want[i]) {
			return fmt.Sprintf("table %s, row %d: the engine gives %q, the interpreter %q", t.name, i, row, want[i])
		}
	}
	if len(got) < len(want) {
		return fmt.Sprintf("table %s: the row %q is missing", t.name, want[len(got)])
	}
	return ""
}

func compareRescued(want map[string]rescue, cell string) string {
	got := map[string]string{}
	if cell != null {
		docs, broken := parseAll(cell)
		if broken != nil || len(docs) != 1 || len(docs[0].members) == 0 {
			return fmt.Sprintf("rescued is %s (%v), instead of %v", cell, broken, want)
		}
		for _, m := range docs[0].members {
			if w, known := want[m.name.str]; !known || w.text != m.value.text || got[m.name.str] != "" {
				return fmt.Sprintf("rescued is %s, instead of %v", cell, want)
			}
			got[m.name.str] = m.value.text
		}
	}
	for name, w := range want {
		if got[name] == "" && !w.uncertain {
			return fmt.Sprintf("rescued is %s, instead of %v", cell, want)
		}
	}
	return ""
}
