package pipeline_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/iceberg"
	"sluice/internal/parquetread"
	"sluice/internal/pipeline"
)

var update = flag.Bool("update", false, "write what readers see of testdata/schemas/*.txtar anew")

// Each archive of testdata/schemas has two mappings, and what arrives while each is in
// force. seen is what a reader of the table sees, of columns by their IDs: its columns
// and its rows after each of both runs, or why the second mapping is refused. partition,
// if there is one, is how the rows are divided.
func TestSchemas(t *testing.T) {
	archives, err := filepath.Glob("testdata/schemas/*.txtar")
	if err != nil || len(archives) < 30 {
		t.Fatalf("%d archives: %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			got := seen(t, files)
			if *update && got != files["seen"] {
				archive.Files[len(archive.Files)-1].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(files["seen"], got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// seen is what a reader sees of an archive.
func seen(t *testing.T, files map[string]string) string {
	w := newTablesWorld(t)
	before, after := w.targetOf(t, files["before.yaml"], partitionOf(files["partition"])...), w.targetOf(t, files["after.yaml"], partitionOf(files["partition after"])...)
	w.put(t, "1.json", files["before.json"])
	if sum := run(t, before); sum.Stats.RecordsQuarantined > 0 {
		t.Fatalf("before: %v", sum.Stats.Reasons)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "before: %s", w.shown(t, before))
	first := w.metadata(t, before)

	w.put(t, "2.json", files["after.json"])
	sum, err := runAll(t.Context(), after)
	if refused := new(iceberg.ColumnsError); errors.As(err, &refused) {
		if now := w.metadata(t, before); now.Current != first.Current {
			t.Error("a mapping that is refused makes a snapshot")
		}
		run(t, before) // nothing is lost: the former mapping goes on
		if _, err := before.Entry(t.Context(), "raw", "2.json"); err != nil {
			t.Error(err)
		}
		return out.String() + fmt.Sprintf("refused: %v\n", err)
	}
	if err != nil || sum.Stats.RecordsQuarantined > 0 {
		t.Fatalf("after: %v, %v", err, sum.Stats.Reasons)
	}
	fmt.Fprintf(&out, "after: %s", w.shown(t, after))
	second := w.metadata(t, after)
	w.check(t, first, second)

	// Who still has the former mapping goes on too, and nothing of the table is taken back.
	w.put(t, "3.json", files["before.json"])
	run(t, before)
	if third := w.metadata(t, before); third.SchemaID != second.SchemaID || len(third.Schemas) != len(second.Schemas) {
		t.Errorf("the former mapping changes the columns again: %d schemas", len(third.Schemas))
	}
	// Rows of the former mapping are replaced by those of the newer one.
	after.Redo = pipeline.RedoAll
	sum = run(t, after)
	shown := w.shown(t, after)
	if rows := int64(strings.Count(shown, "\n  ")); rows != sum.Stats.RowsWritten && sum.Stats.RecordsQuarantined == 0 {
		t.Errorf("%d rows are shown of the %d of all objects:\n%s", rows, sum.Stats.RowsWritten, shown)
	}
	return out.String()
}

func run(t *testing.T, target *pipeline.Tables) pipeline.Summary {
	t.Helper()
	sum, err := runAll(t.Context(), target)
	if err != nil || sum.Objects[pipeline.DidFail]+sum.Objects[pipeline.DidReject] > 0 {
		t.Fatalf("%v, %+v", err, sum.Objects)
	}
	return sum
}

// partitionOf reads "bucket[4] id".
func partitionOf(text string) (all []pipeline.Partition) {
	for line := range strings.Lines(text) {
		transform, column, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, pipeline.Partition{Transform: iceberg.ParseTransform(transform), Column: column})
	}
	return all
}

func (w *tablesWorld) metadata(t *testing.T, of *pipeline.Tables) *iceberg.Metadata {
	t.Helper()
	loaded, err := of.Tables[0].Catalog.Load(t.Context(), of.Tables[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	return loaded.Metadata
}

// check compares a table with what it was a commit before: columns and rows came in one
// snapshot.
func (w *tablesWorld) check(t *testing.T, before, after *iceberg.Metadata) {
	t.Helper()
	if after.LastSequence != before.LastSequence+1 || *before.Head().SchemaID != before.SchemaID || *after.Head().SchemaID != after.SchemaID {
		t.Errorf("snapshot %d of schema %d, then %d of %d", before.LastSequence, *before.Head().SchemaID, after.LastSequence, *after.Head().SchemaID)
	}
	if want := after.CurrentSchema().NameMapping(); after.Properties[iceberg.NameMapping] != want {
		t.Errorf("name mapping %s, want %s", after.Properties[iceberg.NameMapping], want)
	}
}

// shown are the columns and the rows of the first table, as a reader of Iceberg sees
// them: without those of the source.
func (w *tablesWorld) shown(t *testing.T, of *pipeline.Tables) string {
	t.Helper()
	return shown(t, of.Tables[0].Files, w.metadata(t, of))
}

func shown(t *testing.T, at iceberg.Files, m *iceberg.Metadata) string {
	t.Helper()
	s := m.CurrentSchema()
	var columns, rows []string
	for _, f := range s.Fields {
		if !strings.HasPrefix(f.Name, "_source") {
			columns = append(columns, fmt.Sprintf("%d %s %s", f.ID, f.Name, f.Type))
		}
	}
	lines, err := at.Manifests(t.Context(), m.Head())
	if err != nil {
		t.Fatal(err)
	}
	for i := range lines {
		err := at.Entries(t.Context(), m, &lines[i], func(e *iceberg.Entry) error {
			if e.File.Content != iceberg.Data {
				return nil // all masks are of whole files here, which are dropped
			}
			data, err := at.Read(t.Context(), e.File.Path)
			if err != nil {
				return err
			}
			f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				return err
			}
			there := f.Schema().Columns
			var partition string
			for _, p := range m.Spec(int(lines[i].SpecID)).Fields {
				v := e.File.Partition[p.Name]
				partition += fmt.Sprintf("  in %s=%s", p.Name, p.Transform.Text(s.FieldByID(p.SourceID).Type, v))
			}
			return f.Rows(int(f.NumRows())+1, func(cells []string) error {
				var row []string
				for _, field := range s.Fields {
					cell := "NULL"
					for k := range there {
						if there[k].ID == field.ID && cells[k] != parquetread.Null {
							cell = cells[k]
						}
					}
					if !strings.HasPrefix(field.Name, "_source") {
						row = append(row, cell)
					}
				}
				rows = append(rows, strings.Join(row, " | ")+partition)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(rows)
	return strings.Join(columns, ", ") + "\n  " + strings.Join(rows, "\n  ") + "\n"
}
