package servertest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// SeaweedFS is an S3 server with table buckets, and with an Iceberg REST catalog of them,
// as S3 Tables has it. It checks signatures.
type SeaweedFS struct {
	*Server
	Iceberg string // where the Iceberg protocol begins
}

// StartSeaweedFS starts one without buckets.
func StartSeaweedFS(t testing.TB) *SeaweedFS {
	t.Helper()
	program := find(t, "SLUICE_SEAWEEDFS", "weed", "make servers")
	s := &SeaweedFS{Server: &Server{Region: "us-east-1", AccessKey: "sluice-test", SecretKey: "sluice-test-secret"}}
	// Sockets have short names.
	dir, err := os.MkdirTemp("", "weed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	users := filepath.Join(dir, "s3.json")
	const config = `{"identities":[{"name":"test","credentials":[{"accessKey":%q,"secretKey":%q}],"actions":["Admin"]}]}`
	if err := os.WriteFile(users, fmt.Appendf(nil, config, s.AccessKey, s.SecretKey), 0o600); err != nil {
		t.Fatal(err)
	}
	// It has many ports, and goes on if another process takes one: then it is started again.
	for range 3 {
		if s.startOn(t, program, dir, users) {
			return s
		}
	}
	t.Fatal("start SeaweedFS: its ports are taken by others")
	return nil
}

// startOn starts it on free ports, and reports whether it answers on them.
func (s *SeaweedFS) startOn(t testing.TB, program, dir, users string) bool {
	t.Helper()
	var iceberg Server
	iceberg.start(t, program, func(port string) []string {
		args := []string{
			"-logdir=" + dir, "server", "-dir=" + dir, "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-volume.max=20", "-master.volumeSizeLimitMB=64",
			"-filer", "-filer.localSocket=" + dir + "/filer", "-s3", "-s3.config=" + users, "-s3.localSocket=" + dir + "/s3", "-s3.port.lance=0", "-s3.port.iceberg=" + port,
		}
		for _, flag := range []string{"master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port.grpc", "s3.port"} {
			another, err := freePort()
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, "-"+flag+"="+another)
			s.Endpoint = "http://127.0.0.1:" + another
		}
		return args
	})
	s.Iceberg = iceberg.Endpoint
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(10 * time.Millisecond) {
		if s.status(t, http.MethodGet, s.Endpoint+"/buckets", "") == http.StatusOK {
			return s.status(t, http.MethodGet, s.Iceberg+"/v1/config", "") == http.StatusOK
		}
	}
	return false
}

// TableBucket makes a table bucket.
func (s *SeaweedFS) TableBucket(t testing.TB, name string) {
	t.Helper()
	s.Call(t, http.MethodPut, s.Endpoint+"/buckets", fmt.Sprintf(`{"name":%q}`, name))
}

// Call makes a request of S3 Tables or of its Iceberg catalog, which must succeed.
func (s *SeaweedFS) Call(t testing.TB, method, where, body string) {
	t.Helper()
	if status := s.status(t, method, where, body); status == 0 || status >= 300 {
		t.Fatalf("%s %s: status %d", method, where, status)
	}
}

// status is that of the answer to a request; 0: there is none.
func (s *SeaweedFS) status(t testing.TB, method, where, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, where, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	credentials, err := s.Credentials().Retrieve(t.Context())
	if err == nil {
		err = v4.NewSigner().SignHTTP(t.Context(), credentials, r, fmt.Sprintf("%x", sha256.Sum256([]byte(body))), "s3tables", s.Region, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}
