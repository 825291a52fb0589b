package upkeep

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"time"

	"sluice/internal/parquetread"
	"sluice/schema"
)

// Condition is a value of a column, as text: rows that have it are a person's.
type Condition struct{ Column, Value string }

// Matcher finds the rows that meet one of the conditions.
type Matcher struct {
	Columns []int // of those that it was made for, with a condition
	types   []schema.Type
	values  []map[string]struct{} // texts of the values
}

// NewMatcher makes a Matcher for the columns that conditions name. An error says that a
// value cannot be one of its column; it does not quote the value.
func NewMatcher(columns []schema.Column, conditions []Condition) (*Matcher, error) {
	m := &Matcher{}
	for i, c := range columns {
		var values map[string]struct{}
		for _, cond := range conditions {
			if cond.Column != c.Name {
				continue
			}
			text, err := canonical(cond.Value, c.Type)
			if err != nil {
				return nil, fmt.Errorf("column %s: the value is no %s", c.Name, c.Type)
			}
			if values == nil {
				values = map[string]struct{}{}
			}
			values[text] = struct{}{}
		}
		if values != nil {
			m.Columns, m.types, m.values = append(m.Columns, i), append(m.types, c.Type), append(m.values, values)
		}
	}
	return m, nil
}

// IsNumber reports whether a text is a number without an exponent.
func IsNumber(text string) bool { return number.MatchString(text) }

var number = regexp.MustCompile(`^-?[0-9]{1,60}(\.[0-9]{1,60})?$`)

// canonical is the text that a value of a type has, as [parquetread.Value.Text] gives it.
func canonical(text string, t schema.Type) (string, error) {
	switch t.Kind {
	case schema.List:
		return canonical(text, t.Value())
	case schema.Boolean:
		b, err := strconv.ParseBool(text)
		return strconv.FormatBool(b), err
	case schema.Int32, schema.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		return strconv.FormatInt(n, 10), err
	case schema.Double:
		n, err := strconv.ParseFloat(text, 64)
		return strconv.FormatFloat(n, 'g', -1, 64), err
	case schema.Date:
		at, err := time.Parse(time.DateOnly, text)
		return at.Format(time.DateOnly), err
	case schema.Timestamp:
		at, err := time.Parse(time.RFC3339Nano, text)
		return at.UTC().Format(time.RFC3339Nano), err
	case schema.Decimal:
		n, ok := new(big.Rat).SetString(text)
		if !ok || !number.MatchString(text) {
			return "", strconv.ErrSyntax
		}
		exact := n.FloatString(t.Scale)
		if back, _ := new(big.Rat).SetString(exact); back.Cmp(n) != 0 {
			return "", strconv.ErrRange
		}
		return exact, nil
	}
	return text, nil
}

// Has reports whether a value meets a condition of the n-th of Columns. Lists are packed.
func (m *Matcher) Has(n int, v parquetread.Value) (has bool, err error) {
	t := m.types[n]
	if t.Kind != schema.List {
		return m.has(n, v, t), nil
	}
	if v.Null {
		return false, nil
	}
	err = v.Unpack(t.Value(), func(item parquetread.Value) { has = has || m.has(n, item, t.Value()) })
	return has, err
}

// Is is Has for a value that is no list, or one of a list.
func (m *Matcher) Is(n int, v parquetread.Value) bool { return m.has(n, v, m.scalar(n)) }

// scalar is the type of the n-th of Columns, or of the values of its lists.
func (m *Matcher) scalar(n int) schema.Type {
	if t := m.types[n]; t.Kind == schema.List {
		return t.Value()
	}
	return m.types[n]
}

func (m *Matcher) has(n int, v parquetread.Value, t schema.Type) bool {
	if v.Null {
		return false
	}
	if t.Kind == schema.String || t.Kind == schema.JSON {
		_, is := m.values[n][string(v.Bytes)]
		return is
	}
	_, is := m.values[n][v.Text(t)]
	return is
}
