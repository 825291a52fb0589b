package awslambda

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/store/s3store"
	"sluice/mapping"
)

// A sink takes the uploads of several tables and objects, and then answers
// nothing any more, not even aborts. The invocation answers in time.
func TestAbortsEndInTime(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	begun := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodGet && r.URL.Query().Has("list-type"):
			fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
		case r.Method == http.MethodPut:
			w.Header().Set("ETag", `"part"`)
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			begun <- r.URL.Path
			fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%d</UploadId></InitiateMultipartUploadResult>", len(begun))
		default:
			<-over
		}
	}))
	t.Cleanup(func() {
		close(over)
		server.CloseClientConnections()
		server.Close()
	})
	sink, err := s3store.New(t.Context(), s3store.Config{
		Bucket: "sink", Region: "us-east-1", Endpoint: server.URL, PartSize: 100,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	var tables strings.Builder
	for i := range 4 {
		fmt.Fprintf(&tables, "  - {table: t%d, columns: [{name: id, path: $.order_id, type: int64}]}\n", i)
	}
	m, err := mapping.Parse("m.yaml", []byte("records: [\"$[*]\"]\ntables:\n"+tables.String()))
	if err != nil {
		t.Fatal(err)
	}
	l := newLake(t)
	l.setup.Config.Workers = 3
	l.setup.Pipeline.Sink, l.setup.Pipeline.Mapping = sink, m
	for _, name := range []string{"a.json", "b.json", "c.json"} {
		l.put(name, orders(1))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	_, err = l.Handle(ctx, records(created("orders", "a.json", 1), created("orders", "b.json", 1), created("orders", "c.json", 1)))
	if err == nil || !strings.Contains(l.logs.String(), "time_limit") {
		t.Errorf("error %v\n%s", err, &l.logs)
	}
	if ctx.Err() != nil {
		t.Error("the function was killed before it answered")
	}
	if len(begun) != 3*4 {
		t.Errorf("%d uploads were begun", len(begun))
	}
}
