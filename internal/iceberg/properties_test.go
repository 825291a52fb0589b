package iceberg_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/iceberg"
	"sluice/schema"
)

func TestProperties(t *testing.T) {
	s, _ := iceberg.NewSchema([]schema.Column{
		{Name: "id", Type: schema.Type{Kind: schema.Int64}},
		{Name: "tags", Type: schema.Type{Kind: schema.List, Of: schema.String}},
		{Name: "_source_id", Type: schema.Type{Kind: schema.String}},
	})
	want := map[string]string{
		"schema.name-mapping.default": `[{"field-id":1,"names":["id"]},` +
			`{"field-id":2,"names":["tags"],"fields":[{"field-id":4,"names":["element"]}]},` +
			`{"field-id":3,"names":["_source_id"]}]`,
		"write.metadata.metrics.column._source_id": "full",
		"write.parquet.compression-codec":          "zstd",
	}
	if diff := cmp.Diff(want, iceberg.Properties(&s, "zstd", "_source_id", "absent")); diff != "" {
		t.Error(diff)
	}
}

// Lists of lists come from others.
func TestNameMappingOfNestedLists(t *testing.T) {
	var s iceberg.Schema
	err := json.Unmarshal([]byte(`{"type":"struct","schema-id":0,"fields":[{"id":7,"name":"points","required":false,"type":
		{"type":"list","element-id":8,"element-required":false,"element":
			{"type":"list","element-id":9,"element-required":false,"element":"double"}}},
		{"id":10,"name":"address","required":false,"type":{"type":"struct","fields":[]}}]}`), &s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"field-id":7,"names":["points"],"fields":[{"field-id":8,"names":["element"],"fields":[{"field-id":9,"names":["element"]}]}]},` +
		`{"field-id":10,"names":["address"]}]`
	if got := s.NameMapping(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
