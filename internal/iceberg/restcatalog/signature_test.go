package restcatalog_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

const testSecret = "secret-of-a-test"

// signature signs a request as
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
// says, without the SDK. All services but S3 encode the path, as it is in the request,
// once more.
func signature(method, path, query, names string, header func(string) string, region, service string) string {
	var headers strings.Builder
	for name := range strings.SplitSeq(names, ";") {
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.TrimSpace(header(name)))
	}
	canonical := strings.Join([]string{method, strings.NewReplacer("%", "%25", ":", "%3A").Replace(path), query, headers.String(), names, header("x-amz-content-sha256")}, "\n")
	date := header("x-amz-date")
	scope := date[:8] + "/" + region + "/" + service + "/aws4_request"
	key := []byte("AWS4" + testSecret)
	for _, part := range []string{date[:8], region, service, "aws4_request"} {
		key = mac(key, part)
	}
	sum := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hex.EncodeToString(sum[:])))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// What botocore 1.44.8 signs, with a namespace of two levels.
func TestSignatureLikeBotocore(t *testing.T) {
	headers := map[string]string{
		"host": "glue.eu-central-1.amazonaws.com", "x-amz-date": "20260102T030405Z", "x-amz-security-token": "token",
		"x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	}
	got := signature("GET", "/iceberg/v1/catalogs/123456789012/namespaces/sales%1Feu/tables/orders", "", "host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
		func(name string) string { return headers[name] }, "eu-central-1", "glue")
	if want := "49e3abc03f8fc7e23b6bc34282cad5dd47abc7e63305de166fd2991179d2783e"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Every request carries a signature that covers method, path, query and body.
func TestSigned(t *testing.T) {
	s := start(t)
	var faults []string
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		algorithm, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		var scope, names, sum string
		if _, err := fmt.Sscanf(rest, "Credential=%s SignedHeaders=%s Signature=%s", &scope, &names, &sum); err != nil {
			faults = append(faults, err.Error())
			return false
		}
		names = strings.TrimSuffix(names, ",")
		want := signature(r.Method, r.URL.EscapedPath(), r.URL.RawQuery, names, func(name string) string {
			switch name {
			case "host":
				return r.Host
			case "content-length":
				return fmt.Sprint(r.ContentLength)
			}
			return r.Header.Get(name)
		}, "eu-central-1", "glue")
		for _, name := range []string{"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} {
			if !strings.Contains(";"+names+";", ";"+name+";") {
				faults = append(faults, name+" is not signed")
			}
		}
		date := r.Header.Get("X-Amz-Date")
		if algorithm != "AWS4-HMAC-SHA256" || scope != "AKIDEXAMPLE/"+date[:8]+"/eu-central-1/glue/aws4_request," || sum != want {
			faults = append(faults, fmt.Sprintf("%s %s: %s %s %s, want the signature %s", r.Method, r.RequestURI, algorithm, scope, sum, want))
		}
		return false
	}
	o := s.options()
	o.SigV4, o.Region, o.Credentials = "glue", "eu-central-1", credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", testSecret, "token")
	c := open(t, o)
	if _, err := c.Create(t.Context(), "orders", first(t, s)); err != nil {
		t.Error(err)
	}
	if _, err := c.Load(t.Context(), "orders"); err != nil {
		t.Error(err)
	}
	if requests, _ := s.seen(); len(requests) != 3 {
		t.Errorf("requests %q", requests)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}
