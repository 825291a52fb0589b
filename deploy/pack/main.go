// Command pack builds what is deployed: for each architecture the bootstrap of
// the Lambda function in a ZIP archive, with a list of what it is built from
// (CycloneDX), and SHA256SUMS of all.
//
// Two runs over the same files with the same Go give the same bytes, in
// whatever folder: paths, time stamps and the state of the repository stay out.
//
//	go run ./deploy/pack -o dist [-version v1.2.3] [mapping.yaml ...]
//
// Files that are named are packed beside the bootstrap, where the function
// finds them by their name.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	out := flag.String("o", "dist", "folder of the archives")
	version := flag.String("version", "", "version of sluice to build in, else devel")
	arch := flag.String("arch", "arm64,amd64", "architectures, with commas between them")
	flag.Parse()
	if err := pack(*out, *version, strings.Split(*arch, ","), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(out, version string, archs, beside []string) error {
	if err := os.MkdirAll(out, 0o777); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	if version == "" {
		version = "devel"
	}
	files := map[string][]byte{}
	for _, name := range beside {
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read file to pack: %w", err)
		}
		files[filepath.Base(name)] = data
	}
	var sums []string
	for _, arch := range archs {
		bootstrap, err := build(arch, version)
		if err != nil {
			return err
		}
		bom, err := bill(bootstrap, version)
		if err != nil {
			return err
		}
		files["bootstrap"] = bootstrap
		archive, err := zipped(files)
		if err != nil {
			return err
		}
		for name, data := range map[string][]byte{
			"sluice-lambda-" + arch + ".zip":      archive,
			"sluice-lambda-" + arch + ".cdx.json": bom,
		} {
			if err := os.WriteFile(filepath.Join(out, name), data, 0o666); err != nil {
				return fmt.Errorf("write %s: %w", name, err)
			}
			sums = append(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name))
		}
	}
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	if err := os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(strings.Join(sums, "")), 0o666); err != nil {
		return fmt.Errorf("write sums: %w", err)
	}
	fmt.Print(strings.Join(sums, ""))
	return nil
}

// aside are packages that no row goes through. They are compiled without
// inlining: the bootstrap, which Lambda loads at each cold start, is 1.1 MB
// smaller.
var aside = []string{
	"crypto/tls", "crypto/x509", "encoding/asn1", "encoding/base64", "encoding/json", "encoding/xml", "fmt", "log/...", "math/big", "net/...", "os/...", "path/...", "reflect", "regexp/...", "time",
	"github.com/aws/...", "go.yaml.in/...",
	"sluice/internal/awsjson", "sluice/internal/awslambda", "sluice/internal/catalog/...", "sluice/internal/config", "sluice/internal/event", "sluice/internal/eventbridge", "sluice/internal/glue", "sluice/internal/ledger",
	"sluice/internal/patience", "sluice/internal/pipeline", "sluice/internal/quarantine", "sluice/internal/secretsmanager", "sluice/internal/setup", "sluice/internal/store/...",
	"sluice/internal/yamlfile", "sluice/internal/zones", "sluice/mapping",
}

// build compiles the function. The tags leave out the RPC of an older runtime,
// and HTTP/2; the rest keeps out of the binary where and when it was built.
func build(arch, version string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "sluice-pack-")
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "bootstrap")
	args := []string{"build", "-tags", "lambda.norpc,nethttpomithttp2", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -funcalign=16 -X sluice.version=" + version}
	for _, packages := range aside {
		args = append(args, "-gcflags="+packages+"=-l")
	}
	cmd := exec.Command("go", append(args, "-o", name, "sluice/cmd/sluice-lambda")...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build for %s: %w\n%s", arch, err, text)
	}
	return os.ReadFile(name)
}
