package meaning

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/mapping"
)

// late is what a column may have beside or in place of its path.
type late struct {
	others   []path  // of coalesce, after the first
	constant *string // in place of a path
	empty    bool    // in place of a path: no value
	minor    minor
	unitless bool // the digits of the minor units are not known: see cell
	shift    int  // these digits
}

type minor struct {
	by     string // fixed, currency, digits
	digits int
	path   path
	except map[string]int
}

// values are the paths that may feed the column, in their order.
func (c *column) values() []path {
	if c.constant != nil || c.empty || c.key != "" {
		return nil
	}
	return append([]path{c.path}, c.others...)
}

// paths are all that the column names.
func (c *column) paths() []path {
	if c.minor.path != nil {
		return withKeys(append(c.values(), c.minor.path)...)
	}
	return withKeys(c.values()...)
}

func (c *column) level() (n int) {
	for _, p := range c.paths() {
		n = max(n, p.levels())
	}
	return n
}

// below reports whether the path goes on from q.
func (p path) below(q path) bool { return len(p) > len(q) && slices.Equal(p[:len(q)], q) }

// either reports whether one path of coalesce goes on from another, p.
func (c *column) either(p path) bool {
	return slices.ContainsFunc(c.values(), func(q path) bool { return slices.Equal(p, q) }) && slices.ContainsFunc(c.values(), func(q path) bool { return q.below(p) })
}

func (l *late) yaml(first path) string {
	s := ""
	switch {
	case l.empty:
		s += ", const: null"
	case l.constant != nil:
		s += fmt.Sprintf(", const: %q", *l.constant)
	case l.others != nil:
		var all []string
		for _, p := range append([]path{first}, l.others...) {
			all = append(all, fmt.Sprintf("%q", p.String()))
		}
		s += fmt.Sprintf(", coalesce: [%s]", strings.Join(all, ", "))
	default:
		s += fmt.Sprintf(", path: %q", first.String())
	}
	switch m := l.minor; m.by {
	case "fixed":
		s += fmt.Sprintf(", minor_units: %d", m.digits)
	case "digits":
		s += fmt.Sprintf(", minor_units: {digits: %q}", m.path.String())
	case "currency":
		var except []string
		for _, code := range slices.Sorted(maps.Keys(m.except)) {
			except = append(except, fmt.Sprintf("%s: %d", code, m.except[code]))
		}
		s += fmt.Sprintf(", minor_units: {currency: %q, except: {%s}}", m.path.String(), strings.Join(except, ", "))
	}
	return s
}

func (l *late) fault(c *column) string {
	values := c.values()
	for i, p := range values {
		if slices.ContainsFunc(values[:i], func(q path) bool { return slices.Equal(p, q) }) {
			return "a path twice in coalesce"
		}
	}
	switch {
	case c.memberName && c.isLate():
		return "a member name that depends on other places"
	case l.constant != nil && (c.kind != "string" || c.list || c.required || c.from != nil):
		return "a constant that is no text, or is required or from something"
	case l.empty && (c.required || c.from != nil):
		return "required or from something, but never there"
	case l.others != nil && (c.kind == "json" || c.list):
		return "coalesce of json"
	case l.minor.by != "" && (c.kind != "decimal" || c.list):
		return "minor units of what is no decimal"
	case l.minor.path.levels() > (&column{path: c.path, late: late{others: l.others}}).level():
		return "an amount of several currencies"
	case l.minor.digits < 0 || l.minor.digits > 18:
		return "too many digits"
	}
	return ""
}

func (l *late) build(c *mapping.Column) {
	for _, p := range l.others {
		c.Else = append(c.Else, p.build())
	}
	if c.Const, c.Empty = l.constant, l.empty; c.Const != nil || c.Empty {
		c.Path = nil
	}
	c.MinorUnits.By = map[string]mapping.MinorUnitsBy{"fixed": mapping.Fixed, "currency": mapping.ByCurrency, "digits": mapping.ByDigits}[l.minor.by]
	c.MinorUnits.Digits, c.MinorUnits.Path, c.MinorUnits.Except = l.minor.digits, l.minor.path.build(), l.minor.except
}

// currencies are some of ISO 4217; the generator draws no others of it.
var currencies = map[string]int{"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3, "CLF": 4, "ISK": 0}

// unitDigits is the number of digits of the minor unit of a column.
func (c *column) unitDigits(v *value) (int, bool) {
	switch {
	case c.minor.by == "fixed":
		return c.minor.digits, true
	case v == nil, v.unread:
	case c.minor.by == "digits":
		text := v.text
		if v.kind == '"' {
			text = v.str
		}
		if (v.kind == '"' || v.kind == '0') && len(text) == 1 && text[0] >= '0' && text[0] <= '9' {
			return int(text[0] - '0'), true
		}
	case v.kind == '"':
		code := strings.ToUpper(v.str)
		if len(v.str) != 3 {
			return 0, false
		}
		if d, ok := c.minor.except[code]; ok {
			return d, true
		}
		d, ok := currencies[code]
		return d, ok
	}
	return 0, false
}

// cell is what a column holds for the element of a record that the ordinals
// lead to, and what is wrong.
func (c *column) cell(record *value, ordinals []ordinal, fieldBytes int) (cell string, wrong *fault) {
	switch {
	case c.empty:
		return null, nil
	case c.constant != nil:
		return *c.constant, nil
	}
	var unsound []finding // envelopes
	at := func(p path) path { return p.at(ordinals[:p.levels()]) }
	for _, p := range c.values() {
		v := c.fed(record, ordinals[:p.levels()])
		if c.isLate() {
			var wrong *stuck
			v, wrong = at(p).lookup(record)
			if wrong != nil && c.either(p[:wrong.steps]) {
				continue
			}
			if wrong != nil {
				to := at(p)[:wrong.steps]
				return null, &fault{finding{wrong.code, to.String(), wrong.value.at}, to, wrong.value, wrong.code != "several_matches", nil}
			}
		}
		if v != nil && p.filterAt() >= 0 && (v.kind != '{' && v.kind != '[' || !c.either(p)) {
			for _, at := range v.wrong {
				unsound = append(unsound, finding{"wrong_type", p.at(ordinals[:p.levels()]).String(), at})
			}
		}
		if v == nil || v.kind == 'n' || c.isLate() && c.kind == "string" && c.required && !v.unread && v.kind == '"' && c.texts.transformed(v.str) == "" && c.sources()["string"] {
			continue
		}
		if (v.kind == '{' || v.kind == '[') && c.either(p) {
			continue
		}
		told := fault{finding{"", at(p).String(), v.at}, at(p), v, false, unsound}
		col := *c
		if c.minor.by != "" {
			of := at(c.minor.path).find(record)
			digits, ok := c.unitDigits(of)
			col.shift, col.unitless = digits, !ok
		}
		cell, codes := col.convert(v, fieldBytes)
		if codes != nil {
			told.code = codes[0]
			if told.code == "unknown_minor_unit" {
				told.path = at(c.minor.path).String()
				of, wrong := at(c.minor.path).lookup(record)
				if of != nil {
					told.at = of.at
				}
				if wrong != nil {
					told.finding = finding{wrong.code, at(c.minor.path)[:wrong.steps].String(), wrong.value.at}
					told.always = wrong.code != "several_matches"
				}
			}
			return null, &told
		}
		if cell != null {
			return cell, unsoundFault(unsound)
		}
	}
	return null, unsoundFault(unsound)
}

func unsoundFault(all []finding) *fault {
	if all == nil {
		return nil
	}
	return &fault{finding: all[0], always: true}
}

func (c *column) isLate() bool {
	return c.others != nil || c.constant != nil || c.empty || c.minor.by != "" || c.path.filterAt() >= 0 && c.key == ""
}
