package servertest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

//go:embed Catalog.java
var catalogJava []byte

// IcebergREST starts the REST catalog that Iceberg tests its own clients with, for
// tables in a folder. The protocol begins at its endpoint; the catalog has no
// namespaces.
func IcebergREST(t testing.TB, folder string) *Server {
	t.Helper()
	jars := jar(t, "SLUICE_ICEBERG_REST")
	program := java(t, "java")
	source := filepath.Join(t.TempDir(), "Catalog.java")
	if err := os.WriteFile(source, catalogJava, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Server{}
	s.start(t, program, func(port string) []string {
		return []string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jars + "/*", source, port, folder}
	})
	return s
}

// Nessie starts a Nessie without tables. Its warehouse "lake" is under lake/ in a bucket
// of an S3 server; the Iceberg protocol begins at /iceberg of its endpoint.
func Nessie(t testing.TB, s3 *Server, bucket string) *Server {
	t.Helper()
	runner := jar(t, "SLUICE_NESSIE")
	program := os.Getenv("JAVA25")
	if program == "" {
		if found, err := filepath.Glob("/usr/lib/jvm/*25*/bin/java"); err == nil && len(found) > 0 {
			program = found[0]
		}
	}
	program = java(t, program)
	s := &Server{}
	s.start(t, program, func(port string) []string {
		args := []string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}
		for _, setting := range []string{
			"quarkus.http.host=127.0.0.1", "quarkus.http.port=" + port, "quarkus.management.enabled=false", "quarkus.log.level=WARN",
			"quarkus.http.access-log.enabled=false", "nessie.version.store.type=IN_MEMORY", "nessie.server.authentication.enabled=false",
			"nessie.catalog.default-warehouse=lake", "nessie.catalog.warehouses.lake.location=s3://" + bucket + "/lake/",
			"nessie.catalog.service.s3.default-options.endpoint=" + s3.Endpoint, "nessie.catalog.service.s3.default-options.region=" + s3.Region,
			"nessie.catalog.service.s3.default-options.path-style-access=true",
			"nessie.catalog.service.s3.default-options.access-key=urn:nessie-secret:quarkus:test-key", "test-key.name=" + s3.AccessKey, "test-key.secret=" + s3.SecretKey,
		} {
			args = append(args, "-D"+setting)
		}
		return append(args, "-jar", runner)
	})
	return s
}

// jar is what the variable names.
func jar(t testing.TB, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if _, err := os.Stat(path); err != nil {
		missing(t, "%v. Name it in %s, as make servers does.", err, variable)
	}
	return path
}

func java(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, "%v. Iceberg's catalog needs a java of version 17 on PATH, and Nessie one of version 25, which JAVA25 names.", err)
	}
	return path
}
