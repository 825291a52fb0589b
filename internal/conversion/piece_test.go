package conversion_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/rejection"
	"sluice/mapping"
)

// inPieces is the result of an input that is read in pieces of size bytes. wrong is how
// many began elsewhere than they should, and were read again.
func inPieces(t testing.TB, m *mapping.Mapping, doc string, size int64, opts conversion.Options) (got result, wrong int) {
	t.Helper()
	opts.Size, opts.Codec, opts.Source = int64(len(doc)), "none", cmp.Or(opts.Source, "a.ndjson")
	lines, err := conversion.FindLines(t.Context(), strings.NewReader(doc), m, opts.Source)
	if err != nil {
		t.Fatal(err)
	}
	var bad bytes.Buffer
	opts.Quarantine = &bad
	whole := conversion.NewWhole(m, lines.First, opts)
	var reject error
	for from := lines.First; from < opts.Size && reject == nil; from += size {
		r := conversion.Range{Lines: lines, From: from, Until: min(from+size, opts.Size)}
		p, rows, held := piece(t, m, doc, opts, r)
		if !whole.Joins(p, r.Until) {
			if wrong++; whole.Next() >= r.Until {
				continue
			}
			r.From, r.Known = whole.Next(), true
			if p, rows, held = piece(t, m, doc, opts, r); !whole.Joins(p, r.Until) {
				t.Fatalf("parts of %d bytes: the piece from %d does not begin there", size, r.From)
			}
		}
		got.rows = append(got.rows, rows...)
		if reject = whole.Add(p, strings.NewReader(held)); reject != nil && !errors.As(reject, new(*rejection.Error)) {
			t.Fatal(reject)
		}
	}
	got.stats, got.err = whole.Result(reject)
	got.bad = bad.Bytes()
	return got, wrong
}

// piece converts a range, and goes through JSON as another process would.
func piece(t testing.TB, m *mapping.Mapping, doc string, opts conversion.Options, r conversion.Range) (p *conversion.Piece, rows [][]string, held string) {
	t.Helper()
	var out, bad bytes.Buffer
	opts.Quarantine = &bad
	read := func(offset int64) io.Reader { return strings.NewReader(doc[offset:]) }
	p, err := conversion.RunRange(t.Context(), []conversion.Output{fileOf(t, m, 0, &out)}, read, m, opts, r)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err == nil {
		p = new(conversion.Piece)
		err = json.Unmarshal(data, p)
	}
	if err != nil {
		t.Fatal(err)
	}
	if p.Reject == nil && p.Begin >= 0 {
		rows = readRows(t, out.Bytes())
	}
	return p, rows, bad.String()
}

const pieceMapping = `
table: t
explode: $.lines[*]
on_drift: report
columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: text, path: $.text, type: string}
  - {name: day, path: $.day, type: date, on_error: "null"}
  - {name: total, path: $.total, type: "decimal(18,4)"}
  - {name: price, path: "$.lines[*].price", type: "decimal(38,2)"}
limits: {quarantine_share: 1, record_bytes: 400}
`

// documents of TestPieces, each with what is hard about it.
var pieceDocuments = map[string]string{
	"plain":          "{\"id\":1,\"total\":\"1.5\"}\n{\"id\":2,\"total\":-0.25,\"lines\":[{\"price\":3},{\"price\":4.5}]}\n{\"id\":3}\n",
	"no last end":    "{\"id\":1}\n{\"id\":2}\n{\"id\":3}",
	"CRLF":           "{\"id\":1}\r\n{\"id\":2}\r\n{\"id\":3}\r\n",
	"CR":             "{\"id\":1}\r{\"id\":2}\r{\"id\":3}\r",
	"empty lines":    "\n\n{\"id\":1}\n\n \n\t\n{\"id\":2}\r\n\r\n{\"id\":3}\n\n\n   ",
	"indented":       "{\"id\":1}\n   {\"id\":2}\n\t\t{\"id\":3}\n",
	"BOM":            "\xef\xbb\xbf{\"id\":1}\n{\"id\":2}\n",
	"texts":          `{"id":1,"text":"}\n{\"id\":9}\n"}` + "\n" + `{"id":2,"text":"\\\"{\r"}` + "\n" + `{"id":3,"text":"[{"}` + "\n",
	"long":           "{\"id\":1,\"text\":\"" + strings.Repeat("x", 90) + "\"}\n{\"id\":2}\n{\"id\":3,\"text\":\"" + strings.Repeat("{", 70) + "\"}\n",
	"too large":      "{\"id\":1}\n{\"id\":2,\"text\":\"" + strings.Repeat("x", 450) + "\"}\n{\"id\":3}\n" + strings.Repeat("9", 500) + "\n{\"id\":4}\n",
	"bad record":     "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":3}\n{\"text\":1}\n",
	"bad lines":      "{\"id\":1}\n{\"id\":2,,}\nno JSON\n}{\n2024-01-10 {\"id\":7}\n{\"id\":3}\n[1,\n{\"id\":4}\n\"\n{\"id\":5",
	"bad first line": "oops\n{\"id\":1}\n{\"id\":2}\n",
	"bad first one":  "{\"id\":\"x\"}\n{\"id\":1}\n{\"id\":2}\n",
	"several lines":  "{\"id\":1}\n{\"id\":2,\n\"lines\":[\n{\"price\":1},\n{\"price\":2}\n]\n}\n{\"id\":3}\n{\n\"id\":\n4\n}\n{\"id\":5}\n",
	"on one line":    "{\"id\":1}\n{\"id\":2}{\"id\":3} {\"id\":4}\n{\"id\":5}\n",
	"bytes":          "{\"id\":1}\n{\"id\":2,\"text\":\"\xff\"}\n{\"id\":3,\"text\":\"\xe4\xbd\xa0\"}\n",
	"drift":          "{\"id\":1,\"new\":1}\n{\"id\":2,\"day\":\"x\"}\n{\"id\":3,\"new\":{\"a\":1},\"other\":2}\n{\"id\":4,\"day\":\"2024-01-10\"}\n",
	"one":            "{\"id\":1}",
	"stray entry":    "{\"id\":1}\n{\"id\":2}\n{\"sluice_quarantine\":1,\"reason\":\"x\"}\n{\"id\":3}\n",
	"too deep":       "{\"id\":1}\n{\"id\":2}\n{\"id\":3,\"x\":" + strings.Repeat("[", 600) + "}\n{\"id\":4}\n",
	"numbers":        "{\"id\":1}\n17\n18{\"id\":2}\n-\n{\"id\":3}\n",
}

// TestPieces cuts small inputs at each byte: parts of every size give what one
// conversion of the whole gives.
func TestPieces(t *testing.T) {
	mappings := map[string]string{
		"":                  pieceMapping,
		"little quarantine": strings.ReplaceAll(pieceMapping, "quarantine_share: 1", "quarantine_share: 0.2"),
		"few bytes":         strings.ReplaceAll(pieceMapping, "limits: {", "limits: {quarantine_bytes: 400, "),
		"held":              strings.ReplaceAll(pieceMapping, "on_drift: report", "on_drift: hold"),
	}
	again := 0
	for limits, text := range mappings {
		m := parseMapping(t, text)
		for name, doc := range pieceDocuments {
			if limits == "little quarantine" { // the share counts from 11 records on
				doc = strings.Repeat("{\"id\":7}\n", 9) + doc
			}
			want := convert(t, m, strings.NewReader(doc), conversion.Options{Source: "a.ndjson"})
			for size := int64(1); size <= int64(len(doc)); size++ {
				if limits != "" || len(doc) > 500 {
					size += size / 4
				}
				got, wrong := inPieces(t, m, doc, size, conversion.Options{})
				samePieces(t, fmt.Sprintf("%s: %s in parts of %d bytes", limits, name, size), got, want)
				again += wrong
			}
		}
	}
	if again == 0 {
		t.Error("no part began elsewhere than it should")
	}
}

// samePieces compares what pieces gave with what one conversion of all gave.
func samePieces(t *testing.T, name string, got, want result) {
	t.Helper()
	reject, wanted := new(rejection.Error), new(rejection.Error)
	if errors.As(got.err, &reject) != errors.As(want.err, &wanted) || reject.Code != wanted.Code || reject.Offset != wanted.Offset {
		t.Errorf("%s: %v, want %v", name, got.err, want.err)
		return
	}
	if want.err != nil {
		return
	}
	got.stats.BytesWritten = want.stats.BytesWritten // of other files
	if g, w := fmt.Sprintf("%+v", got.stats), fmt.Sprintf("%+v", want.stats); g != w {
		t.Errorf("%s:\n%s, want\n%s", name, g, w)
	}
	if !slices.EqualFunc(got.rows, want.rows, slices.Equal[[]string]) {
		t.Errorf("%s: rows are\n%v, want\n%v", name, got.rows, want.rows)
	}
	if !bytes.Equal(got.bad, want.bad) {
		t.Errorf("%s: the quarantine is\n%s, want\n%s", name, got.bad, want.bad)
	}
}

// TestPiecesAtCuts puts line ends and record borders on and beside the cuts of larger
// inputs, with several row groups in a part.
func TestPiecesAtCuts(t *testing.T) {
	m := parseMapping(t, pieceMapping)
	const size = 3 << 10
	r := rand.New(rand.NewPCG(1, 2))
	for shift := -3; shift <= 3; shift++ {
		var doc strings.Builder
		for n := 0; doc.Len() < 10*size; n++ {
			record := fmt.Sprintf(`{"id":%d,"text":"%s","total":%d.%04d}`, n, strings.Repeat("\\n", r.IntN(40)), r.IntN(1000), r.IntN(10000))
			if n%17 == 3 {
				record = `{"id":"no number"}`
			}
			end := "\n"
			if r.IntN(3) == 0 {
				end = "\r\n"
			}
			cut := (doc.Len()/size + 1) * size
			if left := cut + shift - doc.Len() - len(end); left >= len(record) && left < 200 { // the next record begins beside the cut
				record += strings.Repeat(" ", left-len(record))
			}
			doc.WriteString(record + end)
		}
		want := convert(t, m, strings.NewReader(doc.String()), conversion.Options{Source: "a.ndjson"})
		for threads := 1; threads <= 2; threads++ {
			got, wrong := inPieces(t, m, doc.String(), size, conversion.Options{Threads: threads, RowGroupBytes: 1 << 10, RowGroupRows: 1 << 20})
			samePieces(t, fmt.Sprint("shift ", shift), got, want)
			if wrong != 0 {
				t.Errorf("shift %d: %d parts began elsewhere than they should", shift, wrong)
			}
		}
	}
}

// TestNotLines: what cannot be read in pieces says why.
func TestNotLines(t *testing.T) {
	for name, c := range map[string]struct{ doc, mapping, want string }{
		"array":      {`[{"id":1},{"id":2}]`, pieceMapping, "not NDJSON"},
		"printed":    {"{\n\"id\":1}\n{\n\"id\":2}\n", pieceMapping, "not NDJSON"},
		"one line":   {`{"id":1}{"id":2}`, pieceMapping, "not NDJSON"},
		"wrapped":    {`{"orders":[{"id":1}]}`, "records: [\"$.orders[*]\"]\n" + pieceMapping, "not NDJSON"},
		"gzip":       {gzipped(t, "{\"id\":1}\n{\"id\":2}\n"), pieceMapping, "compressed"},
		"quarantine": {`{"sluice_quarantine":1,"reason":"bad_json","raw":"x"}`, pieceMapping, "a quarantine file"},
		"ordinals":   {"{\"id\":1}\n{\"id\":2}\n", "provenance: true\n" + pieceMapping, "_record"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := conversion.FindLines(t.Context(), strings.NewReader(c.doc), parseMapping(t, c.mapping), "a.json")
			if lines := new(conversion.NotLines); !errors.As(err, &lines) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, and not %q", err, c.want)
			}
		})
	}
	if _, err := conversion.FindLines(t.Context(), strings.NewReader("PAR1"), parseMapping(t, pieceMapping), "a.json"); !errors.As(err, new(*rejection.Error)) {
		t.Errorf("Parquet: %v", err)
	}
}
