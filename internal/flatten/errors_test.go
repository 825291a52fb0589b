package flatten

import (
	"strings"
	"testing"

	"sluice/mapping"
)

// A line with a value that does not fit counts each time, and has it in _errors
// each time, however often it repeats.
func TestErrorsOfRepeatedLines(t *testing.T) {
	m, err := mapping.Parse("errors.yaml", []byte(strings.NewReplacer("required: true", "on_error: null", "type: int64", "type: int64, on_error: null").Replace(memoMapping)))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(m)
	const times = 2 * memoWarmUp
	for i := range times {
		res := r.read(`{"id":"1","lines":[{"sku":"A-1","title":"a title","price":1.5,"quantity":1},{"sku":"B-2","title":"another title","price":1.505,"quantity":1},`+
			`{"sku":"A-1","title":"a title","price":1.5,"quantity":"one"}]}`, i%2 == 0)
		if len(res.Errors) != 2 || res.Errors[0] != "decimal_scale" || res.Errors[1] != "not_integer" {
			t.Fatalf("record %d: %+v", i, res)
		}
	}
	r.flush()
	all := cells(r.b)
	price, errors := all[5], all[len(all)-1]
	for i := range price {
		wantPrice := []string{"150", "NULL", "150"}[i%3]
		want := []string{"NULL", `{"price":{"reason":"decimal_scale","path":"$.lines[1].price","value":1.505}}`, `{"quantity":{"reason":"not_integer","path":"$.lines[2].quantity","value":"one"}}`}[i%3]
		if price[i] != wantPrice || errors[i] != want {
			t.Fatalf("row %d: price %s, errors %s", i, price[i], errors[i])
		}
	}
	if len(price) != 3*times {
		t.Errorf("%d rows", len(price))
	}
	for _, n := range r.f.memos {
		if n.wild == 1 && n.memo.hits == 0 {
			t.Error("no line was known")
		}
	}
}
