package dircatalog_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
	"sluice/internal/catalog/catalogtest"
	"sluice/internal/catalog/dircatalog"
	"sluice/internal/store/dirstore"
	"sluice/schema"
)

func open(t *testing.T, dir string) *dircatalog.Catalog {
	t.Helper()
	s, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dircatalog.New(s, "catalog/")
}

func fixture(t *testing.T) catalogtest.Fixture {
	dir := t.TempDir()
	c := open(t, dir)
	return catalogtest.Fixture{
		Catalog:  c,
		Location: "data",
		Read: func(ctx context.Context, database, table string) (*catalogtest.Stored, error) {
			all, err := c.Tables(ctx)
			for _, d := range all {
				if d.Database != database || d.Table != table {
					continue
				}
				info, err := os.Stat(filepath.Join(dir, "catalog", database, table+".json"))
				if err != nil {
					return nil, err
				}
				return &catalogtest.Stored{
					Columns: d.Columns, Location: d.Location, MappingHash: d.MappingHash,
					Version: info.ModTime().String(),
				}, nil
			}
			return nil, err
		},
	}
}

func TestConformance(t *testing.T) { catalogtest.Run(t, fixture) }

func TestConformanceConcurrent(t *testing.T) { catalogtest.RunConcurrent(t, fixture) }

// The format is a contract: docs/catalog.md.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	table := catalog.Table{
		Database: "lake", Location: "orders_data_parquet", MappingHash: "2c26b46b",
		Schema: schema.Schema{Table: "order_lines", Columns: []schema.Column{
			{Name: "order_id", Type: schema.Type{Kind: schema.String}, Required: true},
			{Name: "customer_email", Type: schema.Type{Kind: schema.String}, PII: "email"},
			{Name: "price", Type: schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 4}},
		}},
	}
	if _, err := open(t, dir).Refresh(t.Context(), []catalog.Table{table}); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "sluice_table": 1,
  "database": "lake",
  "table": "order_lines",
  "location": "orders_data_parquet/",
  "format": "parquet",
  "mapping_sha256": "2c26b46b",
  "columns": [
    {
      "name": "order_id",
      "type": "string"
    },
    {
      "name": "customer_email",
      "type": "string",
      "comment": "pii: email"
    },
    {
      "name": "price",
      "type": "decimal(18,4)"
    }
  ]
}
`
	got, err := os.ReadFile(filepath.Join(dir, "catalog", "lake", "order_lines.json"))
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// A file that is not understood is never overwritten.
func TestFileNotUnderstood(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "t.json is damaged, or not a file of sluice; delete it, and the next run writes it again"},
		{"no JSON", "garbage", "t.json is damaged"},
		{"another type", `{"sluice_table":"1"}`, "t.json is damaged"},
		{"no table", "{}", "t.json is damaged"},
		{"newer", `{"sluice_table":2,"database":"lake","table":"t"}`, "sluice_table is 2, but this version of sluice only reads 1"},
		{"renamed", `{"sluice_table":1,"database":"lake","table":"u"}`, "the file names table lake.u"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "catalog", "lake", "t.json")
			if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.file), 0o666); err != nil {
				t.Fatal(err)
			}
			table := catalog.Table{Database: "lake", Location: "t/", Schema: schema.Schema{Table: "t"}}
			_, err := open(t, dir).Refresh(t.Context(), []catalog.Table{table})
			var refused *catalog.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Refresh: %v, want a RefusedError with %q", err, c.want)
			}
			if _, err := open(t, dir).Tables(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Tables: %v, want %q", err, c.want)
			}
			if got, err := os.ReadFile(file); string(got) != c.file || err != nil {
				t.Errorf("the file is now %q, %v", got, err)
			}
		})
	}
}

func TestNameLeavesTheFolder(t *testing.T) {
	for _, name := range []string{"", "..", "../lake", "a/b", `a\b`} {
		dir := t.TempDir()
		table := catalog.Table{Database: name, Location: "t/", Schema: schema.Schema{Table: "t"}}
		if _, err := open(t, dir).Refresh(t.Context(), []catalog.Table{table}); err == nil {
			t.Errorf("a database may be called %q", name)
		}
		left, err := filepath.Glob(filepath.Join(dir, "catalog", "*"))
		if len(left) > 0 || err != nil {
			t.Errorf("database %q left %v, %v", name, left, err)
		}
	}
}

func TestTablesOfAMovedLake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "before")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	table := func(database, name string) catalog.Table {
		return catalog.Table{Database: database, Location: name, Schema: schema.Schema{Table: name}}
	}
	tables := []catalog.Table{table("b", "y"), table("a", "z"), table("b", "x")}
	if _, err := open(t, dir).Refresh(t.Context(), tables); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "catalog", "readme.txt"), []byte("not a table"), 0o666); err != nil {
		t.Fatal(err)
	}
	moved := dir + "-after"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	c := open(t, moved)
	if got, err := c.Refresh(t.Context(), tables); err != nil || !cmp.Equal(got, catalog.Result{}) {
		t.Errorf("Refresh = %+v, %v", got, err)
	}
	all, err := c.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range all {
		names = append(names, d.Database+"."+d.Table)
	}
	if diff := cmp.Diff([]string{"a.z", "b.x", "b.y"}, names); diff != "" {
		t.Error(diff)
	}
}
