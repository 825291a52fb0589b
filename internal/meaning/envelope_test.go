package meaning

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// tags say what the member of an envelope holds.
var tags = map[string]map[string]string{
	"dynamodb": {"S": "value", "N": "number", "B": "value", "BOOL": "value", "NULL": "null", "M": "value", "L": "value", "SS": "value", "NS": "value", "BS": "value"},
	"mongodb": {"$oid": "value", "$symbol": "value", "$uuid": "value", "$undefined": "null", "$date": "date",
		"$numberInt": "number", "$numberLong": "number", "$numberDouble": "number", "$numberDecimal": "number"},
}

// tag is what the first member of v says, or empty.
func (s *spec) tag(v *value) string {
	if v.kind != '{' || len(v.members) == 0 {
		return ""
	}
	return tags[s.envelope][v.members[0].name.str]
}

// openAll takes what is inside v out of its envelopes.
func (s *spec) openAll(v *value) {
	v.elems, v.members = slices.Clone(v.elems), slices.Clone(v.members)
	for i, e := range v.elems {
		v.elems[i] = s.open(e)
	}
	for i, m := range v.members {
		v.members[i].value = s.open(m.value)
	}
}

// open is the value in an envelope, with all inside it opened.
func (s *spec) open(v *value) *value {
	tag := s.tag(v)
	if tag == "" {
		s.openAll(v)
		return v
	}
	in := *v.members[0].value
	switch {
	case tag == "null":
		in = value{kind: 'n', at: in.at, text: in.text}
	case tag == "date" && (in.kind == '0' || s.tag(&in) == "number"):
		in = s.milliseconds(in)
	}
	in.outer, in.numeric = v, tag == "number" && in.kind == '"' && numberText.MatchString(in.str)
	if len(v.members) > 1 {
		in.wrong = append(in.wrong, v.at)
	}
	s.openAll(&in)
	return &in
}

// milliseconds is a date as text.
func (s *spec) milliseconds(v value) value {
	digits := &v
	date := value{kind: '"', at: v.at, text: v.text}
	if v.kind == '{' {
		digits = v.members[0].value
		if len(v.members) > 1 {
			date.wrong = append(date.wrong, v.at)
		}
	}
	date.str = digits.str
	if digits.kind == '0' {
		date.str = digits.text
	} else if digits.kind != '"' {
		date.wrong = append(date.wrong, v.at)
	}
	if ms, err := strconv.ParseInt(date.str, 10, 64); err == nil {
		if t := time.UnixMilli(ms).UTC(); t.Year() >= 1 && t.Year() <= 9999 {
			date.str = t.Format(time.RFC3339Nano)
		}
	}
	return date
}

// start is where the value begins, with its envelope.
func (v *value) start() int { return v.whole().at }

// whole is the value as it stands in the text.
func (v *value) whole() *value {
	if v.outer != nil {
		return v.outer
	}
	return v
}

// wrap puts a value in an envelope, mostly.
func (g *generator) wrap(text string) string {
	if g.s.envelope == "" || g.one(5) {
		return text
	}
	mongo := g.s.envelope == "mongodb"
	name, in := "", text
	switch c := text[0]; {
	case c == 'n' && mongo:
		name, in = "$undefined", "true"
	case c == 'n':
		name, in = "NULL", "true"
	case c == '"' && mongo:
		name = pick(g, "$oid", "$date", "$numberDecimal", "$numberLong", "$uuid")
	case c == '"':
		name = pick(g, "S", "S", "N", "B")
	case strings.IndexByte("-0123456789", c) >= 0 && mongo:
		if name, in = pick(g, "$numberLong", "$numberDecimal", "$numberInt"), `"`+text+`"`; g.one(3) {
			name, in = "$date", pick(g, text, `{"$numberLong":"`+text+`"}`, `{"$numberLong":`+text+`}`, `{"$numberLong":null}`)
		}
	case strings.IndexByte("-0123456789", c) >= 0:
		name, in = "N", `"`+text+`"`
	case mongo:
		return text
	case c == '{':
		name = "M"
	case c == '[':
		name = pick(g, "L", "L", "SS")
	default:
		name = "BOOL"
	}
	more := ""
	if g.wild && g.one(40) {
		more = pick(g, `,"x":1`, `,"S":"y"`, `,"k":"\ud800"`)
	}
	return "{" + g.space() + g.name(name) + in + more + g.space() + "}"
}
