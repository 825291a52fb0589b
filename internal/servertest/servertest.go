// Package servertest runs real servers for tests, each as a process of its own
// on a free port of 127.0.0.1, for as long as the test runs.
//
// The programs are found through an environment variable or on PATH: versitygw
// (SLUICE_VERSITYGW, an S3 gateway for a folder) and moto_server (SLUICE_MOTO,
// many services of AWS, without checking signatures), and weed (SLUICE_SEAWEEDFS, with
// table buckets and their REST catalog). The jars of Nessie (SLUICE_NESSIE)
// and of Iceberg's REST catalog (SLUICE_ICEBERG_REST, a folder) need Java. Where one is
// missing the test is skipped; with SLUICE_REQUIRE_SERVERS=1 it fails, so that no run
// meant to be complete skips in silence.
package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Server is a running server.
type Server struct {
	Endpoint  string // http://127.0.0.1:port
	Region    string
	AccessKey string
	SecretKey string
}

// Credentials of the only user.
func (s *Server) Credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, "")
}

// Env is what a process needs in its environment to use the server for every
// service of AWS, and for nothing else.
func (s *Server) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.Endpoint,
		"AWS_REGION=" + s.Region,
		"AWS_ACCESS_KEY_ID=" + s.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + s.SecretKey,
		"AWS_SESSION_TOKEN=",
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// Setenv gives the test itself that environment. The test cannot be parallel.
func (s *Server) Setenv(t *testing.T) {
	t.Helper()
	for _, setting := range s.Env() {
		for i := range setting {
			if setting[i] == '=' {
				t.Setenv(setting[:i], setting[i+1:])
				break
			}
		}
	}
}

// Versitygw starts an S3 server over an empty folder. Buckets can have
// versioning.
func Versitygw(t testing.TB) *Server {
	t.Helper()
	program := find(t, "SLUICE_VERSITYGW", "versitygw", "go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	s := &Server{Region: "us-east-1", AccessKey: "sluice-test", SecretKey: "sluice-test-secret"}
	data, versions := t.TempDir(), t.TempDir()
	s.start(t, program, func(port string) []string {
		return []string{
			"--quiet", "--port", "127.0.0.1:" + port, "--access", s.AccessKey, "--secret", s.SecretKey,
			"--region", s.Region, "--keep-alive", "posix", "--versioning-dir", versions, data,
		}
	})
	return s
}

// Moto starts a server of many services of AWS, with nothing in it.
func Moto(t testing.TB) *Server {
	t.Helper()
	program := find(t, "SLUICE_MOTO", "moto_server", "pip install 'moto[server]==5.2.1'")
	s := &Server{Region: "us-east-1", AccessKey: "sluice-test", SecretKey: "sluice-test-secret"}
	s.start(t, program, func(port string) []string { return []string{"-H", "127.0.0.1", "-p", port} })
	return s
}

func find(t testing.TB, variable, name, install string) string {
	t.Helper()
	program := os.Getenv(variable)
	if program == "" {
		program = name
	}
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	missing(t, "%v. Install it (%s) and put it on PATH or name it in %s.", err, install, variable)
	return ""
}

// missing ends a test that lacks a program.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	what := "NOT TESTED against a real server: " + fmt.Sprintf(format, args...)
	if os.Getenv("SLUICE_REQUIRE_SERVERS") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// start runs the program until it answers on its port. Between finding a free
// port and using it another process may take it: then another is tried.
func (s *Server) start(t testing.TB, program string, args func(port string) []string) {
	t.Helper()
	var err error
	for range 3 {
		var port string
		if port, err = freePort(); err != nil {
			continue
		}
		s.Endpoint = "http://127.0.0.1:" + port
		if err = run(t, program, args(port), s.Endpoint); err == nil {
			return
		}
	}
	t.Fatalf("start %s: %v", program, err)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// run starts the process and ends it, by its own handle, after the test.
func run(t testing.TB, program string, args []string, endpoint string) error {
	var output buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() //nolint:errcheck // it is killed, or its output says why it ended
		close(ended)
	}()
	stop := func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		<-ended
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // Java on a busy machine
	defer cancel()
	for !answers(ctx, endpoint) {
		select {
		case <-ended:
			return fmt.Errorf("it ended at once: %s", output.String())
		case <-ctx.Done():
			stop()
			return fmt.Errorf("no answer from %s: %s", endpoint, output.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	select {
	case <-ended: // somebody else answers on that port
		return errors.New("the port was taken by another process")
	default:
	}
	t.Cleanup(stop)
	return nil
}

func answers(ctx context.Context, endpoint string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return false
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return true
}

// buffer is the output of a process, which may be read while it runs.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
