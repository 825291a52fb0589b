package flatten

import (
	"math/big"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/zones"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

func timeColumn(kind schema.Kind, t mapping.Times, u mapping.Unit) *times {
	return newTimes(&mapping.Column{Column: schema.Column{Type: schema.Type{Kind: kind}}, Unit: u, Times: t})
}

// someTime is a time of the years 1 to 9999, mostly of today's.
func someTime(t *rapid.T) time.Time {
	second := rapid.OneOf(rapid.Int64Range(minSecond, maxSecond), rapid.Int64Range(0, 2e9)).Draw(t, "second")
	return time.Unix(second, rapid.Int64Range(0, 999999).Draw(t, "microsecond")*1000).UTC()
}

// TestEpochIsExact: a number of units is the time that big.Rat finds, or its
// reason.
func TestEpochIsExact(t *testing.T) {
	perUnit := map[mapping.Unit]string{mapping.Seconds: "1000000", mapping.Milliseconds: "1000", mapping.Microseconds: "1", mapping.Nanoseconds: "1/1000", mapping.Days: "86400000000"}
	texts := rapid.OneOf(number(), rapid.Custom(func(t *rapid.T) string { return someTime(t).Format("20060102150405") }), rapid.Custom(func(t *rapid.T) string {
		micros := new(big.Rat).SetFrac64(someTime(t).UnixMicro(), rapid.SampledFrom([]int64{1, 1e3, 1e6, 86400e6}).Draw(t, "per unit"))
		return micros.FloatString(rapid.IntRange(0, 60).Draw(t, "digits")) + rapid.SampledFrom([]string{"", "", "0", "1"}).Draw(t, "more")
	}), rapid.SampledFrom([]string{
		"0e999999999999", "1e999999999999", "1e-999999999999", "-1e-999999999999", "-0", "-0.0", "1.569521782042E9",
		"1.15740740740740740740740740740740740740740740e-11", "1.15740740740740740740740740740740740740740741e-11",
	}))
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "number")
		if digits := strings.TrimPrefix(text, "-"); len(digits) > 1 && digits[0] == '0' && digits[1] != '.' && digits[1] != 'e' {
			return // such as a year before 1000, which is no number of JSON
		}
		unit := rapid.SampledFrom([]mapping.Unit{mapping.Seconds, mapping.Milliseconds, mapping.Microseconds, mapping.Nanoseconds, mapping.Days}).Draw(t, "unit")
		truncate := rapid.Bool().Draw(t, "truncate")
		kind := rapid.SampledFrom([]schema.Kind{schema.Date, schema.Timestamp}).Draw(t, "kind")
		got, code := timeColumn(kind, mapping.Times{Format: mapping.Epoch, Truncate: truncate}, unit).fromText(padded(text))
		want, wantCode := epochWanted(t, text, perUnit[unit], kind, truncate)
		if got != want || code != wantCode {
			t.Fatalf("%s %s: got %d %q, want %d %q", text, unit, got, code, want, wantCode)
		}
	})
}

func padded(text string) []byte {
	b := make([]byte, len(text)+64)
	copy(b, text)
	return b[:len(text)]
}

func epochWanted(t interface{ Fatalf(string, ...any) }, text, perUnit string, kind schema.Kind, truncate bool) (int64, reason.Code) {
	bad, finer := reason.BadTimestamp, reason.TimestampPrecision
	if kind == schema.Date {
		bad, finer = reason.BadDate, reason.BadDate
	}
	if mantissa, exponent, ok := strings.Cut(text, "e"); ok && len(exponent) > 5 { // more than big.Rat reads
		switch {
		case strings.Trim(mantissa, "-0.") == "":
			return 0, ""
		case exponent[0] != '-':
			return 0, bad
		case !truncate:
			return 0, finer
		case text[0] == '-':
			return -1, ""
		}
		return 0, ""
	}
	value := new(big.Rat).Mul(exact(t, text), exact(t, perUnit))
	micros := new(big.Int).Div(value.Num(), value.Denom()) // which goes down
	if micros.Cmp(big.NewInt(minSecond*1e6)) < 0 || micros.Cmp(big.NewInt((maxSecond+1)*1e6)) >= 0 {
		return 0, bad
	}
	whole := value.IsInt()
	if kind == schema.Date {
		day := big.NewInt(daySeconds * 1e6)
		whole = whole && new(big.Int).Mod(micros, day).Sign() == 0
		micros.Div(micros, day)
	}
	if !whole && !truncate {
		return 0, finer
	}
	return micros.Int64(), ""
}

// TestFormatsAgreeWithTime: what package time writes by a layout is read by the
// same format in words of strftime, as the same time.
func TestFormatsAgreeWithTime(t *testing.T) {
	formats := map[string]string{
		"%Y-%m-%dT%H:%M:%S.%f%z":   "2006-01-02T15:04:05.000000-07:00",
		"%FT%T%z":                  "2006-01-02T15:04:05Z0700",
		"%d/%m/%Y %H:%M":           "02/01/2006 15:04",
		"%D %R":                    "01/02/06 15:04",
		"%m/%d/%y, %I:%M %p":       "1/2/06, 3:04 PM",
		"%a %b %d %H:%M:%S %z %Y":  "Mon Jan 02 15:04:05 -0700 2006",
		"%a %b %e %H:%M:%S %Z %Y":  "Mon Jan _2 15:04:05 UTC 2006",
		"%A, %d %B %Y %I:%M:%S%p":  "Monday, 2 January 2006 3:04:05pm",
		"%Y%m%d%H%M%S%f":           "20060102150405.000000",
		"%Y%m%dT%H%M%SZ":           "20060102T150405Z",
		"%e.%m.%Y":                 "_2.1.2006",
		"%j of %Y (%%) %H":         "002 of 2006 (%) 15",
		"%Y-%m-%d %H:%M:%S,%f":     "2006-01-02 15:04:05,000",
		"le %d\u00e0 %m %Y  %H:%M": "le 02\u00e0 01 2006 \t 15:04",
	}
	names := make([]string, 0, len(formats))
	for format := range formats {
		names = append(names, format)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom(names).Draw(t, "format")
		layout := formats[format]
		at := someTime(t)
		if strings.Contains(layout, "07") {
			at = at.In(time.FixedZone("", 60*rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "zone")))
		}
		if y := at.Year(); y < 1 || y > 9999 || !strings.Contains(layout, "2006") && (y < 1969 || y > 2068) {
			return
		}
		text := at.Format(layout)
		want, err := time.Parse(layout, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if format == "%Y%m%d%H%M%S%f" {
			text = strings.Replace(text, ".", "", 1)
		}
		got, code := timeColumn(schema.Timestamp, mapping.Times{Format: format}, 0).fromText([]byte(text))
		if code != "" || got != want.UnixMicro() {
			t.Fatalf("%q by %s: got %d %q, want %d", text, format, got, code, want.UnixMicro())
		}
		got, code = timeColumn(schema.Date, mapping.Times{Format: format, Truncate: true}, 0).fromText([]byte(text))
		if days := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC).Unix() / daySeconds; code != "" || got != days {
			t.Fatalf("%q by %s: got day %d %q, want %d", text, format, got, code, days)
		}
	})
}

// TestFormatTexts are texts at the edges of what a format takes.
func TestFormatTexts(t *testing.T) {
	for _, c := range []struct {
		format, text, want string // want: RFC 3339, or a reason
	}{
		{"%d/%m/%Y %H:%M", "05/03/2019 21:40", "2019-03-05T21:40:00Z"},
		{"%d/%m/%Y %H:%M", "5/3/2019 7:04", "2019-03-05T07:04:00Z"},
		{"%d/%m/%Y %H:%M", "5/3/2019 \t 7:04", "2019-03-05T07:04:00Z"},
		{"%d/%m/%Y %H:%M", "5/3/20197:04", "bad_timestamp"},
		{"%d/%m/%Y %H:%M", "005/3/2019 7:04", "bad_timestamp"},
		{"%d/%m/%Y %H:%M", "5/3/2019 7:04 ", "bad_timestamp"},
		{"%d/%m/%Y %H:%M", " 5/3/2019 7:04", "bad_timestamp"},
		{"%d/%m/%Y %H:%M", "5/13/2019 7:04", "bad_timestamp"},
		{"%d/%m/%Y %H:%M", "31/4/2019 7:04", "bad_timestamp"},
		{"%d/%m/%Y %H:%M", "5/3/0000 7:04", "bad_timestamp"},
		{"%d/%m/%Y %H:%M", "5/3/2019 24:00", "bad_timestamp"},
		{"%d/%m/%Y %H:%M", "", "bad_timestamp"},
		{"%d/%m/%Y", "5/3/2019", "2019-03-05T00:00:00Z"},
		{"%e/%m/%Y", " 5/3/2019", "2019-03-05T00:00:00Z"},
		{"%e/%m/%Y", "  5/3/2019", "bad_timestamp"},
		{"%Y%m%d", "20240111", "2024-01-11T00:00:00Z"},
		{"%Y%m%d", "2024111", "bad_timestamp"}, // January 11th or November 1st
		{"%Y%m%d%H%M%S%f", "20240111083000", "bad_timestamp"},
		{"%Y%m%d%H%M%S%f", "20240111083000123456", "2024-01-11T08:30:00.123456Z"},
		{"%Y%m%d%H%M%S%f", "20240111083000123", "bad_timestamp"},
		{"%Y-%m-%d %H:%M:%S.%f", "2024-01-11 08:30:00.1", "2024-01-11T08:30:00.1Z"},
		{"%Y-%m-%d %H:%M:%S.%f", "2024-01-11 08:30:00.123456000", "2024-01-11T08:30:00.123456Z"},
		{"%Y-%m-%d %H:%M:%S.%f", "2024-01-11 08:30:00.1234567", "timestamp_precision"},
		{"%Y-%m-%d %H:%M:%S.%f", "2024-01-11 08:30:00.", "bad_timestamp"},
		{"%d.%m.%y", "01.01.68", "2068-01-01T00:00:00Z"},
		{"%d.%m.%y", "01.01.69", "1969-01-01T00:00:00Z"},
		{"%d.%m.%y", "01.01.00", "2000-01-01T00:00:00Z"},
		{"%d.%m.%y", "01.01.9", "bad_timestamp"},
		{"%Y-%j", "2024-366", "2024-12-31T00:00:00Z"},
		{"%Y-%j", "2024-60", "2024-02-29T00:00:00Z"},
		{"%Y-%j", "2023-366", "bad_timestamp"},
		{"%Y-%j", "2023-0", "bad_timestamp"},
		{"%Y-%m-%d %I:%M %p", "2024-01-11 12:05 am", "2024-01-11T00:05:00Z"},
		{"%Y-%m-%d %I:%M %p", "2024-01-11 12:05 PM", "2024-01-11T12:05:00Z"},
		{"%Y-%m-%d %I:%M %p", "2024-01-11 1:05 Pm", "2024-01-11T13:05:00Z"},
		{"%Y-%m-%d %I:%M %p", "2024-01-11 13:05 PM", "bad_timestamp"},
		{"%Y-%m-%d %I:%M %p", "2024-01-11 0:05 PM", "bad_timestamp"},
		{"%a %b %d %H:%M:%S %z %Y", "Tue Mar 05 21:40:11 +0000 2019", "2019-03-05T21:40:11Z"},
		{"%a %b %d %H:%M:%S %z %Y", "tue MAR 05 21:40:11 -08:00 2019", "2019-03-06T05:40:11Z"},
		{"%a %b %d %H:%M:%S %z %Y", "Tue Mar 05 21:40:11 +05 2019", "2019-03-05T16:40:11Z"},
		{"%a %b %d %H:%M:%S %z %Y", "Tue Mar 05 21:40:11 Z 2019", "2019-03-05T21:40:11Z"},
		{"%a %b %d %H:%M:%S %z %Y", "Wed Mar 05 21:40:11 +0000 2019", "bad_timestamp"}, // it was a Tuesday
		{"%a %b %d %H:%M:%S %z %Y", "Tue March 05 21:40:11 +0000 2019", "bad_timestamp"},
		{"%a %b %d %H:%M:%S %z %Y", "Tue Mar 05 21:40:60 +0000 2019", "bad_timestamp"},
		{"%a %b %d %H:%M:%S %z %Y", "Tue Mar 05 21:40:11 +0060 2019", "bad_timestamp"},
		{"%a %b %d %H:%M:%S %z %Y", "Tue Mar 05 21:40:11 EST 2019", "bad_timestamp"},
		{"%a %b %d %H:%M:%S %z %Y", "Tue Mar 05 21:40:11 ", "bad_timestamp"},
		{"%d %B %Y %H:%M %Z", "5 march 2019 21:40 UTC", "2019-03-05T21:40:00Z"},
		{"%d %B %Y %H:%M %Z", "5 May 2019 21:40 gmt", "2019-05-05T21:40:00Z"},
		{"%d %B %Y %H:%M %Z", "5 Mar 2019 21:40 UTC", "bad_timestamp"},
		{"%d %B %Y %H:%M %Z", "5 March 2019 21:40 CET", "bad_timestamp"},
		{"%Y-%m-%dT%H:%M%z", "0001-01-01T00:00+00:01", "bad_timestamp"},
		{"%Y-%m-%dT%H:%M%z", "9999-12-31T23:59-00:01", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 +0000", "2019-03-05T21:40:11Z"},
		{"rfc2822", "Tue, 5 Mar 2019 21:40 -0830", "2019-03-06T06:10:00Z"},
		{"rfc2822", "5 Mar 2019 21:40:11 GMT", "2019-03-05T21:40:11Z"},
		{"rfc2822", "tue,5  mar\t2019 21:40:11 ut", "2019-03-05T21:40:11Z"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 EST", "2019-03-06T02:40:11Z"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 PDT", "2019-03-06T04:40:11Z"},
		{"rfc2822", "Tue, 05 Mar 19 21:40:11 Z", "2019-03-05T21:40:11Z"},
		{"rfc2822", "05 Mar 50 21:40:11 UTC", "1950-03-05T21:40:11Z"},
		{"rfc2822", "05 Mar 49 21:40:11 UTC", "2049-03-05T21:40:11Z"},
		{"rfc2822", "05 Mar 119 21:40:11 UTC", "bad_timestamp"},
		{"rfc2822", "Wed, 05 Mar 2019 21:40:11 +0000", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 +00:00", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 +00", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 CET", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 A", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 ESTX", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 +0000 (UTC)", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:60 +0000", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 1:40:11 +0000", "bad_timestamp"},
		{"rfc2822", "", "bad_timestamp"},
		{"rfc2822", "Tue", "bad_timestamp"},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 ", "bad_timestamp"},
		{"epoch", "1.569521782042E9", "2019-09-26T18:16:22.042Z"},
		{"epoch", " 1", "bad_timestamp"},
		{"epoch", "", "bad_timestamp"},
	} {
		got, code := timeColumn(schema.Timestamp, mapping.Times{Format: c.format}, mapping.Seconds).fromText(padded(c.text))
		text := string(code)
		if code == "" {
			text = time.UnixMicro(got).UTC().Format(time.RFC3339Nano)
		}
		if text != c.want {
			t.Errorf("%q by %s: got %s, want %s", c.text, c.format, text, c.want)
		}
	}
}

// FuzzFormats: no text makes a format panic or leave the range of times, and
// what RFC 2822 is read as is what package mail reads.
func FuzzFormats(f *testing.F) {
	columns := []*times{}
	for _, format := range []string{"%a %b %e %H:%M:%S %z %Y", "%d/%m/%y%I%p %Z", "%Y%m%d%H%M%S%f", "%A%B%d%Y", "%Y-%j", "epoch"} {
		columns = append(columns, timeColumn(schema.Timestamp, mapping.Times{Format: format}, mapping.Days))
	}
	mails := timeColumn(schema.Timestamp, mapping.Times{Format: mapping.RFC2822}, 0)
	for _, text := range []string{"Tue, 05 Mar 2019 21:40:11 +0000", "5 Mar 19 21:40 EST", "Tue Mar  5 21:40:11 +0000 2019", "5/3/199PM Z", "20240111083000123456", "TuesdayMarch52019", "2024-366", "1e-3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range columns {
			if v, code := c.fromText(padded(text)); code == "" && (v < minSecond*1e6 || v >= (maxSecond+1)*1e6) {
				t.Fatalf("%q: %d", text, v)
			}
		}
		got, code := mails.fromText([]byte(text))
		if code != "" {
			return
		}
		plain := mailDate(text)
		want, err := mail.ParseDate(plain)
		if err != nil {
			t.Fatalf("%q is accepted, but package mail says of %q: %v", text, plain, err)
		}
		if strings.ContainsAny(plain[len(plain)-5:], "+-") && want.UnixMicro() != got { // package mail knows few names of zones
			t.Fatalf("%q: got %d, want %v", text, got, want)
		}
	})
}

// mailDate is a date as package mail wants it: single blanks, four digits of the
// year, and a zone in capital letters.
func mailDate(text string) string {
	words := strings.Fields(strings.ReplaceAll(text, ",", ", "))
	words[len(words)-1] = strings.ToUpper(words[len(words)-1])
	year := &words[len(words)-3]
	switch {
	case len(*year) == 2 && *year < "50":
		*year = "20" + *year
	case len(*year) == 2:
		*year = "19" + *year
	}
	return strings.Join(words, " ")
}

// TestZones: a second whose clocks show a time is found, whichever zone it is,
// and said to be one of two, or none, where that is so.
func TestZones(t *testing.T) {
	names, err := zones.Names()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "zone")
		location, err := zones.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		at := someTime(t).Truncate(time.Second).In(location)
		_, end := at.ZoneBounds()
		if !end.IsZero() && end.After(at) && end.Year() < 9999 { // near a change of clocks
			at = end.Add(time.Duration(rapid.IntRange(-26*3600, 26*3600).Draw(t, "around")) * time.Second)
		}
		_, east := at.Zone()
		wall := at.Unix() + int64(east) + rapid.Int64Range(-3, 3).Draw(t, "hours")*3600
		checkZone(t, location, wall)
	})
}

func checkZone(t *rapid.T, location *time.Location, wall int64) {
	var seconds []int64 // in which clocks show wall
	seen := map[int64]bool{}
	for shift := int64(-26 * 3600); shift <= 26*3600; shift += 900 {
		_, east := time.Unix(wall+shift, 0).In(location).Zone()
		second := wall - int64(east)
		if _, e := time.Unix(second, 0).In(location).Zone(); e == east && !seen[second] {
			seen[second] = true
			seconds = append(seconds, second)
		}
	}
	slices.Sort(seconds)
	for _, a := range []mapping.Ambiguous{mapping.AmbiguousRefused, mapping.Earlier, mapping.Later} {
		var want int64
		var wantCode reason.Code
		switch {
		case len(seconds) == 0:
			wantCode = reason.NoSuchTime
		case len(seconds) == 1 || a == mapping.Earlier:
			want = seconds[0]
		case a == mapping.Later:
			want = seconds[len(seconds)-1]
		default:
			wantCode = reason.AmbiguousTime
		}
		got, code := newZone(location, a).utc(wall)
		if got != want || code != wantCode {
			t.Fatalf("%s %s: got %d %q, want %d %q of %v", location, time.Unix(wall, 0).UTC().Format(time.DateTime), got, code, want, wantCode, seconds)
		}
	}
}
