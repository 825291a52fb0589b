package setup_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/internal/config"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/setup"
)

// Objects of a bucket become a table that Glue names; a second run, with everything
// opened anew, finds nothing to do, and an overwritten object replaces its rows.
func TestTablesInGlue(t *testing.T) {
	server := servertest.Moto(t)
	bucket, client := server.Bucket(t, false), server.Client()
	servertest.Glue(t, server.Endpoint, "CreateDatabase", servertest.Object{"DatabaseInput": servertest.Object{"Name": "lake"}})
	put := func(key string, id int) {
		t.Helper()
		body := fmt.Sprintf(`[{"order_id":%d,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[{"product_id":1,"price":1,"quantity":1}]}]`, id)
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	run := func(committed, duplicate int64) *setup.Setup {
		t.Helper()
		c, err := config.Parse("", nil, func(name string) string {
			return map[string]string{
				"SLUICE_SOURCE": "s3://" + bucket + "/raw/", "SLUICE_TABLE": "iceberg", "SLUICE_TABLE_CATALOG": "glue", "SLUICE_TABLE_PARTITION": "day(order_date)",
				"SLUICE_DATABASE": "lake", "SLUICE_S3_ENDPOINT": server.Endpoint, "SLUICE_S3_PATH_STYLE": "true", "SLUICE_S3_REGION": server.Region,
			}[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := setup.New(t.Context(), c, "", func(context.Context) (aws.Config, error) {
			return aws.Config{Region: server.Region, Credentials: server.Credentials(), BaseEndpoint: &server.Endpoint}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		if err := s.Own(t.Context()); err != nil {
			t.Fatal(err)
		}
		sum, err := s.Target.Run(t.Context(), s.Run())
		if err != nil || sum.Objects[pipeline.DidCommit] != committed || sum.Objects[pipeline.DidDuplicate] != duplicate || sum.Objects[pipeline.DidFail] > 0 {
			t.Fatalf("a run: %v, %v; want %d committed and %d duplicate", err, sum.Objects, committed, duplicate)
		}
		return s
	}
	put("raw/a.json", 1)
	put("raw/b.json", 2)
	run(2, 0)
	run(0, 2)
	put("raw/b.json", 3)
	s := run(1, 1)

	answer, _ := servertest.Glue(t, server.Endpoint, "GetTable", servertest.Object{"DatabaseName": "lake", "Name": "order_lines"})
	p := answer["Table"].(servertest.Object)["Parameters"].(servertest.Object)
	if p["table_type"] != "ICEBERG" || !strings.HasPrefix(p["metadata_location"].(string), "s3://"+bucket+"/orders_data_parquet/order_lines/metadata/") {
		t.Errorf("the parameters of the table: %v", p)
	}
	e, err := s.Target.Entry(t.Context(), bucket, "raw/b.json")
	if err != nil || e.State.RecordsCommitted != 1 || !strings.HasPrefix(e.Outputs[0].Key, "orders_data_parquet/order_lines/data/order_date_day=2024-01-10/") {
		t.Errorf("the entry %+v: %v", e, err)
	}
}

// Objects of a folder become a table that a REST server keeps.
func TestTablesInREST(t *testing.T) {
	dir := t.TempDir()
	server := servertest.IcebergREST(t, dir)
	body := strings.NewReader(`{"namespace":["shop","raw"]}`)
	res, err := http.Post(server.Endpoint+"/v1/namespaces", "application/json", body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("create namespace: %v, %v", res, err)
	}
	res.Body.Close()
	source := filepath.Join(dir, "raw")
	if err := os.Mkdir(source, 0o777); err != nil {
		t.Fatal(err)
	}
	run := func(id int, committed, duplicate int64) {
		t.Helper()
		text := fmt.Sprintf(`[{"order_id":%d,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[{"product_id":1,"price":1,"quantity":1}]}]`, id)
		if err := os.WriteFile(filepath.Join(source, "a.json"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse("", nil, func(name string) string {
			return map[string]string{
				"SLUICE_SOURCE": source, "SLUICE_TABLE": "iceberg", "SLUICE_TABLE_CATALOG": "rest", "SLUICE_TABLE_URI": server.Endpoint,
				"SLUICE_TABLE_NAMESPACE": "shop.raw", "SLUICE_TABLE_PARTITION": "bucket(4, order_id),month(order_date)",
			}[name]
		})
		if err != nil {
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
		sum, err := s.Target.Run(t.Context(), s.Run())
		if err != nil || sum.Objects[pipeline.DidCommit] != committed || sum.Objects[pipeline.DidDuplicate] != duplicate || sum.Objects[pipeline.DidFail] > 0 {
			t.Fatalf("a run: %v, %v; want %d committed and %d duplicate", err, sum.Objects, committed, duplicate)
		}
	}
	run(1, 1, 0)
	run(23, 1, 0)
	files, err := filepath.Glob(filepath.Join(dir, "orders_data_parquet/order_lines/data/order_id_bucket=*/order_date_month=2024-01/*.parquet"))
	if err != nil || len(files) == 0 {
		t.Errorf("the data files: %v, %v", files, err)
	}
}
