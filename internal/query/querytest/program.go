package querytest

import (
	"os"
	"os/exec"
	"testing"
)

// Program is the program duckdb: the one that SLUICE_DUCKDB names, else that on the
// PATH. Without one the test is skipped; with SLUICE_REQUIRE_SERVERS=1 it fails, as
// in internal/servertest.
func Program(t testing.TB) string {
	t.Helper()
	name := os.Getenv("SLUICE_DUCKDB")
	if name == "" {
		name = "duckdb"
	}
	name, err := exec.LookPath(name)
	if err == nil {
		return name
	}
	if os.Getenv("SLUICE_REQUIRE_SERVERS") == "1" {
		t.Fatalf("%v; make servers says where it is", err)
	}
	t.Skipf("NOT TESTED: %v; make servers installs it", err)
	return ""
}
