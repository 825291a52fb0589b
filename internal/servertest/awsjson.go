package servertest

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Object is a JSON object.
type Object = map[string]any

// Glue calls an operation of Glue, also those that only tests need, and returns the
// answer; or the code of a refusal, which ends the test unless it is among these.
func Glue(t testing.TB, endpoint, operation string, input Object, codes ...string) (answer Object, code string) {
	t.Helper()
	status, body := call(t, endpoint, "glue", "AWSGlue."+operation, input)
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%s: status %d, %v", operation, status, err)
	}
	if status == http.StatusOK {
		return answer, ""
	}
	for _, code := range codes {
		if answer["__type"] == code {
			return nil, code
		}
	}
	t.Fatalf("%s: status %d, %v", operation, status, answer)
	return nil, ""
}

// SQS calls an operation of moto's SQS, which must succeed.
func SQS(t testing.TB, endpoint, operation string, input Object) (answer Object) {
	t.Helper()
	status, body := call(t, endpoint, "sqs", "AmazonSQS."+operation, input)
	if err := json.Unmarshal(body, &answer); status != http.StatusOK || err != nil {
		t.Fatalf("%s: status %d, %v", operation, status, err)
	}
	return answer
}

// DefaultBus is the ARN of the event bus of moto that is always there.
func (s *Server) DefaultBus() string {
	return "arn:aws:events:" + s.Region + ":123456789012:event-bus/default"
}

// KeepEvents makes moto keep the events of a source on the default bus, and returns
// how many it has.
func (s *Server) KeepEvents(t testing.TB, source string) (count func() int) {
	t.Helper()
	name := "kept-" + source
	s.events(t, "CreateArchive", Object{"ArchiveName": name, "EventSourceArn": s.DefaultBus(), "EventPattern": `{"source":["` + source + `"]}`})
	return func() int { return s.events(t, "DescribeArchive", Object{"ArchiveName": name}) }
}

func (s *Server) events(t testing.TB, operation string, input Object) (count int) {
	t.Helper()
	status, body := call(t, s.Endpoint, "events", "AWSEvents."+operation, input)
	var answer struct{ EventCount int }
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%s: status %d, %v", operation, status, err)
	}
	return answer.EventCount
}

// TableBucket makes a table in moto's S3 Tables, and returns the name of its bucket.
func (s *Server) TableBucket(t testing.TB) string {
	t.Helper()
	put := func(path string, input Object) (answer struct {
		ARN       string `json:"arn"`
		Warehouse string `json:"warehouseLocation"`
	}) {
		t.Helper()
		method := http.MethodPut
		if input == nil {
			method = http.MethodGet
		}
		status, body := send(t, method, s.Endpoint+path, "s3tables", "", input)
		if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
			t.Fatalf("%s: status %d, %v", path, status, err)
		}
		return answer
	}
	name := "shop-" + strings.ToLower(rand.Text())
	arn := url.PathEscape(put("/buckets", Object{"name": name}).ARN)
	put("/namespaces/"+arn, Object{"namespace": []string{"orders_eu"}})
	put("/tables/"+arn+"/orders_eu", Object{"name": "order_lines", "format": "ICEBERG"})
	return strings.TrimPrefix(put("/get-table?tableBucketARN="+arn+"&namespace=orders_eu&name=order_lines", nil).Warehouse, "s3://")
}

// call is a request as ours are, without what is tested of ours.
func call(t testing.TB, endpoint, service, target string, input Object) (status int, body []byte) {
	t.Helper()
	return send(t, http.MethodPost, endpoint, service, target, input)
}

func send(t testing.TB, method, where, service, target string, input Object) (status int, body []byte) {
	t.Helper()
	data, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, where, strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", target)
	// moto finds region and service by the scope, and checks no signature.
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=sluice-test/20240110/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=none")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}
