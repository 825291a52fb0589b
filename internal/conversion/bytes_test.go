package conversion_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"sluice/internal/conversion"
	"sluice/internal/gen"
)

// TestSameBytes: the bytes of the file depend on the input alone, not on the
// number of threads nor on how the input is cut into reads.
func TestSameBytes(t *testing.T) {
	m := orders(t)
	for _, form := range []gen.Form{gen.NDJSON, gen.Array} {
		in := generate(t, gen.Options{Seed: 7, Bytes: 18 << 20, Form: form, Catalogue: true, Bad: 0.01})
		sums := map[string][]string{}
		var bad []byte
		for name, opts := range map[string]struct {
			threads int
			src     io.Reader
		}{
			"1 thread":             {1, bytes.NewReader(in)},
			"2 threads":            {2, bytes.NewReader(in)},
			"8 threads":            {8, bytes.NewReader(in)},
			"4,099 bytes a read":   {2, &piecewise{in, 4099}},
			"200,000 bytes a read": {1, &piecewise{in, 200000}},
			"half reads":           {3, iotest.HalfReader(bytes.NewReader(in))},
		} {
			sum := sha256.New()
			var q bytes.Buffer
			stats, err := run(t.Context(), sum, opts.src, m, conversion.Options{Threads: opts.threads, Quarantine: &q, Source: "s"})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if stats.RowsWritten == 0 || stats.RecordsQuarantined == 0 {
				t.Fatalf("%s: %+v", name, stats)
			}
			if bad == nil {
				bad = q.Bytes()
			}
			if !bytes.Equal(bad, q.Bytes()) {
				t.Errorf("%s: another quarantine file", name)
			}
			key := fmt.Sprintf("%x", sum.Sum(nil))
			sums[key] = append(sums[key], name)
		}
		if len(sums) != 1 {
			t.Errorf("form %d: the bytes differ: %v", form, sums)
		}
	}
}

// piecewise reads n bytes at a time.
type piecewise struct {
	b []byte
	n int
}

func (p *piecewise) Read(dst []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(dst[:min(p.n, len(dst))], p.b)
	p.b = p.b[n:]
	return n, nil
}
