package conversion_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/conversion"
	"sluice/internal/rejection"
)

// reasonsMapping is the mapping that docs/reasons.md gives for its examples.
const reasonsMapping = `table: lines
records: ["$[*]", "$.orders[*]", "$"]
explode: $.lines[*]
columns:
  - {name: id,    path: $.id,               type: string, required: true}
  - {name: date,  path: $.date,             type: date}
  - {name: at,    path: $.at,               type: timestamp}
  - {name: due,   path: $.due,              type: timestamp, zone: Europe/Berlin}
  - {name: paid,  path: $.paid,             type: boolean}
  - {name: site,  path: $.email,            type: string, mask: domain}
  - {name: note,  path: "$.tags[?@.k=='x'].note", type: string}
  - {name: price, path: "$.lines[*].price", type: "decimal(5,2)"}
  - {name: qty,   path: "$.lines[*].qty",   type: int32}
  - {name: kg,    path: "$.lines[*].kg",    type: double}
  - {name: tax,   path: "$.lines[*].cents", type: "decimal(9,2)", minor_units: {currency: "$.lines[*].currency"}}
`

// reasonCase is the smallest input that has a reason.
type reasonCase struct {
	code string
	path string // of what does not fit, for a quarantined record; empty for a rejected object
	in   string
	more string // a line of the mapping beside reasonsMapping
}

const good = `{"id":"a","lines":[{}]}`

func reasonCases(t *testing.T) []reasonCase {
	return []reasonCase{
		{code: "bad_json", path: "$", in: good + "\n" + `{"id":}` + "\n" + good},
		{code: "truncated_json", path: "$", in: good + "\n" + `{"id":"a","li`},
		{code: "invalid_utf8", path: "$.id", in: "{\"id\":\"\xff\",\"lines\":[{}]}"},
		{code: "invalid_unicode", path: "$.id", in: `{"id":"\ud83d","lines":[{}]}`},
		{code: "duplicate_key", path: "$.id", in: `{"id":"a","id":"b","lines":[{}]}`},
		{code: "not_object", path: "$", in: `[7]`},
		{code: "not_array", path: "$.lines", in: `{"id":"a","lines":{}}`},
		{code: "missing_field", path: "$.id", in: `{"lines":[{}]}`},
		{code: "no_rows", path: "$.lines", in: `{"id":"a","lines":[]}`},
		{code: "zip_length", path: "$.codes", in: `{"id":"a","lines":[{},{}],"codes":[1]}`, more: `zip: ["$.lines[*]", "$.codes[*]"]`},
		{code: "wrong_type", path: "$.id", in: `{"id":7,"lines":[{}]}`},
		{code: "bad_embedded_json", path: "$.lines[0].qty", in: `{"id":"a","lines":[{"qty":"{a}"}]}`, more: `parse_json: ["$.lines[*].qty"]`},
		{code: "bad_decimal", path: "$.lines[0].price", in: `{"id":"a","lines":[{"price":"1,50"}]}`},
		{code: "decimal_scale", path: "$.lines[0].price", in: `{"id":"a","lines":[{"price":1.505}]}`},
		{code: "decimal_range", path: "$.lines[0].price", in: `{"id":"a","lines":[{"price":1000}]}`},
		{code: "unknown_minor_unit", path: "$.lines[0].currency", in: `{"id":"a","lines":[{"cents":150,"currency":"???"}]}`},
		{code: "several_matches", path: "$.tags[?@.k=='x']", in: `{"id":"a","tags":[{"k":"x"},{"k":"x"}],"lines":[{}]}`},
		{code: "not_integer", path: "$.lines[1].qty", in: `{"id":"a","lines":[{"qty":2},{"qty":2.5}]}`},
		{code: "int_range", path: "$.lines[0].qty", in: `{"id":"a","lines":[{"qty":3000000000}]}`},
		{code: "bad_double", path: "$.lines[0].kg", in: `{"id":"a","lines":[{"kg":"2 kg"}]}`},
		{code: "double_range", path: "$.lines[0].kg", in: `{"id":"a","lines":[{"kg":1e999}]}`},
		{code: "bad_boolean", path: "$.paid", in: `{"id":"a","paid":"yes","lines":[{}]}`},
		{code: "bad_date", path: "$.date", in: `{"id":"a","date":"2023-02-29","lines":[{}]}`},
		{code: "bad_timestamp", path: "$.at", in: `{"id":"a","at":"10/01/2024","lines":[{}]}`},
		{code: "timestamp_precision", path: "$.at", in: `{"id":"a","at":"2024-01-10T08:30:00.1234567Z","lines":[{}]}`},
		{code: "ambiguous_time", path: "$.due", in: `{"id":"a","due":"2024-10-27 02:30:00","lines":[{}]}`},
		{code: "no_such_time", path: "$.due", in: `{"id":"a","due":"2024-03-31 02:30:00","lines":[{}]}`},
		{code: "key_mismatch", path: "$", in: `{"sluice_quarantine":1,"offset":55,"source":"a","raw":"{}"}`, more: `key: "raw/{shop}/*"`},
		{code: "no_domain", path: "$.email", in: `{"id":"a","email":"ada","lines":[{}]}`},
		{code: "unknown_field", path: "$", in: `{"id":"a","note":1,"lines":[{}]}`, more: "unknown_fields: reject"},
		{code: "record_too_large", path: "$", in: good, more: "limits: {record_bytes: 16}"},
		{code: "field_too_large", path: "$.id", in: `{"id":"abcde","lines":[{}]}`, more: "limits: {field_bytes: 4}"},
		{code: "too_many_rows", path: "$.lines[2]", in: `{"id":"a","lines":[{},{},{}]}`, more: "limits: {record_rows: 2}"},

		{code: "bad_json", in: `[{"id":}]`},
		{code: "truncated_json", in: `[` + good},
		{code: "duplicate_key", in: `{"orders":[],"orders":[]}`},
		{code: "key_mismatch", in: good, more: `key: "raw/{shop}/*"`},
		{code: "empty_file", in: " \n"},
		{code: "not_json", in: "<orders/>"},
		{code: "not_json_bzip2", in: "BZh"},
		{code: "not_json_xz", in: "\xfd7zXZ\x00"},
		{code: "not_json_zip", in: "PK\x03\x04"},
		{code: "not_json_parquet", in: "PAR1"},
		{code: "not_json_avro", in: "Obj\x01"},
		{code: "not_json_orc", in: "ORC"},
		{code: "not_records", in: `7`},
		{code: "encoding_utf16", in: "\xff\xfe[\x00]\x00"},
		{code: "encoding_utf32", in: "\xff\xfe\x00\x00[\x00\x00\x00]\x00\x00\x00"},
		{code: "trailing_data", in: `[] []`},
		{code: "depth_limit", in: `{"id":"a","lines":[{"x":[[]]}]}`, more: "limits: {depth: 4}"},
		{code: "gzip_truncated", in: cut(gzipped(t, good), 1)},
		{code: "gzip_checksum", in: flip(gzipped(t, good), 8)},
		{code: "gzip_corrupt", in: "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00\xff"},
		{code: "gzip_trailing_data", in: gzipped(t, good) + "junk"},
		{code: "zstd_truncated", in: cut(zstandard(t, good), 1)},
		{code: "zstd_checksum", in: flip(zstandard(t, good), 1)},
		{code: "zstd_corrupt", in: zstandard(t, good) + "junk"},
		// A frame that wants a window of 16 MiB (RFC 8878 section 3.1.1.1.2).
		{code: "zstd_window", in: "\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00"},
		// A frame whose header names dictionary 1 (RFC 8878 section 3.1.1.1.3).
		{code: "zstd_dictionary", in: "\x28\xb5\x2f\xfd\x01\x58\x01\x01\x00\x00"},
		{code: "decompression_limit", in: good, more: "limits: {decompressed_bytes: 16}"},
		{code: "decompression_ratio", in: gzipped(t, strings.Repeat(" ", 17<<20)+good)},
		{code: "quarantine_share", in: strings.Repeat(`{"lines":[{}]}`+"\n", 11)},
		{code: "quarantine_bytes", in: `{"lines":[{}]}`, more: "limits: {quarantine_bytes: 100}"},
		{code: "drift", in: `{"id":"a","lines":[{"x":1}]}`, more: "on_drift: hold"},
		{code: "bad_quarantine_file", in: `{"sluice_quarantine":1,"raw":7}`},
	}
}

func TestReasons(t *testing.T) {
	for _, c := range reasonCases(t) {
		t.Run(c.of()+"/"+c.code, func(t *testing.T) {
			m := parseMapping(t, c.with(reasonsMapping))
			r := convert(t, m, strings.NewReader(c.in), conversion.Options{})
			if c.path == "" {
				checkRejected(t, c, r)
			} else {
				checkQuarantined(t, c, r)
			}
		})
	}
}

// with is the mapping with the line of the case.
func (c reasonCase) with(mapping string) string {
	if strings.HasPrefix(c.more, "zip:") { // in place of explode
		mapping = strings.Replace(mapping, "explode: $.lines[*]\n", "", 1)
	}
	return mapping + c.more
}

func (c reasonCase) of() string {
	if c.path == "" {
		return "object"
	}
	return "record"
}

func checkRejected(t *testing.T, c reasonCase, r result) {
	t.Helper()
	reject, ok := errors.AsType[*rejection.Error](r.err)
	if !ok {
		t.Fatalf("error %v, want a reject", r.err)
	}
	if string(reject.Code) != c.code {
		t.Errorf("rejected for %s, want %s", reject.Code, c.code)
	}
}

func checkQuarantined(t *testing.T, c reasonCase, r result) {
	t.Helper()
	if r.err != nil {
		t.Fatal(r.err)
	}
	es := entries(t, r.bad)
	if len(es) != 1 || r.stats.RecordsQuarantined != 1 {
		t.Fatalf("%d entries, %d records quarantined; want one of each", len(es), r.stats.RecordsQuarantined)
	}
	e := es[0]
	if e.Reason != c.code || e.Path != c.path {
		t.Errorf("quarantined for %s at %s, want %s at %s", e.Reason, e.Path, c.code, c.path)
	}
	raw := e.Raw
	if e.RawBase64 != nil {
		raw = string(e.RawBase64)
	}
	if !strings.HasPrefix(c.in[e.Offset:], raw) || raw == "" {
		t.Errorf("raw is not what stands at offset %d of the input", e.Offset)
	}
	if e.ErrorOffset < e.Offset || e.ErrorOffset > e.Offset+int64(len(raw)) {
		t.Errorf("error offset %d lies outside of the record at %d", e.ErrorOffset, e.Offset)
	}
}

// TestReasonsDocumented compares the table of docs/reasons.md with the cases
// above; package reason compares it with its constants. So each code has a
// case, and the examples in the table are those that ran.
func TestReasonsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```yaml\n"+reasonsMapping+"```") {
		t.Error("docs/reasons.md has another mapping for its examples than reasonsMapping")
	}
	rows := map[string]string{} // "record/code" -> row
	of := ""
	for line := range strings.Lines(string(doc)) {
		switch {
		case strings.HasPrefix(line, "## Reasons to quarantine a record"):
			of = "record"
		case strings.HasPrefix(line, "## Reasons to reject an object"):
			of = "object"
		case strings.HasPrefix(line, "| `"):
			code, _, _ := strings.Cut(line[len("| `"):], "`")
			rows[of+"/"+code] = line
		}
	}
	for _, c := range reasonCases(t) {
		row, ok := rows[c.of()+"/"+c.code]
		if !ok {
			t.Errorf("docs/reasons.md has no row for the %s code %s", c.of(), c.code)
		}
		delete(rows, c.of()+"/"+c.code)
		if !strings.Contains(row, c.more) {
			t.Errorf("%s %s: the row does not show %q", c.of(), c.code, c.more)
		}
		for _, part := range c.printable() {
			if !strings.Contains(row, "`"+part+"`") {
				t.Errorf("%s %s: the row does not show the example %s", c.of(), c.code, part)
			}
		}
	}
	for row := range rows {
		t.Errorf("docs/reasons.md documents %s, which no case shows", row)
	}
}

// printable is what docs/reasons.md can show of the input: its lines except
// those without a fault, or nothing if it is not text.
func (c reasonCase) printable() (lines []string) {
	if strings.ContainsFunc(c.in, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		return nil
	}
	for line := range strings.Lines(c.in) {
		line = strings.TrimSpace(line)
		if line != "" && (line != good || line == c.in) && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zstandard compresses text into a frame with a checksum at its end.
func zstandard(t testing.TB, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

func cut(s string, n int) string { return s[:len(s)-n] }

// flip changes the byte n bytes before the end.
func flip(s string, n int) string {
	b := []byte(s)
	b[len(b)-n] ^= 0xff
	return string(b)
}
