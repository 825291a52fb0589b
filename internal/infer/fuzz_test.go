package infer_test

import (
	"math/rand/v2"
	"testing"

	"sluice/internal/infer/infertest"
)

// FuzzInfer makes a mapping of any input that has a record. Whatever it is, the
// mapping passes the check, and takes each sound record.
func FuzzInfer(f *testing.F) {
	for seed := range uint64(40) {
		f.Add([]byte(documents(rand.New(rand.NewPCG(seed, 1)))))
	}
	f.Add([]byte(`{"Item":{"id":{"S":"a"},"n":{"N":"1e5"},"l":{"L":[{"M":{"x":{"NULL":true}}}]},"ns":{"NS":["1","2.5"]}}}`))
	f.Add([]byte(`{"id":{"S":"a"},"n":{"N":"1.50"},"l":{"L":[{"M":{"x":{"NULL":true}}},{"M":{"x":{"N":"7"}}}]},"b":{"BOOL":true}}`))
	f.Add([]byte(`{"_id":{"$oid":"0123"},"at":{"$date":{"$numberLong":"1700000000000"}},"v":[{"$numberDecimal":"1.5"},2],"d":{"$date":5}}`))
	f.Add([]byte(`{"at":{"$date":{"$numberLong":"1.00000000000"}},"b":{"$date":{"$numberLong":"1700000000000"}}}`))
	f.Add([]byte(`[[1,2],[null],[{"a":1}]]`))
	f.Add([]byte(`{"orders":[{"id":1,"lines":[{"sku":"A-1"}]},{"id":2}],"next":null}`))
	f.Add([]byte("{\"order\":{\"id\":1,\"total\":\"1.50\"}}\n{\"order\":{\"id\":2}}"))
	f.Add([]byte("{\"\xefrder\":{\"id\":1}}\n{\"order\":{\"id\":2}}"))
	f.Add([]byte("{\"order\":{\"id\":}}\n{\"order\":{\"id\":2}}"))
	f.Add([]byte("{\"rder\":{\"id\":}}\n{\"order\":{\"id\":2}}"))
	f.Add([]byte(`[1e999,-0.0,1E5,12345678901234567890]`))
	f.Add([]byte(`{"a_cents":1,"currency":"EUR","m":{"centAmount":5,"fractionDigits":2}}`))
	f.Fuzz(func(t *testing.T, doc []byte) { infertest.Takes(t, doc) })
}
