package conversion_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/conversion"
	"sluice/internal/drift"
)

// The same paths are counted for any number of threads and any size of reads, also
// of objects that are keyed by data, which have too many; and where there are few,
// the counts are those of an independent parse.
func TestDriftForAnyThreads(t *testing.T) {
	m := parseMapping(t, `table: t
explode: $.lines[*]
when_empty: keep
limits: {quarantine_share: 1}
columns:
  - {name: id, path: $.id, type: int64}
  - {name: a, path: $.by_id.a, type: int64}
  - {name: line, path: "$.lines[*].id", type: int64}
  - {name: price, path: "$.lines[*].price", type: "decimal(9,2)", on_error: null}
`)
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]int{3, 60, 400, 3000}).Draw(t, "names")
		bad := rapid.SampledFrom([]int{0, 0, 50}).Draw(t, "bad")
		r := rapid.Uint64().Draw(t, "seed")
		draw := func(n int) int { // xorshift: as rapid would draw too much
			r ^= r << 13
			r ^= r >> 7
			r ^= r << 17
			return int(r>>1) % n
		}
		r |= 1
		var in bytes.Buffer
		for i := range rapid.IntRange(1, 400).Draw(t, "records") {
			if bad > 0 && draw(bad) == 0 {
				in.WriteString(`{"new":1,"id":"x"}` + "\n")
			}
			fmt.Fprintf(&in, `{"id":%d,"by_id":{`, i)
			from, of := draw(names), draw(20)
			for j := range of {
				fmt.Fprintf(&in, `"k%d":%s,`, from+j, []string{"1", `{"x":1}`, `[{"x":[]}]`}[draw(3)])
			}
			fmt.Fprintf(&in, `"a":1},"lines":[{"id":1,"price":%s,"n%d":0},{"note":"x"}]}`+"\n", []string{"1", `"?"`}[draw(2)], draw(3))
		}
		opts := conversion.Options{Codec: "none", RowGroupBytes: rapid.Int64Range(500, 40000).Draw(t, "row group"), RowGroupRows: 1 << 20}
		want := outcomeOf(t, m, io.MultiReader(bytes.NewReader(in.Bytes())), opts)
		opts.Threads = rapid.IntRange(2, 4).Draw(t, "threads")
		for name, src := range map[string]io.Reader{"file": bytes.NewReader(in.Bytes()), "stream": &piecewise{in.Bytes(), rapid.IntRange(1, 5000).Draw(t, "piece")}} {
			if diff := cmp.Diff(want, outcomeOf(t, m, src, opts)); diff != "" {
				t.Fatalf("%s with %d threads -want +got:\n%s", name, opts.Threads, diff)
			}
		}
		got, sum := map[string]int64{}, want.Stats.DriftRest
		for _, p := range want.Stats.Drifted {
			if sum += p.Count; p.Kind != drift.Missing {
				got[p.Path+" "+string(p.Reason)] = p.Count
			}
		}
		counts := independent(t, in.Bytes())
		var all int64
		for _, n := range counts {
			all += n
		}
		if sum != all || names <= 60 && !cmp.Equal(got, counts) {
			t.Errorf("%d in all, want %d (-want +got):\n%s", sum, all, cmp.Diff(counts, got))
		}
	})
}

// independent counts the paths of the input above.
func independent(t *rapid.T, in []byte) map[string]int64 {
	counts := map[string]int64{}
	for line := range bytes.Lines(in) {
		var r struct {
			ID    any
			New   *int
			ByID  map[string]any `json:"by_id"`
			Lines []map[string]any
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if r.New != nil {
			counts["$.new "]++
			counts["$.id not_integer"]++
		}
		for name := range r.ByID {
			if name != "a" {
				counts["$.by_id."+name+" "]++
			}
		}
		for _, l := range r.Lines {
			for name := range l {
				if strings.HasPrefix(name, "n") {
					counts["$.lines[*]."+name+" "]++
				}
			}
			if l["price"] == "?" {
				counts["$.lines[*].price bad_decimal"]++
			}
		}
	}
	return counts
}
