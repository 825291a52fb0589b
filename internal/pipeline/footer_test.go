package pipeline_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/pipeline"
	"sluice/internal/store"
)

// onlyWithRows are the keys that a file without rows does not have, where its
// table is no longer in the mapping: they say how rows were made.
var onlyWithRows = []string{"sluice.mapping_sha256", "sluice.table", "sluice.version"}

// The footers of files with and without rows are made in two places: each has
// the keys that docs/parquet.md names.
func TestFooterKeys(t *testing.T) {
	doc, err := os.ReadFile("../../docs/parquet.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(sluice\\.[a-z_0-9]+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		want = append(want, m[1])
	}
	slices.Sort(want)

	w := newWorld(t, folder(t), folder(t))
	const key = "in/a.json"
	w.put(t, key, oneRow)
	w.process(t, key, pipeline.DidCommit)
	name, rows := w.output(t, key)
	if diff := cmp.Diff(want, footerKeys(rows)); diff != "" {
		t.Errorf("a file with rows: keys of docs/parquet.md -, of the file +\n%s", diff)
	}

	renamed := w.over(parseMapping(t, `tables:
- {table: one, columns: [{name: id, path: $.id, type: int64}]}
- {table: two, columns: [{name: id, path: $.id, type: int64}]}
`), w.source, w.sink)
	renamed.Redo = pipeline.RedoAll
	if _, err := renamed.Process(t.Context(), "raw", key); err != nil {
		t.Fatal(err)
	}
	empty, _, err := store.Get(t.Context(), w.sink, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(t, empty); len(got) > 0 {
		t.Fatalf("the output of the earlier table has the rows %v", got)
	}
	want = slices.DeleteFunc(want, func(key string) bool { return slices.Contains(onlyWithRows, key) })
	if diff := cmp.Diff(want, footerKeys(empty)); diff != "" {
		t.Errorf("a file without rows: keys of docs/parquet.md, but those onlyWithRows -, of the file +\n%s", diff)
	}
}

// footerKeys are the keys of sluice in a file; the footer holds them as text.
func footerKeys(file []byte) []string {
	keys := map[string]bool{}
	for _, key := range regexp.MustCompile(`sluice\.[a-z_0-9]+`).FindAll(file, -1) {
		keys[string(key)] = true
	}
	return slices.Sorted(maps.Keys(keys))
}
