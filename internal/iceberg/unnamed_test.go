package iceberg_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/iceberg"
)

// Files that no snapshot names yet come back as they were, each with its partition spec.
func TestUnnamedFiles(t *testing.T) {
	m, err := iceberg.New("file:///t", columns, partition, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m.Specs = append(m.Specs, iceberg.PartitionSpec{ID: 1})
	r := rand.New(rand.NewPCG(3, 4))
	var files []iceberg.SpecFile
	for n := range 60 {
		f := randomFile(r, n, n%3 > 0)
		if n%3 == 0 {
			f.SpecID = 1
		}
		files = append(files, f)
	}
	all, err := m.EncodeFiles(files)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d manifests, %v", len(all), err)
	}
	got, err := m.DecodeFiles(all)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(files, func(a, b iceberg.SpecFile) int { return int(a.SpecID - b.SpecID) })
	if diff := cmp.Diff(files, got); diff != "" {
		t.Error(diff)
	}
	if none, err := m.EncodeFiles(nil); err != nil || len(none) > 0 {
		t.Errorf("%v, %v", none, err)
	}
	all[0].SpecID = 7
	if _, err := m.DecodeFiles(all); err == nil || !strings.Contains(err.Error(), "no partition spec 7") {
		t.Errorf("a spec that is not there: %v", err)
	}
	if _, err := m.EncodeFiles([]iceberg.SpecFile{{SpecID: 7}}); err == nil {
		t.Error("a spec that is not there")
	}
}
