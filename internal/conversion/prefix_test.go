package conversion_test

import (
	"bytes"
	"strings"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/gen"
)

// TestEveryPrefix cuts sound documents at every byte. No prefix may pass for
// the whole: it is rejected, or the loss is in quarantine. Only a prefix that
// ends between two values looks like a shorter document.
func TestEveryPrefix(t *testing.T) {
	m := orders(t)
	for name, form := range map[string]gen.Form{"array": gen.Array, "wrapped": gen.Wrapped, "pretty": gen.Pretty, "ndjson": gen.NDJSON, "concatenated": gen.Concatenated} {
		doc := generate(t, gen.Options{Seed: 3, Orders: 2, Form: form})
		whole := convert(t, m, bytes.NewReader(doc), conversion.Options{})
		if whole.err != nil || !whole.accepted() {
			t.Fatalf("%s: %v %+v", name, whole.err, whole.stats)
		}
		forms := map[string]string{"plain": string(doc), "gzip": gzipped(t, string(doc)), "zstd": zstandard(t, string(doc))}
		for compression, stored := range forms {
			clean := 0
			for n := range len(stored) {
				got := convert(t, m, strings.NewReader(stored[:n]), conversion.Options{})
				if got.err != nil || !got.accepted() {
					continue
				}
				if got.stats.RecordsRead == whole.stats.RecordsRead && strings.TrimSpace(stored[n:]) == "" {
					continue // only white space is missing
				}
				clean++
				sequence := compression == "plain" && (form == gen.NDJSON || form == gen.Concatenated)
				if ends := strings.TrimSpace(stored[:n]); !sequence || !strings.HasSuffix(ends, "}") {
					t.Errorf("%s, %s: cut at %d of %d bytes it is accepted with %d of %d records", name, compression, n, len(stored), got.stats.RecordsRead, whole.stats.RecordsRead)
				}
			}
			if clean > 8 {
				t.Errorf("%s, %s: %d prefixes are accepted", name, compression, clean)
			}
		}
	}
}
