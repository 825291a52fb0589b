package conversion_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/rejection"
)

// What several threads must not change, besides the bytes of the output.

const linesMapping = "table: t\nlimits: {record_bytes: 300000, quarantine_share: 1}\ncolumns:\n  - {name: id, path: $.id, type: int64}\n  - {name: text, path: $.text, type: string}\n"

// lines are records of about 60 bytes.
func lines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "{\"id\":%d,\"text\":\"%040d\"}\n", i, i*7919)
	}
	return b.Bytes()
}

// stream hides that a source is a file.
type stream struct{ io.Reader }

// TestVerdictBeforeTheCut: a body shorter than its size is an error from
// outside; but a syntax error before the cut stays a reject, however far was
// read ahead.
func TestVerdictBeforeTheCut(t *testing.T) {
	m := parseMapping(t, linesMapping)
	in := append([]byte("["), bytes.ReplaceAll(lines(10_000), []byte("\n"), []byte(","))...)
	in[len(in)-300_000] = 1
	for _, threads := range []int{1, 2, 2, 2, 3} {
		for name, src := range map[string]io.Reader{"stream": stream{bytes.NewReader(in)}, "file": bytes.NewReader(in)} {
			_, err := run(t.Context(), io.Discard, src, m, conversion.Options{Threads: threads, Size: int64(len(in)) + 1000, Quarantine: io.Discard})
			if reject := new(rejection.Error); !errors.As(err, &reject) || reject.Code != "bad_json" {
				t.Errorf("%s, %d threads: %v", name, threads, err)
			}
		}
	}
}

// TestLargeRecordsAlike: a record above record_bytes is quarantined in one
// form, whether a window happens to hold it whole or not.
func TestLargeRecordsAlike(t *testing.T) {
	m := parseMapping(t, strings.Replace(linesMapping, "300000", "20000", 1))
	var in bytes.Buffer
	for i := range 2000 {
		n := 100
		if i%20 == 19 {
			n = 21_000
		}
		fmt.Fprintf(&in, "{\"id\":%d,\"text\":\"%0*d\"}\n", i, n, i)
	}
	want := convert(t, m, bytes.NewReader(in.Bytes()), conversion.Options{})
	if want.err != nil || want.stats.Reasons["record_too_large"] != 100 {
		t.Fatalf("%+v, %v", want.stats, want.err)
	}
	for name, src := range map[string]io.Reader{"stream": stream{bytes.NewReader(in.Bytes())}, "pieces": &piecewise{in.Bytes(), 3001}, "gzip": strings.NewReader(gzipped(t, in.String()))} {
		if got := convert(t, m, src, conversion.Options{Threads: 2}); !bytes.Equal(want.bad, got.bad) || !bytes.Equal(want.parquet, got.parquet) {
			t.Errorf("%s: another quarantine file of %d bytes, want %d", name, len(got.bad), len(want.bad))
		}
	}
}

// TestEmptyMembers: gzip members without content are allowed, even many of
// them.
func TestEmptyMembers(t *testing.T) {
	m := parseMapping(t, linesMapping)
	record := `{"id":1,"text":"` + strings.Repeat("x", 280_000) + "\"}\n"
	in := ""
	for i := 0; i < len(record); i += 1000 {
		in += gzipped(t, record[i:min(i+1000, len(record))]) + gzipped(t, "")
	}
	for _, threads := range []int{1, 2} {
		if r := convert(t, m, strings.NewReader(in), conversion.Options{Threads: threads}); r.err != nil || r.stats.RowsWritten != 1 {
			t.Errorf("%d threads: %+v, %v", threads, r.stats, r.err)
		}
	}
}

// failsAt calls fail at the n-th read.
type failsAt struct {
	io.Reader
	n    int
	fail func()
}

func (f *failsAt) Read(p []byte) (int, error) {
	if f.n--; f.n == 0 {
		f.fail()
	}
	return f.Reader.Read(p)
}

// TestSourceThatPanics: a panic of the source comes out where Convert was
// called; a source that ends its goroutine does not make it wait for ever.
func TestSourceThatPanics(t *testing.T) {
	m := parseMapping(t, linesMapping)
	in := lines(20_000)
	for _, threads := range []int{1, 2} {
		func() {
			defer func() {
				if cause := recover(); cause != "source" {
					t.Errorf("%d threads: recovered %v", threads, cause)
				}
			}()
			src := &failsAt{bytes.NewReader(in), 8, func() { panic("source") }}
			_, err := run(t.Context(), io.Discard, src, m, conversion.Options{Threads: threads})
			t.Errorf("%d threads: Convert returned %v", threads, err)
		}()
	}
	src := &failsAt{bytes.NewReader(in), 8, runtime.Goexit}
	if _, err := run(t.Context(), io.Discard, src, m, conversion.Options{Threads: 2}); err == nil {
		t.Error("no error from a source that ended its goroutine")
	}
}

// TestFirstErrorWins: if the output cannot be written and the input after it is
// bad, the failed write is reported.
func TestFirstErrorWins(t *testing.T) {
	m := parseMapping(t, linesMapping)
	in := append([]byte("["), bytes.ReplaceAll(lines(10_000), []byte("\n"), []byte(","))...)
	in[150_000] = 1
	noSpace := errors.New("no space is left")
	for _, threads := range []int{1, 2, 3} {
		for name, src := range map[string]io.Reader{"stream": stream{bytes.NewReader(in)}, "file": bytes.NewReader(in)} {
			opts := conversion.Options{Threads: threads, Quarantine: io.Discard, RowGroupBytes: 100_000, RowGroupRows: 1 << 20}
			_, err := run(t.Context(), &failing{10, noSpace}, src, m, opts)
			if !errors.Is(err, noSpace) {
				t.Errorf("%s, %d threads: %v", name, threads, err)
			}
		}
	}
}

// TestShrinkingFile: if a file becomes shorter, no record is invented.
func TestShrinkingFile(t *testing.T) {
	m := parseMapping(t, linesMapping)
	name := filepath.Join(t.TempDir(), "in.ndjson")
	writeFile(t, name, lines(40_000))
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cut := false
	var bad bytes.Buffer
	opts := conversion.Options{Threads: 2, Quarantine: &bad, Progress: func(n int64) {
		if n > 1_000_000 && !cut {
			cut = true
			if err := os.Truncate(name, 300_000); err != nil {
				t.Error(err)
			}
		}
	}, RowGroupBytes: 100_000, RowGroupRows: 1 << 20}
	if stats, err := run(t.Context(), io.Discard, f, m, opts); err == nil || !cut || bad.Len() > 0 {
		t.Errorf("cut: %v, %+v, quarantined %q, %v", cut, stats, bad.Bytes(), err)
	}
}
