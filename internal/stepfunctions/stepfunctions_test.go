package stepfunctions_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/stepfunctions"
)

const machine = "arn:aws:states:eu-west-3:123456789012:stateMachine:orders-split"

// An execution that was started before is none that failed to start.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		status       int
		err          string
	}{
		{"started, or running with the same input", `{"executionArn":"arn:x","startDate":1.7e9}`, 200, ""},
		{"ended before", `{"__type":"com.amazonaws.swf.service.v2.model#ExecutionAlreadyExists","message":"it exists"}`, 400, ""},
		{"no permission", `{"__type":"AccessDeniedException","Message":"not authorized"}`, 400, "start an execution of " + machine + ": AccessDeniedException: not authorized"},
		{"no machine", `{"__type":"StateMachineDoesNotExist","message":"gone"}`, 400, "StateMachineDoesNotExist: gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if want := `{"stateMachineArn":"` + machine + `","name":"n-1","input":"{\"key\":\"k\"}"}`; err != nil || string(body) != want {
					t.Errorf("asked %s, want %s: %v", body, want, err)
				}
				if r.Header.Get("X-Amz-Target") != "AWSStepFunctions.StartExecution" || r.Header.Get("Content-Type") != "application/x-amz-json-1.0" ||
					!strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/states/aws4_request") {
					t.Errorf("asked with %v", r.Header)
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.answer)
			}))
			defer server.Close()
			config := aws.Config{BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "key", "")}
			err := stepfunctions.Start(t.Context(), config, machine, "n-1", `{"key":"k"}`, 0)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v", err)
			}
		})
	}
	if !stepfunctions.IsMachine(machine) || stepfunctions.IsMachine("orders-split") || stepfunctions.IsMachine(strings.Replace(machine, "stateMachine", "activity", 1)) {
		t.Error("an ARN is taken for another")
	}
}
