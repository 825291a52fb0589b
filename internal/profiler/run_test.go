package profiler_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"sluice/internal/profiler"
	"sluice/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What goes wrong with an input names it.
func TestErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	good := text("good.json", `[{"a":1}]`)
	fails := func(name string, r io.Reader) profiler.Input {
		return profiler.Input{Name: name, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(r), nil }}
	}
	for _, c := range []struct {
		bad  profiler.Input
		want string
	}{
		{profiler.Input{Name: "bad.json", Open: func(context.Context) (io.ReadCloser, error) { return nil, broken }}, "the disk is gone"},
		{fails("bad.json", io.MultiReader(strings.NewReader(`[{"a":1},`), iotest.ErrReader(broken))), "the disk is gone"},
		{text("bad.json", `[{"a":1},`), "truncated_json"},
		{text("bad.json", `[{"a":1},}]`), "bad_json"},
		{text("bad.json", ``), "empty_file"},
		{text("bad.json", "\x1f\x8b\x08"), "gzip_truncated"},
		{text("bad.json", strings.Repeat("[", 100)), "depth_limit"},
		{text("bad.json", `{"sluice_quarantine":1,"reason":"bad_json"}`), "quarantine file"},
	} {
		for _, inputs := range [][]profiler.Input{{c.bad}, {good, c.bad}, {c.bad, good}} {
			_, err := profiler.Run(context.Background(), inputs, profiler.Options{Threads: 2, Limits: mapping.DefaultLimits})
			if err == nil || !strings.HasPrefix(err.Error(), "profile bad.json: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, not %s", err, c.want)
			}
		}
	}
	if _, err := profiler.Run(context.Background(), []profiler.Input{good, good}, profiler.Options{}); err == nil || !strings.Contains(err.Error(), "good.json: it is given twice") {
		t.Error(err)
	}
}

// Rejected inputs can be passed over: what stands before the fault counts. What
// cannot be read for another reason remains an error.
func TestRejected(t *testing.T) {
	inputs := []profiler.Input{text("sound.json", `[{"a":1}]`)}
	for i := range 20 {
		inputs = append(inputs, text(fmt.Sprintf("cut_%02d.json", i), `[{"a":1},{"b":2},`), text(fmt.Sprintf("empty_%02d.json", i), ""))
	}
	var first string
	for threads := 1; threads <= 4; threads++ {
		var names []string
		opts := profiler.Options{Threads: threads, Limits: mapping.DefaultLimits, Rejected: func(name string, err error) {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
			names = append(names, name)
		}}
		p := run(t, opts, inputs...)
		if len(names) != 40 || !slices.IsSorted(names) {
			t.Errorf("rejected are %v", names)
		}
		if p.Records != 41 || p.Root.Members["a"].Records != 21 || p.Root.Members["b"].Records != 20 {
			t.Errorf("%d records", p.Records)
		}
		if got := written(t, p); first == "" {
			first = got
		} else {
			same(t, "with more threads", got, first)
		}
		gone := profiler.Input{Name: "gone.json", Open: func(context.Context) (io.ReadCloser, error) { return nil, errors.New("the disk is gone") }}
		if _, err := profiler.Run(context.Background(), append(inputs[:1:1], gone), opts); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
			t.Error(err)
		}
	}
}

// endless is NDJSON without end.
type endless struct {
	read  func(n int)
	reads int
}

func (e *endless) Read(p []byte) (int, error) {
	const line = "{\"a\":1}\n"
	e.reads++
	e.read(e.reads)
	return copy(p, strings.Repeat(line, max(len(p)/len(line), 1))), nil
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stopped := errors.New("stopped by hand")
	in := profiler.Input{Name: "a.json", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(&endless{read: func(n int) {
			if n == 100 {
				cancel(stopped)
			}
		}}), nil
	}}
	if _, err := profiler.Run(ctx, []profiler.Input{in}, options(t, 2, "$")); !errors.Is(err, stopped) {
		t.Fatal(err)
	}
}

// Compressed inputs are read as others are. The progress is that of the stored
// bytes of all inputs.
func TestProgress(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	doc := "[" + strings.Repeat(`{"a":"some text"},`, 100_000) + "1]"
	if _, err := io.WriteString(w, doc); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	opts := options(t, 3)
	opts.Progress = func(n int64) {
		if n < last {
			t.Errorf("%d bytes after %d", n, last)
		}
		last = n
	}
	p := run(t, opts, text("a.json.gz", zipped.String()), text("b.json", doc), text("c.json", "[]"))
	if want := int64(zipped.Len() + len(doc) + 2); last != want {
		t.Errorf("%d bytes in the end, not %d", last, want)
	}
	if p.Records != 200_002 || p.Bytes != int64(2*len(doc)+2) {
		t.Errorf("%d records, %d bytes", p.Records, p.Bytes)
	}
}

// MaxRecords holds for each input. A record that is too large is broken.
func TestMaxRecordsAndLargeRecords(t *testing.T) {
	opts := options(t, 2)
	opts.MaxRecords = 3
	if p := run(t, opts, text("a.json", "[1,2,3,4,5]"), text("b.json", "[1]")); p.Records != 4 || p.Root.Integer.Count != 4 {
		t.Errorf("%d records", p.Records)
	}
	opts = options(t, 2)
	opts.Limits.RecordBytes = 100_000
	long := `{"b":"` + strings.Repeat("x", 200_000) + `"}`
	if p := run(t, opts, text("a.json", `[{"a":1},`+long+`,{"a":2}]`)); p.Records != 2 || p.Broken != 1 || p.Root.Members["b"] != nil {
		t.Errorf("%d records, %d broken", p.Records, p.Broken)
	}
}
