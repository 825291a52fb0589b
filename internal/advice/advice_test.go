package advice_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/internal/advice"
	"sluice/mapping"
)

// read converts an input, and gives the advice about its quarantined records.
func read(t *testing.T, text, in string) advice.Found {
	t.Helper()
	m, err := mapping.Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m.Limits.QuarantineShare = 1
	var bad bytes.Buffer
	_, err = sluice.Convert(t.Context(), nil, strings.NewReader(in), m, &sluice.Options{
		Quarantine: &bad, Source: "raw/x/1", Table: func(string) (io.Writer, error) { return io.Discard, nil },
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	found, err := advice.Read(t.Context(), m, &bad)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// lines are the faults as short lines.
func lines(f advice.Found) (all []string) {
	for _, x := range f.Faults {
		all = append(all, fmt.Sprintf("%s %s %s: %s", x.Reason, x.Path, x.Found, x.Advice))
	}
	return all
}

// Every reason that a record can have has advice. All faults of a record are found,
// and what the mapping is told to have was tried.
func TestAdvice(t *testing.T) {
	seen := map[string]bool{}
	for _, test := range []struct{ keys, columns, in, want string }{
		{"", "{name: c, path: $.c, type: string}", "{\"c\":}\n{}\n{}",
			"bad_json $ : the text is no JSON: fix the program that wrote it; no mapping can read it"},
		{"", "{name: c, path: $.c, type: string}", "{\"c\":1}\n{\"c",
			"wrong_type $.c integer: set from: [string, integer]\ntruncated_json $ : the text ends inside the record: fetch or export it again; no mapping can read it"},
		{"", "{name: c, path: $.c, type: string, required: true}", "{\"c\":\"\xff\"}",
			"invalid_utf8 $.c : the text is not UTF-8: fix the program that wrote it; no mapping can read it"},
		{"", "{name: c, path: $.c, type: string}", `{"c":"\ud83d"}`,
			`invalid_unicode $.c : half of a character stands there, such as \ud83d: fix the program that wrote it; no mapping can read it`},
		{"", "{name: c, path: $.c, type: string}", `{"c":"a","c":"b"}`,
			"duplicate_key $.c : a name stands twice in one object: fix the program that wrote it; no mapping can read it"},
		{"", "{name: c, path: $.c.id, type: string, required: true}", `{"c":"a"}`,
			`not_object $.c string: change the paths that go on from there (c); if it is either, coalesce with "$.c" after them`},
		{"", "{name: c, path: $.c.id, type: string, required: true}", `{"c":[{}]}`,
			"not_object $.c array: change the paths that go on from there (c), for example to $.c[0]; or explode: $.c[*]"},
		{"", "{name: c, path: $.c, type: string}", `[7]`,
			"not_object $ integer: look at records: what it leads to is not what the paths of the columns want"},
		{"", "{name: c, path: $.c, type: string}", `[null]`,
			`not_object $ null: null holds nothing: with where: [{path: "$", is: not_null}] in each table that looks into it, it gives no row`},
		{"explode: $.l[*]", "{name: c, path: '$.l[*].c', type: string}", `{"l":[{"c":"a"},null]}`,
			`not_object $.l[*] null: null holds nothing: with where: [{path: "$.l[*]", is: not_null}] in each table that looks into it, it gives no row`},
		{"explode: $.l[*]", "{name: c, path: '$.l[*].c', type: string, required: true}", `{"l":{"c":"a"}}`,
			"not_array $.l object: if the members of the object are the rows, explode: $.l.*; if it is one row, take explode away"},
		{"explode: $.l.*", "{name: c, path: '$.l.*.c', type: string, required: true}", `{"l":[{"c":"a"}]}`,
			"not_object $.l array: if the elements of the array are the rows, explode: $.l[*]"},
		{"explode: $.l[*]", "{name: c, path: '$.l[*].c', type: string, required: true}", `{"l":"a"}`,
			"not_array $.l string: explode names what holds the rows: give the path of an array, or with .* of an object"},
		{"", "{name: c, path: $.c, type: list<string>}", `{"c":"a"}`,
			"not_array $.c string: use type: json, or the type of a single value, in place of the list"},
		{"", "{name: c, path: $.c, type: string, required: true}", `{"data":[{"c":"a"}]}`,
			"missing_field $.c nothing: look at records: no path of a column begins with a member of these records"},
		{"", "{name: c, path: $.c, type: string, required: true}", `{"data":[{"c":"a"}]}` + "\n" + `{"c":null}`,
			`missing_field $.c nothing: remove required: true; or, if it stands elsewhere in such records, coalesce: ["$.c", …]` + "\n" + `missing_field $.c null: remove required: true; or, if it stands elsewhere in such records, coalesce: ["$.c", …]`},
		{"", "{name: c, path: $.c, type: string, required: true}", `{"c":null}`,
			`missing_field $.c null: remove required: true; or, if it stands elsewhere in such records, coalesce: ["$.c", …]`},
		{"", "{name: c, path: $.c, type: string, required: true, null_values: [x]}", `{"c":"x"}`,
			"missing_field $.c string: remove required: true, or null_values: what is found counts as no value"},
		{"explode: $.l[*]", "{name: c, path: '$.l[*].c', type: string, required: true}", `{"l":[]}`,
			"no_rows $.l empty array: when_empty: keep gives such a record one row, when_empty: skip none"},
		{"zip: ['$.a[*]', '$.b[*]']", "{name: c, path: '$.a[*]', type: string, required: true}", `{"a":["x",null],"b":[1]}`,
			"missing_field $.a[*] null: remove required: true; or, if it stands elsewhere in such records, coalesce: [\"$.a[*]\", …]\nzip_length $.b : the arrays under zip must have one length: take the one that differs out of zip, or fix the feed"},
		{"zip: ['$.a[*]', '$.b[*]']", "{name: c, path: '$.a[*]', type: string, required: true}", `{"a":["x"],"b":"y"}`,
			"not_array $.b string: explode names what holds the rows: give the path of an array, or with .* of an object"},
		{"", `{name: c, path: "$.a[?@.k=='x'].v", type: string, required: true}`, `{"a":[{"k":"x","v":"1"},{"k":"x","v":"2"}]}`,
			"several_matches $.a[?@.k=='x'] object: choose the element by one more value; or explode the array; or on_error: null in place of required: true"},
		{"parse_json: [$.c]", "{name: c, path: $.c.d, type: string, required: true}", `{"c":"hello"}`,
			"bad_embedded_json $.c string: if other strings there are JSON, leave these rows out by where: {path: …, is: not_null} on a member inside; else take the path out of parse_json"},
		{"parse_json: [$.c]", "{name: c, path: $.c.d, type: string}", `{"c":"{\"d\":7}"}`, "wrong_type $.c.d integer: set from: [string, integer]"},
		{"", "{name: c, path: $.c, type: string}", `{"c":true}`, "wrong_type $.c boolean: set from: [string, boolean]"},
		{"", "{name: c, path: $.c, type: boolean}", `{"c":1}`,
			"wrong_type $.c integer: boolean cannot come from a value of type integer: use type: string, from: [string, integer, boolean]; or on_error: null"},
		{"", "{name: c, path: $.c, type: boolean, required: true}", `{"c":"yes"}`,
			"bad_boolean $.c string: use type: string, from: [string, boolean], or on_error: null in place of required: true"},
		{"", "{name: c, path: $.c, type: date}", `{"c":true}`,
			"wrong_type $.c boolean: date cannot come from a value of type boolean: use type: string, from: [string, boolean]; or on_error: null"},
		{"", "{name: c, path: $.c, type: timestamp}", `{"c":1704875400123}`, "wrong_type $.c integer: set unit: milliseconds, from: [string, integer]"},
		{"", "{name: c, path: $.c, type: timestamp}", `{"c":1704875400.25}`, "wrong_type $.c number: set unit: seconds, from: [string, number]"},
		{"", "{name: c, path: $.c, type: string}", `{"c":{}}`, "wrong_type $.c object: let the path lead to a member of the object; or use type: json"},
		{"", "{name: c, path: $.c, type: string}", `{"c":[1]}`, "wrong_type $.c array: let the path lead to an element, such as [0]; or use type: list<string>, or type: json; or explode the array"},
		{"", "{name: c, path: $.c, type: list<string>}", `{"c":[7]}`, "wrong_type $.c integer: set from: [string, integer]"},
		{"envelope: dynamodb", "{name: c, path: $.c, type: string}", `{"c":{"S":"a","N":"1"}}`,
			"wrong_type $.c object: an envelope has one member: look at envelope, or at the program that wrote it"},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":"12,5"}`, `bad_decimal $.c string: set format: "1.234,50"`},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":"1.234,50 €"}`, `bad_decimal $.c string: set format: "1.234,50", symbol: true`},
		{"", "{name: c, path: $.c, type: 'decimal(9,3)'}", `{"c":"1,500"}`,
			`bad_decimal $.c string: set format: "1,234.50" or format: "1.234,50": the values found fit each, choose what is meant`},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":"1,500"}` + "\n" + `{"c":"1,234"}`,
			`bad_decimal $.c string: set format: "1,234.50" or format: "1.234,50", type: "decimal(10,3)": the values found fit each, choose what is meant`},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":"1,500"}` + "\n" + `{"c":"1,500.25"}`, `bad_decimal $.c string: set format: "1,234.50"`},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":"$5"}`, "bad_decimal $.c string: set symbol: true"},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":" 5"}`, "bad_decimal $.c string: set transform: [trim]"},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":""}`, `bad_decimal $.c empty string: set null_values: [""]`},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":"N/A"}`, `bad_decimal $.c string: set null_values: ["N/A"]`},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":"five"}`,
			"bad_decimal $.c string: list the texts that are no number in null_values; or give the format in which they are written, if it is one; or use type: string, from: [string, number], or on_error: null"},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)', format: '1,234.50'}", `{"c":"1.234,50"}`,
			`bad_decimal $.c string: with format: "1.234,50" these values would fit, but a column has one format: if some are written as it is set, fix the feed, or set on_error: null`},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)', format: '1,234.50'}", `{"c":"x"}`,
			"bad_decimal $.c string: the values are not written as the column's format says: fix the feed; or on_error: null, or type: string, from: [string, number]"},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)'}", `{"c":1.505}` + "\n" + `{"c":1.12345}`, `decimal_scale $.c number: set type: "decimal(12,5)"`},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)', minor_units: {currency: $.k}}", `{"k":"BHD","c":1505}`,
			"decimal_scale $.c integer: give the decimal 3 or 4 digits after the point, and as many more in all: the currency decides how many are needed"},
		{"", "{name: c, path: $.c, type: 'list<decimal(5,2)>'}", `{"c":[1000,1.5]}`, `decimal_range $.c integer: set type: "list<decimal(6,2)>"`},
		{"", "{name: c, path: $.c, type: 'decimal(5,2)'}", `{"c":1e40}`, "decimal_range $.c number: no decimal has so many digits: use type: string, from: [string, number]"},
		{"", "{name: c, path: $.c, type: 'decimal(9,2)', minor_units: {currency: $.k}}", `{"c":1505}`,
			"unknown_minor_unit $.k integer: name the currency in minor_units: {except: {…: 2}}, or look at its path; or use minor_units: 2, if all amounts have as many digits"},
		{"", "{name: c, path: $.c, type: int32}", `{"c":2.25}`, `not_integer $.c number: set type: "decimal(11,2)"`},
		{"", "{name: c, path: $.c, type: int32}", `{"c":"1,000"}`, `not_integer $.c string: set format: "1,234.50" or format: "1.234,50": the values found fit each, choose what is meant`},
		{"", "{name: c, path: $.c, type: int32}", `{"c":3000000000}`, "int_range $.c integer: set type: int64"},
		{"", "{name: c, path: $.c, type: int64}", `{"c":30000000000000000000}`,
			"int_range $.c integer: if it is an identifier, type: string, from: [string, number]; else type: decimal(38,0)"},
		{"", "{name: c, path: $.c, type: double}", `{"c":"2 kg"}`,
			"bad_double $.c string: list the texts that are no number in null_values; or give the format in which they are written, if it is one; or use type: string, from: [string, number], or on_error: null"},
		{"", "{name: c, path: $.c, type: double}", `{"c":1e999}`, "double_range $.c number: use type: decimal(p,s), which is exact, or type: string, from: [string, number]"},
		{"", "{name: c, path: $.c, type: boolean}", `{"c":" True"}`, "bad_boolean $.c string: set transform: [trim, lower]"},
		{"", "{name: c, path: $.c, type: boolean}", `{"c":"yes"}`, "bad_boolean $.c string: use type: string, from: [string, boolean], or on_error: null"},
		{"", "{name: c, path: $.c, type: date}", `{"c":"2024-01-10T08:30:00Z"}`, "bad_date $.c string: set truncate: true"},
		{"", "{name: c, path: $.c, type: date}", `{"c":"13.01.2024"}`, `bad_date $.c string: set format: "%d.%m.%Y"`},
		{"", "{name: c, path: $.c, type: date}", `{"c":"01/02/2024"}` + "\n" + `{"c":"01/13/2024"}`, `bad_date $.c string: set format: "%m/%d/%Y"`},
		{"", "{name: c, path: $.c, type: timestamp}", `{"c":"10.01.2024 09:15"}`,
			`bad_timestamp $.c string: set format: "%d.%m.%Y %H:%M" or format: "%m.%d.%Y %H:%M": the values found fit each, choose what is meant; with zone: if the times are not UTC`},
		{"", "{name: c, path: $.c, type: timestamp}", `{"c":"1704875400123"}`, "bad_timestamp $.c string: set format: epoch, unit: milliseconds"},
		{"", "{name: c, path: $.c, type: timestamp}", `{"c":"Wed, 10 Jan 2024 08:30:00 +0000"}`, "bad_timestamp $.c string: set format: rfc2822"},
		{"", "{name: c, path: $.c, type: timestamp, unit: seconds}", `{"c":1704875400123456789}`, "bad_timestamp $.c integer: set unit: nanoseconds, from: [string, integer], truncate: true"},
		{"", "{name: c, path: $.c, type: timestamp, format: '%d.%m.%Y'}", `{"c":"2024-01-10"}`,
			"bad_timestamp $.c string: with no format these values would fit, but a column has one format: if some are written as it is set, fix the feed, or set on_error: null"},
		{"", "{name: c, path: $.c, type: timestamp}", `{"c":"2024-01-10T08:30:00.1234567Z"}`, "timestamp_precision $.c string: set truncate: true"},
		{"", "{name: c, path: $.c, type: timestamp, zone: Europe/Berlin}", `{"c":"2024-10-27 02:30:00"}`,
			"ambiguous_time $.c string: ambiguous: earlier, or ambiguous: later, says which of the two is meant"},
		{"", "{name: c, path: $.c, type: timestamp, zone: Europe/Berlin}", `{"c":"2024-03-31 02:30:00"}`,
			"no_such_time $.c string: the clocks of the column's zone were put forward over this time: look at zone; if it is right, on_error: null"},
		{"key: 'raw/{k}/*'", "{name: c, key: k, type: string}", `{"sluice_quarantine":1,"source":"a","raw":"{}"}`,
			"key_mismatch $ : change key in the mapping so that it describes the source of the records"},
		{"", "{name: c, path: $.c, type: string, mask: domain}", `{"c":"ada"}`, "no_domain $.c string: list the texts that are no address in null_values; or use on_error: null"},
		{"", "{name: c, path: $.c, type: string, mask: domain}", `{"c":""}`, `no_domain $.c empty string: set null_values: [""]`},
		{"unknown_fields: reject", "{name: c, path: $.c, type: string}", `{"c":"a","n":7}`,
			`unknown_field $.n integer: a column with path: "$.n", type: int64; or drop: ["$.n"]; or unknown_fields: count`},
		{"limits: {record_bytes: 16}", "{name: c, path: $.c, type: string}", `{"c":"aaaaaaaaaaaaaaaa"}`, "record_too_large $ : raise limits: record_bytes"},
		{"limits: {field_bytes: 4}", "{name: c, path: $.c, type: string}", `{"c":"aaaaa"}`, "field_too_large $.c string: raise limits: field_bytes"},
		{"limits: {record_rows: 1}\nexplode: $.l[*]", "{name: c, path: '$.l[*].c', type: string}", `{"l":[{},{}]}`,
			"too_many_rows $.l[*] : raise limits: record_rows; what comes after that many rows was not looked at"},
	} {
		text := "table: t\n" + test.keys + "\ncolumns: [" + test.columns + "]\n"
		got := read(t, text, test.in)
		if diff := cmp.Diff(test.want, strings.Join(lines(got), "\n")); diff != "" {
			t.Errorf("%s\n%s\n-want +got:\n%s", text, test.in, diff)
		}
		for _, f := range got.Faults {
			seen[string(f.Reason)] = true
		}
	}
	if diff := cmp.Diff(codes(t), slices.Sorted(maps.Keys(seen))); diff != "" {
		t.Errorf("reasons of records -, those with advice here +\n%s", diff)
	}
}

// All faults of a record are found, and equal ones are one line.
func TestAllFaults(t *testing.T) {
	const text = `
tables:
  - table: orders
    columns:
      - {name: id, path: $.id, type: string, required: true}
      - {name: at, path: $.at, type: timestamp, required: true}
      - {name: city, path: $.address.city, type: string, required: true}
  - table: lines
    explode: $.lines[*]
    columns:
      - {name: sku, path: "$.lines[*].sku", type: string, required: true}
      - {name: price, path: "$.lines[*].price", type: "decimal(5,2)"}
`
	var in strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&in, "{\"id\":%d,\"at\":\"10.%02d.2024 09:15\",\"address\":\"a\",\"lines\":[{\"price\":1.505},{\"sku\":\"b\",\"price\":\"x\"}]}\n", i, i%12+1)
	}
	in.WriteString(`{"id":"a","at":"2024-01-10","lines":[]}` + "\n")
	got := read(t, text, in.String())
	want := []advice.Fault{
		{Reason: "wrong_type", Table: "orders", Column: "id", Path: "$.id", Found: "integer", Values: 1000, Records: 1000, Offset: 6, Advice: "set from: [string, integer]"},
		{Reason: "bad_timestamp", Table: "orders", Column: "at", Path: "$.at", Found: "string", Values: 1000, Records: 1000, Offset: 13},
		{Reason: "not_object", Path: "$.address", Found: "string", Values: 1000, Records: 1000, Offset: 42},
		{Reason: "decimal_scale", Table: "lines", Column: "price", Path: "$.lines[*].price", Found: "number", Values: 1000, Records: 1000, Offset: 64, Advice: `set type: "decimal(6,3)"`},
		{Reason: "missing_field", Table: "lines", Column: "sku", Path: "$.lines[*].sku", Found: "nothing", Values: 1000, Records: 1000, Offset: 55},
		{Reason: "bad_decimal", Table: "lines", Column: "price", Path: "$.lines[*].price", Found: "string", Values: 1000, Records: 1000, Offset: 90},
		{Reason: "missing_field", Table: "orders", Column: "city", Path: "$.address.city", Found: "nothing", Values: 1, Records: 1, Record: 1000, Offset: 98890},
		{Reason: "no_rows", Path: "$.lines", Found: "empty array", Values: 1, Records: 1, Record: 1000, Offset: 98890},
	}
	fixed := map[string]string{}
	for i := range got.Faults {
		f := &got.Faults[i]
		if i < len(want) && want[i].Advice == "" {
			want[i].Advice = f.Advice
		}
		if f.Fixed != nil {
			fixed[f.Column+" "+string(f.Reason)] = f.Fixed.Type.String() + " from " + f.Fixed.From.String()
			f.Fixed = nil
		}
	}
	// Of the times it is not known which number is the day.
	if diff := cmp.Diff(map[string]string{"id wrong_type": "string from string, integer", "price decimal_scale": "decimal(6,3) from string, number"}, fixed); diff != "" {
		t.Errorf("fixed columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got.Faults); diff != "" || got.Records != 1001 {
		t.Errorf("%d records; -want +got:\n%s", got.Records, diff)
	}
}

// Values of a kind that want different changes are different faults.
func TestVariants(t *testing.T) {
	in := "{\"c\":\"1,5\"}\n{\"c\":\"N/A\"}\n{\"c\":\"2.000,75\"}\n{\"c\":\"five\"}\n{\"c\":\"N/A\"}\n{\"c\":\"\"}\n{\"c\":\"3,5\"}\n"
	got := read(t, "table: t\ncolumns: [{name: c, path: $.c, type: 'decimal(9,2)'}]\n", in)
	want := []string{
		`bad_decimal $.c string: set format: "1.234,50"`, `bad_decimal $.c string: set null_values: ["N/A"]`,
		"bad_decimal $.c string: list the texts that are no number in null_values; or give the format in which they are written, if it is one; or use type: string, from: [string, number], or on_error: null",
		`bad_decimal $.c empty string: set null_values: [""]`,
	}
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Names of unknown members may be data: they are told apart only up to a bound.
func TestManyFaults(t *testing.T) {
	var in strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&in, "{\"c\":\"a\",\"n%d\":1}\n", i)
	}
	got := read(t, "table: t\nunknown_fields: reject\ncolumns: [{name: c, path: $.c, type: string}]\n", in.String())
	if got.Records != 5000 || len(got.Faults) != 200 || got.More != 4800 {
		t.Errorf("%d records, %d faults, %d more", got.Records, len(got.Faults), got.More)
	}
}

// codes are the reasons to quarantine a record: the first constants of package reason.
func codes(t *testing.T) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../reason/reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for _, spec := range d.Specs {
			code, err := strconv.Unquote(spec.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, code)
		}
		slices.Sort(all)
		return all
	}
	t.Fatal("no constants")
	return nil
}
