package conversion_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/conversion"
	"sluice/internal/rejection"
	"sluice/reason"
)

// counted counts what a conversion writes or reads.
type counted struct {
	io.Reader
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// The share is checked during the conversion, and never rejects an input that
// it would accept at the end: not if the records that follow are as short as
// possible, and not if the number of bytes to come is only roughly known.
func TestShareAsItGoes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		array := rapid.Bool().Draw(r, "array")
		path, good, bad := "$.n", rapid.SampledFrom([]string{"{}", `{"n":12345678}`}).Draw(r, "good"), `{"n":""}`
		if array && rapid.Bool().Draw(r, "scalars") {
			path, good, bad = "$", "1", "{}"
		}
		share := rapid.SampledFrom([]float64{0, 0.1, 0.5, 0.9, 1}).Draw(r, "share")
		// Long runs, such that the share is exceeded in between.
		var records []string
		misfits := 0
		for range rapid.IntRange(1, 4).Draw(r, "runs") {
			n, fits := rapid.IntRange(0, 40).Draw(r, "run"), rapid.Bool().Draw(r, "fits")
			record := bad
			if fits {
				record = good
			} else {
				misfits += n
			}
			for range n {
				records = append(records, record)
			}
		}
		text := strings.Join(records, "\n")
		if array {
			text = "[" + strings.Join(records, ",") + "]"
		}
		if text == "" {
			return
		}
		m := parseMapping(t, "records: [\"$[*]\", \"$\"]\ntable: t\ncolumns: [{name: n, path: "+path+", type: int64}]\n")
		m.Limits.QuarantineShare = share
		opts := conversion.Options{Size: rapid.SampledFrom([]int64{0, int64(len(text))}).Draw(r, "size"), Threads: rapid.IntRange(1, 2).Draw(r, "threads")}
		var src io.Reader = strings.NewReader(text)
		if rapid.Bool().Draw(r, "gzip") {
			zipped := gzipped(t, text)
			src, opts.Size = strings.NewReader(zipped), min(opts.Size, 1)*int64(len(zipped))
		}
		if rapid.Bool().Draw(r, "stream") {
			src = stream{src} // whose size is only known if it is told
		}
		got := convert(t, m, src, opts)
		var reject *rejection.Error
		rejected := errors.As(got.err, &reject)
		if want := len(records) > 10 && float64(misfits) > share*float64(len(records)); rejected != want || got.err != nil && !rejected {
			r.Fatalf("%d of %d: %v", misfits, len(records), got.err)
		}
		if rejected && (reject.Code != reason.QuarantineShare || got.stats.Reasons["wrong_type"]+got.stats.Reasons["not_integer"] == 0) {
			r.Fatalf("%v, %v", reject, got.stats.Reasons)
		}
	})
}

// An input that cannot become good is not read to its end.
func TestShareRejectsEarly(t *testing.T) {
	m := parseMapping(t, "table: t\ncolumns: [{name: n, path: $.n, type: int64}]\nlimits: {quarantine_share: 0}\n")
	text := strings.Repeat("{\"n\":\"x\"}\n", 1<<20)
	src := &counted{Reader: strings.NewReader(text)}
	got := convert(t, m, src, conversion.Options{})
	var reject *rejection.Error
	if !errors.As(got.err, &reject) || reject.Code != reason.QuarantineShare || reject.Offset != 100 {
		t.Errorf("%v", got.err)
	}
	if src.n > 1<<20 {
		t.Errorf("%d bytes were read", src.n)
	}
}

// A small input writes no large quarantine, whatever the size of its entries
// there.
func TestQuarantineBytes(t *testing.T) {
	lines := strings.Repeat("x\n", 2<<20)
	source := strings.Repeat("\x01", 1000) // six bytes each in an entry
	for _, test := range []struct {
		name, in, limits string
		most             int64
	}{
		{"ratio to the stored bytes", gzipped(t, "{}\n{}\n"+lines), "{}", 16 << 20},
		{"of more stored bytes", gzipped(t, "{}\n{}\n"+lines), "{decompression_ratio: 5000}", 5000 * int64(len(gzipped(t, "{}\n{}\n"+lines)))},
		{"limit", "{}\n{}\n" + lines, "{quarantine_bytes: 1MiB}", 1 << 20},
		{"where all may be quarantined", "{}\n{}\n" + lines, "{quarantine_bytes: 1MiB, quarantine_share: 1}", 1 << 20},
		{"one large record", `{"n":"` + strings.Repeat("y", 1<<20) + `"}`, "{quarantine_bytes: 1MiB, record_bytes: 1000}", 1 << 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := parseMapping(t, "table: t\ncolumns: [{name: n, path: $.n, type: int64}]\nlimits: "+test.limits+"\n")
			var first int64
			for _, threads := range []int{1, 3} {
				bad := &counted{}
				var out bytes.Buffer
				stats, err := run(t.Context(), &out, strings.NewReader(test.in), m,
					conversion.Options{Quarantine: bad, Size: int64(len(test.in)), Source: source, Threads: threads})
				var reject *rejection.Error
				if !errors.As(err, &reject) || reject.Code != reason.QuarantineBytes {
					t.Fatalf("%v, %+v", err, stats)
				}
				if bad.n > test.most || !strings.Contains(reject.Detail, strconv.FormatInt(test.most, 10)) {
					t.Errorf("%d bytes written, at most %d: %v", bad.n, test.most, err)
				}
				if stats.Reasons["bad_json"]+stats.Reasons["record_too_large"] == 0 {
					t.Errorf("no reasons: %+v", stats)
				}
				if first += reject.Offset; threads > 1 && first != 2*reject.Offset {
					t.Errorf("rejected at byte %d with more threads", reject.Offset)
				}
			}
		})
	}
}
