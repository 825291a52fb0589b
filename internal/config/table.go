package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/suggest"
)

// tableTokenVariable is the bearer token of a REST catalog: a secret, so it is in no
// file.
const tableTokenVariable = "SLUICE_TABLE_TOKEN"

// The words of the section table; the first of a list is the default.
var (
	tableFormats  = []string{"iceberg"}
	tableCatalogs = []string{"file", "glue", "rest"}
	tableCommits  = []string{"direct", "staged"}
	signings      = []string{"none", "glue", "s3tables"}
	transforms    = []string{"identity", "bucket", "truncate", "year", "month", "day", "hour"}
)

func (r *reader) table() Table {
	if r.settings["table.format"].text == "" {
		for _, v := range variables {
			if strings.HasPrefix(v.key, "table.") && (r.settings[v.key].text != "" || len(r.lists[v.key]) > 0) {
				r.fail(v.key, "%s is set, but table.format is not: write table: {format: iceberg}, or leave it out", v.key)
				break
			}
		}
		return Table{}
	}
	t := Table{
		Format: r.word("table.format", tableFormats), Catalog: r.word("table.catalog", tableCatalogs),
		URI: r.text("table.uri", ""), Warehouse: r.text("table.warehouse", ""), Namespace: r.text("table.namespace", ""),
	}
	t.Staged = r.word("table.commit", tableCommits) == "staged"
	if s := r.word("table.signing", signings); s != signings[0] {
		t.Signing = s
	}
	for _, text := range r.lists["table.partition"] {
		p, err := parsePartition(text)
		if err != nil {
			r.fail("table.partition", "table.partition: %v", err)
		}
		t.Partition = append(t.Partition, p)
	}
	return t
}

// FileTable is the section of tables whose catalog is their folder.
func FileTable(partition []string) (Table, error) {
	t := Table{Format: tableFormats[0], Catalog: tableCatalogs[0]}
	for _, text := range partition {
		p, err := parsePartition(text)
		if err != nil {
			return t, err
		}
		t.Partition = append(t.Partition, p)
	}
	return t, nil
}

// parsePartition reads a column, or a transform of one: day(order_date),
// bucket(16, order_id).
func parsePartition(text string) (Partition, error) {
	text = strings.TrimSpace(text)
	name, rest, has := strings.Cut(text, "(")
	if !has {
		return Partition{Transform: "identity", Column: text}, nil
	}
	inner, closed := strings.CutSuffix(rest, ")")
	p := Partition{Transform: strings.TrimSpace(name), Column: strings.TrimSpace(inner)}
	if number, column, two := strings.Cut(inner, ","); two {
		p.N, _ = strconv.Atoi(strings.TrimSpace(number))
		p.Column = strings.TrimSpace(column)
	}
	counts := p.Transform == "bucket" || p.Transform == "truncate"
	switch {
	case !slices.Contains(transforms, p.Transform):
		return p, fmt.Errorf("%q: no transform %q; use %s%s", text, p.Transform, suggest.OneOf(transforms), suggest.DidYouMean(p.Transform, transforms))
	case !closed || p.Column == "" || counts != (p.N > 0):
		return p, fmt.Errorf("%q: write a column, or a transform of one: day(order_date), bucket(16, order_id), truncate(4, zip)", text)
	}
	return p, nil
}

// checkTable compares the section table with the rest.
func (r *reader) checkTable(c *Config) {
	t := &c.Table
	switch {
	case r.settings["catalog.kind"].text != "" && c.Catalog.Kind != "none":
		r.fail("catalog.kind", "catalog.kind: %s: Iceberg tables are in a catalog of their own (table.catalog); leave catalog.kind out", c.Catalog.Kind)
	case t.Catalog == "glue" && c.Catalog.Database == "":
		r.fail("table.catalog", "catalog.database is missing: table.catalog glue needs the name of the Glue database")
	case t.Catalog == "rest" && t.URI == "":
		r.fail("table.catalog", "table.uri is missing: table.catalog rest needs the address of the server, such as https://glue.eu-central-1.amazonaws.com/iceberg")
	case t.Catalog == "rest" && t.Namespace == "":
		r.fail("table.catalog", "table.namespace is missing: table.catalog rest needs the namespace of the tables")
	}
	c.Catalog.Kind = "none"
}
