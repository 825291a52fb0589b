package profiler_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/internal/profile"
	"sluice/internal/profiler"
	"sluice/mapping"
)

// FuzzProfile profiles any text as one document. What is counted as a sound
// record, encoding/json takes too, and finds the same in it.
func FuzzProfile(f *testing.F) {
	for seed := range uint64(20) {
		for _, doc := range documents(rand.New(rand.NewPCG(seed, 2)), 3) {
			f.Add(doc)
		}
	}
	for _, doc := range []string{``, `{`, `{"a":1,"a":2}`, "\"\xff\"", `"\ud800"`, `1 2`, `{"orders":[{"id":1},{"id":2}],"next":null}`, `{"data":[[{}]]}`, `{"a":`, "[\n", "x\n{}\n{}\n", `{"a":"12.10"}`, `{"a":"-0.00"}`, `{"a":"01.5"}`, "{\"orders\":[{\"id\":1},{\"id\":2}],\"\x8dext\":null}"} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		in := text("a.json", doc)
		if p, err := profiler.Run(context.Background(), []profiler.Input{in}, profiler.Options{Threads: 2, Limits: mapping.DefaultLimits}); err == nil {
			profiler.Unwrap(p)
			back, err := profile.Read(strings.NewReader(written(t, p)))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "read back", written(t, back), written(t, p))
		}
		p, err := profiler.Run(context.Background(), []profiler.Input{in}, options(t, 1, "$"))
		valid := json.Valid([]byte(doc))
		switch deep := strings.Count(doc, "[")+strings.Count(doc, "{") > mapping.DefaultLimits.Depth; {
		case deep:
		case valid && (err != nil || p.Records+p.Broken != 1):
			t.Fatalf("it is valid, but %+v %v", p, err)
		case err == nil && valid && p.Records == 1:
			compare(t, "$", p.Root, count(t, []string{doc}))
		case err == nil && !valid && p.Records == 1 && p.Broken == 0:
			t.Fatal("it is not valid, but one sound record")
		}
	})
}
