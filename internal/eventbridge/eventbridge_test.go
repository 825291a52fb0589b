package eventbridge_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/eventbridge"
)

const bus = "arn:aws:events:eu-west-3:123456789012:event-bus/team"

// Ten events go in a call; a refusal of one, and an answer of something else, are
// errors.
func TestPutEvents(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		status       int
		events       int
		sizes        string
		err          string
	}{
		{"none", "", 200, 0, "[]", ""},
		{"some", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`, 200, 23, "[10 10 3]", ""},
		{"one refused", `{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"InternalFailure","ErrorMessage":"x"}]}`, 200, 2, "[2]", "send 2 events to " + bus + ": 1 were refused: InternalFailure"},
		{"no permission", `{"__type":"AccessDeniedException","Message":"not authorized"}`, 400, 11, "[10]", "AccessDeniedException: not authorized"},
		{"a proxy", `<html>`, 200, 1, "[1]", "the answer is not JSON of events"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sizes := []int{}
			sent := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var input struct {
					Entries []struct{ Source, DetailType, Detail, EventBusName string }
				}
				body, err := io.ReadAll(r.Body)
				if err != nil || json.Unmarshal(body, &input) != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" ||
					!strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/events/aws4_request") {
					t.Errorf("asked %s with %v", body, r.Header)
				}
				for _, e := range input.Entries {
					if e.Source != "sluice" || e.DetailType != "Drift" || e.EventBusName != bus || e.Detail != fmt.Sprintf(`{"n":%d}`, sent) {
						t.Errorf("event %+v", e)
					}
					sent++
				}
				sizes = append(sizes, len(input.Entries))
				w.WriteHeader(c.status)
				io.WriteString(w, c.answer)
			}))
			defer server.Close()
			var details []string
			for i := range c.events {
				details = append(details, fmt.Sprintf(`{"n":%d}`, i))
			}
			config := aws.Config{BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "key", "")}
			err := eventbridge.PutEvents(t.Context(), config, bus, "sluice", "Drift", details, 0)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || fmt.Sprint(sizes) != c.sizes {
				t.Errorf("calls of %v events, %v", sizes, err)
			}
		})
	}
	if err := eventbridge.PutEvents(t.Context(), aws.Config{}, "default", "s", "d", []string{"{}"}, 0); err == nil || !strings.Contains(err.Error(), "not the ARN of an event bus") {
		t.Errorf("error %v", err)
	}
}
