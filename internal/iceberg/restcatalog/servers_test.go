package restcatalog_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/catalogtest"
	"sluice/internal/iceberg/restcatalog"
	"sluice/internal/servertest"
	"sluice/internal/store/dirstore"
	"sluice/internal/store/s3store"
)

// request calls the server as nobody else in the tests does.
func request(t *testing.T, method, where, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, where, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, where, res.Status)
	}
}

// fixture is a catalog of a real server, with a namespace of two levels of its own.
func fixture(t *testing.T, uri, prefix, warehouse string, files iceberg.Files, folder string) catalogtest.Fixture {
	t.Helper()
	namespace := []string{"sales" + strings.ToLower(rand.Text()), "eu"}
	base := uri + "/v1/" + prefix
	request(t, http.MethodPost, base+"namespaces", fmt.Sprintf(`{"namespace":[%q]}`, namespace[0]))
	request(t, http.MethodPost, base+"namespaces", fmt.Sprintf(`{"namespace":[%q,%q]}`, namespace[0], namespace[1]))
	proxy := catalogtest.NewProxy(t, uri, isChange)
	return catalogtest.Fixture{
		Catalog:  open(t, restcatalog.Options{URI: proxy.URL, Namespace: namespace, Warehouse: warehouse}),
		Files:    files,
		Location: func(table string) string { return files.URI(folder + namespace[0] + "/" + table) },
		Faults:   proxy,
		Drop: func(t *testing.T, table string) {
			request(t, http.MethodDelete, base+"namespaces/"+namespace[0]+"%1Feu/tables/"+table, "")
		},
	}
}

// The catalog that Iceberg tests its own clients with.
func TestIcebergREST(t *testing.T) {
	dir := t.TempDir()
	files, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	server := servertest.IcebergREST(t, dir)
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture {
		return fixture(t, server.Endpoint, "", "", iceberg.Files{Store: files, Base: "file://" + dir + "/"}, "")
	})
}

// SeaweedFS has table buckets and signed requests, as S3 Tables does, and places tables
// itself.
func TestSeaweedFS(t *testing.T) {
	server := servertest.StartSeaweedFS(t)
	server.TableBucket(t, "lake")
	const warehouse = "arn:aws:s3tables:us-east-1:000000000000:bucket/lake"
	namespaces := server.Iceberg + "/v1/lake/namespaces"
	in := func(t *testing.T, uri, namespace string) iceberg.Catalog {
		t.Helper()
		server.Call(t, http.MethodPost, namespaces, fmt.Sprintf(`{"namespace":[%q]}`, namespace))
		return open(t, restcatalog.Options{
			URI: uri, Warehouse: warehouse, Namespace: []string{namespace}, SigV4: "s3tables", Region: server.Region, Credentials: server.Credentials(),
		})
	}
	files := iceberg.Files{Store: server.Store(t, "lake", s3store.Config{}), Base: "s3://lake/"}
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture {
		namespace := "sales" + strings.ToLower(rand.Text())
		proxy := catalogtest.NewProxy(t, server.Iceberg, isChange)
		return catalogtest.Fixture{
			Catalog: in(t, proxy.URL, namespace), Files: files, Faults: proxy,
			Location: func(table string) string { return files.URI(namespace + "/" + table) }, Chooses: true,
			Drop: func(t *testing.T, table string) {
				server.Call(t, http.MethodDelete, namespaces+"/"+namespace+"/tables/"+table, "")
			},
		}
	})
	t.Run("objects", func(t *testing.T) {
		m := runInS3Tables(t, server.Server, server.Iceberg, warehouse, in(t, server.Iceberg, "orders_eu"))
		if !strings.HasPrefix(m.Location, "s3://lake/orders_eu/order_lines") {
			t.Errorf("the table is at %s", m.Location)
		}
	})
}

// Nessie 0.99 takes a commit on no snapshot for one on the current snapshot, whatever
// that is. So it is refused, after it has shown that it does.
func TestNessie(t *testing.T) {
	s3 := servertest.Versitygw(t)
	bucket := s3.Bucket(t, false)
	server := servertest.Nessie(t, s3, bucket)
	files := iceberg.Files{Store: s3.Store(t, bucket, s3store.Config{}), Base: "s3://" + bucket + "/"}
	f := fixture(t, server.Endpoint+"/iceberg", "main%7Clake/", "lake", files, "lake/")
	made, _ := iceberg.NewSchema(columns)
	m, err := iceberg.New(f.Location("orders"), columns, nil, iceberg.Properties(&made, "zstd"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	table, err := f.Catalog.Create(t.Context(), "orders", m)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := files.Folder(table.Metadata)
	if err != nil || !strings.HasPrefix(folder, "lake/sales") {
		t.Fatalf("folder %q, %v", folder, err)
	}
	snapshot, err := files.Snapshot(t.Context(), table.Metadata, iceberg.Rows{}, folder+"metadata/", "a", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const want = "the catalog does not compare the head of a table"
	if _, err := f.Catalog.Commit(t.Context(), table, iceberg.Change{Snapshot: snapshot}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("commit: %v", err)
	}
	if _, err := f.Catalog.Load(t.Context(), "orders"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("load: %v", err)
	}
}
