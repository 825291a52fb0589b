package flatten

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// number makes the text of a JSON number, of all lengths and with all parts.
func number() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		digits := func(label string, min, max int) string {
			return rapid.StringOfN(rapid.RuneFrom([]rune("0001234567899")), min, max, -1).Draw(t, label)
		}
		whole := strings.TrimLeft(digits("whole", 1, 42), "0")
		if whole == "" {
			whole = "0"
		}
		s := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + whole
		if rapid.Bool().Draw(t, "has fraction") {
			s += "." + digits("fraction", 1, 42)
		}
		if rapid.Bool().Draw(t, "has exponent") {
			s += rapid.SampledFrom([]string{"e", "E", "e+", "e-", "E-"}).Draw(t, "e") + fmt.Sprint(rapid.IntRange(0, 60).Draw(t, "exponent"))
		}
		return s
	})
}

// exact is the value of a JSON number as big.Rat reads it.
func exact(t interface{ Fatalf(string, ...any) }, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("big.Rat does not read %q", text)
	}
	return r
}

// wanted is what a decimal(precision,scale) must make of text: the unscaled
// integer, or nil if it does not fit.
func wanted(r *big.Rat, precision, scale int) *big.Int {
	pow := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	u := new(big.Rat).Mul(r, new(big.Rat).SetInt(pow))
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	if !u.IsInt() || u.Num().CmpAbs(limit) >= 0 {
		return nil
	}
	return u.Num()
}

func scanned(text string) ([]byte, jsonscan.Number) {
	b := append([]byte(text), make([]byte, jsonscan.Padding)...)
	_, n := jsonscan.ScanNumber(b, 0)
	return b[:len(text)], n
}

func TestDecimalIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkDecimal(t, number().Draw(t, "number"), rapid.IntRange(1, 38).Draw(t, "precision"), rapid.IntRange(0, 38).Draw(t, "scale"))
	})
}

func checkDecimal(t interface{ Fatalf(string, ...any) }, text string, precision, scale int) {
	scale = min(scale, precision)
	b, n := scanned(text)
	want := wanted(exact(t, text), precision, scale)
	hi, lo, code := toDecimal(b, n, 0, precision, scale)
	if (code == "") != (want != nil) {
		t.Fatalf("%s as decimal(%d,%d): code %q, want %v", text, precision, scale, code, want)
	}
	if code == "" {
		got := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(int64(hi)), 64), new(big.Int).SetUint64(lo))
		if got.Cmp(want) != 0 {
			t.Fatalf("%s as decimal(%d,%d): got %v, want %v", text, precision, scale, got, want)
		}
	}
	for _, minor := range []int{1, 2, 18} {
		if !n.Integer() {
			break
		}
		units := fmt.Sprintf("%se-%d", text, minor)
		want := wanted(exact(t, units), precision, scale)
		hi, lo, code := toDecimal(b, n, minor, precision, scale)
		got := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(int64(hi)), 64), new(big.Int).SetUint64(lo))
		if (code == "") != (want != nil) || want != nil && want.Cmp(got) != 0 {
			t.Fatalf("%s as decimal(%d,%d): got %v %q, want %v", units, precision, scale, got, code, want)
		}
	}
	for _, limit := range []uint64{math.MaxInt32, math.MaxInt64} {
		got, code := toInt(b, n, limit)
		r := exact(t, text)
		lowest := new(big.Int).Neg(new(big.Int).SetUint64(limit + 1))
		fits := r.IsInt() && r.Num().Cmp(lowest) >= 0 && r.Num().Cmp(new(big.Int).SetUint64(limit)) <= 0
		if (code == "") != fits || fits && r.Num().Cmp(big.NewInt(got)) != 0 {
			t.Fatalf("%s as integer up to %d: got %d %q", text, limit, got, code)
		}
		if !r.IsInt() && code != reason.NotInteger {
			t.Fatalf("%s as integer: code %q", text, code)
		}
	}
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0", "-0.00", "1e3", "1e-3", "9.99e2", "123456789012345678901234567890123456789", "0.1", "1E+2", "100000000000000000000e-20"} {
		f.Add(s, uint8(18), uint8(4))
	}
	f.Fuzz(func(t *testing.T, text string, precision, scale uint8) {
		b := append([]byte(text), make([]byte, jsonscan.Padding)...)
		end, _ := jsonscan.ScanNumber(b, 0)
		if end != len(text) {
			return
		}
		// big.Rat would write out an exponent of a billion; a value that far
		// away has the same outcome as one a thousand digits away.
		if i := strings.IndexAny(text, "eE"); i >= 0 && len(strings.TrimLeft(text[i+1:], "+-0")) > 3 {
			v := parseDigits(b[:len(text)])
			if _, _, code := v.unscaled(38, 0); code == "" && v.n > 0 && len(text) < 900 {
				t.Fatalf("%s fits 38 digits", text)
			}
			return
		}
		checkDecimal(t, text, int(precision%38)+1, int(scale%39))
	})
}

// layouts are the texts of timestamps in the words of package time.
var layouts = []string{
	"2006-01-02", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04:05.999999Z07:00",
	"2006-01-02T15:04:05-0700", "2006-01-02T15:04:05-07", "2006-01-02T15:04", "2006-01-02 15:04Z07:00", "2006-01-02T15:04:05.000000",
}

// timestamps is how a timestamp column reads, if its mapping says nothing else.
var timestamps = newTimes(&mapping.Column{Column: schema.Column{Type: schema.Type{Kind: schema.Timestamp}}})

func TestTimestampAgreesWithTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sec := rapid.Int64Range(minSecond, maxSecond).Draw(t, "second")
		micro := rapid.Int64Range(0, 999999).Draw(t, "microsecond")
		zone := rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "zone") * 60
		layout := rapid.SampledFrom(layouts).Draw(t, "layout")
		at := time.Unix(sec, micro*1000).In(time.FixedZone("", zone))
		if at.Year() < 1 || at.Year() > 9999 {
			return
		}
		text := at.Format(layout)
		want, err := time.Parse(layout, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, code := timestamps.fromText([]byte(text))
		if want = want.UTC(); want.Year() < 1 || want.Year() > 9999 {
			if code != reason.BadTimestamp {
				t.Fatalf("%s leaves the years 1 to 9999: got %q", text, code)
			}
			return
		}
		if code != "" || got != want.UnixMicro() {
			t.Fatalf("%s: got %d %q, want %d", text, got, code, want.UnixMicro())
		}
		days, ok := parseDate([]byte(at.Format(time.DateOnly)))
		if !ok || days*daySeconds != time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC).Unix() {
			t.Fatalf("%s: got day %d %v", at.Format(time.DateOnly), days, ok)
		}
	})
}

// FuzzTimestamp shows that what is accepted means what package time reads.
func FuzzTimestamp(f *testing.F) {
	for _, l := range layouts {
		f.Add(l)
	}
	for _, s := range []string{"2024-02-30", "2024-01-10T24:00:00Z", "2024-01-10T23:59:60Z", "2024-01-10T00:00:00.1234567Z", "0000-00-00", "+012024-01-10", "2024-01-10T12:00:00+99:99", "2024-01-10T12:00:00.Z", "2024-01-10 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, code := timestamps.fromText([]byte(text))
		if code != "" {
			return
		}
		norm := strings.ToUpper(text)
		if len(norm) > 10 {
			norm = norm[:10] + "T" + norm[11:]
		}
		for _, l := range []string{"2006-01-02", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05-07", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02T15:04-0700", "2006-01-02T15:04-07"} {
			if want, err := time.Parse(l, norm); err == nil {
				if want.UnixMicro() != got || want.Nanosecond()%1000 != 0 {
					t.Fatalf("%q: got %d, want %v", text, got, want)
				}
				return
			}
		}
		t.Fatalf("%q is accepted, but package time reads it by no layout", text)
	})
}

// TestClock: the fast way to read a time accepts what the other accepts, as the
// same time, and little else.
func TestClock(t *testing.T) {
	c := newClock()
	rapid.Check(t, func(t *rapid.T) {
		digits := func(min, max int) string { return fmt.Sprintf("%02d", rapid.IntRange(min, max).Draw(t, "n")) }
		s := []byte(rapid.SampledFrom([]string{"2024", "0001", "9999", "0000"}).Draw(t, "year") + "-" + digits(0, 13) + "-" + digits(0, 32) +
			rapid.SampledFrom([]string{"T", "t", " "}).Draw(t, "T") + digits(0, 25) + ":" + digits(0, 61) + ":" + digits(0, 61))
		if rapid.Bool().Draw(t, "broken") {
			s[rapid.IntRange(0, len(s)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		if rapid.Bool().Draw(t, "fresh") {
			c = newClock()
		}
		if rapid.Bool().Draw(t, "zeros") {
			clear(s[:10])
		}
		got, ok := c.seconds((*[19]byte)(s))
		want, code := timestamps.fromText(append(s, 'Z'))
		if ok != (code == "" && s[10] == 'T') || ok && got*1e6 != want {
			t.Fatalf("%q: %d %v, want %d %q", s, got, ok, want, code)
		}
	})
}
