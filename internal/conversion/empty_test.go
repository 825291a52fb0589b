package conversion_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sluice/internal/conversion"
	"sluice/internal/rejection"
	"sluice/reason"
)

// Members and frames without content may stand anywhere, in any number.
func TestNothingBetween(t *testing.T) {
	m := parseMapping(t, "table: t\ncolumns: [{name: id, path: $.id, type: int64}]\n")
	skippable := "\x50\x2a\x4d\x18\x00\x00\x00\x00" // RFC 8878 section 3.1.2
	for name, test := range map[string]struct{ a, b, none string }{
		"gzip":           {gzipped(t, `{"id":1}`+"\n"), gzipped(t, `{"id":2}`), gzipped(t, "")},
		"zstd":           {zstandard(t, `{"id":1}`+"\n"), zstandard(t, `{"id":2}`), zstandard(t, "") + "\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00"},
		"zstd skippable": {zstandard(t, `{"id":1}`+"\n"), zstandard(t, `{"id":2}`), skippable},
	} {
		t.Run(name, func(t *testing.T) {
			many := strings.Repeat(test.none, 5000)
			for where, in := range map[string]string{
				"first": many + test.a + test.b, "between": test.a + many + test.b, "last": test.a + test.b + many,
			} {
				for _, threads := range []int{1, 3} {
					got := convert(t, m, strings.NewReader(in), conversion.Options{Threads: threads, Size: int64(len(in))})
					if got.err != nil || len(got.rows) != 2 {
						t.Errorf("%s, %d threads: %d rows, %v", where, threads, len(got.rows), got.err)
					}
				}
			}
			got := convert(t, m, strings.NewReader(many), conversion.Options{})
			var reject *rejection.Error
			if !errors.As(got.err, &reject) || reject.Code != reason.EmptyFile {
				t.Errorf("nothing else: %v", got.err)
			}
		})
	}
}

// hesitant returns no bytes a number of times before each byte, and at its end.
type hesitant struct {
	io.Reader
	each, n int
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.n++; h.n <= h.each {
		return 0, nil
	}
	h.n = 0
	return h.Reader.Read(p[:min(len(p), 1)])
}

// A source that gives nothing for ever has failed, however it is compressed.
func TestSourceThatGivesNothing(t *testing.T) {
	const good = `{"id":1}`
	m := parseMapping(t, "table: t\ncolumns: [{name: id, path: $.id, type: int64}]\n")
	for name, in := range map[string]string{"plain": good, "gzip": gzipped(t, good), "zstd": zstandard(t, good)} {
		for _, threads := range []int{1, 3} {
			if got := convert(t, m, &hesitant{Reader: strings.NewReader(in), each: 50}, conversion.Options{Threads: threads}); got.err != nil || len(got.rows) != 1 {
				t.Errorf("%s: %d rows, %v", name, len(got.rows), got.err)
			}
			var reject *rejection.Error
			got := convert(t, m, &hesitant{Reader: strings.NewReader(in), each: 1 << 30}, conversion.Options{Threads: threads})
			if !errors.Is(got.err, io.ErrNoProgress) || errors.As(got.err, &reject) {
				t.Errorf("%s: %v", name, got.err)
			}
		}
	}
}

// again is one text again and again.
type again struct {
	text string
	at   int
}

func (e *again) Read(p []byte) (int, error) {
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

// A stream that decompresses to nothing, without an end, ends with its context.
func TestEndlessNothing(t *testing.T) {
	m := parseMapping(t, "table: t\ncolumns: [{name: id, path: $.id, type: int64}]\n")
	for name, none := range map[string]string{"gzip": gzipped(t, ""), "zstd": zstandard(t, ""), "zstd skippable": "\x50\x2a\x4d\x18\x00\x00\x00\x00"} {
		for _, threads := range []int{1, 3} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			_, err := run(ctx, io.Discard, &again{text: none}, m, conversion.Options{Threads: threads})
			var reject *rejection.Error
			if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &reject) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
	}
}

// TestBlanksBehindFirstRecord: whether records are on separate lines does not
// depend on how the input is cut into reads, however far away the next record
// is.
func TestBlanksBehindFirstRecord(t *testing.T) {
	for _, n := range []int{1 << 10, 129 << 10} {
		for _, next := range []string{"{}\n{x\n{}", "1"} {
			in := "{}" + strings.Repeat(" ", n) + next
			whole := convert(t, orders(t), strings.NewReader(in), conversion.Options{})
			cut := convert(t, orders(t), iotest.OneByteReader(strings.NewReader(in)), conversion.Options{})
			if fmt.Sprint(whole.err) != fmt.Sprint(cut.err) || !bytes.Equal(whole.bad, cut.bad) {
				t.Errorf("%d blanks and %q: read whole: %v %+v\nread byte by byte: %v %+v", n, next, whole.err, whole.stats, cut.err, cut.stats)
			}
		}
	}
}

func TestEmptyArrayHasSchema(t *testing.T) {
	got := convert(t, orders(t), strings.NewReader("[]"), conversion.Options{})
	if got.err != nil || len(got.rows) != 0 || len(got.parquet) == 0 || !got.accepted() {
		t.Fatalf("%v %+v", got.err, got.stats)
	}
}
