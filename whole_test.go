package sluice_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"sluice"
	"sluice/internal/gen"
	"sluice/mapping"
)

func generate(t testing.TB, o gen.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := gen.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

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
			stats, err := sluice.Convert(t.Context(), sum, opts.src, m, &sluice.Options{Threads: opts.threads, Quarantine: &q, Source: "s"})
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

// TestEveryPrefix cuts sound documents at every byte. No prefix may pass for
// the whole: it is rejected, or the loss is in quarantine. What cannot be told
// from a shorter document is one that ends between two values.
func TestEveryPrefix(t *testing.T) {
	m := orders(t)
	for name, form := range map[string]gen.Form{"array": gen.Array, "wrapped": gen.Wrapped, "pretty": gen.Pretty, "ndjson": gen.NDJSON, "concatenated": gen.Concatenated} {
		doc := generate(t, gen.Options{Seed: 3, Orders: 2, Form: form})
		whole := convert(t, m, bytes.NewReader(doc), sluice.Options{})
		if whole.err != nil || whole.stats.Outcome != sluice.Accept {
			t.Fatalf("%s: %v %+v", name, whole.err, whole.stats)
		}
		forms := map[string]string{"plain": string(doc), "gzip": gzipped(t, string(doc)), "zstd": zstandard(t, string(doc))}
		for compression, stored := range forms {
			clean := 0
			for n := range len(stored) {
				got := convert(t, m, strings.NewReader(stored[:n]), sluice.Options{})
				if got.err != nil || got.stats.Outcome != sluice.Accept {
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

// TestSize: a body that ends early is a failure of the world and no verdict
// on the object, whatever the bytes that came look like.
func TestSize(t *testing.T) {
	m := orders(t)
	doc := generate(t, gen.Options{Seed: 1, Orders: 5, Form: gen.NDJSON})
	zipped := []byte(gzipped(t, string(doc)))
	line := bytes.IndexByte(doc, '\n') + 1
	for name, c := range map[string]struct{ came, whole []byte }{
		"at a line end": {doc[:line], doc}, "in a line": {doc[:line+9], doc}, "gzip": {zipped[:len(zipped)-3], zipped}, "nothing": {nil, doc}, "too much": {append(doc[:len(doc):len(doc)], doc...), doc},
	} {
		got := convert(t, m, bytes.NewReader(c.came), sluice.Options{Size: int64(len(c.whole))})
		var reject *sluice.RejectError
		if got.err == nil || errors.As(got.err, &reject) {
			t.Errorf("%s: got %v, want an error that is no reject", name, got.err)
		}
	}
	if got := convert(t, m, bytes.NewReader(doc), sluice.Options{Size: int64(len(doc))}); got.err != nil {
		t.Error(got.err)
	}
}

// TestCancel: a conversion whose context ends stops, says why and leaves no
// goroutine behind.
func TestCancel(t *testing.T) {
	defer goleak.VerifyNone(t)
	m := orders(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	src := &endless{doc: generate(t, gen.Options{Seed: 1, Orders: 100, Form: gen.NDJSON}), after: 40 << 20, then: func() { cancel(why) }}
	_, err := sluice.Convert(ctx, io.Discard, src, m, &sluice.Options{Threads: 4})
	if !errors.Is(err, why) {
		t.Fatalf("got %v, want the cause of the end of the context", err)
	}
	if src.read > src.after+1<<20 {
		t.Errorf("read on for %d bytes", src.read-src.after)
	}
}

// endless repeats doc, and calls then after some bytes.
type endless struct {
	doc         []byte
	rest        []byte
	read, after int
	then        func()
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		e.rest = e.doc
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	if e.read += n; e.read >= e.after {
		e.then()
	}
	return n, nil
}

// TestFailingWorld: an error of the reader or of a writer comes back as it
// is, and never as a verdict on the object.
func TestFailingWorld(t *testing.T) {
	defer goleak.VerifyNone(t)
	m := orders(t)
	doc := generate(t, gen.Options{Seed: 1, Bytes: 20 << 20, Form: gen.Array, Bad: 0.05})
	broken := errors.New("broken")
	for _, n := range []int{0, 1, 100, 1 << 20, 18 << 20} {
		src := io.MultiReader(bytes.NewReader(doc[:n]), iotest.ErrReader(broken))
		if got := convert(t, m, src, sluice.Options{Threads: 2}); !errors.Is(got.err, broken) {
			t.Errorf("source breaks after %d bytes: got %v", n, got.err)
		}
		opts := sluice.Options{Threads: 2, Quarantine: io.Discard}
		if _, err := sluice.Convert(t.Context(), &failing{n, broken}, bytes.NewReader(doc), m, &opts); n < 1<<20 && !errors.Is(err, broken) {
			t.Errorf("output breaks after %d bytes: got %v", n, err)
		}
		if got := convert(t, m, bytes.NewReader(doc), sluice.Options{Quarantine: &failing{min(n, 1000), broken}}); !errors.Is(got.err, broken) {
			t.Errorf("quarantine breaks after %d bytes: got %v", n, got.err)
		}
	}
	if got, err := sluice.Convert(t.Context(), io.Discard, bytes.NewReader(doc), m, nil); err == nil || got.Outcome == sluice.Accept {
		t.Error("records were dropped without a quarantine")
	}
}

// failing takes n bytes and then fails.
type failing struct {
	n   int
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.n {
		n := f.n
		f.n = 0
		return n, f.err
	}
	f.n -= len(p)
	return len(p), nil
}

// TestReplay: what was quarantined, byte for byte whatever it is, comes back
// through Convert when the mapping is mended, with its first origin; and what
// still does not fit is quarantined again, with the same origin.
func TestReplay(t *testing.T) {
	const text = "table: t\nprovenance: true\ncolumns: [{name: id, path: $.id, type: %s}]\nlimits: {quarantine_share: 1}\n"
	strict := parseMapping(t, fmt.Sprintf(text, "int64"))
	mended := parseMapping(t, fmt.Sprintf(text, "string, from: [string, integer]"))
	in := "{\"id\":1}\n{\"id\":\"a\\u0041 \t\\\"\"}\n{\"id\": \"é\"}\n{\"id\":\"bad \xff\"}\n{\"id\":\n{\"id\":2}\n{\"id\":\"last\"}{\"id\":true}"
	first := convert(t, strict, strings.NewReader(in), sluice.Options{Source: "orders.json"})
	if first.err != nil || first.stats.RecordsCommitted != 2 || first.stats.RecordsQuarantined != 6 {
		// The tab inside the second record is a syntax error, so that line is bad.
		t.Fatalf("%v %+v", first.err, first.stats)
	}
	for _, e := range entries(t, first.bad) {
		raw := e.Raw + string(e.RawBase64)
		if in[e.Offset:int(e.Offset)+len(raw)] != raw {
			t.Errorf("entry %d does not hold the bytes at its offset", e.Record)
		}
	}
	again := convert(t, mended, bytes.NewReader(first.bad), sluice.Options{Source: "first.quarantine.ndjson"})
	if again.err != nil {
		t.Fatal(again.err)
	}
	var got []string
	for _, row := range again.rows {
		got = append(got, strings.Join(row, "|"))
	}
	want := []string{"é|orders.json|30|2", "last|orders.json|74|6"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if again.stats.RecordsQuarantined != 4 {
		t.Errorf("quarantined again: %+v", again.stats)
	}
	firstRaw := map[int64]string{}
	for _, e := range entries(t, first.bad) {
		firstRaw[e.Record] = e.Raw + string(e.RawBase64)
	}
	for _, e := range entries(t, again.bad) {
		if e.Source != "orders.json" || firstRaw[e.Record] != e.Raw+string(e.RawBase64) || e.ErrorOffset < e.Offset {
			t.Errorf("entry %d has lost its origin: %+v", e.Record, e)
		}
	}
}

// TestReplayLarge: a record that streamed by into quarantine comes back once
// the limit is raised.
func TestReplayLarge(t *testing.T) {
	text := "table: t\ncolumns: [{name: id, path: $.id, type: string}]\nlimits: {record_bytes: %d}\n"
	in := `[{"id":"a"},{"id":"` + strings.Repeat("é\\n", 100_000) + `"},{"id":"b"}]`
	first := convert(t, parseMapping(t, fmt.Sprintf(text, 1000)), strings.NewReader(in), sluice.Options{})
	if first.err != nil || first.stats.RecordsQuarantined != 1 || len(first.rows) != 2 {
		t.Fatalf("%v %+v", first.err, first.stats)
	}
	again := convert(t, parseMapping(t, fmt.Sprintf(text, 1<<20)), bytes.NewReader(first.bad), sluice.Options{})
	if again.err != nil || len(again.rows) != 1 || again.rows[0][0] != strings.Repeat("é\n", 100_000) {
		t.Fatalf("%v %+v", again.err, again.stats)
	}
}

// TestBlanksBehindFirstRecord: whether records stand on lines of their own does
// not depend on how the input is cut into reads, however far the next one is.
func TestBlanksBehindFirstRecord(t *testing.T) {
	for _, n := range []int{1 << 10, 129 << 10} {
		for _, next := range []string{"{}\n{x\n{}", "1"} {
			in := "{}" + strings.Repeat(" ", n) + next
			whole := convert(t, orders(t), strings.NewReader(in), sluice.Options{})
			cut := convert(t, orders(t), iotest.OneByteReader(strings.NewReader(in)), sluice.Options{})
			if fmt.Sprint(whole.err) != fmt.Sprint(cut.err) || !bytes.Equal(whole.bad, cut.bad) {
				t.Errorf("%d blanks and %q: read whole: %v %+v\nread byte by byte: %v %+v", n, next, whole.err, whole.stats, cut.err, cut.stats)
			}
		}
	}
}

func TestEmptyArrayHasSchema(t *testing.T) {
	got := convert(t, orders(t), strings.NewReader("[]"), sluice.Options{})
	if got.err != nil || len(got.rows) != 0 || len(got.parquet) == 0 || got.stats.Outcome != sluice.Accept {
		t.Fatalf("%v %+v", got.err, got.stats)
	}
}

func TestStatsJSON(t *testing.T) {
	got := convert(t, orders(t), strings.NewReader("[]"), sluice.Options{})
	text, err := json.Marshal(got.stats)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"records_read":0,"records_committed":0,"records_quarantined":0,"records_skipped":0,"rows_written":0,"bytes_read":2,"bytes_written":`
	if !strings.HasPrefix(string(text), want) || !strings.HasSuffix(string(text), `"outcome":"accept","reason":"","reasons":{}}`) {
		t.Errorf("got %s", text)
	}
}

// FuzzConvert throws any bytes at the whole path. Whatever they are: no
// panic; the counts add up; the file that comes out can be read and has the
// rows that were counted; quarantine holds the very bytes of the input; and
// neither threads nor the cut into reads change anything.
func FuzzConvert(f *testing.F) {
	for form := gen.Array; form <= gen.Pretty; form++ {
		f.Add(generate(f, gen.Options{Seed: 5, Orders: 3, Form: form, Wide: true, Bad: 0.3}))
	}
	f.Add([]byte(gzipped(f, "[{}]")))
	f.Add([]byte("{}\n123\n4\n{}"))
	f.Add([]byte("{x" + strings.Repeat("\r", 60) + "{}\n"))
	f.Add([]byte("{\"order_id\":1}\n{bad\n{\"products\":[{},null,{\"price\":1e400}]}\n"))
	f.Add([]byte(`{"sluice_quarantine":1,"reason":"bad_json","path":"$","offset":0,"error_offset":0,"record":0,"place":"$","source":"s","raw":"{}"}`))
	f.Add([]byte("{}\n" + strings.Repeat("{bad\n", 10) + "{}")) // too many are bad before the end
	m := orders(f)
	keep := *m
	keep.Provenance, keep.UnknownFields = true, mapping.Rescue
	keep.Tables = slices.Clone(m.Tables)
	keep.Tables[0].WhenEmpty = mapping.Keep
	keep.Limits.RecordBytes, keep.Limits.Depth, keep.Limits.QuarantineShare = 4096, 16, 1
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, m := range []*mapping.Mapping{m, &keep} {
			opts := sluice.Options{Source: "s"}
			whole := convert(t, m, bytes.NewReader(doc), opts)
			opts.Threads = 2
			if m.Limits.QuarantineShare < 1 {
				opts.Size = int64(len(doc)) // which decides when too many records are bad
			}
			cut := convert(t, m, iotest.OneByteReader(bytes.NewReader(doc)), opts)
			if fmt.Sprint(whole.err) != fmt.Sprint(cut.err) || !bytes.Equal(whole.parquet, cut.parquet) || whole.err == nil && !bytes.Equal(whole.bad, cut.bad) {
				t.Fatalf("read whole: %v %+v\nread byte by byte: %v %+v", whole.err, whole.stats, cut.err, cut.stats)
			}
			if whole.err != nil {
				var reject *sluice.RejectError
				if !errors.As(whole.err, &reject) {
					t.Fatalf("an error of the world without one: %v", whole.err)
				}
				continue
			}
			s := whole.stats
			if s.RecordsRead != s.RecordsCommitted+s.RecordsQuarantined+s.RecordsSkipped || s.RowsWritten != int64(len(whole.rows)) || s.BytesRead != int64(len(doc)) {
				t.Fatalf("the counts do not add up: %d rows, %+v", len(whole.rows), s)
			}
			if bytes.HasPrefix(doc, []byte("\x1f\x8b")) || bytes.HasPrefix(doc, []byte("\x28\xb5")) || bytes.HasPrefix(doc, []byte(`{"sluice_`)) {
				continue
			}
			for _, e := range entries(t, whole.bad) {
				raw := e.Raw + string(e.RawBase64)
				if int(e.Offset)+len(raw) > len(doc) || string(doc[e.Offset:int(e.Offset)+len(raw)]) != raw {
					t.Fatalf("entry %d does not hold the bytes at its offset %d", e.Record, e.Offset)
				}
			}
		}
	})
}

// TestSums: the exact totals of money, as the rows have them and each value
// once for its record, added up over objects.
func TestSums(t *testing.T) {
	m := orders(t)
	in := `[{"order_id":1,"order_date":"2024-01-10","total_amount":0.1,"customer":{"customer_id":1},"products":[{"product_id":1,"price":0.1,"quantity":1},{"product_id":2,"price":"99999999999999.9999","quantity":1}]},
		{"order_id":2,"order_date":"2024-01-10","total_amount":-0.3,"customer":{"customer_id":1},"products":[{"product_id":1,"price":1e-4,"quantity":1}]},
		{"order_id":3,"order_date":"2024-01-10","total_amount":1000,"customer":{"customer_id":1},"products":[]}]`
	got := convert(t, m, strings.NewReader(in), sluice.Options{})
	want := map[string]string{"order_lines.product_price": "100000000000000.1000", "order_lines.total_amount": "-0.1000"}
	once := map[string]string{"order_lines.total_amount": "-0.2000"}
	if got.err != nil || !maps.Equal(got.stats.Sums, want) || !maps.Equal(got.stats.RecordSums, once) {
		t.Fatalf("%v: got %v and %v, want %v and %v", got.err, got.stats.Sums, got.stats.RecordSums, want, once)
	}
	var total sluice.Stats
	total.Add(got.stats)
	total.Add(got.stats)
	if total.Sums["order_lines.total_amount"] != "-0.2000" || total.RecordSums["order_lines.total_amount"] != "-0.4000" || total.RecordsRead != 6 || total.Reasons["no_rows"] != 2 {
		t.Errorf("added up: %+v", total)
	}
}

// TestSumsOfLevels: two exploded levels, a decimal of each, whatever is empty.
// The columns of provenance say which rows are of one record or element.
func TestSumsOfLevels(t *testing.T) {
	const text = `
table: taxes
explode: $.items[*].taxes[*]
when_empty: %s
provenance: true
columns:
  - {name: total, path: $.total, type: "decimal(38,2)"}
  - {name: price, path: "$.items[*].price", type: "decimal(18,4)"}
  - {name: rate,  path: "$.items[*].taxes[*].rate", type: "decimal(9,1)"}
`
	rapid.Check(t, func(rt *rapid.T) {
		number := rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"null", "0", "-1.5", "7", "99999999.9", "\"12.0\""}).Draw(t, "number")
		})
		tax := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf(`{"rate":%s}`, number.Draw(t, "rate")) })
		item := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"price":%s,"taxes":[%s]}`, number.Draw(t, "price"), strings.Join(rapid.SliceOfN(tax, 0, 3).Draw(t, "taxes"), ","))
		})
		record := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"total":%s,"items":[%s]}`, number.Draw(t, "total"), strings.Join(rapid.SliceOfN(item, 0, 3).Draw(t, "items"), ","))
		})
		m := parseMapping(t, fmt.Sprintf(text, rapid.SampledFrom([]string{"keep", "skip", "quarantine"}).Draw(rt, "empty")))
		doc := "[" + strings.Join(rapid.SliceOfN(record, 0, 8).Draw(rt, "records"), ",") + "]"
		got := convert(t, m, strings.NewReader(doc), sluice.Options{Threads: rapid.IntRange(1, 2).Draw(rt, "threads")}) // which checks Sums
		if got.err != nil {
			rt.Fatal(got.err)
		}
		const record0, line = 5, 6 // _record, _line
		want := map[string]string{
			"taxes.total": sumOf(t, got.rows, 0, 2, record0),
			"taxes.price": sumOf(t, got.rows, 1, 4, record0, line),
		}
		if !maps.Equal(got.stats.RecordSums, want) {
			rt.Fatalf("record_sums are %v, want %v\n%s", got.stats.RecordSums, want, doc)
		}
	})
}

// TestSumBeyondADecimal: a sum of the table may have more digits than a
// decimal can hold. It is exact all the same.
func TestSumBeyondADecimal(t *testing.T) {
	m := parseMapping(t, `{table: t, explode: "$.l[*]", columns: [{name: n, path: $.n, type: "decimal(38,0)"}, {name: l, path: "$.l[*]", type: int32}]}`)
	nines := strings.Repeat("9", 38)
	got := convert(t, m, strings.NewReader(`{"n":`+nines+`,"l":[1,2,3]}`), sluice.Options{})
	if got.err != nil || got.stats.Sums["t.n"] != "2"+strings.Repeat("9", 37)+"7" || got.stats.RecordSums["t.n"] != nines {
		t.Errorf("%v: %v, %v", got.err, got.stats.Sums, got.stats.RecordSums)
	}
}

// TestReplayOfMany: quarantine files joined together may come from different
// places, most entries may still not fit, and one may still be too large to be
// held: none of that keeps the others from their rows.
func TestReplayOfMany(t *testing.T) {
	const text = "records: [\"$[*]\", \"$.order\"]\ntable: t\ncolumns: [{name: id, path: $.id, type: %s, required: true}]\nlimits: {quarantine_share: 1, record_bytes: 1000}\n"
	strict, mended := parseMapping(t, fmt.Sprintf(text, "int64")), parseMapping(t, fmt.Sprintf(text, "string")+"unknown_fields: count\n")
	var joined []byte
	large := `{"id":"` + strings.Repeat("x", 1<<17) + `"}`
	for _, in := range []string{`[{"id":"a"},` + large + `]`, `{"order":{"id":"b"}}`, "[" + strings.Repeat(`{"no":1},`, 20) + `{"id":"c"}]`} {
		got := convert(t, strict, strings.NewReader(in), sluice.Options{Source: "s"})
		if got.err != nil || got.stats.RecordsCommitted != 0 {
			t.Fatalf("%v %+v", got.err, got.stats)
		}
		joined = append(joined, got.bad...)
	}
	half := *mended
	half.Limits.QuarantineShare = 0.5
	got := convert(t, &half, bytes.NewReader(joined), sluice.Options{})
	if got.err != nil {
		t.Fatal(got.err)
	}
	if want := [][]string{{"a"}, {"b"}, {"c"}}; !slices.EqualFunc(want, got.rows, slices.Equal) {
		t.Errorf("got %v, want %v", got.rows, want)
	}
	if got.stats.RecordsQuarantined != 21 || got.stats.Reasons["record_too_large"] != 1 {
		t.Errorf("%+v", got.stats)
	}
	places := map[string]int{}
	for _, e := range entries(t, got.bad) {
		places[e.Place]++
		if e.Reason == "record_too_large" && e.Raw+string(e.RawBase64) != large {
			t.Error("the large record has changed")
		}
	}
	if places["$[*]"] != 21 {
		t.Errorf("places: %v", places)
	}
}
