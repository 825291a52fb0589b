package servertest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Secret creates a secret of moto, or gives one that is there another value, and
// returns its ARN. No client of the service is among our libraries.
func (s *Server) Secret(t testing.TB, name, value string) string {
	t.Helper()
	arn := s.secret(t, "PutSecretValue", map[string]string{"SecretId": name, "SecretString": value})
	if arn == "" {
		arn = s.secret(t, "CreateSecret", map[string]string{"Name": name, "SecretString": value})
	}
	if arn == "" {
		t.Fatalf("secret %s was not created", name)
	}
	return arn
}

func (s *Server) secret(t testing.TB, operation string, input map[string]string) (arn string) {
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
	req.Header.Set("X-Amz-Target", "secretsmanager."+operation)
	// moto finds region and service by the scope, and checks no signature.
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+s.AccessKey+"/20240110/"+s.Region+"/secretsmanager/aws4_request, SignedHeaders=host, Signature=none")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ ARN string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.ARN
}
