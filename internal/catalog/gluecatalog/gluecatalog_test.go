package gluecatalog_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
	"sluice/internal/catalog/catalogtest"
	"sluice/internal/catalog/gluecatalog"
	"sluice/internal/fakeglue"
	"sluice/internal/glue"
	"sluice/internal/servertest"
	"sluice/schema"
)

type object = fakeglue.Object

func serve(t *testing.T, f *fakeglue.Server) (endpoint string) {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func client(t *testing.T, f *fakeglue.Server) *glue.Client { return newClient(serve(t, f)) }

func newClient(url string) *glue.Client {
	return glue.New(aws.Config{
		Region:       "us-east-1", // of moto
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	}, 0).Once() // repetitions are slow, and not under test
}

func fixture(t *testing.T, endpoint string) catalogtest.Fixture {
	return catalogtest.Fixture{
		Catalog:  gluecatalog.New(newClient(endpoint)),
		Location: "s3://bucket",
		Read: func(_ context.Context, database, name string) (*catalogtest.Stored, error) {
			got, code := servertest.Glue(t, endpoint, "GetTable", object{"DatabaseName": database, "Name": name}, "EntityNotFoundException")
			if code != "" {
				return nil, nil
			}
			table := got["Table"].(object)
			storage := table["StorageDescriptor"].(object)
			stored := &catalogtest.Stored{
				Location: storage["Location"].(string),
				Version:  fmt.Sprint(table["VersionId"], table["UpdateTime"]),
			}
			stored.MappingHash, _ = table["Parameters"].(object)["sluice.mapping_sha256"].(string)
			for _, c := range storage["Columns"].([]any) {
				text := func(member string) string { s, _ := c.(object)[member].(string); return s }
				stored.Columns = append(stored.Columns, catalog.Column{Name: text("Name"), Type: text("Type"), Comment: text("Comment")})
			}
			return stored, nil
		},
	}
}

func TestConformance(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture { return fixture(t, serve(t, fakeglue.New("sales"))) })
}

func TestConformanceConcurrent(t *testing.T) {
	catalogtest.RunConcurrent(t, func(t *testing.T) catalogtest.Fixture { return fixture(t, serve(t, fakeglue.New("sales"))) })
}

func table(columns ...string) catalog.Table {
	t := catalog.Table{Database: "sales", Location: "s3://bucket/t", MappingHash: "hash", Schema: schema.Schema{Table: "t"}}
	for _, c := range columns {
		t.Schema.Columns = append(t.Schema.Columns, schema.Column{Name: c, Type: schema.Type{Kind: schema.String}})
	}
	return t
}

// What query engines need to know a table of Parquet files.
func TestNewTable(t *testing.T) {
	f := fakeglue.New("sales")
	if _, err := gluecatalog.New(client(t, f)).Refresh(t.Context(), []catalog.Table{table("a")}); err != nil {
		t.Fatal(err)
	}
	want := object{
		"DatabaseName": "sales", "Name": "t", "VersionId": "1",
		"TableType":  "EXTERNAL_TABLE",
		"Parameters": object{"EXTERNAL": "TRUE", "classification": "parquet", "sluice.mapping_sha256": "hash"},
		"StorageDescriptor": object{
			"Columns":      []any{object{"Name": "a", "Type": "string"}},
			"Location":     "s3://bucket/t/",
			"InputFormat":  "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
			"OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
			"SerdeInfo": object{
				"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
				"Parameters":           object{"serialization.format": "1"},
			},
		},
	}
	if diff := cmp.Diff(want, f.Databases["sales"]["t"]); diff != "" {
		t.Error(diff)
	}
}

// A database is not made up: its name may be misspelt.
func TestNoDatabase(t *testing.T) {
	f := fakeglue.New("sales")
	clear(f.Databases)
	c := gluecatalog.New(client(t, f))
	_, err := c.Refresh(t.Context(), []catalog.Table{table("a")})
	if err == nil || !strings.Contains(err.Error(), "database sales does not exist") || catalog.ReasonOf(err) != catalog.NotFound {
		t.Errorf("%v (%s)", err, catalog.ReasonOf(err))
	}
	f.Databases["sales"] = map[string]object{}
	got, err := c.FollowUp(t.Context(), []catalog.Table{table("a")})
	if want := (catalog.Result{Created: []string{"sales.t"}}); err != nil || !cmp.Equal(want, got) {
		t.Errorf("once it is there: FollowUp = %+v, %v; want %+v", got, err, want)
	}
}

// existing is a table as a crawler leaves it, with things we do not know.
func existing() object {
	return object{
		"Name": "t", "Description": "by hand", "Owner": "owner", "Retention": 7.0, "TableType": "EXTERNAL_TABLE",
		"Parameters":    object{"classification": "parquet", "CrawlerSchemaSerializerVersion": "1.0"},
		"PartitionKeys": []any{object{"Name": "day", "Type": "date"}},
		"StorageDescriptor": object{
			"Columns":      []any{object{"Name": "a", "Type": "string", "Comment": "mine", "Parameters": object{"k": "v"}}},
			"Location":     "s3://bucket/t",
			"InputFormat":  "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
			"Compressed":   true,
			"Parameters":   object{"averageRecordSize": "8"},
			"SerdeInfo":    object{"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
			"OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
		},
	}
}

// UpdateTable deletes what it is not given.
func TestEvolveKeepsWhatIsNotOurs(t *testing.T) {
	f := fakeglue.New("sales")
	f.Put("sales", existing())
	if _, err := gluecatalog.New(client(t, f)).Refresh(t.Context(), []catalog.Table{table("b")}); err != nil {
		t.Fatal(err)
	}
	want := existing()
	want["DatabaseName"], want["VersionId"] = "sales", "2"
	want["Parameters"].(object)["sluice.mapping_sha256"] = "hash"
	storage := want["StorageDescriptor"].(object)
	storage["Columns"] = append(storage["Columns"].([]any), object{"Name": "b", "Type": "string"})
	if diff := cmp.Diff(want, f.Databases["sales"]["t"]); diff != "" {
		t.Error(diff)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(table, storage object)
		want   string
	}{
		{"view", func(table, _ object) { table["TableType"] = "VIRTUAL_VIEW" }, "has a view of this name"},
		{"Iceberg", func(table, _ object) { table["Parameters"] = object{"table_type": "iceberg"} }, "has an Iceberg table"},
		{"CSV", func(_, storage object) { storage["InputFormat"] = "org.apache.hadoop.mapred.TextInputFormat" }, "whose files are not Parquet"},
		{"no storage", func(table, _ object) { delete(table, "StorageDescriptor") }, "whose files are not Parquet"},
		{"partition key", func(table, _ object) { table["PartitionKeys"] = []any{object{"Name": "B", "Type": "string"}} }, "b is a partition key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fakeglue.New("sales")
			found := existing()
			c.change(found, found["StorageDescriptor"].(object))
			f.Put("sales", found)
			_, err := gluecatalog.New(client(t, f)).Refresh(t.Context(), []catalog.Table{table("a", "b")})
			var refused *catalog.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "refresh table sales.t: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want a RefusedError with %q", err, c.want)
			}
			if f.Databases["sales"]["t"]["VersionId"] != "1" {
				t.Error("the table was written")
			}
		})
	}
}

// Another writer comes between our look at the table and our write (I42).
func TestConflicts(t *testing.T) {
	f := fakeglue.New("sales")
	f.Put("sales", existing())
	others := 0
	f.Before = func(operation string, _ object) string {
		switch {
		case operation == "UpdateTable" && others < 2:
			others++
			next := existing()
			columns := []any{object{"Name": "a", "Type": "string", "Comment": "mine"}}
			for i := range others {
				columns = append(columns, object{"Name": fmt.Sprintf("other%d", i), "Type": "date"})
			}
			next["StorageDescriptor"].(object)["Columns"] = columns
			f.Put("sales", next)
		case operation == "UpdateTable" && others == 2:
			others++
			return "VersionMismatchException"
		}
		return ""
	}
	got, err := gluecatalog.New(client(t, f)).Refresh(t.Context(), []catalog.Table{table("a", "new")})
	if want := (catalog.Result{Updated: []string{"sales.t"}}); err != nil || !cmp.Equal(want, got) {
		t.Fatalf("Refresh = %+v, %v", got, err)
	}
	var names []string
	for _, c := range f.Databases["sales"]["t"]["StorageDescriptor"].(object)["Columns"].([]any) {
		names = append(names, c.(object)["Name"].(string))
	}
	if diff := cmp.Diff([]string{"a", "other0", "other1", "new"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestConflictWhileCreating(t *testing.T) {
	f := fakeglue.New("sales")
	f.Before = func(operation string, _ object) string {
		if operation == "CreateTable" && f.Databases["sales"]["t"] == nil {
			f.Put("sales", existing())
		}
		return ""
	}
	got, err := gluecatalog.New(client(t, f)).Refresh(t.Context(), []catalog.Table{table("a", "b")})
	if want := (catalog.Result{Updated: []string{"sales.t"}}); err != nil || !cmp.Equal(want, got) {
		t.Errorf("Refresh = %+v, %v; want %+v", got, err, want)
	}
}

// An error ends the attempt with its reason; FollowUp does what is left. Only
// conflicts are tried again, and not for ever.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		operation, code string
		want            catalog.Reason
		calls           int
	}{
		{"GetTable", "AccessDeniedException", catalog.Denied, 1},
		{"GetTable", "ThrottlingException", catalog.Throttled, 1},
		{"UpdateTable", "OperationTimeoutException", catalog.Timeout, 1},
		{"UpdateTable", "InvalidInputException", catalog.Failed, 1},
		{"UpdateTable", "ConcurrentModificationException", catalog.Conflict, 8},
	} {
		t.Run(c.operation+" "+c.code, func(t *testing.T) {
			t.Parallel()
			f := fakeglue.New("sales")
			f.Put("sales", existing())
			f.Before = func(operation string, _ object) string {
				if operation == c.operation {
					return c.code
				}
				return ""
			}
			glueCatalog, tables := gluecatalog.New(client(t, f)), []catalog.Table{table("b")}
			got, err := glueCatalog.Refresh(t.Context(), tables)
			if !cmp.Equal(got, catalog.Result{Pending: true}) || err == nil || catalog.ReasonOf(err) != c.want ||
				!strings.Contains(err.Error(), "refresh table sales.t: ") || !strings.Contains(err.Error(), c.code) {
				t.Errorf("Refresh = %+v, %v (%s)", got, err, catalog.ReasonOf(err))
			}
			if n := f.Count(c.operation); n != c.calls {
				t.Errorf("%s was called %d times, want %d", c.operation, n, c.calls)
			}
			f.Before = nil
			if got, err := glueCatalog.FollowUp(t.Context(), tables); err != nil || len(got.Updated) != 1 {
				t.Errorf("FollowUp = %+v, %v", got, err)
			}
		})
	}
}
