package secretsmanager_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/patience"
	"sluice/internal/secretsmanager"
)

const (
	arn    = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:sluice/key-AbCdEf"
	canary = "canary-canary-canary-canary-7f3a"
)

// config asks the endpoint, and pauses little between attempts.
func config(endpoint string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("id", "key", "token"),
		Retryer: func() aws.Retryer {
			return patience.Retryer{RetryerV2: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond }), Timeout: patience.Timeout}
		},
	}
}

// answers is a server that gives one answer after another, and the last for ever.
func answers(t *testing.T, all ...string) (endpoint string, asked *int) {
	t.Helper()
	asked = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		authorization := r.Header.Get("Authorization")
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/" || string(body) != `{"SecretId":"`+arn+`"}` ||
			r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" ||
			r.Header.Get("X-Amz-Security-Token") != "token" ||
			!strings.Contains(authorization, "/eu-west-3/secretsmanager/aws4_request") || !strings.Contains(authorization, "x-amz-target") {
			t.Errorf("asked %s %s %s with %v, %v", r.Method, r.URL, body, r.Header, err)
		}
		answer := all[min(*asked, len(all)-1)]
		*asked++
		status, text, _ := strings.Cut(answer, " ")
		code := map[string]int{"200": 200, "400": 400, "403": 403, "429": 429, "500": 500, "502": 502}[status]
		if code == 0 {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
			return
		}
		w.WriteHeader(code)
		io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestGetSecretValue(t *testing.T) {
	const good = `200 {"ARN":"` + arn + `","SecretString":"a \"key\" ü"}`
	for _, c := range []struct {
		name    string
		answers []string
		asked   int
		want    string // or
		err     string
	}{
		{"a text", []string{good}, 1, `a "key" ü`, ""},
		{"bytes", []string{`200 {"SecretBinary":"AP8="}`}, 1, "\x00\xff", ""},
		{"throttled", []string{`400 {"__type":"ThrottlingException","message":"slower"}`, good}, 2, `a "key" ü`, ""},
		{"too many requests", []string{`429 <html>`, good}, 2, `a "key" ü`, ""},
		{"a failure of the server, twice", []string{`500 {"__type":"InternalServiceError","message":"x"}`, "502 <html>", good}, 3, `a "key" ü`, ""},
		{"a connection that ends", []string{"closed", good}, 2, `a "key" ü`, ""},
		{"throttled without end", []string{`400 {"__type":"ThrottlingException","message":"slower"}`}, 3, "", "ThrottlingException: slower"},
		{"no such secret", []string{`400 {"__type":"ResourceNotFoundException","message":"Secrets Manager can't find the specified secret."}`}, 1, "", "ResourceNotFoundException: Secrets Manager can't find"},
		{"a code with its shape", []string{`400 {"__type":"com.amazonaws.secretsmanager#InvalidRequestException","Message":"marked for deletion"}`}, 1, "", ": InvalidRequestException: marked for deletion"},
		{"no permission", []string{`400 {"__type":"AccessDeniedException","Message":"User is not authorized"}`}, 1, "", "AccessDeniedException: User is not"},
		{"a proxy", []string{"403 <html>no</html>"}, 1, "", ": HTTP status 403"},
		{"no JSON", []string{"200 " + canary}, 1, "", "the answer is not JSON of a secret"},
		{"half a secret", []string{`200 {"SecretString":"` + canary}, 1, "", "the answer is not JSON of a secret"},
		{"a secret of another kind", []string{`200 {"SecretString":["` + canary + `"]}`}, 1, "", "the answer is not JSON of a secret"},
		{"bytes that are none", []string{`200 {"SecretBinary":"` + canary + `!"}`}, 1, "", "the answer is not JSON of a secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			endpoint, asked := answers(t, c.answers...)
			got, err := secretsmanager.GetSecretValue(t.Context(), config(endpoint), arn, 0)
			if *asked != c.asked || string(got) != c.want || (err == nil) != (c.err == "") {
				t.Fatalf("asked %d times: %q, %v", *asked, got, err)
			}
			if err == nil {
				return
			}
			if !strings.HasPrefix(err.Error(), "read secret "+arn+": ") || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// The code of a refusal is there for who must decide by it.
func TestCode(t *testing.T) {
	endpoint, _ := answers(t, `400 {"__type":"AccessDeniedException","Message":"no"}`)
	_, err := secretsmanager.GetSecretValue(t.Context(), config(endpoint), arn, 0)
	if api := (interface{ ErrorCode() string })(nil); !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
		t.Errorf("error %v", err)
	}
}

// A service that accepts and never answers ends in an error in the time that was
// given, and a caller who leaves is not kept.
func TestSilence(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts; nobody else does
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	endpoint := "http://" + listener.Addr().String()
	silent := config(endpoint)
	silent.Retryer = nil
	_, err = secretsmanager.GetSecretValue(t.Context(), silent, arn, time.Second)
	if s := new(patience.SilentError); !errors.As(err, &s) || !strings.HasPrefix(err.Error(), "read secret "+arn+": the server is silent: ") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := secretsmanager.GetSecretValue(ctx, config(endpoint), arn, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
