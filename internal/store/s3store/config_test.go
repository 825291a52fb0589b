package s3store_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/awsconfig"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

func found(t *testing.T) aws.Config {
	t.Helper()
	c, err := awsconfig.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEndpointOfTheEnvironment(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.Host + r.URL.Path
		w.WriteHeader(404)
	}))
	defer server.Close()
	local := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, variable := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		for _, endpoint := range []string{server.URL, local} { // no bucket can stand before these names
			t.Run(variable, func(t *testing.T) {
				t.Setenv(variable, endpoint)
				s, err := s3store.New(t.Context(), s3store.Config{AWS: found(t), Bucket: "bucket", Credentials: nobody{}})
				if err != nil {
					t.Fatal(err)
				}
				if s.String() != "s3://bucket" {
					t.Errorf("the store is %s", s)
				}
				for bucket, s := range map[string]*s3store.Store{"bucket": s, "other": s.Bucket("other")} {
					path = ""
					s.Head(t.Context(), "a b/c+d") // the path is what matters
					if want := strings.TrimPrefix(endpoint, "http://") + "/" + bucket + "/a b/c+d"; path != want {
						t.Errorf("request to %q, want %q", path, want)
					}
				}
			})
		}
	}
}

func TestNoRegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	if _, err := s3store.New(t.Context(), s3store.Config{AWS: found(t), Bucket: "bucket"}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("error %v", err)
	}
	if _, err := s3store.New(t.Context(), s3store.Config{}); err == nil {
		t.Error("a store without a bucket")
	}
}

// A certificate that cannot be verified is an error at once, and for good.
func TestCertificate(t *testing.T) {
	requests := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	s, err := s3store.New(t.Context(), s3store.Config{
		Bucket: "bucket", Region: "us-east-1", Endpoint: server.URL, Credentials: nobody{}, MaxBackoff: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Head(t.Context(), "key")
	if err == nil || store.IsTransient(err) || !strings.Contains(err.Error(), "certificate") || requests > 0 {
		t.Errorf("%d requests, error %v", requests, err)
	}
}
