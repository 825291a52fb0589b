package servertest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// DefaultBus is the ARN of the event bus of moto that is always there.
func (s *Server) DefaultBus() string {
	return "arn:aws:events:" + s.Region + ":123456789012:event-bus/default"
}

// KeepEvents makes moto keep the events of a source on the default bus, and returns
// how many it has. No client of the service is among our libraries.
func (s *Server) KeepEvents(t testing.TB, source string) (count func() int) {
	t.Helper()
	name := "kept-" + source
	s.events(t, "CreateArchive", map[string]any{"ArchiveName": name, "EventSourceArn": s.DefaultBus(), "EventPattern": `{"source":["` + source + `"]}`})
	return func() int { return s.events(t, "DescribeArchive", map[string]any{"ArchiveName": name}) }
}

func (s *Server) events(t testing.TB, operation string, input map[string]any) (count int) {
	t.Helper()
	body, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	// moto finds region and service by the scope, and checks no signature.
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+s.AccessKey+"/20240110/"+s.Region+"/events/aws4_request, SignedHeaders=host, Signature=none")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ EventCount int }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", operation, res.StatusCode, err)
	}
	return answer.EventCount
}
