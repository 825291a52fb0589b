package gluecatalog_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/fakeglue"
	"sluice/internal/glue"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/catalogtest"
	"sluice/internal/iceberg/gluecatalog"
	"sluice/internal/servertest"
	"sluice/internal/store/dirstore"
	"sluice/schema"
)

// newClient is a client as the programs have it, with all its repetitions.
func newClient(url string) *glue.Client {
	return glue.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}, 0)
}

func newCatalog(t *testing.T, url string) *gluecatalog.Catalog {
	t.Helper()
	dir := t.TempDir()
	s, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &gluecatalog.Catalog{
		Client: newClient(url), Database: "sales", Prefix: "lake/",
		Files: iceberg.Files{Store: s, Base: "file://" + dir + "/"},
	}
}

func fixture(t *testing.T, server string) catalogtest.Fixture {
	proxy := catalogtest.NewProxy(t, server, func(r *http.Request) bool {
		target := r.Header.Get("X-Amz-Target")
		return target == "AWSGlue.CreateTable" || target == "AWSGlue.UpdateTable"
	})
	c := newCatalog(t, proxy.URL)
	return catalogtest.Fixture{
		Catalog: c, Files: c.Files, Location: c.Location, Faults: proxy,
		Drop: func(t *testing.T, table string) {
			servertest.Glue(t, server, "DeleteTable", servertest.Object{"DatabaseName": c.Database, "Name": table})
		},
	}
}

func start(t *testing.T) (*fakeglue.Server, *gluecatalog.Catalog) {
	f := fakeglue.New("sales")
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, newCatalog(t, s.URL)
}

func TestCatalog(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture {
		s := httptest.NewServer(fakeglue.New("sales"))
		t.Cleanup(s.Close)
		return fixture(t, s.URL)
	})
}

func TestMoto(t *testing.T) {
	server := servertest.Moto(t)
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture {
		servertest.Glue(t, server.Endpoint, "DeleteDatabase", servertest.Object{"Name": "sales"}, "EntityNotFoundException")
		servertest.Glue(t, server.Endpoint, "CreateDatabase", servertest.Object{"DatabaseInput": servertest.Object{"Name": "sales"}})
		f := fixture(t, server.Endpoint)
		f.Alone = "moto does not compare the VersionId of UpdateTable"
		return f
	})
}

func first(t *testing.T, c *gluecatalog.Catalog) *iceberg.Metadata {
	t.Helper()
	m, err := iceberg.New(c.Location("orders"), []schema.Column{
		{Name: "id", Type: schema.Type{Kind: schema.Int64}},
		{Name: "price", Type: schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 4}},
		{Name: "at", Type: schema.Type{Kind: schema.Timestamp}},
		{Name: "tags", Type: schema.Type{Kind: schema.List, Of: schema.String}},
	}, nil, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func create(t *testing.T, c *gluecatalog.Catalog) *iceberg.Table {
	t.Helper()
	table, err := c.Create(t.Context(), "orders", first(t, c))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func column(name, hive, id, current string) any {
	return fakeglue.Object{"Name": name, "Type": hive, "Parameters": fakeglue.Object{
		"iceberg.field.id": id, "iceberg.field.optional": "true", "iceberg.field.current": current,
	}}
}

// What Athena and Iceberg's libraries look for, and what UpdateTable would remove.
func TestTable(t *testing.T) {
	f, c := start(t)
	base := create(t, c)
	if !regexp.MustCompile(`/lake/orders/metadata/00000-[0-9a-f-]{36}\.metadata\.json$`).MatchString(base.File) {
		t.Errorf("file %s", base.File)
	}
	want := fakeglue.Object{
		"DatabaseName": "sales", "Name": "orders", "VersionId": "1", "TableType": "EXTERNAL_TABLE",
		"Parameters": fakeglue.Object{"table_type": "ICEBERG", "metadata_location": base.File},
		"StorageDescriptor": fakeglue.Object{
			"Location": c.Location("orders"),
			"Columns": []any{
				column("id", "bigint", "1", "true"), column("price", "decimal(18,4)", "2", "true"),
				column("at", "timestamp", "3", "true"), column("tags", "array<string>", "4", "true"),
			},
		},
	}
	if diff := cmp.Diff(want, f.Databases["sales"]["orders"]); diff != "" {
		t.Error(diff)
	}

	// Somebody adds to the table of Glue, and a column of ours goes.
	there := f.Databases["sales"]["orders"]
	there["Description"], there["Owner"] = "by hand", "owner"
	there["Parameters"].(fakeglue.Object)["team"] = "a"
	there["StorageDescriptor"].(fakeglue.Object)["Columns"].([]any)[1].(fakeglue.Object)["Comment"] = "in euro"
	fields := base.Metadata.CurrentSchema().Fields
	next, err := c.Commit(t.Context(), base, iceberg.Change{Schema: &iceberg.Schema{ID: 1, Fields: fields[1:]}})
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`/lake/orders/metadata/00001-[0-9a-f-]{36}\.metadata\.json$`).MatchString(next.File) {
		t.Errorf("file %s", next.File)
	}
	want["VersionId"], want["Description"], want["Owner"] = "2", "by hand", "owner"
	want["Parameters"] = fakeglue.Object{"table_type": "ICEBERG", "metadata_location": next.File, "previous_metadata_location": base.File, "team": "a"}
	price := column("price", "decimal(18,4)", "2", "true")
	price.(fakeglue.Object)["Comment"] = "in euro"
	want["StorageDescriptor"].(fakeglue.Object)["Columns"] = []any{
		price, column("at", "timestamp", "3", "true"), column("tags", "array<string>", "4", "true"), column("id", "bigint", "1", "false"),
	}
	if diff := cmp.Diff(want, f.Databases["sales"]["orders"]); diff != "" {
		t.Error(diff)
	}
}

// A database is not made up: its name may be misspelt.
func TestNoDatabase(t *testing.T) {
	_, c := start(t)
	c.Database = "slaes"
	_, err := c.Create(t.Context(), "orders", first(t, c))
	if err == nil || errors.Is(err, iceberg.ErrTableExists) || !strings.Contains(err.Error(), "create table slaes.orders: database slaes does not exist; create it: ") {
		t.Error(err)
	}
}

// Tables of Glue that are none of ours, or cannot be, are neither read nor written, and
// are not taken for missing.
func TestOtherTables(t *testing.T) {
	for _, c := range []struct {
		name  string
		table fakeglue.Object
		want  string
	}{
		{"files", fakeglue.Object{"Name": "orders"}, "no Iceberg table"},
		{"a view", fakeglue.Object{"Name": "orders", "TableType": "VIRTUAL_VIEW", "Parameters": fakeglue.Object{"presto_view": "true"}}, "no Iceberg table"},
		{"no file", fakeglue.Object{"Name": "orders", "Parameters": fakeglue.Object{"table_type": "iceberg"}}, "names no metadata file"},
		{"elsewhere", fakeglue.Object{"Name": "orders", "Parameters": fakeglue.Object{"table_type": "ICEBERG", "metadata_location": "s3://elsewhere/a.json"}}, "outside of"},
		{"gone", fakeglue.Object{"Name": "orders", "Parameters": fakeglue.Object{"table_type": "ICEBERG", "metadata_location": "gone.json"}}, "no such object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, catalog := start(t)
			if p, ok := c.table["Parameters"].(fakeglue.Object); ok && p["metadata_location"] == "gone.json" {
				p["metadata_location"] = catalog.Files.URI("gone.json")
			}
			f.Put("sales", c.table)
			_, err := catalog.Load(t.Context(), "orders")
			if err == nil || errors.Is(err, iceberg.ErrNoTable) || !strings.Contains(err.Error(), "load table sales.orders: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("load: %v", err)
			}
			if _, err := catalog.Create(t.Context(), "orders", first(t, catalog)); !errors.Is(err, iceberg.ErrTableExists) {
				t.Errorf("create: %v", err)
			}
			if f.Databases["sales"]["orders"]["VersionId"] != "1" {
				t.Error("the table was written")
			}
		})
	}
}

// GetTable may be repeated; what changes a table may not, whatever the code.
func TestTries(t *testing.T) {
	for _, c := range []struct {
		operation, code string
		calls           int
		want            error
	}{
		{"GetTable", "ThrottlingException", 3, nil},
		{"GetTable", "AccessDeniedException", 1, nil},
		{"UpdateTable", "ThrottlingException", 1, nil},
		{"UpdateTable", "InternalServiceException", 1, nil},
		{"UpdateTable", "OperationTimeoutException", 1, nil},
		{"UpdateTable", "ConcurrentModificationException", 1, iceberg.ErrConflict},
		{"UpdateTable", "VersionMismatchException", 1, iceberg.ErrConflict},
		{"UpdateTable", "EntityNotFoundException", 1, iceberg.ErrNoTable},
	} {
		t.Run(c.operation+" "+c.code, func(t *testing.T) {
			f, catalog := start(t)
			base := create(t, catalog)
			f.Before = func(operation string, _ fakeglue.Object) string {
				if operation == c.operation {
					return c.code
				}
				return ""
			}
			_, err := catalog.Commit(t.Context(), base, iceberg.Change{Properties: map[string]string{"a": "b"}})
			if err == nil || !strings.Contains(err.Error(), "commit to table sales.orders: ") || !strings.Contains(err.Error(), c.code) {
				t.Errorf("error %v", err)
			}
			for _, known := range []error{iceberg.ErrConflict, iceberg.ErrNoTable} {
				if errors.Is(err, known) != (known == c.want) {
					t.Errorf("the error is %v: want %v", err, c.want)
				}
			}
			if n := f.Count(c.operation); n != c.calls {
				t.Errorf("%s was called %d times, want %d", c.operation, n, c.calls)
			}
		})
	}
}

// The table is replaced, or changed by others, between the two calls of a commit.
func TestRace(t *testing.T) {
	f, c := start(t)
	base := create(t, c)
	f.Before = func(operation string, in fakeglue.Object) string {
		if operation == "UpdateTable" {
			f.Put("sales", f.Databases["sales"]["orders"]) // statistics, or permissions
		}
		return ""
	}
	if _, err := c.Commit(t.Context(), base, iceberg.Change{}); !errors.Is(err, iceberg.ErrConflict) {
		t.Errorf("error %v", err)
	}
	f.Before = nil
	if _, err := c.Commit(t.Context(), base, iceberg.Change{}); err != nil {
		t.Errorf("the metadata is that of the base, and the commit fails: %v", err)
	}
}

// A file of metadata that nobody could read fast is refused before anything is written.
func TestLargeMetadata(t *testing.T) {
	f, c := start(t)
	base := create(t, c)
	_, err := c.Commit(t.Context(), base, iceberg.Change{Properties: map[string]string{"a": strings.Repeat("x", 21<<20)}})
	if err == nil || !strings.Contains(err.Error(), "the metadata file would have 21 MB, with 0 snapshots, of at most 20 MB") {
		t.Errorf("error %v", err)
	}
	if n := f.Count("UpdateTable"); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// A server that does not answer is waited for as long as the context lasts.
func TestContext(t *testing.T) {
	_, c := start(t)
	base := create(t, c)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // else the server does not notice that the client has gone
		<-r.Context().Done()
	}))
	defer silent.Close()
	c.Client = newClient(silent.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Commit(ctx, base, iceberg.Change{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
