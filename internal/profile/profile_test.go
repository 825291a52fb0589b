package profile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/internal/profile"
)

const small = `{"sluice_profile":1,"sources":["a","b"],"places":[{"path":"$","sources":2}],"records":3,"broken":0,"bytes":9,"paths":[
{"path":"$","records":3,"object":{"count":3,"first":{"source":0,"offset":0}}},
{"path":"$.ids","records":1,"object":{"count":1,"first":{"source":0,"offset":7}},"names":{"string":{"count":2,"first":{"source":0,"offset":9}},"strings":{"length":{"least":1,"greatest":2}}}},
{"path":"$.ids.*","null":{"count":2,"first":{"source":0,"offset":9}}},
{"path":"$.n","records":2,"integer":{"count":2,"first":{"source":1,"offset":5}},"numbers":{"digits":1,"fits":2,"least":1,"greatest":7}}
]}
`

func write(t testing.TB, p *profile.Profile) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadAndWrite(t *testing.T) {
	p, err := profile.Read(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if got := write(t, p); got != small {
		t.Fatal(got)
	}
}

func TestReadErrors(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"sluice_profile":1`, `"sluice_profile":2`, "sluice_profile: 1"},
		{`"a","b"`, `"b","a"`, "sorted"},
		{`"a","b"`, `"a","a"`, "sorted"},
		{`"a","b"`, `"a"`, "position"},
		{`"$.ids.*"`, `"$.ids[0]"`, "alone"},
		{`"$.ids.*"`, `"$.ids."`, "path"},
		{`"$.ids.*"`, `"$.ids.x"`, "names of an object"},
		{`"source":1`, `"source":-1`, "position"},
		{`"count":3`, `"count":-3`, "position"},
		{`"length":{"least":1,"greatest":2}`, `"forms":{"roman":{"count":1}}`, "roman"},
		{`"numbers"`, `"distinct":{"sketch":"AAAA"},"numbers"`, "sketch"},
		{`"numbers"`, `"distinct":{"sketch":"CAAB"},"numbers"`, "precision"},
		{`"numbers"`, `"distinct":{"sketch":"CQBBAEE="},"numbers"`, "sorted"},
		{`"numbers"`, `"distinct":{"sketch":"CQBA"},"numbers"`, "sorted"},
		{"]}\n", "", "read profile"},
	} {
		text := strings.Replace(small, c.old, c.new, 1)
		if _, err := profile.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: %v", c.new, c.old, err)
		}
	}
}

// The extremes are not written as they are, but no number lies outside.
func TestExtremesAreRounded(t *testing.T) {
	for _, n := range []int64{math.MinInt64, math.MinInt64 + 1, -1000, -8, -7, -1, 0, 1, 12, 1000, math.MaxInt64} {
		text, err := json.Marshal(profile.Numbers{Fits: 1, Least: n, Greatest: n})
		if err != nil {
			t.Fatal(err)
		}
		var back profile.Numbers
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if back.Least > n || back.Greatest < n || string(again) != string(text) {
			t.Errorf("%d is written as %s, and that as %s", n, text, again)
		}
	}
}

// A sketch depends on the set of values alone, and its estimate is near.
func TestSketch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 16, 17, 100, 1000, 100_000} {
		var whole profile.Sketch
		parts := make([]profile.Sketch, 4)
		for _, i := range r.Perm(n) {
			h := profile.Hash(fmt.Append(nil, i))
			whole.Add(h)
			parts[r.IntN(len(parts))].Add(h)
			parts[r.IntN(len(parts))].Add(h)
		}
		for i := range parts[1:] {
			parts[0].Merge(&parts[i+1])
		}
		a, _ := whole.MarshalBinary()
		b, _ := parts[0].MarshalBinary()
		if !bytes.Equal(a, b) {
			t.Errorf("%d values: the parts give another sketch", n)
		}
		if most := 1 + 2*n; n > 16 && len(a) > most {
			t.Errorf("%d values take %d bytes", n, len(a))
		}
		var back profile.Sketch
		if err := back.UnmarshalBinary(a); err != nil {
			t.Fatal(err)
		}
		if again, _ := back.MarshalBinary(); !bytes.Equal(a, again) || back.Estimate() != whole.Estimate() {
			t.Errorf("%d values: the sketch is read as another", n)
		}
		if e := whole.Estimate(); n <= 16 && e != int64(n) || math.Abs(float64(e)-float64(n)) > 0.15*float64(n) {
			t.Errorf("%d values are estimated as %d", n, e)
		}
	}
}

// FuzzRead reads any text. What is a profile is written and read again, and can
// be merged with itself and with another.
func FuzzRead(f *testing.F) {
	f.Add(small)
	f.Add(strings.ReplaceAll(small, "$.n", "$.ids[*]"))
	f.Add(`{"sluice_profile":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := profile.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		once := write(t, p)
		back, err := profile.Read(strings.NewReader(once))
		if err != nil {
			t.Fatal(err)
		}
		if again := write(t, back); again != once {
			t.Fatalf("%s\nis written again as\n%s", once, again)
		}
		other, _ := profile.Read(strings.NewReader(small))
		back.Merge(other)
		back.Merge(p)
		write(t, back)
	})
}
