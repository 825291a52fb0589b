package deploy_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/translated.json anew")

// The tests of this folder read testdata/translated.json. It must be what
// aws-sam-translator, of the version in requirements.txt, makes of
// template.yaml. SLUICE_SAM names a Python that has it; `make servers` does.
func TestTranslation(t *testing.T) {
	python := os.Getenv("SLUICE_SAM")
	if python == "" {
		const missing = "NOT TESTED: whether testdata/translated.json is the translation of template.yaml. Install deploy/requirements.txt and name its Python in SLUICE_SAM."
		if os.Getenv("SLUICE_REQUIRE_SERVERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	cmd := exec.Command(python, "translate.py", "template.yaml")
	cmd.Stderr = os.Stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	const name = "testdata/translated.json"
	if *update {
		if err := os.WriteFile(name, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not the translation of template.yaml; make it anew with\n\tgo test ./deploy -run TestTranslation -update", name)
	}
}
