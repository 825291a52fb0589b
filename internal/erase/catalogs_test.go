package erase_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/config"
	"sluice/internal/erase"
	"sluice/internal/servertest"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

// A catalog that is a server is told of the rewrites as of any commit, and keeps nothing of
// the subject itself.
func TestCatalogs(t *testing.T) {
	t.Run("glue", func(t *testing.T) {
		server := servertest.Moto(t)
		bucket := server.Bucket(t, false)
		st := server.Store(t, bucket, s3store.Config{})
		servertest.Glue(t, server.Endpoint, "CreateDatabase", servertest.Object{"DatabaseInput": servertest.Object{"Name": "lake"}})
		w := opened(t, map[string]string{
			"SLUICE_SOURCE": "s3://" + bucket + "/raw/", "SLUICE_TABLE": "iceberg", "SLUICE_TABLE_CATALOG": "glue", "SLUICE_DATABASE": "lake",
			"SLUICE_S3_ENDPOINT": server.Endpoint, "SLUICE_S3_PATH_STYLE": "true", "SLUICE_S3_REGION": server.Region,
		}, func(context.Context) (aws.Config, error) {
			return aws.Config{Region: server.Region, Credentials: server.Credentials(), BaseEndpoint: &server.Endpoint}, nil
		})
		erasedEverywhere(t, w, func(key, text string) {
			if _, err := store.Put(t.Context(), st, key, []byte(text), store.CreateOptions{}, store.Unconditional()); err != nil {
				t.Fatal(err)
			}
		}, func() (hits []string) {
			err := st.List(t.Context(), "", func(i store.Info) error {
				data, _, err := store.Get(t.Context(), st, i.Key, 1<<30)
				if err == nil && says(t, i.Key, data) {
					hits = append(hits, i.Key)
				}
				return err
			})
			answer, _ := servertest.Glue(t, server.Endpoint, "GetTableVersions", servertest.Object{"DatabaseName": "lake", "TableName": "orders"})
			if text := fmt.Sprint(answer); err != nil || len(answer) == 0 || says(t, "", []byte(text)) {
				t.Errorf("versions of the table: %v, %v", answer, err)
			}
			return hits
		})
	})
	t.Run("rest", func(t *testing.T) {
		dir := t.TempDir()
		server := servertest.IcebergREST(t, dir)
		res, err := http.Post(server.Endpoint+"/v1/namespaces", "application/json", strings.NewReader(`{"namespace":["shop"]}`))
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("create namespace: %v, %v", res, err)
		}
		res.Body.Close()
		if err := os.Mkdir(filepath.Join(dir, "raw"), 0o777); err != nil {
			t.Fatal(err)
		}
		w := opened(t, map[string]string{
			"SLUICE_SOURCE": filepath.Join(dir, "raw"), "SLUICE_TABLE": "iceberg", "SLUICE_TABLE_CATALOG": "rest", "SLUICE_TABLE_URI": server.Endpoint, "SLUICE_TABLE_NAMESPACE": "shop",
		}, nil)
		w.dir = dir
		erasedEverywhere(t, w, func(key, text string) { w.write(key, []byte(text)) }, func() []string {
			hits := w.hits()
			for i := range hits { // each folder is a store, and the report has its keys
				_, hits[i], _ = strings.Cut(hits[i], "/")
			}
			return hits
		})
	})
}

// opened is a lake with a table that its email divides.
func opened(t *testing.T, env map[string]string, aws func(context.Context) (aws.Config, error)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.write("mapping.yaml", []byte(oneTable))
	env["SLUICE_MAPPING"], env["SLUICE_TABLE_PARTITION"] = filepath.Join(w.dir, "mapping.yaml"), "email"
	c, err := config.Parse("", nil, func(name string) string { return env[name] })
	if err == nil {
		if w.s, err = setup.New(t.Context(), c, "", aws); err == nil {
			err = w.s.Own(t.Context())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.s.Close)
	return w
}

// erasedEverywhere erases the subject, and looks at each object before and after the
// snapshots expire.
func erasedEverywhere(t *testing.T, w *world, put func(key, text string), hits func() []string) {
	t.Helper()
	put("raw/a.ndjson", order(1, subject)+"\n"+order(2, other)+"\n")
	put("raw/b.json", "["+order(3, subject)+"]")
	w.run()
	put("raw/a.ndjson", order(1, subject)+"\n"+order(2, other)+"\n"+order(4, other)+"\n"+`{"id":"x","customer":`+customer(subject)+"}\n")
	w.run()
	r, err := w.erase(erase.Options{Raw: erase.RawRewrite})
	if err != nil || !r.OK() || r.Raw.Records != 3 || r.Quarantine.Records != 1 || r.Tables[0].Rows != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	found := hits()
	for _, hit := range found {
		if !named(r, hit) {
			t.Errorf("%s has the subject yet, and the report does not name it", hit)
		}
	}
	if len(found) == 0 {
		t.Error("no snapshot has them yet")
	}
	w.settled()
	w.expire()
	if left := hits(); len(left) > 0 {
		t.Errorf("these have the subject: %q", left)
	}
	again, err := w.erase(erase.Options{Raw: erase.RawRewrite})
	if err != nil || again.Raw.Rewritten != 0 || again.Tables[0].Snapshots != 0 || len(again.Tables[0].Held.Snapshots) > 0 {
		t.Errorf("once more: %+v, %v", again, err)
	}
}
