package awsjson

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/patience"
)

var service = Service{ID: "Some", Host: "some", Target: "AWSSome"}

// newClient pauses little between attempts.
func newClient(t *testing.T, most int, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return service.In(aws.Config{
		Region: "cn-north-1", BaseEndpoint: &server.URL, RetryMaxAttempts: most, Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
		Retryer: func() aws.Retryer {
			return patience.Retryer{RetryerV2: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond }), Timeout: patience.Timeout}
		},
	}, 0)
}

// The region of the configuration is signed for.
func TestRegion(t *testing.T) {
	c := newClient(t, 0, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if a := r.Header.Get("Authorization"); err != nil || !strings.Contains(a, "/cn-north-1/some/aws4_request") || r.Header.Get("X-Amz-Target") != "AWSSome.Ask" || string(body) != `{"A":1}` {
			t.Errorf("asked with %v: %s, %v", r.Header, body, err)
		}
		io.WriteString(w, "{}")
	})
	if answer, err := c.Call(t.Context(), "Ask", map[string]int{"A": 1}); string(answer) != "{}" || err != nil {
		t.Errorf("%s, %v", answer, err)
	}
}

// How often an error that may pass is tried: by default, as AWS_MAX_ATTEMPTS says, and once.
func TestAttempts(t *testing.T) {
	for _, c := range []struct {
		most int
		once bool
		want int
	}{{0, false, 3}, {2, false, 2}, {5, false, 5}, {5, true, 1}} {
		tries := 0
		client := newClient(t, c.most, func(w http.ResponseWriter, _ *http.Request) {
			tries++
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		if c.once {
			client = client.Once()
		}
		if _, err := client.Call(t.Context(), "Ask", nil); tries != c.want || err == nil || !strings.Contains(err.Error(), "HTTP status 503") {
			t.Errorf("%+v: tried %d times: %v", c, tries, err)
		}
	}
}

func TestRefusal(t *testing.T) {
	for _, c := range []struct{ header, body, code, text string }{
		{"", `{"__type":"ThisException","Message":"no"}`, "ThisException", "ThisException: no"},
		{"", `{"__type":"com.example#ThisException","message":"no"}`, "ThisException", "ThisException: no"},
		{"ThisException:http://internal.example.com/x/", `{"__type":"OtherException"}`, "ThisException", "ThisException"},
		{"", `{"code":"ThisException"}`, "ThisException", "ThisException"},
		{"", `{"code":7,"message":"no"}`, "HTTP status 400", "HTTP status 400: no"},
		{"ThisException", `<html>`, "ThisException", "ThisException"},
		{"", ``, "HTTP status 400", "HTTP status 400"},
	} {
		client := newClient(t, 0, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-ErrorType", c.header)
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, c.body)
		})
		_, err := client.Call(t.Context(), "Ask", nil)
		if api := (interface{ ErrorCode() string })(nil); !errors.As(err, &api) || api.ErrorCode() != c.code || err.Error() != c.text {
			t.Errorf("%s %s: %v, want %s, %s", c.header, c.body, err, c.code, c.text)
		}
	}
}

// An answer that is too large is an error, not half of one.
func TestLargeAnswer(t *testing.T) {
	size := 0
	client := newClient(t, 0, func(w http.ResponseWriter, _ *http.Request) { io.CopyN(w, endless{}, int64(size)) })
	size = maxAnswer
	if answer, err := client.Call(t.Context(), "Ask", nil); len(answer) != maxAnswer || err != nil {
		t.Errorf("%d bytes, %v", len(answer), err)
	}
	size++
	if _, err := client.Call(t.Context(), "Ask", nil); err == nil || !strings.Contains(err.Error(), "the answer has more than 16 MiB") {
		t.Error(err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
