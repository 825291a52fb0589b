package erase

import (
	"bytes"
	"strings"
	"testing"
)

// Each case is a text in which records that go are in «guillemets», and what is left.
func TestCutter(t *testing.T) {
	for _, c := range [][2]string{
		{"«{}»", ""},
		{"{\"a\":1}\n«{\"a\":2}»\n{\"a\":3}\n", "{\"a\":1}\n{\"a\":3}\n"},
		{"«{\"a\":1}»\n«{\"a\":2}»\n{\"a\":3}", "{\"a\":3}"},
		{"{\"a\":1}\r\n«{\"a\":2}»\r\n", "{\"a\":1}\r\n"},
		{"{\"a\":1}\n«{\"a\":2}»", "{\"a\":1}\n"},
		{"{\"a\":1}\n«not json, with ] and }»\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":2}\n"},
		{"{\"a\":1}«{\"a\":2}»{\"a\":3}", "{\"a\":1}{\"a\":3}"},
		{"[«{}»]", "[]"},
		{"[«{}»,{\"a\":1}]", "[{\"a\":1}]"},
		{"[{\"a\":1},«{}»]", "[{\"a\":1}]"},
		{"[{\"a\":1},«{}»,«{}»]", "[{\"a\":1}]"},
		{"[«{}»,«{}»,«{}»]", "[]"},
		{"[«{}»,«{}»,{\"a\":1},«{}»,{\"a\":2},«{}»,«{}»]", "[{\"a\":1},{\"a\":2}]"},
		{"[\n  {\"a\":1},\n  «{\"b\":\"],}\\\"\"}»,\n  {\"a\":2}\n]\n", "[\n  {\"a\":1},\n  {\"a\":2}\n]\n"},
		{"[\n  {\"a\":1},\n  «{}»\n]\n", "[\n  {\"a\":1}\n]\n"},
		{"{\"next\":null,\"orders\":[«{\"a\":[1,{}]}»,{\"a\":1}],\"page\":[1 , 2]}", "{\"next\":null,\"orders\":[{\"a\":1}],\"page\":[1 , 2]}"},
		{"[«12»,3,«\"x\"»]", "[3]"},
		{"«12»\n3\n", "3\n"},
	} {
		var text strings.Builder
		var cuts []span
		for rest := c[0]; rest != ""; {
			before, after, ok := strings.Cut(rest, "«")
			text.WriteString(before)
			if !ok {
				break
			}
			record, after, _ := strings.Cut(after, "»")
			s := span{offset: int64(text.Len())}
			if strings.HasPrefix(record, "not") {
				s.length = int64(len(record))
			}
			cuts = append(cuts, s)
			text.WriteString(record)
			rest = after
		}
		for _, size := range []int{1, 3, 1 << 20} {
			var out bytes.Buffer
			w := &cutter{to: &out, cuts: cuts}
			all := []byte(text.String())
			for len(all) > 0 {
				n := min(size, len(all))
				if _, err := w.Write(all[:n]); err != nil {
					t.Fatal(err)
				}
				all = all[n:]
			}
			if err := w.end(); err != nil || out.String() != c[1] {
				t.Errorf("%q became %q, and not %q: %v", c[0], out.String(), c[1], err)
			}
		}
	}
	w := &cutter{to: &bytes.Buffer{}, cuts: []span{{offset: 1}}}
	if _, err := w.Write([]byte(`[{"a":`)); err != nil || w.end() == nil {
		t.Error("a record that does not end is cut")
	}
}

func TestDocuments(t *testing.T) {
	for text, want := range map[string][]span{
		`{"order":#{}}` + "\n" + `{"order":{}}` + "\n" + `{"x":"}{","order":#{}}`: {{offset: 0}, {offset: 26}},
		`[{"order":#{}} , {"order":#{}}]`:                                         {{offset: 1}, {offset: 16}},
	} {
		d := &documents{}
		for i := strings.IndexByte(text, '#'); i >= 0; i = strings.IndexByte(text, '#') {
			d.offsets = append(d.offsets, int64(i))
			text = text[:i] + text[i+1:]
		}
		if _, err := d.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := d.end(); len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%s: %v", text, got)
		}
	}
}
