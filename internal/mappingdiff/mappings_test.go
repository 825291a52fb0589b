package mappingdiff_test

import (
	"strings"
	"testing"

	"sluice/internal/mappingdiff"
	"sluice/mapping"
)

func TestMappings(t *testing.T) {
	const old = `records: ["$"]
tables:
  - table: orders
    columns:
      - {name: id, path: $.id, type: int32, required: true}
      - {name: total, path: $.total, type: "decimal(18,2)"}
      - {name: day, path: $.day, type: date}
      - {name: state, path: $.state, type: string}
  - table: lines
    explode: "$.lines[*]"
    when_empty: skip
    where: [{path: "$.lines[*].kind", equals: sale}]
    columns:
      - {name: sku, path: "$.lines[*].sku", type: string, on_error: null}
`
	cases := []struct{ from, to, want string }{
		{"records:", "records:", ""},
		{"# nothing", "# a comment", ""},
		{"type: int32", "type: int64", "widening type orders.id $.id: int32 -> int64"},
		{"type: int32", `type: "decimal(10,0)"`, "widening type orders.id $.id: int32 -> decimal(10,0)"},
		{"type: int32", "type: string", "breaking type orders.id $.id: int32 -> string"},
		{"decimal(18,2)", "decimal(20,4)", "widening type orders.total $.total: decimal(18,2) -> decimal(20,4)"},
		{"decimal(18,2)", "decimal(18,4)", "breaking type orders.total $.total: decimal(18,2) -> decimal(18,4)"},
		{"decimal(18,2)", "decimal(16,2)", "breaking type orders.total $.total: decimal(18,2) -> decimal(16,2)"},
		{`"decimal(18,2)"`, "double", "breaking type orders.total $.total: decimal(18,2) -> double"},
		{"type: date", "type: timestamp", "widening type orders.day $.day: date -> timestamp"},
		{"$.state, type: string", "$.state, type: string, from: [string, integer]", "widening type orders.state $.state: from: [string] -> from: [string, integer]"},
		{"$.state, type: string", "$.state, type: string, required: true", "breaking null orders.state $.state: string -> string, required"},
		{"type: int32, required: true", "type: int32", "widening null orders.id $.id: int32, required -> int32"},
		{"name: state", "name: status", "breaking renamed orders.state $.state: state -> status"},
		{"path: $.state", "path: $.status", "breaking renamed orders.state $.state: $.state -> $.status"},
		{"path: $.state", "coalesce: [$.state, $.status]", "widening renamed orders.state $.state: $.state -> $.state, $.status"},
		{"path: $.state", "coalesce: [$.status, $.state]", "breaking renamed orders.state $.state: $.state -> $.status, $.state"},
		{"$.state, type: string", "$.state, type: string, transform: [trim]", "breaking form orders.state $.state:  -> transform: [trim]"},
		{"      - {name: state, path: $.state, type: string}\n", "", "breaking gone orders.state $.state: string -> "},
		{"type: date}\n", "type: date}\n      - {name: city, path: $.city, type: string}\n", "additive added orders.city $.city:  -> string"},
		{"type: date}\n", "type: date}\n      - {name: city, path: $.city, type: string, required: true}\n", "breaking added orders.city $.city:  -> string, required"},
		{", on_error: null", "", "breaking type lines.sku $.lines[*].sku: on_error: null -> on_error: quarantine"},
		{"    when_empty: skip\n", "", "breaking rows lines. when_empty: skip -> quarantine"},
		{"    when_empty: skip\n", "    when_empty: keep\n", "widening rows lines. when_empty: skip -> keep"},
		{"equals: sale", "equals: gift", `breaking rows lines. where: - {path: "$.lines[*].kind", in: ["sale"]} -> - {path: "$.lines[*].kind", in: ["gift"]}`},
		{`["$"]`, `["$[*]", "$"]`, "breaking records . records: $ -> $[*], $"},
		{`records: ["$"]`, `records: ["$"]` + "\nunknown_fields: reject", "breaking settings . unknown_fields: count -> reject"},
		{`records: ["$"]`, `records: ["$"]` + "\nprovenance: true", "widening settings . provenance: false -> true"},
	}
	parse := func(text string) *mapping.Mapping {
		m, err := mapping.Parse("mapping.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range cases {
		next := strings.Replace(old, c.from, c.to, 1)
		if next == old && c.want != "" {
			t.Fatalf("%q is not in the mapping", c.from)
		}
		var got []string
		for _, x := range mappingdiff.Mappings(parse(old), parse(next)) {
			got = append(got, strings.Join([]string{x.Class.String(), string(x.Kind), x.Table + "." + x.Column, x.Path + ":", x.Old, "->", x.New}, " "))
		}
		if text := strings.Join(got, "\n"); text != c.want {
			t.Errorf("%s, in place of %s:\ngot  %s\nwant %s", c.to, c.from, text, c.want)
		}
	}
	tables := parse(old + "  - table: taxes\n    explode: \"$.taxes[*]\"\n    columns: [{name: rate, path: \"$.taxes[*].rate\", type: double}]\n")
	if all := mappingdiff.Mappings(parse(old), tables); len(all) != 1 || all[0].Class != mappingdiff.Additive {
		t.Errorf("a table more: %+v", all)
	}
	if all := mappingdiff.Mappings(tables, parse(old)); len(all) != 1 || all[0].Class != mappingdiff.Breaking {
		t.Errorf("a table less: %+v", all)
	}
}
