package gluecrawler_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
	"sluice/internal/catalog/gluecrawler"
	"sluice/internal/servertest"
	"sluice/internal/store/s3store"
)

// A commit while a crawl runs, with Glue and the marker in S3 as moto has them:
// the crawler is started again after the crawl has ended.
func TestMoto(t *testing.T) {
	server := servertest.Moto(t)
	client := newClient(server.Endpoint)
	createCrawler(t, server)
	c := gluecrawler.New(client, crawlerName, server.Store(t, server.Bucket(t, true), s3store.Config{}), "ledger/", gluecrawler.Always)

	// Without a transition a crawl of moto never ends.
	for _, want := range []catalog.Result{started, pending} {
		if got, err := c.Refresh(t.Context(), batch); err != nil || !cmp.Equal(want, got) {
			t.Fatalf("Refresh = %+v, %v; want %+v", got, err, want)
		}
	}
	if got, err := c.FollowUp(t.Context(), batch); err != nil || !cmp.Equal(pending, got) {
		t.Fatalf("FollowUp = %+v, %v; want %+v", got, err, pending)
	}
	endCrawls(t, server.Endpoint)
	followUpUntil(t, c, started)
	followUpUntil(t, c, nothing)
	if got, _ := servertest.Glue(t, server.Endpoint, "ListCrawls", servertest.Object{"CrawlerName": crawlerName}); len(got["Crawls"].([]any)) != 2 {
		t.Errorf("crawls: %v; want 2", got)
	}
}

func TestMotoWithoutCrawler(t *testing.T) {
	server := servertest.Moto(t)
	c := gluecrawler.New(newClient(server.Endpoint), crawlerName, server.Store(t, server.Bucket(t, false), s3store.Config{}), "", gluecrawler.WhenChanged)
	got, err := c.Refresh(t.Context(), batch)
	if !cmp.Equal(pending, got) || catalog.ReasonOf(err) != catalog.NotFound {
		t.Errorf("Refresh = %+v, %v (%s)", got, err, catalog.ReasonOf(err))
	}
}

// Two batches of the same columns, by two processes, and one of others: two crawls.
func TestMotoWhenChanged(t *testing.T) {
	server := servertest.Moto(t)
	client := newClient(server.Endpoint)
	createCrawler(t, server)
	endCrawls(t, server.Endpoint)
	s := server.Store(t, server.Bucket(t, true), s3store.Config{})
	changed := catalog.Written([]catalog.Table{table("order_lines", "order_id", "note"), table("taxes", "order_id")})
	for _, tables := range [][]catalog.Table{batch, changed} {
		for i := range 2 {
			c := gluecrawler.New(client, crawlerName, s, "ledger/", gluecrawler.WhenChanged)
			got, err := c.Refresh(t.Context(), tables)
			if err != nil || got.Started != (i == 0) {
				t.Fatalf("Refresh = %+v, %v", got, err)
			}
			followUpUntil(t, c, nothing)
			if got, err := c.Refresh(t.Context(), tables); err != nil || !cmp.Equal(nothing, got) {
				t.Fatalf("Refresh = %+v, %v", got, err)
			}
		}
	}
	if got, _ := servertest.Glue(t, server.Endpoint, "ListCrawls", servertest.Object{"CrawlerName": crawlerName}); len(got["Crawls"].([]any)) != 2 {
		t.Errorf("crawls: %v; want 2", got)
	}
}

func createCrawler(t *testing.T, server *servertest.Server) {
	t.Helper()
	servertest.Glue(t, server.Endpoint, "CreateCrawler", servertest.Object{
		"Name": crawlerName, "Role": "arn:aws:iam::123456789012:role/crawler",
		"Targets": servertest.Object{"S3Targets": []servertest.Object{{"Path": "s3://bucket/orders_data_parquet/"}}},
	})
}

// endCrawls makes crawls of moto end after a short time.
func endCrawls(t *testing.T, endpoint string) {
	t.Helper()
	transition := `{"model_name":"glue::crawl","transition":{"progression":"time","seconds":0.2}}`
	response, err := http.Post(endpoint+"/moto-api/state-manager/set-transition", "application/json", strings.NewReader(transition))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode >= 300 {
		t.Fatal(response.Status)
	}
}

func followUpUntil(t *testing.T, c *gluecrawler.Crawler, want catalog.Result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		got, err := c.FollowUp(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if cmp.Equal(want, got) {
			return
		}
		if err := catalog.Sleep(ctx, 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}
