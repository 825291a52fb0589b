package restcatalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/config"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/restcatalog"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

const bucketARN = "arn%3Aaws%3As3tables%3Aeu-central-1%3A123456789012%3Abucket%2Fshop"

// awsPlaces are the endpoints of AWS as its documentation has them: what a warehouse is,
// what the prefix of the server's answer looks like (the colons of the second are a
// guess), and who chooses the location of a table.
//
// https://docs.aws.amazon.com/glue/latest/dg/connect-glu-iceberg-rest.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-tables-integrating-open-source.html
var awsPlaces = []struct {
	service, warehouse, ask, prefix string
	location                        bool
}{
	{"glue", "123456789012", "123456789012", "catalogs/123456789012", true},
	{"glue", "123456789012:s3tablescatalog/shop", "123456789012%3As3tablescatalog%2Fshop", "catalogs/123456789012:s3tablescatalog:shop", false},
	{"s3tables", "arn:aws:s3tables:eu-central-1:123456789012:bucket/shop", bucketARN, bucketARN, false},
}

func TestRequestsToAWS(t *testing.T) {
	for _, c := range awsPlaces {
		s := start(t)
		s.ask = "/iceberg/v1/config?warehouse=" + c.ask
		s.config = fmt.Sprintf(`{"defaults":{},"overrides":{"prefix":%q}}`, c.prefix)
		s.path = "/iceberg/v1/" + c.prefix + "/namespaces/orders_eu/tables"
		location := ""
		s.choose = func(m map[string]any) {
			location, _ = m["location"].(string)
			m["location"] = s.Location("chosen")
		}
		o := s.options()
		o.Warehouse, o.Namespace = c.warehouse, []string{"orders_eu"}
		o.SigV4, o.Region, o.Credentials = c.service, "eu-central-1", credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", testSecret, "")
		var unsigned []string
		s.before = func(_ http.ResponseWriter, r *http.Request) bool {
			_, names, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
			names, sum, _ := strings.Cut(names, ", Signature=")
			want := signature(r.Method, r.URL.EscapedPath(), r.URL.RawQuery, names, func(name string) string {
				switch name {
				case "host":
					return r.Host
				case "content-length":
					return fmt.Sprint(r.ContentLength)
				}
				return r.Header.Get(name)
			}, "eu-central-1", c.service)
			if sum != want {
				unsigned = append(unsigned, r.Method+" "+r.RequestURI)
			}
			return false
		}
		catalog := open(t, o)
		made, err := catalog.Create(t.Context(), "orders", first(t, s))
		if err != nil {
			t.Fatalf("%s: %v", c.warehouse, err)
		}
		if (location != "") != c.location || made.Metadata.Location != s.Location("chosen") {
			t.Errorf("%s: the location %q was asked for, and the table is at %s", c.warehouse, location, made.Metadata.Location)
		}
		if _, err := catalog.Commit(t.Context(), made, iceberg.Change{Properties: map[string]string{"a": "b"}}); err != nil {
			t.Errorf("%s: %v", c.warehouse, err)
		}
		requests, _ := s.seen()
		want := []string{"GET " + s.ask, "POST " + s.path, "POST " + s.path + "/orders"}
		if fmt.Sprint(requests) != fmt.Sprint(want) || len(unsigned) > 0 {
			t.Errorf("%s: requests %q, want %q; not signed %q", c.warehouse, requests, want, unsigned)
		}
	}
}

func TestNamespacesOfS3Tables(t *testing.T) {
	for _, namespace := range [][]string{{"sales", "eu"}, {"Sales"}, {"sales-eu"}} {
		o := start(t).options()
		o.Namespace = namespace
		o.SigV4, o.Region, o.Credentials = "s3tables", "eu-central-1", credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", testSecret, "")
		if _, err := restcatalog.New(o); err == nil || !strings.Contains(err.Error(), "has one level, of a to z, 0 to 9 and _") {
			t.Errorf("namespace %q: %v", namespace, err)
		}
	}
}

// A server that gives each table a bucket of its own, as S3 Tables does: data, deletes
// and metadata are there, and the ledger is where it was configured.
func TestTableInBucketOfItsOwn(t *testing.T) {
	t.Run("versitygw", func(t *testing.T) {
		s3 := servertest.Versitygw(t)
		own := s3.Bucket(t, false)
		tableInBucketOfItsOwn(t, s3, own)
		files := s3.Store(t, own, s3store.Config{})
		if data, metadata := count(t, files, "data/"), count(t, files, "metadata/"); data != 3 || metadata == 0 {
			t.Errorf("%d data files and %d of metadata in the bucket of the table", data, metadata)
		}
		if beside := count(t, files, "ledger/"); beside > 0 {
			t.Errorf("%d files of the ledger in the bucket of the table", beside)
		}
	})
	// moto has the S3 Tables API, without the REST catalog in it. Its bucket of a table
	// takes objects, and refuses to be listed and to lose them.
	t.Run("S3 Tables of moto", func(t *testing.T) {
		moto := servertest.Moto(t)
		own := moto.TableBucket(t)
		files := moto.Store(t, own, s3store.Config{})
		if _, err := store.Put(t.Context(), files, "metadata/a", nil, store.CreateOptions{}, store.Unconditional()); err != nil {
			t.Fatal(err)
		}
		if err := files.List(t.Context(), "", func(store.Info) error { return nil }); err == nil {
			t.Error("the bucket can be listed")
		}
		if err := files.Delete(t.Context(), "metadata/a"); err == nil {
			t.Error("an object of the bucket can be removed")
		}
		tableInBucketOfItsOwn(t, moto, own)
	})
}

func count(t *testing.T, bucket store.Store, prefix string) (n int) {
	t.Helper()
	err := bucket.List(t.Context(), prefix, func(store.Info) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func tableInBucketOfItsOwn(t *testing.T, s3 *servertest.Server, own string) {
	s := start(t)
	s.ask = "/iceberg/v1/config?warehouse=" + bucketARN
	s.config = `{"defaults":{},"overrides":{"prefix":"` + bucketARN + `"}}`
	s.path = "/iceberg/v1/" + bucketARN + "/namespaces/orders_eu/tables"
	s.choose = func(m map[string]any) {
		if at := m["location"]; at != "" {
			t.Errorf("the location %v was asked for", at)
		}
		m["location"] = "s3://" + own
		m["last-column-id"] = 14
	}
	m := runInS3Tables(t, s3, s.url+"/iceberg", "arn:aws:s3tables:eu-central-1:123456789012:bucket/shop", s)
	if m.Location != "s3://"+own {
		t.Errorf("the table is at %s", m.Location)
	}
}

// runInS3Tables converts objects twice into a table that a server like S3 Tables keeps, and
// returns its last metadata.
func runInS3Tables(t *testing.T, s3 *servertest.Server, uri, warehouse string, catalog iceberg.Catalog) *iceberg.Metadata {
	t.Helper()
	lake := s3.Bucket(t, false)
	source := s3.Store(t, lake, s3store.Config{})
	run := func(committed, duplicate int64, objects map[string]string) {
		t.Helper()
		for name, lines := range objects {
			body := fmt.Sprintf(`[{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[%s]}]`, lines)
			if _, err := store.Put(t.Context(), source, "raw/"+name, []byte(body), store.CreateOptions{}, store.Unconditional()); err != nil {
				t.Fatal(err)
			}
		}
		c, err := config.Parse("", nil, func(name string) string {
			return map[string]string{
				"SLUICE_SOURCE": "s3://" + lake + "/raw/", "SLUICE_TABLE": "iceberg", "SLUICE_TABLE_CATALOG": "rest", "SLUICE_TABLE_URI": uri,
				"SLUICE_TABLE_WAREHOUSE": warehouse, "SLUICE_TABLE_NAMESPACE": "orders_eu", "SLUICE_TABLE_SIGNING": "s3tables",
				"SLUICE_S3_ENDPOINT": s3.Endpoint, "SLUICE_S3_PATH_STYLE": "true", "SLUICE_S3_REGION": s3.Region,
			}[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		opened, err := setup.New(t.Context(), c, "", func(context.Context) (aws.Config, error) {
			return aws.Config{Region: s3.Region, Credentials: s3.Credentials()}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		if err := opened.Own(t.Context()); err != nil {
			t.Fatal(err)
		}
		sum, err := opened.Target.Run(t.Context(), opened.Run())
		if err != nil || sum.Objects[pipeline.DidCommit] != committed || sum.Objects[pipeline.DidDuplicate] != duplicate || sum.Objects[pipeline.DidFail] > 0 {
			t.Fatalf("a run: %v, %v; want %d committed and %d duplicate", err, sum.Objects, committed, duplicate)
		}
	}
	line := `{"product_id":1,"price":1,"quantity":1}`
	run(2, 0, map[string]string{"a.json": line, "b.json": line + "," + line})
	run(0, 2, nil)
	run(1, 1, map[string]string{"a.json": line + "," + line}) // its rows are masked: the file has those of b.json too

	table, err := catalog.Load(t.Context(), "order_lines")
	if err != nil {
		t.Fatal(err)
	}
	m := table.Metadata
	summary, _ := json.Marshal(m.Head().Summary)
	if m.Head().Summary["total-records"] != "5" || m.Head().Summary["total-position-deletes"] != "1" {
		t.Errorf("the table is at %s: %s", m.Location, summary)
	}
	if roots := count(t, source, "ledger/"+m.UUID+"/root-"); roots != 2 {
		t.Errorf("%d roots in the ledger", roots)
	}
	if in := count(t, source, "orders_data_parquet/order_lines/"); in > 0 {
		t.Errorf("%d files of the table are in the sink", in)
	}
	return m
}
