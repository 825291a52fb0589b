package serve

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/internal/config"
	"sluice/internal/servertest"
	"sluice/internal/setup"
)

// Over a bucket: a server with --write does what a run does, again and again; one
// without shows what the other has done, and changes nothing.
func TestBucket(t *testing.T) {
	server := servertest.Versitygw(t)
	name := server.Bucket(t, true)
	open := func() *setup.Setup {
		t.Helper()
		at := func(prefix string) config.Location { return config.Location{Bucket: name, Prefix: prefix} }
		c := setup.Lake("")
		c.Source, c.Sink, c.Ledger, c.Quarantine = at("raw_orders_data/"), at("orders_data_parquet/"), at("ledger/"), at("quarantine/")
		c.Catalog.Kind = "none"
		c.S3 = config.S3{Endpoint: server.Endpoint, Region: server.Region, PathStyle: true}
		s, err := setup.New(t.Context(), c, "", func(context.Context) (aws.Config, error) {
			return aws.Config{Region: server.Region, Credentials: server.Credentials()}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	put := func(key, text string) {
		t.Helper()
		if _, err := server.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	put("raw_orders_data/before.json", orders(2))
	over := func(write bool) *running {
		return serveLake(t, t.TempDir(), func(o *Options) {
			o.Setup, o.Folder, o.MappingFile, o.Write, o.Poll = open(), "", "", write, 100*time.Millisecond
		})
	}
	worker, reader := over(true), over(false)
	if a := worker.done(1); a.Counts.Rows != 2 || a.Folder || !a.Write || a.Name != name {
		t.Errorf("%+v", a)
	}
	put("raw_orders_data/large.json", orders(3000))
	worker.until("a new object", func(a lakeAnswer) bool { return a.Counts.Rows == 3002 })
	put("raw_orders_data/before.json", orders(1))
	worker.until("an overwritten object", func(a lakeAnswer) bool { return a.Counts.Rows == 3001 })
	if status, text := worker.ask("POST", "/api/objects?name=up.json", strings.NewReader(orders(4))); status != 201 {
		t.Errorf("upload: %d %s", status, text)
	}
	worker.until("an uploaded object", func(a lakeAnswer) bool { return a.Counts.Rows == 3005 })

	if a := reader.until("what the worker did", func(a lakeAnswer) bool { return a.Counts.Rows == 3005 }); a.Write || a.Counts.Objects != 3 {
		t.Errorf("%+v", a)
	}
	if status, _ := reader.ask("POST", "/api/objects?name=no.json", strings.NewReader(orders(4))); status != 403 {
		t.Errorf("upload without --write: %d", status)
	}
	var tables struct {
		Tables []struct {
			Name string
			Rows int64
		}
	}
	if reader.get("/api/tables", &tables); len(tables.Tables) != 1 || tables.Tables[0].Rows != 3005 {
		t.Errorf("tables %+v", tables)
	}
}
