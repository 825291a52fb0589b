package conversion_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/conversion"
	"sluice/internal/rejection"
	"sluice/mapping"
	"sluice/reason"
)

// outcome is all that a caller sees of a conversion.
type outcome struct {
	Stats        conversion.Result
	Err          string
	Parquet, Bad []byte
}

func outcomeOf(t *rapid.T, m *mapping.Mapping, src io.Reader, opts conversion.Options) outcome {
	var out, bad bytes.Buffer
	opts.Quarantine = &bad
	stats, err := run(t.Context(), &out, src, m, opts)
	o := outcome{Stats: stats}
	if err != nil {
		o.Err = err.Error()
		if reject := new(rejection.Error); !errors.As(err, &reject) {
			t.Fatalf("the world does not fail here: %v", err)
		}
		o.Stats.BytesRead = 0 // how far it read ahead before the reject
		return o              // the output is thrown away
	}
	o.Parquet, o.Bad = out.Bytes(), bad.Bytes()
	return o
}

// TestAhead: a file whose row groups are read ahead gives the same as a stream
// of the same bytes, whatever is at the borders: records that look like
// several, objects in them that look like records, bad records, broken
// documents.
func TestAhead(t *testing.T) {
	m := parseMapping(t, `table: t
records: ["$.pages[*]", "$[*]", "$"]
explode: $.lines[*]
when_empty: keep
limits: {quarantine_share: 1, record_bytes: 2000}
columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: text, path: $.text, type: string}
  - {name: line, path: "$.lines[*].id", type: int64}
  - {name: amount, path: "$.lines[*].amount", type: "decimal(9,2)"}
`)
	rapid.Check(t, func(t *rapid.T) {
		in := []byte(document(t))
		if n := len(in); rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
			in = in[:rapid.IntRange(0, n).Draw(t, "at")]
		}
		opts := conversion.Options{Codec: "none", RowGroupBytes: rapid.Int64Range(100, 5000).Draw(t, "row group"),
			RowGroupRows: rapid.SampledFrom([]int{5, 50, 1000, 1000}).Draw(t, "rows")}
		want := outcomeOf(t, m, io.MultiReader(bytes.NewReader(in)), opts)
		opts.Threads = rapid.IntRange(2, 5).Draw(t, "threads")
		skip := rapid.IntRange(0, 3).Draw(t, "skip") // a file need not be read from its start
		file := bytes.NewReader(append(make([]byte, skip), in...))
		if _, err := file.Seek(int64(skip), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		for name, src := range map[string]io.Reader{"file": file, "stream": &piecewise{in, rapid.IntRange(1, 5000).Draw(t, "piece")}} {
			if diff := cmp.Diff(want, outcomeOf(t, m, src, opts)); diff != "" {
				t.Fatalf("%s of %d bytes with %d threads -want +got:\n%s", name, len(in), opts.Threads, diff)
			}
		}
	})
}

// TestGivenUpAtBadRecord: if reading ahead stops at a bad record, nothing is
// left of that row group when it is read again.
func TestGivenUpAtBadRecord(t *testing.T) {
	m := parseMapping(t, `table: t
explode: $.lines[*]
columns:
  - {name: id, path: $.id, type: int64}
  - {name: line, path: "$.lines[*].id", type: string}
  - {name: name, path: "$.lines[*].name", type: string}
`)
	const rowGroup, stride = 1 << 18, 1 << 17
	var in bytes.Buffer
	for i, bad := 0, 100_000; in.Len() < 8*stride; i++ {
		if in.Len() > bad { // after thousands of lines of its row group
			in.WriteString("{\"id\":\"bad\"}\n")
			bad += stride
		}
		line := fmt.Sprintf("{\"id\":\"line %d\",\"name\":\"name\"}", i%100)
		fmt.Fprintf(&in, "{\"id\":%d,\"lines\":[%s]}\n", i, strings.Repeat(line+",", 9)+line)
	}
	read := func(threads int) result {
		return convert(t, m, bytes.NewReader(in.Bytes()), conversion.Options{Threads: threads, RowGroupBytes: rowGroup, RowGroupRows: 1 << 20})
	}
	one, two := read(1), read(2)
	if diff := cmp.Diff(one.stats, two.stats); diff != "" || one.err != nil || two.err != nil || one.stats.RecordsQuarantined < 7 {
		t.Errorf("%v, %v -one thread +two:\n%s", one.err, two.err, diff)
	}
	if !bytes.Equal(one.parquet, two.parquet) || !bytes.Equal(one.bad, two.bad) {
		t.Error("what is written depends on the number of threads")
	}
}

// An entry of a quarantine file among records, found twice because the first
// time was ahead of its turn, does not count as one more unknown member.
func TestStrayEntryReadAhead(t *testing.T) {
	m := parseMapping(t, "table: t\ncolumns: [{name: id, path: $.id, type: int64}]\n")
	const rowGroup = 1 << 18
	line := strings.Repeat("{\"id\":1}\n", 1000)
	var in bytes.Buffer
	for in.Len() < 4*rowGroup {
		in.WriteString(line)
	}
	at := int64(in.Len())
	in.WriteString("{\"id\":2,\"sluice_quarantine\":1}\n{\"id\":3}\n")
	for _, threads := range []int{1, 2, 4} {
		got := convert(t, m, bytes.NewReader(in.Bytes()), conversion.Options{Threads: threads, RowGroupBytes: rowGroup, RowGroupRows: 1 << 20})
		var reject *rejection.Error
		if !errors.As(got.err, &reject) || reject.Code != reason.BadQuarantineFile || reject.Offset != at {
			t.Errorf("%d threads: %v, want bad_quarantine_file at byte %d", threads, got.err, at)
		}
	}
}

// document draws a document with a few hundred records.
func document(t *rapid.T) string {
	form := rapid.SampledFrom([]struct{ open, between, end string }{
		{"", "\n", "\n"}, {"", "\r\n", ""}, {"", "\n\n \n", "\n"}, {"", "", ""}, {"", " ", ""},
		{"[", ",", "]"}, {"[\n", ",\n", "\n]\n"}, {`{"pages":[`, ",", `],"n":1}`},
		{`{"pages":[`, "]}\n{\"pages\":[", "]}"}, {"[" + strings.Repeat(" ", 3000), ",", "]"},
	}).Draw(t, "form")
	bad := rapid.IntRange(0, 2).Draw(t, "bad") == 0
	pretty := rapid.IntRange(0, 2).Draw(t, "pretty")
	var b strings.Builder
	b.WriteString(form.open)
	for i := range rapid.IntRange(0, 100).Draw(t, "records") {
		if i > 0 {
			b.WriteString(form.between)
		}
		b.WriteString(record(t, i, bad, pretty))
	}
	b.WriteString(form.end)
	return b.String()
}

func record(t *rapid.T, i int, bad bool, pretty int) string {
	kind := rapid.IntRange(0, 19).Draw(t, "kind")
	switch {
	case bad && kind == 0:
		return `{"id":"no number"}`
	case bad && kind == 1:
		return rapid.SampledFrom([]string{"7", "null", `"{"`, "[]", `{"id":1`, "}", `{"id":1,"text":"` + strings.Repeat("x", 3000) + `"}`}).Draw(t, "broken")
	case kind == 2: // lines that look like records
		return fmt.Sprintf(`{"id":%d,"other":[{"id":1},{"id":2}],"lines":[{"id":1},{"id":2},{"id":3}]}`, i)
	case kind == 3:
		return fmt.Sprintf(`{"id":%d,"text":"},{\"id\":1,{ } \" [ ]"}`, i)
	case kind == 4 && pretty > 0:
		return fmt.Sprintf("{\n  \"id\": %d,\n  \"lines\": [\n{\"id\":1}\n,\n{\"id\":2}\n]\n}", i)
	case kind == 5:
		return fmt.Sprintf(`{"text":"first","id":%d}`, i)
	case pretty == 2:
		return fmt.Sprintf("{\n  \"id\": %d,\n  \"lines\": [\n    {\n      \"id\": 1,\n      \"amount\": %d.5\n    }\n  ]\n}", i, kind)
	}
	return fmt.Sprintf(`{"id":%d,"text":%q,"lines":[{"id":1,"amount":%d.25}]}`, i, strings.Repeat("text ", kind), kind)
}
