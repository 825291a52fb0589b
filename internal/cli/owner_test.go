package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/internal/servertest"
)

// In a bucket a sink knows whose it is as it does in a folder, and says so to
// who comes second; so does one that was written before there were marks.
func TestOwnerInBucket(t *testing.T) {
	server := servertest.Moto(t)
	server.Setenv(t)
	client, bucket := server.Client(), server.Bucket(t, false)
	for _, key := range []string{"a/x.json", "b/x.json"} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(order("", `"price":1`))}); err != nil {
			t.Fatal(err)
		}
	}
	runs := func(source, sink string, want int, told string) {
		t.Helper()
		env := map[string]string{
			"SLUICE_SOURCE": "s3://" + bucket + "/" + source + "/", "SLUICE_SINK": "s3://" + bucket + "/" + sink,
			"SLUICE_LEDGER": "s3://" + bucket + "/ledger-" + source + "/", "SLUICE_CATALOG": "none",
		}
		var out bytes.Buffer
		code := Main(t.Context(), []string{"run"}, func(name string) string { return env[name] }, nil, &out, &out)
		if code != want || !regexp.MustCompile(told).MatchString(out.String()) {
			t.Errorf("%s into %s: exit code %d, want %d and %q\n%s", source, sink, code, want, told, &out)
		}
	}
	const refused = `the sink s3://.*/deep/sink/ belongs to the ledger s3://.*/ledger-a/ \(seen from the sink\) of the source s3://.*/a/ `
	runs("a", "deep/sink/", 0, "1 committed")
	runs("b", "deep/sink/", 2, refused)
	runs("b", "deep/sink/inner/", 2, `is inside s3://.*/deep/sink/, the sink of another pipeline`)
	runs("b", "deep/", 2, `sink/" in the sink is the sink of another pipeline`)
	runs("a", "deep/sink/", 0, "0 committed, 1 duplicate")

	// That costs one of the requests of a run with nothing to do: owner, mark, the
	// uploads of three folders, source, sink, ledger and index.
	endpoint, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	through := httputil.NewSingleHostReverseProxy(endpoint)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	t.Setenv("AWS_ENDPOINT_URL", proxy.URL)
	runs("a", "deep/sink/", 0, "0 committed, 1 duplicate")
	if n := requests.Load(); n != 9 {
		t.Errorf("%d requests with nothing to do, want 9", n)
	}

	prefix := "deep/sink/_owner_"
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	if err != nil || len(list.Contents) != 1 || *list.Contents[0].Size != 0 {
		t.Fatalf("%v, %v; want one empty mark", list.Contents, err)
	}
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: list.Contents[0].Key}); err != nil {
		t.Fatal(err)
	}
	runs("b", "deep/sink/", 2, `the sink s3://.*/deep/sink/ has outputs that are unknown to the ledger s3://.*/ledger-b/ and the source s3://.*/b/: another source was processed into it`)
	runs("a", "deep/sink/", 0, "0 committed, 1 duplicate")
	runs("b", "deep/sink/", 2, refused)
}
