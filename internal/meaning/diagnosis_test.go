package meaning

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/internal/batch"
	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// TestDiagnosis takes the quarantined records of random mappings, and asks for all
// that does not fit in them. The first finding is that of the quarantine. If all are
// about columns, the record fits a mapping that lets these be NULL; but for one of
// them, and it is quarantined for what was found of that column.
func TestDiagnosis(t *testing.T) {
	first, most := *seed, *mappings
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	var records, several, checks int
	for i := first; i < first+uint64(most); i++ {
		g := &generator{Rand: rand.New(rand.NewPCG(i, 1))}
		s := g.mapping()
		m, err := mapping.Parse("random.yaml", []byte(s.yaml()))
		if err != nil {
			continue
		}
		if m, err = m.WithHashKey([]byte(hashKey)); err != nil {
			t.Fatal(err)
		}
		g.open(s)
		text, source := g.input(*documents), g.source(s)
		for _, e := range run(t, m, text, source).bad {
			if e.Raw == "" || slices.Contains([]reason.Code{reason.BadJSON, reason.TruncatedJSON, reason.RecordTooLarge}, reason.Code(e.Reason)) {
				continue
			}
			records++
			found := diagnosed(m, &e)
			if len(found) > 1 {
				several++
			}
			if len(found) == 0 || string(found[0].Code) != e.Reason || int64(found[0].At) != e.ErrorOffset-e.Offset ||
				found[0].Real != e.Path && found[0].Code != reason.UnknownField {
				t.Fatalf("seed %d: quarantined for %s at %s, byte %d; found %+v\n%s\n%s", i, e.Reason, e.Path, e.ErrorOffset-e.Offset, found, s.yaml(), e.Raw)
			}
			if records%4 != 0 { // the rest takes most of the time
				continue
			}
			switch what, checked := mend(t, m, found, &e); {
			case what != "":
				t.Fatalf("seed %d: %s\nfound %+v\n%s\n%s", i, what, found, s.yaml(), e.Raw)
			case checked:
				checks++
			}
		}
	}
	t.Logf("from seed %d on: %d records, %d with several findings, %d checked with mended columns", first, records, several, checks)
	if records > 1000 && (several < records/10 || checks < records/40) {
		t.Error("the inputs test little")
	}
}

// diagnosed is what does not fit in a quarantined record.
func diagnosed(m *mapping.Mapping, e *entry) (all []flatten.Finding) {
	place := slices.IndexFunc(m.Records, func(p mapping.Path) bool { return p.String() == e.Place })
	f := flatten.New(m, m.Records[place], flatten.Source{})
	var batches []*batch.Batch
	for i := range m.Tables {
		table := &m.Tables[i]
		batches = append(batches, batch.New(m.Schema(table), flatten.Levels(m, table), table.Levels()))
	}
	f.Bind(batches)
	f.Diagnose(func(x flatten.Finding) { all = append(all, x) })
	f.Record(append([]byte(e.Raw), make([]byte, jsonscan.Padding)...), 0, len(e.Raw), flatten.Origin{})
	return all
}

const anyType = mapping.FromString | mapping.FromInteger | mapping.FromNumber | mapping.FromBoolean

// mend makes the columns that do not fit take what is there, or let it be NULL, and
// says what is wrong with the record then. Their paths stay, since they say what may
// stand at them. checked is false if other things do not fit.
func mend(t *testing.T, m *mapping.Mapping, found []flatten.Finding, e *entry) (what string, checked bool) {
	type column struct{ table, column int }
	codes := map[column]reason.Code{}
	for _, x := range found {
		switch {
		case x.Column >= 0 && x.Code != reason.TooManyRows:
			if c := (column{x.Table, x.Column}); codes[c] == "" {
				codes[c] = x.Code
			}
		case x.Code == reason.NoRows || x.Code == reason.UnknownField:
		default:
			return "", false
		}
	}
	mended := func(but column) *mapping.Mapping {
		fixed := *m
		fixed.UnknownFields, fixed.Drop = mapping.Count, nil
		fixed.Limits.RecordBytes = 1 << 20 // for _errors
		fixed.Tables = slices.Clone(m.Tables)
		for i := range fixed.Tables {
			table := &fixed.Tables[i]
			if table.Explode != nil && table.WhenEmpty == mapping.Quarantine {
				table.WhenEmpty = mapping.Skip
			}
			table.Columns = slices.Clone(table.Columns)
			for c := range table.Columns {
				col := &table.Columns[c]
				if at := (column{i, c}); codes[at] == "" || at == but {
					continue
				}
				if col.Required = false; col.Type.Kind != schema.List {
					col.NullOnError = true
					continue
				}
				*col = mapping.Column{Column: schema.Column{Name: col.Name, Type: schema.Type{Kind: schema.JSON}}, Path: col.Path, From: anyType, NullOnError: true}
			}
		}
		return &fixed
	}
	code := func(m *mapping.Mapping) string {
		got := replayed(t, m, e)
		if got.err != nil {
			return got.err.Error()
		}
		if len(got.bad) > 0 {
			return got.bad[0].Reason
		}
		return ""
	}
	if got := code(mended(column{-1, -1})); got != "" {
		return fmt.Sprintf("with columns %v mended, the record is quarantined for %s", codes, got), true
	}
	for c, want := range codes {
		if got := code(mended(c)); got != string(want) {
			return fmt.Sprintf("with column %v alone of those that do not fit, want %s, got %q", c, want, got), true
		}
	}
	return "", true
}

// replayed converts a record as a quarantine file has it.
func replayed(t *testing.T, m *mapping.Mapping, e *entry) *made {
	line := fmt.Sprintf("{\"sluice_quarantine\":1,\"reason\":\"%s\",\"path\":\"$\",\"offset\":0,\"error_offset\":0,\"record\":0,\"place\":%s,\"source\":%s,\"raw\":%s}\n", e.Reason, quoted(e.Place), jsonscan.AppendQuoted(nil, e.Source), jsonscan.AppendQuoted(nil, e.Raw))
	got := &made{}
	var bad bytes.Buffer
	got.stats, got.err = convert(t, m, line, "s", map[string]*bytes.Buffer{}, io.Writer(&bad))
	got.bad = entries(t, bad.Bytes())
	return got
}
