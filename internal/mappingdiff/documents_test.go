package mappingdiff_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice"
	"sluice/internal/advice"
	"sluice/internal/infer"
	"sluice/internal/infer/infertest"
	"sluice/internal/mappingdiff"
	"sluice/mapping"
)

var update = flag.Bool("update", false, "write changes and patched.yaml of testdata/documents/*.txtar anew")

// Each archive of testdata/documents has documents as they were (old.json) and as
// they are (new.json), or a mapping (mapping.yaml) in place of the first. changes
// are those found; the first line of the archive is the worst class. The test
// changes the mapping, and converts the new documents with it. Where the archive
// has patched.yaml, the changed mapping is this.
func TestDocuments(t *testing.T) {
	archives, err := filepath.Glob("testdata/documents/*.txtar")
	if err != nil || len(archives) < 40 {
		t.Fatalf("%d archives: %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			yaml := []byte(files["mapping.yaml"])
			if files["old.json"] != "" {
				yaml = inferred(t, files["old.json"])
			}
			label, _, _ := strings.Cut(string(archive.Comment), "\n")
			for _, tried := range []bool{true, false} {
				got := compare(t, yaml, files["new.json"], tried)
				if tried {
					if got.class != strings.TrimSpace(label) {
						t.Errorf("the worst class is %s, and should be %s", got.class, label)
					}
					if diff := cmp.Diff(files["changes"], got.changes); diff != "" {
						t.Errorf("changes (-want +got):\n%s", diff)
					}
					if want := files["patched.yaml"]; want != "" {
						if diff := cmp.Diff(want, got.yaml); diff != "" {
							t.Errorf("mapping (-want +got):\n%s", diff)
						}
					}
					if *update {
						rewrite(t, name, archive, got)
					}
				} else if files["needs_documents"] != "" {
					continue
				}
				if got.quarantined != "" {
					t.Errorf("with documents %v: the changed mapping quarantines\n%s\n%s", tried, got.quarantined, got.yaml)
				}
			}
		})
	}
}

var comment = regexp.MustCompile(`(?m)^ *#.*\n| +#.*$|^\n`)

// inferred is the mapping of documents, without comments: what infer writes in
// them is not the point here.
func inferred(t *testing.T, text string) []byte {
	t.Helper()
	p, err := infertest.Profile(t, nil, text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := infer.Mapping(p, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return comment.ReplaceAll(r.YAML, nil)
}

type outcome struct{ class, changes, yaml, quarantined string }

// compare compares a mapping with documents, and tries the changed mapping.
func compare(t *testing.T, yaml []byte, text string, tried bool) (got outcome) {
	t.Helper()
	m, err := mapping.Parse("mapping.yaml", yaml)
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, p := range m.Records {
		places = append(places, p.String())
	}
	p, err := infertest.Profile(t, places, text)
	if err != nil || mappingdiff.Misplaced(m, p) {
		if p, err = infertest.Profile(t, nil, text); err != nil {
			t.Fatal(err)
		}
	}
	var try mappingdiff.Try
	if tried {
		try = func(m *mapping.Mapping) (all []mappingdiff.Fault, err error) {
			found, err := faults(m, text)
			if reject := new(sluice.RejectError); errors.As(err, &reject) {
				return []mappingdiff.Fault{{Fault: advice.Fault{Reason: reject.Reason, Offset: reject.Offset}}}, nil
			}
			for _, f := range found.Faults {
				all = append(all, mappingdiff.Fault{Fault: f, Source: "in0.json"})
			}
			return all, err
		}
	}
	r, err := mappingdiff.Documents(m, p, try)
	if err != nil {
		t.Fatal(err)
	}
	got.class = "none"
	if worst := mappingdiff.Worst(r.Changes); worst > 0 {
		got.class = worst.String()
	}
	got.changes = lines(r.Changes)
	patched, err := mappingdiff.Patch(yaml, m, r.Mapping, r.Notes)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Mapping.Canonical())
	}
	got.yaml = string(patched)
	next, err := mapping.Parse("patched.yaml", patched)
	if err != nil {
		t.Fatal(err)
	}
	found, err := faults(next, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found.Faults {
		got.quarantined += fmt.Sprintf("%s %s.%s %s\n", f.Reason, f.Table, f.Column, f.Path)
	}
	return got
}

// faults are what does not fit in the documents.
func faults(m *mapping.Mapping, text string) (advice.Found, error) {
	lenient := *m
	lenient.Limits.QuarantineShare = 1
	lenient.OnDrift = mapping.DriftReported
	var bad bytes.Buffer
	_, err := sluice.Convert(context.Background(), nil, strings.NewReader(text), &lenient, &sluice.Options{
		Codec: sluice.None, Source: "in0.json", Quarantine: &bad, Table: func(string) (io.Writer, error) { return io.Discard, nil },
	})
	if err != nil {
		return advice.Found{}, err
	}
	return advice.Read(context.Background(), &lenient, &bad)
}

// lines writes changes as the archives have them.
func lines(changes []mappingdiff.Change) string {
	var b strings.Builder
	for _, c := range changes {
		at := "-"
		if c.First != nil {
			at = fmt.Sprintf("%d", c.First.Offset)
		}
		fmt.Fprintf(&b, "%s %s %s.%s %s: %q -> %q, %d values, first at %s; %s\n", c.Class, c.Kind, c.Table, c.Column, c.Path, c.Old, c.New, c.Values, at, c.Patch)
	}
	return b.String()
}

func rewrite(t *testing.T, name string, archive *txtar.Archive, got outcome) {
	t.Helper()
	for i := range archive.Files {
		f := &archive.Files[i]
		switch f.Name {
		case "changes":
			f.Data = []byte(got.changes)
		case "patched.yaml":
			f.Data = []byte(got.yaml)
		}
	}
	if err := os.WriteFile(name, txtar.Format(archive), 0o666); err != nil {
		t.Fatal(err)
	}
}
