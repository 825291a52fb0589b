//go:build dist

package deploy_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The most bytes of the function, for either architecture, with tables.
const (
	mostBootstrap = 14_000_000
	mostArchive   = 6_000_000
)

// What parts may add to the command, in bytes. The figures behind them are those of the
// bootstrap for amd64 when the parts came: of all functions and data that go tool nm
// -size lists, before and after.
const (
	timeZones  = 70_000  // the rules of all time zones: 51,803
	currencies = 50_000  // the digits of minor units, with the library's numbers: 36,908
	language   = 330_000 // keys of the mapping and their errors: 116,008; what they do to values: 114,733; the text of presets: 74,909
	drift      = 60_000  // paths that differ, with the calls of EventBridge and Secrets Manager: 51,648
	mayAdd     = timeZones + currencies + language + drift
	tableMode  = 2_412_288 // Iceberg tables, their ledger and catalogs: 2,195,456 of the bootstrap file; what a dry run of maintain foresees: 12,288

	// Of the command alone, without the runtime's tables of them.
	inference  = 500_000   // profiler, profile, infer, fit and advice: 244,051
	comparison = 300_000   // mapping diff: 186,293
	sql        = 250_000   // query, without an engine: 176,128 of the file
	served     = 2_300_000 // serve: 2,015,232 of the file, with the files of the page: 678,969
	erasure    = 518_192   // erase: 487,424 of the file
	spread     = 272_288   // staged commits and split: 229,376 of the file; their reports and those of run: 12,288
	anew       = 110_000   // table rebuild: 57,344 of the file, and tables that are divided otherwise: 45,056
)

// Each archive is the bootstrap and nothing else, with a time that says
// nothing; the sums are those of the files.
func TestArchives(t *testing.T) {
	sums, err := os.ReadFile("../dist/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/lambda.md")
	if err != nil {
		t.Fatal(err)
	}
	var want string
	for _, name := range []string{"sluice-lambda-amd64.cdx.json", "sluice-lambda-amd64.zip", "sluice-lambda-arm64.cdx.json", "sluice-lambda-arm64.zip"} {
		data, err := os.ReadFile("../dist/" + name)
		if err != nil {
			t.Fatal(err)
		}
		want += fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)
		if !strings.HasSuffix(name, ".zip") {
			continue
		}
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if len(archive.File) != 1 || archive.File[0].Name != "bootstrap" || archive.File[0].Mode() != 0o755 || archive.File[0].Modified.Year() != 1980 {
			t.Errorf("%s holds %+v", name, archive.File)
		}
		binary := archive.File[0].UncompressedSize64
		arch := strings.TrimSuffix(strings.TrimPrefix(name, "sluice-lambda-"), ".zip")
		t.Logf("%s: %d bytes, bootstrap %d", name, len(data), binary)
		// What Lambda has to load before the first event. If this fails, look with go
		// tool nm -size -sort size for what came in.
		_, told, _ := strings.Cut(string(page), "| binary, archive for "+arch+" | ")
		var binaryMB, archiveMB float64
		if _, err := fmt.Sscanf(told, "%f MB, %f MB", &binaryMB, &archiveMB); err != nil ||
			math.Abs(binaryMB-float64(binary)/1e6) > 0.15 || math.Abs(archiveMB-float64(len(data))/1e6) > 0.15 {
			t.Errorf("docs/lambda.md, and README.md with it, has other sizes: %.40q (%v)", told, err)
		}
		if len(data) > mostArchive || binary > mostBootstrap {
			t.Errorf("%s: %d bytes of at most %d, bootstrap %d of at most %d", name, len(data), mostArchive, binary, mostBootstrap)
		}
	}
	if string(sums) != want {
		t.Errorf("SHA256SUMS is\n%swant\n%s", sums, want)
	}
}

// TestCommandSize: what somebody downloads: 26.5 MB. Twice the size means that something calls a method by
// its name, as text/template does, so that the linker keeps all methods:
// look with go build -ldflags=-dumpdep for the functions marked ReflectMethod.
func TestCommandSize(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sluice")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", name, "sluice/cmd/sluice")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v\n%s", err, out)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if most := int64(19_400_000 + mayAdd + tableMode + inference + comparison + sql + served + erasure + spread + anew); info.Size() > most {
		t.Errorf("%d bytes of at most %d", info.Size(), most)
	}
}

// The bill lists what `go version -m` does.
func TestBillOfMaterials(t *testing.T) {
	data, err := os.ReadFile("../dist/sluice-lambda-amd64.cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		BOMFormat, SpecVersion string
		Metadata               struct {
			Component struct {
				Name   string
				Hashes []struct{ Alg, Content string }
			}
		}
		Components []struct{ Name, Version, PURL string }
	}
	if err := json.Unmarshal(data, &bill); err != nil {
		t.Fatal(err)
	}
	bootstrap := unpack(t)
	binary, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	c := bill.Metadata.Component
	if bill.BOMFormat != "CycloneDX" || bill.SpecVersion != "1.6" || c.Name != "sluice" || len(c.Hashes) != 1 || c.Hashes[0].Content != fmt.Sprintf("%x", sha256.Sum256(binary)) {
		t.Errorf("%+v", bill.Metadata)
	}
	listed := map[string]bool{}
	for _, c := range bill.Components {
		if c.PURL != "pkg:golang/"+c.Name+"@"+c.Version {
			t.Errorf("%+v", c)
		}
		listed[c.Name+" "+c.Version] = true
	}
	out, err := exec.Command("go", "version", "-m", bootstrap).Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "dep" {
			n++
			if !listed[f[1]+" "+f[2]] {
				t.Errorf("%s %s is not in the bill", f[1], f[2])
			}
		}
	}
	if n == 0 || len(listed) != n+1 { // and the standard library
		t.Errorf("%d modules in the binary, %d in the bill", n, len(listed))
	}
}

// The same code in another folder, at another time, gives the same bytes.
func TestReproducible(t *testing.T) {
	dir := t.TempDir()
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		rel := filepath.ToSlash(name[min(len(name), len("../")):])
		if err != nil || name == ".." {
			return err
		}
		if d.IsDir() && (rel[0] == '.' || rel == "dist" || rel == "bench") {
			return fs.SkipDir
		}
		if d.IsDir() || !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // the least difference that ZIP can say
	for _, arch := range []string{"amd64", "arm64"} {
		bill, err := os.ReadFile("../dist/sluice-lambda-" + arch + ".cdx.json")
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Metadata struct{ Component struct{ Version string } }
		}
		if err := json.Unmarshal(bill, &c); err != nil {
			t.Fatal(err)
		}
		version := c.Metadata.Component.Version
		cmd := exec.Command("go", "run", "./deploy/pack", "-o", "dist", "-arch", arch, "-version", version)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		sums, err := os.ReadFile("../dist/SHA256SUMS")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if !strings.Contains(string(sums), line) {
				t.Errorf("%s: not as in dist: %s", arch, line)
			}
		}
	}
}
