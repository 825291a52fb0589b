package browser

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bucket starts an S3 server with a bucket, and writes a configuration for it.
func bucket(t *testing.T) (config string) {
	t.Helper()
	data := t.TempDir()
	if err := os.Mkdir(filepath.Join(data, "orders-lake"), 0o777); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "sluice-test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sluice-test-secret")
	server := exec.Command(need(t, "SLUICE_VERSITYGW"), "--quiet", "--port", address, "--access", "sluice-test", "--secret", "sluice-test-secret", "--region", "us-east-1", "posix", data)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	return write(t, "sluice.yaml", "source: s3://orders-lake/raw_orders_data/\ncatalog: {kind: none}\ns3: {endpoint: http://"+address+", region: us-east-1, path_style: true}\n")
}

// Over a bucket the page looks, and writes only if it was started so. What another
// process does is seen by asking again and again.
func TestBucket(t *testing.T) {
	config := bucket(t)
	over := func(flags ...string) *tab {
		l := &lake{config: config, path: filepath.Dir(need(t, "SLUICE_DUCKDB"))}
		l.start(t, flags...)
		return open(t, l)
	}
	reader := over()
	reader.until("that it is read-only, not cut off", "(e => e && e.getBoundingClientRect().right <= e.parentElement.getBoundingClientRect().right)(document.querySelector('#place em'))")
	reader.shoot("bucket-empty")
	reader.accessible("an empty bucket")
	reader.drop("main", write(t, "no.ndjson", order(9, "2024-01-09", "Ada", "9.00")))
	reader.sees("This lake is read-only here")

	writer := over("--write")
	writer.sees("An empty lake")
	writer.drop("main", write(t, "orders.ndjson", order(1, "2024-01-01", "Ada", "25.00")+order(2, "2024-01-02", "Ben", "4.50")+order(3, "2024-01-03", "Cleo", `"n/a"`)))
	writer.until("its outcome", "document.querySelector('.objects .chip.warn')?.textContent === 'partial'")
	reader.until("what the other has done", "document.querySelector('.objects .chip.warn')?.textContent === 'partial'")
	reader.shoot("bucket-objects")
	for _, b := range []*tab{reader, writer} {
		b.visit("#/tables/order_lines")
		b.until("both rows", "document.querySelector('.figures dd')?.textContent === '2' && document.querySelector('.picture canvas')")
		b.visit("#/money")
		b.sees("Ledger and tables agree")
		b.visit("#/sql")
		b.edit("SELECT sum(product_price) FROM order_lines")
		b.button("Run")
		b.until("the sum", "document.querySelector('main td')?.textContent === '29.5000'")
		b.visit("#/quarantine")
		b.click("main table a")
		b.until("the fault, marked", `document.querySelector('mark')?.textContent === '"n/a"'`)
	}
	if reader.js("[...document.querySelectorAll('button')].some(button => /replay/i.test(button.textContent))") == "true" {
		t.Error("a read-only page offers to replay")
	}
	writer.button("Replay")
	writer.sees("No record became rows")
	if status := reader.js("(await fetch('/api/quarantine/replay', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})).status"); status != "403" {
		t.Errorf("a read-only server answers a replay with %s", status)
	}
}

// On a full disk the page says so, and goes on when there is room.
func TestFullDisk(t *testing.T) {
	l := &lake{folder: t.TempDir(), path: filepath.Dir(need(t, "SLUICE_DUCKDB"))}
	l.within = []string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"`, l.folder}
	l.start(t)
	b := open(t, l)
	b.sees("An empty lake")
	inside := filepath.Join("/proc", fmt.Sprint(l.cmd.Process.Pid), "root", l.folder)
	var disk syscall.Statfs_t
	if err := syscall.Statfs(inside, &disk); err != nil || disk.Blocks*uint64(disk.Bsize) != 1<<20 {
		t.Fatalf("a disk of %d bytes, %v", disk.Blocks*uint64(disk.Bsize), err)
	}
	var orders strings.Builder
	for i := range 20 {
		orders.WriteString(order(i, "2024-01-"+two(1+i), "Ada", "25.00"))
	}
	need := (int64(orders.Len()) + disk.Bsize - 1) / disk.Bsize * disk.Bsize
	ballast := filepath.Join(inside, "ballast")
	if err := os.WriteFile(ballast, make([]byte, int64(disk.Bavail)*disk.Bsize-need), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, "raw_orders_data", "orders.ndjson"), []byte(orders.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	b.until("the banner", "/the disk is full.*no space left on device.*nothing is lost/.test(document.getElementById('banner').textContent)")
	b.until("the object that waits", "document.querySelector('.objects .chip')")
	b.shoot("full-disk")
	b.accessible("a full disk")
	b.look(390, 900, "dark")
	b.shoot("full-disk-390")
	b.fits("a full disk", 390)
	b.look(1440, 900, "light")
	b.drop("main", write(t, "more.ndjson", orders.String()))
	b.sees("make room on the disk")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	b.until("no banner", "!document.getElementById('banner').textContent")
	b.until("the rows", "document.querySelector('.objects .chip.good') && document.querySelector('.figures').innerText.includes('20')")
	b.visit("#/money")
	b.sees("Ledger and tables agree")
}
