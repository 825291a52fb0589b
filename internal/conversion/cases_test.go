package conversion_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/conversion"
	"sluice/internal/parquetread"
	"sluice/internal/rejection"
	"sluice/mapping"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata")

// TestCases runs the cases of testdata/convert, which are named by a rule, and of
// testdata/sources, named by who writes such documents: a mapping (orders, if there
// is none), an input, its key if that matters, its result, and if that matters its
// drift. A case is a file; -update writes the actual result as the expected one.
func TestCases(t *testing.T) {
	for _, file := range slices.Concat(cases(t, "convert"), cases(t, "sources")) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m := orders(t)
			var in, want, drift []byte
			source := "input"
			for _, f := range a.Files {
				switch f.Name {
				case "mapping.yaml":
					m = parseMapping(t, string(f.Data))
				case "input":
					in = f.Data
				case "source":
					source = strings.TrimSuffix(string(f.Data), "\n")
				case "want":
					want = f.Data
				case "drift":
					drift = f.Data
				default:
					t.Fatalf("unknown section %q", f.Name)
				}
			}
			got, drifted := describe(t, m, in, source, nil)
			memory := new(conversion.Memory)
			for range 3 {
				again, driftedAgain := describe(t, m, in, source, memory)
				if diff := cmp.Diff(got+drifted, again+driftedAgain); diff != "" {
					t.Errorf("with the memory of other conversions: -without +with:\n%s", diff)
				}
				describe(t, m, in[:len(in)/2], source, memory)
			}
			if *update {
				a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" || f.Name == "drift" })
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
				if drift != nil {
					a.Files = append(a.Files, txtar.File{Name: "drift", Data: []byte(drifted)})
				}
				writeFile(t, file, txtar.Format(a))
				return
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(string(drift), drifted); drift != nil && diff != "" {
				t.Errorf("drift: -want +got:\n%s", diff)
			}
		})
	}
}

// cases are the files of a folder of testdata.
func cases(t *testing.T, folder string) []string {
	files, err := filepath.Glob("testdata/" + folder + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", folder, err)
	}
	return files
}

// describe converts in and writes down the whole result.
func describe(t *testing.T, m *mapping.Mapping, in []byte, source string, memory *conversion.Memory) (result, drift string) {
	var out, drifted strings.Builder
	tables := make([]bytes.Buffer, len(m.Tables))
	outputs := make([]conversion.Output, len(m.Tables))
	for i := range tables {
		outputs[i] = fileOf(t, m, i, &tables[i])
	}
	var bad bytes.Buffer
	stats, err := conversion.RunWith(t.Context(), memory, outputs, bytes.NewReader(in), m, conversion.Options{Codec: "zstd", Source: source, Quarantine: &bad})
	reject := new(rejection.Error)
	switch {
	case errors.As(err, &reject):
		fmt.Fprintf(&out, "outcome: reject\nreject: %s at byte %d: %s\n", reject.Code, reject.Offset, reject.Detail)
		return out.String(), ""
	case err != nil:
		t.Fatal(err)
	case stats.RecordsQuarantined > 0:
		out.WriteString("outcome: quarantine\n")
	default:
		out.WriteString("outcome: accept\n")
	}
	fmt.Fprintf(&out, "records: read %d committed %d quarantined %d skipped %d\n",
		stats.RecordsRead, stats.RecordsCommitted, stats.RecordsQuarantined, stats.RecordsSkipped)
	for _, code := range slices.Sorted(maps.Keys(stats.Reasons)) {
		fmt.Fprintf(&out, "reason: %s %d\n", code, stats.Reasons[code])
	}
	if stats.RowsFiltered > 0 {
		fmt.Fprintf(&out, "rows filtered: %d\n", stats.RowsFiltered)
	}
	if stats.ElementsSkipped > 0 {
		fmt.Fprintf(&out, "elements skipped: %d\n", stats.ElementsSkipped)
	}
	if stats.UnknownFields > 0 {
		fmt.Fprintf(&out, "unknown fields: %d\n", stats.UnknownFields)
	}
	for _, code := range slices.Sorted(maps.Keys(stats.ValueErrors)) {
		fmt.Fprintf(&out, "value errors: %s %d\n", code, stats.ValueErrors[code])
	}
	for i, table := range m.Tables {
		var names []string
		for _, c := range m.Schema(&table).Columns {
			names = append(names, c.Name)
		}
		fmt.Fprintf(&out, "table %s: %s\n", table.Name, strings.Join(names, " | "))
		for _, row := range readRows(t, tables[i].Bytes()) {
			for i, c := range row {
				switch {
				case c == parquetread.Null:
					row[i] = "NULL"
				case names[i] == mapping.Errors:
					row[i] = c
				default:
					row[i] = fmt.Sprintf("%.60q", c)
				}
			}
			fmt.Fprintf(&out, "  %s\n", strings.Join(row, " | "))
		}
	}
	for _, e := range entries(t, bad.Bytes()) {
		raw := e.Raw
		if e.RawBase64 != nil {
			raw = string(e.RawBase64)
		}
		if int(e.Offset)+len(raw) > len(in) || raw != string(in[e.Offset:int(e.Offset)+len(raw)]) {
			t.Errorf("record %d: the raw bytes are not those at the offset", e.Record)
		}
		fmt.Fprintf(&out, "quarantine: record %d bytes %d+%d: %s at %s, byte %d\n", e.Record, e.Offset, len(raw), e.Reason, e.Path, e.ErrorOffset)
	}
	for _, p := range stats.Drifted {
		fmt.Fprintf(&drifted, "%s: %s %d", p.Kind, p.Path, p.Count)
		if p.Reason != "" {
			fmt.Fprintf(&drifted, " %s", p.Reason)
		}
		fmt.Fprintf(&drifted, ", first at byte %d\n", p.Offset)
	}
	return out.String(), drifted.String()
}
