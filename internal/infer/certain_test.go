package infer_test

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice"
	"sluice/internal/fit"
	"sluice/internal/infer"
	"sluice/internal/infer/infertest"
)

// If a profile shows that a mapping takes all records, it does. Mappings are made
// of other documents of the same kind, and often do not take them.
func TestCertain(t *testing.T) {
	certain, taken, quarantined := 0, 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		root := drawRecord(r)
		before, after := root.documents(r), root.documents(r)
		p, err := infertest.Profile(t, anywhere, before)
		if err != nil {
			t.Fatal(err)
		}
		made, err := infer.Mapping(p, infer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if p, err = infertest.Profile(t, anywhere, after); err != nil {
			t.Fatal(err)
		}
		m := *made.Mapping
		m.Limits.QuarantineShare, m.Limits.QuarantineBytes = 1, 1<<40
		stats, err := sluice.Convert(context.Background(), nil, strings.NewReader(after), &m, &sluice.Options{
			Codec: sluice.None, Quarantine: io.Discard, Table: func(string) (io.Writer, error) { return io.Discard, nil },
		})
		sure := fit.Certain(&m, p)
		switch all := err == nil && stats.RecordsQuarantined == 0 && stats.RecordsRead == p.Records; {
		case sure && !all:
			t.Fatalf("seed %d: it is certain that all records are taken, but: %v, %v\n%s\n%s", seed, err, stats.Reasons, made.YAML, after)
		case sure:
			certain++
		case all:
			taken++
		default:
			quarantined++
		}
	}
	t.Logf("%d certain, %d taken, %d with quarantine", certain, taken, quarantined)
	if certain < 200 || quarantined < 200 {
		t.Errorf("the documents try too little: %d certain, %d with quarantine", certain, quarantined)
	}
}
