package lake

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/internal/config"
	"sluice/internal/servertest"
	"sluice/internal/setup"
)

// A bucket shows what a folder with the same objects shows.
func TestBucket(t *testing.T) {
	server := servertest.Versitygw(t)
	for _, versioning := range []bool{false, true} {
		folder := newWorld(t, orders)
		bucket := &world{t: t, dir: folder.dir}
		name := server.Bucket(t, versioning)
		at := func(prefix string) config.Location { return config.Location{Bucket: name, Prefix: prefix} }
		c := setup.Lake("")
		c.Source, c.Sink, c.Ledger, c.Quarantine = at("raw_orders_data/"), at("orders_data_parquet/"), at("ledger/"), at("quarantine/")
		c.Mapping, c.Catalog.Kind = filepath.Join(folder.dir, "mapping.yaml"), "none"
		c.S3 = config.S3{Endpoint: server.Endpoint, Region: server.Region, PathStyle: true}
		s, err := setup.New(t.Context(), c, "", func(context.Context) (aws.Config, error) {
			return aws.Config{Region: server.Region, Credentials: server.Credentials()}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		bucket.setup = s
		bucket.lake = New(func() *setup.Setup { return s })
		upload := func() {
			t.Helper()
			raw := filepath.Join(folder.dir, "raw_orders_data")
			files, err := os.ReadDir(raw)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				text, err := os.ReadFile(filepath.Join(raw, f.Name()))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := server.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: aws.String("raw_orders_data/" + f.Name()), Body: strings.NewReader(string(text))}); err != nil {
					t.Fatal(err)
				}
			}
			folder.run()
			bucket.run()
		}
		folder.put("a.json", order("A-1", "10.5", "1.25", "2.50"), order("A-2", "0.0001"))
		folder.put("b.json", order("A-3", "7", "7.77"), order("A-4", "many", "3"))
		folder.put("c.json", order("A-5", "100", "100"))
		upload()
		folder.put("c.json", order("A-5", "200", "200", "1"))
		upload()
		shown := func(w *world) string {
			t.Helper()
			var all []any
			for _, table := range []string{"orders", "lines"} {
				_, rows, err := w.lake.Rows(t.Context(), table, 0, 100)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, rows, w.profile(table), w.chart(table, ChartOptions{X: "id", Of: "count"}))
			}
			h := w.held("b.json", "", 10)
			h.Next = ""
			all = append(all, told(w.money()), h)
			text, err := json.MarshalIndent(all, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if got, want := shown(bucket), shown(folder); got != want {
			t.Errorf("versioning %t: the bucket shows\n%s\nthe folder\n%s", versioning, got, want)
		}
		state, err := bucket.lake.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		key := state.Table("lines").Files[0].Output.Key
		if _, err := server.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: &key}); err != nil {
			t.Fatal(err)
		}
		bucket.refresh()
		if got := told(bucket.money()); !strings.Contains(got, "a.json: missing lines. ") || !strings.Contains(got, "lines.price 212.52/208.77+0.00 false") {
			t.Errorf("versioning %t: %s", versioning, got)
		}
	}
}
