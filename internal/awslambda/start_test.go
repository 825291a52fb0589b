package awslambda

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkStart is a cold start without Lambda's own part: from starting the
// process, configured as in Lambda with a bucket and a crawler, to its first
// request for an event. Memory is what the process has in RAM by then.
func BenchmarkStart(b *testing.B) {
	bootstrap := packed(b)
	arrived, leave := make(chan time.Time), make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- time.Now()
		<-leave
	}))
	defer api.Close()
	var start time.Duration
	var memory int64
	for range b.N {
		cmd := exec.Command(bootstrap)
		cmd.Env = []string{
			"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"), "AWS_REGION=eu-central-1",
			"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "SLUICE_SOURCE=s3://bucket/raw_orders_data/",
		}
		began := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		select {
		case at := <-arrived:
			start += at.Sub(began)
		case <-time.After(30 * time.Second):
			b.Fatal("no request for an event")
		}
		memory += residentKB(b, cmd.Process.Pid)
		if err := cmd.Process.Kill(); err != nil {
			b.Fatal(err)
		}
		cmd.Wait()
		leave <- struct{}{}
	}
	info, err := os.Stat(bootstrap)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(start.Microseconds())/1000/float64(b.N), "ms/start")
	b.ReportMetric(float64(memory)/1024/float64(b.N), "MiB-RSS")
	b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
}

// packed is the bootstrap as it is deployed.
func packed(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	if out, err := exec.Command("go", "run", "sluice/deploy/pack", "-o", dir, "-arch", runtime.GOARCH).CombinedOutput(); err != nil {
		b.Fatalf("pack the bootstrap: %v\n%s", err, out)
	}
	archive, err := zip.OpenReader(filepath.Join(dir, "sluice-lambda-"+runtime.GOARCH+".zip"))
	if err != nil {
		b.Fatal(err)
	}
	defer archive.Close()
	bootstrap, err := fs.ReadFile(archive, "bootstrap")
	if err != nil {
		b.Fatal(err)
	}
	name := filepath.Join(dir, "bootstrap")
	if err := os.WriteFile(name, bootstrap, 0o700); err != nil {
		b.Fatal(err)
	}
	return name
}

// residentKB is what /proc says, which only Linux has.
func residentKB(b *testing.B, pid int) int64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("memory of a process is read from /proc: ", err)
	}
	found := regexp.MustCompile(`VmRSS:\s*(\d+) kB`).FindSubmatch(status)
	if found == nil {
		b.Fatal("no VmRSS in the status of the process")
	}
	kB, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB
}
