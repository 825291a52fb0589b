package erase

import (
	"encoding/json"
	"math/big"

	"sluice/internal/upkeep"
	"sluice/mapping"
	"sluice/schema"
)

// texts finds values in JSON that no mapping has converted: in records of the quarantine,
// and in objects that were rejected. A text is found wherever a string is equal to it,
// also as the name of a member. Any other value is found only under the name of a member
// that a path of its column ends with: a number alone may be anybody's.
//
// It is written to, and reads strings and scalars one after another, so text that is no
// JSON as a whole is searched too. The zero value finds nothing.
type texts struct {
	strings map[string]struct{}
	members map[string][]typed // by the name of the member

	// Of what was written last:
	token    []byte // that has not ended
	inString bool
	escaped  bool
	last     string // the last string, if a colon may follow
	name     string // of the member whose value comes
	hasName  bool

	Found bool
}

// typed is a value of a column.
type typed struct {
	kind schema.Type
	text string
}

// mostToken bounds a string that is compared: values of conditions are shorter.
const mostToken = 64 << 10

// newTexts are the values of conditions, by the types of their columns in the tables of a
// mapping.
func newTexts(m *mapping.Mapping, conditions []upkeep.Condition) *texts {
	t := &texts{strings: map[string]struct{}{}, members: map[string][]typed{}}
	for _, c := range conditions {
		for i := range m.Tables {
			for j := range m.Tables[i].Columns {
				column := &m.Tables[i].Columns[j]
				if column.Name != c.Column {
					continue
				}
				of := column.Type
				if of.Kind == schema.List {
					of = of.Value()
				}
				if of.Kind == schema.String || of.Kind == schema.JSON {
					t.strings[c.Value] = struct{}{}
					continue
				}
				for _, p := range column.Paths() {
					if name, ok := lastName(p); ok {
						t.members[name] = append(t.members[name], typed{of, c.Value})
					}
				}
			}
		}
	}
	return t
}

// lastName is the name of the member that a path ends with.
func lastName(p mapping.Path) (string, bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].Kind == mapping.Name {
			return p[i].Name, true
		}
	}
	return "", false
}

// fresh looks for the same values in another text.
func (t *texts) fresh() *texts { return &texts{strings: t.strings, members: t.members} }

// has reports whether a text has one of the values.
func (t *texts) has(text []byte) bool {
	n := t.fresh()
	_, _ = n.Write(text)
	n.end()
	return n.Found
}

// Write implements [io.Writer].
func (t *texts) Write(p []byte) (int, error) {
	for _, c := range p {
		t.take(c)
	}
	return len(p), nil
}

func (t *texts) take(c byte) {
	if t.inString {
		if len(t.token) < mostToken {
			t.token = append(t.token, c)
		}
		switch {
		case t.escaped:
			t.escaped = false
		case c == '\\':
			t.escaped = true
		case c == '"':
			t.inString = false
			t.endString()
		}
		return
	}
	switch c {
	case '"':
		t.endScalar()
		t.inString, t.token = true, append(t.token[:0], c)
	case ':':
		t.endScalar()
		t.name, t.hasName = t.last, true
	case ' ', '\t', '\n', '\r':
		t.endScalar()
	case ',', '{', '}', '[', ']':
		t.endScalar()
		if c != '[' { // the values of a list are under the name of its member
			t.hasName = t.hasName && c == ','
		}
		t.last = ""
	default:
		if len(t.token) < mostToken {
			t.token = append(t.token, c)
		}
	}
}

// end ends the text.
func (t *texts) end() {
	if !t.inString {
		t.endScalar()
	}
}

func (t *texts) endString() {
	var text string
	if json.Unmarshal(t.token, &text) != nil { // control characters, or bytes that are no UTF-8
		text = string(t.token[1 : len(t.token)-1])
	}
	t.token = t.token[:0]
	if _, is := t.strings[text]; is {
		t.Found = true
	}
	t.compare(text)
	t.last = text
}

func (t *texts) endScalar() {
	if len(t.token) > 0 {
		t.compare(string(t.token))
		t.token = t.token[:0]
	}
}

// compare compares a value with those of its member.
func (t *texts) compare(text string) {
	if !t.hasName {
		return
	}
	for _, want := range t.members[t.name] {
		if want.text == text || isNumber(want.kind) && sameNumber(want.text, text) {
			t.Found = true
		}
	}
}

func isNumber(t schema.Type) bool {
	switch t.Kind {
	case schema.Int32, schema.Int64, schema.Double, schema.Decimal:
		return true
	}
	return false
}

func sameNumber(a, b string) bool {
	if len(b) > 100 || !upkeep.IsNumber(b) {
		return false
	}
	x, ok1 := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok1 && ok2 && x.Cmp(y) == 0
}
