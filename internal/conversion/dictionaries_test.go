package conversion_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/iotest"

	"sluice/internal/conversion"
	"sluice/mapping"
)

// TestDictionariesLeftAlike: whether a column leaves its dictionary must not
// depend on how the input is cut into reads, which decides which values are
// known when one comes. Here the last values of a row group, after the border
// at which this is decided, are known values.
func TestDictionariesLeftAlike(t *testing.T) {
	numbers := parseMapping(t, "table: t\ncolumns:\n  - {name: a, path: $.a, type: int64}\n")
	for _, at := range []int{16_383, 16_370, 16_350} {
		for _, tail := range []int{1, 100} {
			var in bytes.Buffer
			for i := range 16_384 + tail {
				v := 1000 + i
				if i >= at {
					v = 5
				}
				fmt.Fprintf(&in, "{\"a\":%d}\n", v)
			}
			sameForAllReads(t, fmt.Sprintf("numbers, known from %d, %d behind", at, tail), numbers, in.Bytes())
		}
	}
	texts := parseMapping(t, `table: t
explode: $.l[*]
columns:
  - {name: a, path: "$.l[*].a", type: string}
  - {name: b, path: "$.l[*].b", type: string}
`)
	for _, at := range []int{16_383, 16_370} {
		var in bytes.Buffer
		for i := range 16_387 {
			k := min(i, at)
			if i < 12_288 {
				k %= 10
			}
			fmt.Fprintf(&in, "{\"l\":[{\"a\":\"aaaaaaaaaaaaaaa%d\",\"b\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbb%d\"}]}\n", k, k)
		}
		sameForAllReads(t, fmt.Sprintf("lines, known from %d", at), texts, in.Bytes())
	}
}

// sameForAllReads converts the input as it is, a byte at a time, and in pieces.
func sameForAllReads(t *testing.T, name string, m *mapping.Mapping, in []byte) {
	t.Helper()
	whole := convert(t, m, bytes.NewReader(in), conversion.Options{})
	single := convert(t, m, iotest.OneByteReader(bytes.NewReader(in)), conversion.Options{})
	pieces := convert(t, m, &piecewise{in, 3000}, conversion.Options{})
	if whole.err != nil || !bytes.Equal(whole.parquet, single.parquet) || !bytes.Equal(whole.parquet, pieces.parquet) {
		t.Errorf("%s: %d bytes read whole, %d a byte at a time, %d in pieces: %v", name, len(whole.parquet), len(single.parquet), len(pieces.parquet), whole.err)
	}
}

// TestTimeOfZeros: ten zero bytes are not a day, not even the first one.
func TestTimeOfZeros(t *testing.T) {
	m := parseMapping(t, "table: t\ncolumns:\n  - {name: a, path: $.a, type: timestamp}\n")
	bad := "{\"a\":\"" + string(make([]byte, 10)) + "T12:00:00Z\"}\n"
	good := "{\"a\":\"2024-01-01T00:00:00Z\"}\n"
	for _, in := range []string{bad + good, good + bad} {
		r := convert(t, m, bytes.NewReader([]byte(in)), conversion.Options{})
		if r.err != nil || r.stats.RecordsCommitted != 1 || r.stats.Reasons["bad_json"] != 1 {
			t.Errorf("%+v, %v", r.stats, r.err)
		}
	}
}
