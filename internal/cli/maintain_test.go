package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/config"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
)

// A split that others may go on with keeps all its files, also the data files that no
// snapshot names. Of one that was given up, all is removed.
func TestMaintainSplits(t *testing.T) {
	dir := t.TempDir()
	raw := filepath.Join(dir, "raw_orders_data")
	if err := os.MkdirAll(raw, 0o777); err != nil {
		t.Fatal(err)
	}
	doc := "{\"id\":1}\n"
	for i := range 50 {
		doc += fmt.Sprintf("{\"id\":%d}\n{\"id\":\"no number\"}\n", i)
	}
	write(t, raw, "a.ndjson", doc)
	mapping := write(t, dir, "m.yaml", "table: t\ncolumns:\n- {name: id, path: $.id, type: int64, required: true}\nlimits: {quarantine_share: 0.9}\n")
	c := setup.Lake(dir)
	c.Mapping = mapping
	var err error
	if c.Table, err = config.FileTable(nil); err != nil {
		t.Fatal(err)
	}
	s, err := setup.New(t.Context(), c, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Own(t.Context()); err != nil {
		t.Fatal(err)
	}
	target := s.Target.(*pipeline.Tables)
	split := func() *pipeline.Split {
		t.Helper()
		all, _, err := target.PlanSplit(t.Context(), "", "raw_orders_data/a.ndjson", 300)
		if err != nil || all == nil {
			t.Fatal(err)
		}
		for i := range all.Parts() {
			if err := all.Part(t.Context(), i, nil); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	// count is how many files there are of each kind, which are made as old as age.
	count := func(age time.Duration) (of [3]int) {
		t.Helper()
		at := time.Now().Add(-age)
		for i, folder := range []string{"ledger/split", "quarantine", "orders_data_parquet/t/data"} {
			err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return nil
				}
				if i != 1 || strings.Contains(path, ".split-") {
					of[i]++
				}
				return os.Chtimes(path, at, at)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return of
	}
	maintain := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, context.WithoutCancel(t.Context()), nil, append([]string{"table", "maintain", "--lake", dir, "--table", "-m", mapping, "--older-than", "24h"}, args...)...)
		if code != 0 {
			t.Fatal(stdout, stderr)
		}
		return stdout
	}

	living := split()
	before := count(90 * time.Hour)
	if before[0] < 5 || before[1] < 2 || before[2] < 4 {
		t.Fatalf("there are %v files", before)
	}
	if out := maintain(); strings.Contains(out, "given up") || count(90*time.Hour) != before {
		t.Errorf("of %v files of a split %v are left: %s", before, count(90*time.Hour), out)
	}
	if _, _, err := living.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := run(t, t.Context(), nil, "table", "verify", "--lake", dir, "-m", mapping); code != 0 {
		t.Fatal(stdout, stderr)
	}
	named := count(0)[2]

	write(t, raw, "a.ndjson", doc+"{\"id\":1}\n")
	split()
	left := count(100 * time.Hour)
	if out := maintain("--dry-run", "--report", "json"); !strings.Contains(out, fmt.Sprintf(`"splits":{"objects_removed":%d,`, left[0]+left[1])) || !strings.Contains(out, "plan.json") || count(100*time.Hour) != left {
		t.Errorf("a dry run leaves %v of %v: %s", count(0), left, out)
	}
	out := maintain()
	if want := fmt.Sprintf("splits that were given up: %d files removed", left[0]+left[1]); !strings.Contains(out, want) || count(0) != [3]int{0, 0, named} {
		t.Errorf("%v files are left, of which %d are named: %s", count(0), named, out)
	}
	if code, stdout, stderr := run(t, t.Context(), nil, "table", "verify", "--lake", dir, "-m", mapping); code != 0 {
		t.Fatal(stdout, stderr)
	}
}
