package flatten

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
)

const memoMapping = `table: lines
explode: $.lines[*]
columns:
  - {name: id, path: $.id, type: string}
  - {name: buyer, path: $.buyer.name, type: string}
  - {name: city, path: $.buyer.city, type: string}
  - {name: sku, path: "$.lines[*].sku", type: string, from: [string, integer]}
  - {name: title, path: "$.lines[*].title", type: string}
  - {name: price, path: "$.lines[*].price", type: "decimal(9,2)", required: true}
  - {name: quantity, path: "$.lines[*].quantity", type: int64}
when_empty: keep
`

// TestMemo reads records whose lines repeat, in part and in other forms, some
// of them broken: the rows are those of a reader that remembers nothing.
func TestMemo(t *testing.T) {
	for name, text := range map[string]string{
		"plain":    memoMapping,
		"required": strings.Replace(memoMapping, "type: int64", "type: int64, required: true", 1),
		"limited":  memoMapping + "limits: {record_rows: 2}\n",
		"traced":   memoMapping + "provenance: true\n",
		"kept":     memoMapping + "unknown_fields: keep\n",
		"errors":   strings.NewReplacer("required: true", "on_error: null", "type: int64", "type: int64, on_error: null").Replace(memoMapping),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := mapping.Parse("memo.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				with, without := newReader(m), newReader(m)
				forgetful(without)
				readAlike(t, with, without, drawRecord)
			})
		})
	}
}

// TestMemoOfTwoLevels: remembered lines contain lines of their own.
func TestMemoOfTwoLevels(t *testing.T) {
	const text = `table: taxes
explode: $.lines[*].taxes[*]
columns:
  - {name: sku, path: "$.lines[*].sku", type: string}
  - {name: quantity, path: "$.lines[*].quantity", type: int64}
  - {name: kind, path: "$.lines[*].taxes[*].kind", type: string}
  - {name: rate, path: "$.lines[*].taxes[*].rate", type: int64}
when_empty: `
	for _, when := range []string{"keep", "skip", "quarantine"} {
		t.Run(when, func(t *testing.T) {
			m, err := mapping.Parse("memo.yaml", []byte(text+when+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				with, without := newReader(m), newReader(m)
				forgetful(without)
				readAlike(t, with, without, func(t *rapid.T) string {
					var lines []string
					for range rapid.IntRange(0, 4).Draw(t, "lines") {
						var taxes []string
						for range rapid.IntRange(0, 3).Draw(t, "taxes") {
							taxes = append(taxes, rapid.SampledFrom([]string{
								`{"kind":"sales tax of a city","rate":1}`, `{"kind":"sales tax of a state","rate":12}`, `{"kind":"duty"}`, `{}`,
							}).Draw(t, "tax"))
						}
						sku := rapid.SampledFrom([]string{"A-1", "B-2, of a longer name"}).Draw(t, "sku")
						lines = append(lines, fmt.Sprintf(`{"sku":"%s","quantity":%d,"taxes":[%s]}`, sku, len(sku), strings.Join(taxes, ",")))
					}
					return `{"lines":[` + strings.Join(lines, ",") + `]}`
				})
			})
		})
	}
}

// forgetful removes the memos of a reader.
func forgetful(r *reader) {
	for _, n := range r.f.memos {
		n.memo = nil
	}
	r.f.memos = nil
}

// readAlike reads drawn records with two readers, and compares the result for
// each record, and the rows.
func readAlike(t *rapid.T, with, without *reader, draw func(*rapid.T) string) {
	for range rapid.IntRange(1, 30).Draw(t, "records") {
		if rapid.IntRange(0, 15).Draw(t, "row group") == 0 {
			nextAlike(t, with, without)
		}
		text := draw(t)
		if len(text) > 4<<10 { // more than the readers hold
			continue
		}
		flush := rapid.IntRange(0, 3).Draw(t, "flush") == 0
		a, b := with.read(text, flush), without.read(text, flush)
		if diff := cmp.Diff(b, a); diff != "" {
			t.Fatalf("%s\n-without +with:\n%s", text, diff)
		}
	}
	nextAlike(t, with, without)
}

// nextAlike compares the rows of two readers, which go on with a new row group.
func nextAlike(t *rapid.T, with, without *reader) {
	for _, r := range []*reader{with, without} {
		r.flush()
	}
	if diff := cmp.Diff(cells(without.b), cells(with.b)); diff != "" {
		t.Fatalf("-without +with:\n%s", diff)
	}
	for _, r := range []*reader{with, without} {
		r.b.Reset()
		r.f.Bind([]*batch.Batch{r.b})
	}
}

// TestMemoIsUsed: the memo changes only time, so the test looks at its counts.
func TestMemoIsUsed(t *testing.T) {
	m, err := mapping.Parse("memo.yaml", []byte(memoMapping))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(m)
	for i := range memoWarmUp {
		r.read(fmt.Sprintf(`{"id":"%d","lines":[{"sku":"A-1","title":"a longer title","price":1.50,"quantity":%d},{"sku":"B-2","title":"another title","price":2.50,"quantity":1}]}`, i, i), i%2 == 0)
	}
	for _, n := range r.f.memos {
		if want := memoWarmUp - 2; n.wild == 1 && n.memo.hits != want {
			t.Errorf("%d lines were known, want %d: behind the warm-up, all but the first of each", n.memo.hits, want)
		}
	}
}

// TestMemoOfManyShapes: lines are known whichever members they have.
func TestMemoOfManyShapes(t *testing.T) {
	m := "table: t\nexplode: $.lines[*]\ncolumns:\n  - {name: id, path: \"$.lines[*].id\", type: string}\n"
	for i := range 7 {
		m += fmt.Sprintf("  - {name: m%d, path: \"$.lines[*].m%d\", type: string}\n", i, i)
	}
	parsed, err := mapping.Parse("shapes.yaml", []byte(m))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(parsed)
	const lines, times = 64, 10
	for i := range lines * times {
		line := fmt.Sprintf("{\"id\":\"the id of line %d\"", i%lines)
		for k := range 7 {
			if k == 6 || i%lines>>k&1 != 0 {
				line += fmt.Sprintf(",\"m%d\":\"%d\"", k, i%lines)
			}
		}
		r.read("{\"lines\":["+line+"}]}", true)
	}
	if hits := r.f.memos[0].memo.hits; hits < lines*(times-3) {
		t.Errorf("%d of %d lines were known", hits, lines*times)
	}
}

func drawRecord(t *rapid.T) string {
	var b strings.Builder
	pick := func(label string, s ...string) string { return rapid.SampledFrom(s).Draw(t, label) }
	fmt.Fprintf(&b, `{"id":"%d","buyer":%s,"lines":[`, rapid.IntRange(0, 9).Draw(t, "id"),
		pick("buyer", `{"name":"Ada \u00e9 of the hill","city":"Oslo"}`, `{"name":"Ada \u00e9 of the hill","city":null}`, `{"name":"Bo","city":"Rome"}`, `null`))
	for i := range rapid.IntRange(0, 4).Draw(t, "lines") {
		if i > 0 {
			b.WriteString(pick("comma", ",", " , "))
		}
		sku := pick("sku", `"A-1"`, `"A-2"`, `17`, `"a very long stock keeping unit, longer than the key of a memo"`)
		title := pick("title", `"a title"`, `"a titl\u0065"`, `null`, `"another"`, "\"\xff\"")
		price := pick("price", `1.5`, `1.50`, `"1.5"`, `1.505`, `null`, `{}`)
		quantity := pick("quantity", `1`, `2`, `200`, `1.5`)
		b.WriteString(pick("form",
			`{"sku":`+sku+`,"title":`+title+`,"price":`+price+`,"quantity":`+quantity+`}`,
			`{"sku":`+sku+`,"title":`+title+`,"price":`+price+`}`,
			`{"sku": `+sku+`, "price": 1.5, "title": `+title+` }`,
			`{ "sku":`+sku+`,"title":`+title+`,"price":`+price+` , "quantity": `+quantity+` } `,
			`{}`, `17`,
			`{"sku":`+sku+`,"title":`+title+`,"note":"unknown","price":1.5,"quantity":1}`,
			`{"sku":`+sku+`,"title":`+title+`,"price":1.5,"price":1.5}`,
			`{"sku":`+sku+`,"title":`+title+`,"price":1.5,"quantity":`+quantity))
	}
	return b.String() + `]}`
}

// reader reads texts one after another into a batch.
type reader struct {
	f   *Flattener
	b   *batch.Batch
	buf []byte
	end int
}

func newReader(m *mapping.Mapping) *reader {
	t := &m.Tables[0]
	r := &reader{f: New(m, nil, Source{}), b: batch.New(m.Schema(t), Levels(m, t), t.Levels()), buf: make([]byte, 1<<16)}
	r.f.Bind([]*batch.Batch{r.b})
	return r
}

func (r *reader) read(text string, flush bool) Result {
	p := r.end
	r.end += copy(r.buf[p:], text)
	res := r.f.Record(r.buf, p, r.end, Origin{})
	res.End -= p
	res.At = max(res.At-p, 0)
	if flush || len(r.buf)-r.end < 8<<10 {
		r.flush()
	}
	return *res
}

func (r *reader) flush() {
	r.f.Flush(r.buf)
	clear(r.buf[:r.end+jsonscan.Padding])
	r.end = 0
}

// cells are the values of each column, one for each element of its level.
func cells(b *batch.Batch) [][]string {
	var all [][]string
	for i := range b.Columns {
		c := &b.Columns[i]
		var column []string
		for _, e := range c.Index[:b.Elements(c.Level)] {
			switch {
			case e == batch.Null:
				column = append(column, "NULL")
			case c.Type.Bytes():
				column = append(column, string(c.Entry(e)))
			default:
				column = append(column, fmt.Sprint(c.Fixed[e]))
			}
		}
		all = append(all, column)
	}
	return all
}
