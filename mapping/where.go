package mapping

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/yamlfile"
)

// Condition is what a table wants of its rows: those that fulfil all conditions
// of the table are kept.
type Condition struct {
	Path   Path // relative to the record; its wildcards are a prefix of Explode. Not in an array of Zip
	Test   Test
	Values []Literal // of In and NotIn
}

// Test is what a condition asks of the value at its path.
type Test uint8

const (
	In        Test = iota + 1 // it is one of Values
	NotIn                     // it is none of Values, or there is no value
	IsNull                    // there is no value: it is null, or missing
	IsNotNull                 // there is a value
)

// Literal is a JSON string, number, true or false.
type Literal struct {
	Type From   // FromString, FromNumber or FromBoolean
	Text string // of the string; else as JSON writes it
}

var isWords = [...]string{IsNull: "null", IsNotNull: "not_null"}

// jsonNumber is a number of RFC 8259 section 6.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// where reads the conditions of a table, whose explode is known if exploded is
// true.
func (r *reader) where(n *yaml.Node, t *Table, exploded bool, paths *pathTree, what string) {
	if n == nil {
		return
	}
	for i, e := range r.List(n, what+": where") {
		c, ok := r.condition(e, fmt.Sprintf("%s: where, condition %d", what, i+1))
		switch {
		case !ok:
		case slices.ContainsFunc(t.Where, c.equal):
			r.Fail(e, "%s: where: a condition is listed twice; keep one", what)
		default:
			for _, p := range c.Paths() {
				if exploded {
					r.underExplode(e, what+": where", p, t)
				}
				paths.through(e, what+": where", p)
			}
			if len(t.Zip) > 0 && c.Level() == t.Levels() {
				r.Fail(e, "%s: where: %s is in an array of zip, which is read apart from the others; use a condition above the arrays, and leave these rows out in a query", what, c.Path)
			}
			t.Where = append(t.Where, c)
		}
	}
}

// Paths are all paths that the condition depends on.
func (c *Condition) Paths() []Path { return withKeys([]Path{c.Path}) }

// Level is the level of rows that the condition is about: 0 for the record,
// else a number of wildcards.
func (c *Condition) Level() int { return levelOf(c.Paths()) }

func (c *Condition) equal(d Condition) bool {
	return c.Test == d.Test && slices.Equal(c.Path, d.Path) && slices.Equal(c.Values, d.Values)
}

// tests are the keys of a condition beside its path.
var tests = []string{"equals", "not_equals", "in", "not_in", "is"}

func (r *reader) condition(n *yaml.Node, what string) (c Condition, ok bool) {
	f := r.Object(n, what, append([]string{"path"}, tests...)...)
	if f == nil {
		return c, false
	}
	if f["path"] == nil {
		r.Fail(n, "%s: no path; say which value decides, as in path: $.status", what)
	} else {
		c.Path, ok = r.place(f["path"], what)
	}
	var given []string
	for _, key := range tests {
		if f[key] != nil {
			given = append(given, key)
		}
	}
	if len(given) != 1 {
		r.Fail(n, "%s: %d tests; give one of %s", what, len(given), strings.Join(tests, ", "))
		return c, false
	}
	before := r.Failed()
	switch key, n := given[0], f[given[0]]; key {
	case "is":
		c.Test = r.is(n, what+": is")
	case "equals", "not_equals":
		c.Test = map[string]Test{"equals": In, "not_equals": NotIn}[key]
		c.Values = r.literal(nil, n, what+": "+key)
	default:
		c.Test = map[string]Test{"in": In, "not_in": NotIn}[key]
		for _, e := range r.List(n, what+": "+key) {
			c.Values = r.literal(c.Values, e, what+": "+key)
		}
	}
	return c, ok && r.Failed() == before
}

// is reads null or not_null.
func (r *reader) is(n *yaml.Node, what string) Test {
	switch {
	case isMissing(n):
		r.Fail(n, "%s has no value; write null or not_null", what)
		return 0
	case isNull(n):
		return IsNull
	}
	return Test(r.Word(n, what, isWords[:]))
}

// literal appends the value of a node.
func (r *reader) literal(values []Literal, n *yaml.Node, what string) []Literal {
	var l Literal
	switch kind := yamlfile.KindOf(n); {
	case n.Kind == yaml.ScalarNode && n.Style == 0 && jsonNumber.MatchString(n.Value): // also one that no float holds
		l = Literal{FromNumber, n.Value}
	case kind == "text":
		l = Literal{FromString, n.Value}
	case kind == "true or false":
		l = Literal{FromBoolean, strings.ToLower(n.Value)}
	case kind == "a number":
		r.Fail(n, "%s: %s is no number in JSON; write it as JSON does, such as 12.5, or put it in quotes if a string is meant", what, n.Value)
		return values
	case kind == "nothing":
		r.Fail(n, "%s must be a value, found nothing; for null write is: null or is: not_null", what)
		return values
	default:
		r.Fail(n, "%s must be a string, a number, true or false, found %s; put it in quotes if a string is meant", what, kind)
		return values
	}
	if slices.Contains(values, l) {
		r.Fail(n, "%s: %s is listed twice; keep one", what, l)
		return values
	}
	return append(values, l)
}

func (l Literal) String() string {
	if l.Type == FromString {
		return strconv.Quote(l.Text)
	}
	return l.Text
}

// words checks that the canonical form has words for the condition.
func (c *Condition) words() error {
	values := c.Test == In || c.Test == NotIn
	switch {
	case c.Test < In || c.Test > IsNotNull:
		return fmt.Errorf("Test %d is not one of its constants", c.Test)
	case values != (len(c.Values) > 0):
		return errors.New("tests In and NotIn need Values, and IsNull and IsNotNull have none")
	}
	for _, l := range c.Values {
		if !l.valid() {
			return errors.New("a Literal is of Type FromString, FromNumber or FromBoolean, and has Text as JSON writes it")
		}
	}
	return nil
}

// valid reports whether the literal is a JSON value.
func (l Literal) valid() bool {
	switch l.Type {
	case FromString:
		return true
	case FromNumber:
		return jsonNumber.MatchString(l.Text)
	case FromBoolean:
		return l.Text == "true" || l.Text == "false"
	}
	return false
}

func (t *Table) appendWhere(b []byte) []byte {
	if len(t.Where) == 0 {
		return b
	}
	b = append(b, "    where:\n"...)
	for _, c := range t.Where {
		b = strconv.AppendQuote(append(b, "      - {path: "...), c.Path.String())
		switch c.Test {
		case IsNull, IsNotNull:
			b = append(append(b, ", is: "...), isWords[c.Test]...)
		default:
			key := ", in: ["
			if c.Test == NotIn {
				key = ", not_in: ["
			}
			for i, l := range c.Values {
				b = append(append(b, between(i, key)...), l.String()...)
			}
			b = append(b, ']')
		}
		b = append(b, "}\n"...)
	}
	return b
}

// equals reports whether both are the same value: 7 is 7.0 and 70e-1.
func (l Literal) equals(o Literal) bool {
	return l.Type == o.Type && (l.Text == o.Text || l.Type == FromNumber && magnitude(l.Text) == magnitude(o.Text))
}

// magnitude is a JSON number by its value: sign and digits without zeros around
// them, and the power of ten. An exponent that no int64 holds stays as it is
// written, so that the text is only that of the same spelling.
func magnitude(number string) string {
	digits, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	power := int64(0)
	if exponent != "" {
		var err error
		if power, err = strconv.ParseInt(exponent, 10, 62); err != nil {
			return number
		}
	}
	digits, negative := strings.CutPrefix(digits, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	power -= int64(len(fraction))
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return "0"
	}
	return fmt.Sprint(negative, short, "e", power+int64(len(digits)-len(short)))
}
