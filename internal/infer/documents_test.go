package infer_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/infer/infertest"
)

// anywhere are the places of records of a mapping that names none.
var anywhere = []string{"$[*]", "$"}

// TestRandomDocuments draws documents whose records have things in common, and
// some of them do not keep to it.
func TestRandomDocuments(t *testing.T) {
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 300
	}
	for seed := range seeds {
		text := documents(rand.New(rand.NewPCG(seed, 0)))
		infertest.RoundTrip(t, anywhere, text)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A kind says what stands at a path of drawn records.
type kind struct {
	draw    func(*rand.Rand) string
	members map[string]*kind
	names   func(*rand.Rand) string // if they are data
	element *kind
	absent  float64
	stray   float64 // share of values of another kind
}

// documents are records with white space between them, or an array of them.
func documents(r *rand.Rand) string { return drawRecord(r).documents(r) }

// drawRecord draws what stands in records.
func drawRecord(r *rand.Rand) *kind {
	root := drawKind(r, 4)
	for root.members == nil && r.IntN(8) > 0 {
		root = drawKind(r, 4)
	}
	return root
}

func (k *kind) documents(r *rand.Rand) string {
	var all []string
	for range 1 + r.IntN(12) {
		all = append(all, k.text(r))
	}
	other := slices.ContainsFunc(all, func(text string) bool { return text[0] != '{' })
	if other || r.IntN(3) == 0 {
		return "[" + strings.Join(all, ",") + "]"
	}
	return strings.Join(all, "\n")
}

var memberNames = []string{
	"id", "order_id", "created_at", "total", "total_cents", "currency", "name", "Name", "email", "price", "amount", "centAmount", "fractionDigits", "items", "lines", "address",
	"ünïcode", "a b", "a.b", "", "$oid", "S", "N", "2024", "updatedAt", "x'y", "x\"y", "tab\t", "名前", "_id", "value", "key", "HTTPStatus", "ts", "date", "10", "u1", "u2", "u3",
	"line\u2028end", "very_long_" + strings.Repeat("name_", 30), "select", "true", "null", "records", "0b", "v1", "phone", "ip", "ID", "iD",
}

var dataNames = []func(*rand.Rand) string{
	func(r *rand.Rand) string { return strconv.Itoa(r.IntN(100000)) },
	func(r *rand.Rand) string { return fmt.Sprintf("2024-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28)) },
	func(r *rand.Rand) string {
		return fmt.Sprintf("-M%dxY%dzT%dabcdef%d", r.IntN(10), r.IntN(100), r.IntN(100), r.IntN(1000))
	},
	func(r *rand.Rand) string { return fmt.Sprintf("sku-%d", r.IntN(1000)) },
	func(r *rand.Rand) string { return fmt.Sprintf("person%d@example.com", r.IntN(100)) },
	func(r *rand.Rand) string { return fmt.Sprintf("any %d thing", r.IntN(100)) },
}

func drawKind(r *rand.Rand, deep int) *kind {
	k := &kind{}
	if r.IntN(3) == 0 {
		k.absent = r.Float64()
	}
	if r.IntN(12) == 0 {
		k.stray = r.Float64() / 2
	}
	switch n := r.IntN(10); {
	case deep == 0 || n < 4:
		k.draw = drawScalar(r)
	case n < 7:
		k.members = map[string]*kind{}
		for range r.IntN(7) {
			k.members[memberNames[r.IntN(len(memberNames))]] = drawKind(r, deep-1)
		}
	case n < 8:
		k.members = map[string]*kind{}
		k.names, k.element = dataNames[r.IntN(len(dataNames))], drawKind(r, deep-1)
	default:
		k.element = drawKind(r, deep-1)
	}
	return k
}

func (k *kind) text(r *rand.Rand) string {
	if r.Float64() < k.stray {
		return drawKind(r, 1).text(r)
	}
	switch {
	case k.draw != nil:
		return k.draw(r)
	case k.names != nil:
		all := map[string]string{}
		for range r.IntN(6) {
			all[k.names(r)] = k.element.text(r)
		}
		return objectText(all)
	case k.members != nil:
		all := map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(k.members)) { // a seed gives the same documents each time
			m := k.members[name]
			all[name] = m.text(r)
			if r.Float64() < m.absent {
				delete(all, name)
			}
		}
		return objectText(all)
	}
	var all []string
	for range r.IntN(5) {
		all = append(all, k.element.text(r))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func drawScalar(r *rand.Rand) func(*rand.Rand) string {
	forms := scalarForms
	one := forms[r.IntN(len(forms))]
	if r.IntN(3) > 0 {
		return one
	}
	other, share := forms[r.IntN(len(forms))], r.Float64()
	return func(r *rand.Rand) string {
		if r.Float64() < share {
			return other(r)
		}
		return one(r)
	}
}

func of(texts ...string) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return texts[r.IntN(len(texts))] }
}

var scalarForms = []func(*rand.Rand) string{
	func(r *rand.Rand) string { return strconv.Itoa(r.IntN(1000)) },
	func(r *rand.Rand) string { return strconv.FormatInt(r.Int64()-1<<62, 10) },
	func(r *rand.Rand) string { return strconv.FormatInt(1700000000+r.Int64N(1e6), 10) },
	func(r *rand.Rand) string { return strconv.FormatInt(1700000000000+r.Int64N(1e9), 10) },
	func(r *rand.Rand) string { return strconv.FormatInt(1700000000000000000+r.Int64N(1e9), 10) },
	func(r *rand.Rand) string { return fmt.Sprintf("%d.%02d", r.IntN(1000), r.IntN(100)) },
	func(r *rand.Rand) string { return fmt.Sprintf(`"%d.%02d"`, r.IntN(1000), r.IntN(100)) },
	func(r *rand.Rand) string { return fmt.Sprintf(`"%d"`, r.IntN(1000)) },
	func(r *rand.Rand) string { return fmt.Sprintf(`"%06d"`, r.IntN(1000)) },
	func(r *rand.Rand) string { return strconv.FormatFloat(r.NormFloat64()*1e-8, 'g', -1, 64) },
	func(r *rand.Rand) string { return strconv.FormatFloat(r.ExpFloat64(), 'f', -1, 64) },
	func(r *rand.Rand) string { return fmt.Sprintf(`"2024-%02d-%02d"`, 1+r.IntN(12), 1+r.IntN(28)) },
	func(r *rand.Rand) string { return fmt.Sprintf(`"2024-01-10T08:%02d:00Z"`, r.IntN(60)) },
	func(r *rand.Rand) string { return fmt.Sprintf(`"2024-01-10T08:%02d:00.123456789+02:00"`, r.IntN(60)) },
	func(r *rand.Rand) string { return fmt.Sprintf(`"Tue, 05 Mar 2019 21:%02d:11 +0000"`, r.IntN(60)) },
	func(r *rand.Rand) string { return fmt.Sprintf(`"Tue Mar 05 21:%02d:11 +0100 2019"`, r.IntN(60)) },
	of(`"$1,234.50"`, `"5 €"`, `"EUR 7"`, `"-1.234,50"`, `"1'234"`, `"{\"a\":[1]}"`),
	of(`"A-1"`, `"b"`, `"person@example.com"`, `"tab\there"`, `"\u0000"`, `"ü"`),
	of("true", "false"), of(`"true"`, `"false"`), of("null"), of(`""`), of("{}"), of("[]"), of(`"EUR"`, `"USD"`, `"JPY"`), of("2", "3"),
	of("12345678901234567890", "-9223372036854775808", "9223372036854775808"), of("1e5", "1E-3", "1e999", "0e0"), of("-0", "0.0", "-0.0", "1.50"),
	of(`{"$oid":"0123"}`), of(`{"S":"a"}`, `{"N":"1.5"}`), of(`{"$date":1700000000000}`, `{"$date":{"$numberLong":"1"}}`),
	of("0."+strings.Repeat("123", 20), strings.Repeat("9", 37)+".5"),
}

func objectText(members map[string]string) string {
	var b strings.Builder
	b.WriteByte('{')
	for name, text := range sortedMembers(members) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(quoteJSON(name) + ":" + text)
	}
	b.WriteByte('}')
	return b.String()
}

func sortedMembers(m map[string]string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
