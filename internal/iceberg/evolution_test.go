package iceberg_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/iceberg"
	"sluice/schema"
)

// tableOf is the metadata of a table with columns as in "1 n int, 2 !s string", where !
// is a required one. The last ID is 9 at least, of a column that is gone. more is other
// members of the schema.
func tableOf(t testing.TB, columns, more string) *iceberg.Metadata {
	t.Helper()
	var fields []string
	for _, c := range strings.Split(columns, ", ") {
		parts := strings.SplitN(c, " ", 3)
		kind := strconv.Quote(parts[2])
		if of, list := strings.CutPrefix(parts[2], "list "); list {
			id, element, _ := strings.Cut(of, " ")
			kind = fmt.Sprintf(`{"type":"list","element-id":%s,"element":%q,"element-required":false}`, id, element)
		}
		name, required := strings.CutPrefix(parts[1], "!")
		fields = append(fields, fmt.Sprintf(`{"id":%s,"name":%q,"required":%t,"type":%s}`, parts[0], name, required, kind))
	}
	m, err := iceberg.Parse(fmt.Appendf(nil, `{"format-version":2,"table-uuid":"u","last-column-id":9,"current-schema-id":4,"schemas":[
		{"type":"struct","schema-id":7,"fields":[]},{"type":"struct","schema-id":4,"fields":[%s]%s}],
		"partition-specs":[{"spec-id":0,"fields":[{"source-id":1,"field-id":1000,"name":"first_day","transform":"day"}]}]}`, strings.Join(fields, ","), more))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// columnsOf are the columns of a mapping: "n int64, s string".
func columnsOf(t rapid.TB, text string) (columns []schema.Column) {
	t.Helper()
	for _, c := range strings.Split(text, ", ") {
		name, kind, _ := strings.Cut(c, " ")
		parsed, err := schema.ParseType(kind)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, schema.Column{Name: name, Type: parsed})
	}
	return columns
}

// text is the reverse of tableOf.
func text(s *iceberg.Schema) string {
	var all []string
	for _, f := range s.Fields {
		name, kind := f.Name, f.Type.Primitive
		if f.Required {
			name = "!" + name
		}
		if l := f.Type.List; l != nil {
			kind = fmt.Sprintf("list %d %s", l.ElementID, l.Element.Primitive)
		}
		all = append(all, fmt.Sprint(f.ID, " ", name, " ", strings.ReplaceAll(kind, ", ", ",")))
	}
	return strings.Join(all, ", ")
}

func TestEvolve(t *testing.T) {
	for _, c := range []struct{ name, table, mapping, want string }{
		{"the same", "1 n int, 2 s string", "n int32, s string", "1 n int, 2 s string"},
		{"added", "1 n int", "n int32, s string", "1 n int, 10 s string"},
		{"added first", "1 n int", "s string, n int32", "1 n int, 10 s string"},
		{"several added", "1 n int", "n int32, l list<int32>, d date", "1 n int, 10 l list 11 int, 12 d date"},
		{"left out", "1 n int, 2 s string", "n int32", "1 n int, 2 s string"},
		{"left out, required", "1 n int, 2 !s string", "n int32", "1 n int, 2 s string"},
		{"required", "1 !n int", "n int32", "1 n int"},
		{"renamed", "1 n int, 2 s string", "n int32, t string", "1 n int, 2 s string, 10 t string"},
		{"moved", "1 n int, 2 s string", "s string, n int32", "1 n int, 2 s string"},
		{"int to long", "1 n int", "n int64", "1 n long"},
		{"int for long", "1 n long", "n int32", "1 n long"},
		{"float to double", "1 n float", "n double", "1 n double"},
		{"wider decimal", "1 n decimal(9,2)", "n decimal(38,2)", "1 n decimal(38,2)"},
		{"narrower decimal", "1 n decimal(9,2)", "n decimal(4,2)", "1 n decimal(9,2)"},
		{"list of wider values", "1 l list 2 int", "l list<int64>", "1 l list 2 long"},
		{"list of wider decimals", "1 l list 2 decimal(9,2)", "l list<decimal(10,2)>", "1 l list 2 decimal(10,2)"},
		{"text and JSON", "1 s string", "s json", "1 s string"},
		{"of others", "1 n int, 2 u uuid, 3 !f fixed[16]", "n int64", "1 n long, 2 u uuid, 3 f fixed[16]"},

		{"int to double", "1 n int", "n double", "n is int32 in the table and double in the mapping"},
		{"long to decimal", "1 n long", "n decimal(19,0)", "n is int64 in the table and decimal(19,0) in the mapping"},
		{"another scale", "1 n decimal(9,2)", "n decimal(18,4)", "n is decimal(9,2) in the table and decimal(18,4) in the mapping"},
		{"date to timestamp", "1 n date", "n timestamp", "n is date in the table and timestamp in the mapping"},
		{"time without zone", "1 n timestamp", "n timestamp", "n is timestamp without time zone in the table and timestamp in the mapping"},
		{"number to text", "1 n int", "n string", "n is int32 in the table and string in the mapping"},
		{"text to number", "1 n string", "n int64", "n is string in the table and int64 in the mapping"},
		{"value to list", "1 n int", "n list<int32>", "n is int32 in the table and list<int32> in the mapping"},
		{"list to value", "1 n list 2 int", "n json", "n is list<int32> in the table and json in the mapping"},
		{"list of other values", "1 n list 2 int", "n list<string>", "n is list<int32> in the table and list<string> in the mapping"},
		{"double to decimal", "1 n double", "n decimal(18,4)", "n is double in the table and decimal(18,4) in the mapping"},
		{"two at once", "1 n int, 2 s string", "n string, s int32", "n is int32 in the table and string in the mapping: give it another name, or its former type; s is string"},
		{"another case", "1 City string", "city string", "city is City in the table"},
		{"partition field", "1 n int", "first_day date", "first_day is the name of a partition field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := tableOf(t, c.table, "")
			s, last, err := m.Evolve(columnsOf(t, c.mapping))
			if refused := new(iceberg.ColumnsError); errors.As(err, &refused) {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := text(s); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if before := text(m.CurrentSchema()); (before == c.want) != (s == m.CurrentSchema()) || s != m.CurrentSchema() && s.ID != 8 {
				t.Errorf("schema %d, from %s", s.ID, before)
			}
			most := 9
			for _, f := range s.Fields {
				if most = max(most, f.ID); f.Type.List != nil {
					most = max(most, f.Type.List.ElementID)
				}
			}
			if last != most {
				t.Errorf("the last column is %d, want %d", last, most)
			}
		})
	}
}

// What others put into a schema stays, and a column that identifies rows is not made
// optional.
func TestEvolveOthers(t *testing.T) {
	columns := columnsOf(t, "n int64")
	m := tableOf(t, "1 n int, 2 s string", `,"note":"kept","identifier-field-ids":[]`)
	s, _, err := m.Evolve(columns)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := json.Marshal(s); err != nil || !strings.Contains(string(data), `"note":"kept"`) {
		t.Errorf("%s, %v", data, err)
	}
	m = tableOf(t, "1 n int, 2 !s string", `,"identifier-field-ids":[2]`)
	if _, _, err = m.Evolve(columns); err == nil || !strings.Contains(err.Error(), "s is an identifier field") {
		t.Errorf("a column that identifies rows: %v", err)
	}
}

// Whatever the mappings are that a table had: each column of before is there, with its
// ID; no ID is used twice; the last mapping needs no more; and in another order of the
// mappings the columns are the same.
func TestEvolveProperties(t *testing.T) {
	kinds := []string{"int32", "int64", "double", "decimal(9,2)", "decimal(12,2)", "decimal(38,2)", "list<int32>", "list<int64>", "string", "json"}
	rapid.Check(t, func(t *rapid.T) {
		mapping := rapid.Custom(func(t *rapid.T) []schema.Column {
			var columns []schema.Column
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID[string]).Draw(t, "names") {
				kind, err := schema.ParseType(rapid.SampledFrom(kinds).Draw(t, "type"))
				if err != nil {
					t.Fatal(err)
				}
				columns = append(columns, schema.Column{Name: name, Type: kind})
			}
			return columns
		})
		mappings := rapid.SliceOfN(mapping, 1, 4).Draw(t, "mappings")
		first := columnsOf(t, "z string")
		forward, taken := evolveAll(t, first, mappings)
		for i, j := 0, len(mappings)-1; i < j; i, j = i+1, j-1 {
			mappings[i], mappings[j] = mappings[j], mappings[i]
		}
		back, takenBack := evolveAll(t, first, mappings)
		if !taken || !takenBack {
			return
		}
		if len(forward.Fields) != len(back.Fields) {
			t.Fatalf("%s, and in another order %s", text(forward), text(back))
		}
		for _, f := range forward.Fields {
			if other := back.Field(f.Name); other == nil || other.Type.String() != f.Type.String() {
				t.Fatalf("%s, and in another order %s", text(forward), text(back))
			}
		}
	})
}

// evolveAll gives a table with columns one mapping after the other; taken is whether
// each of them fits.
func evolveAll(t *rapid.T, columns []schema.Column, mappings [][]schema.Column) (_ *iceberg.Schema, taken bool) {
	m, err := iceberg.New("mem://t", columns, nil, nil, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	taken = true
	for _, columns := range mappings {
		before := m.CurrentSchema()
		s, last, err := m.Evolve(columns)
		if err != nil {
			taken = false
			continue
		}
		ids := map[int]bool{}
		for _, f := range s.Fields {
			all := []int{f.ID}
			if f.Type.List != nil {
				all = append(all, f.Type.List.ElementID)
			}
			for _, id := range all {
				if ids[id] || id > last {
					t.Fatalf("ID %d of %s, the last one is %d", id, text(s), last)
				}
				ids[id] = true
			}
		}
		for _, f := range before.Fields {
			if now := s.Field(f.Name); now == nil || now.ID != f.ID {
				t.Fatalf("%s after %s", text(s), text(before))
			}
		}
		if s != before {
			if m, err = (iceberg.Change{Schema: s, LastColumn: last}).Apply(m, ""); err != nil {
				t.Fatal(err)
			}
		}
		if again, _, err := m.Evolve(columns); err != nil || again != m.CurrentSchema() {
			t.Fatalf("the same mapping once more: %v, %v", again, err)
		}
	}
	return m.CurrentSchema(), taken
}
