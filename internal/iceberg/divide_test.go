package iceberg

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice/schema"
)

// field is a partition field without an ID.
func field(source int, name, transform string) PartitionField {
	return PartitionField{SourceID: source, Name: name, Transform: ParseTransform(transform)}
}

// A field has the same ID and name in all specs, no two have one of them, and a spec that was
// there is taken again.
func TestDivide(t *testing.T) {
	m, err := New("mem://t", []schema.Column{
		{Name: "id", Type: schema.Type{Kind: schema.Int64}}, {Name: "day", Type: schema.Type{Kind: schema.Date}}, {Name: "ratio", Type: schema.Type{Kind: schema.Double}}, {Name: "day_year", Type: schema.Type{Kind: schema.String}},
	}, []PartitionField{{SourceID: 2, ID: 1000, Name: "day_day", Transform: ParseTransform("day")}}, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		by   []PartitionField
		id   int
		want []PartitionField
	}{
		{[]PartitionField{field(2, "day_day", "day")}, 0, []PartitionField{{2, 1000, "day_day", ParseTransform("day")}}},
		{[]PartitionField{field(1, "id_bucket", "bucket[4]"), field(2, "day_day", "day")}, 1, []PartitionField{{1, 1001, "id_bucket", ParseTransform("bucket[4]")}, {2, 1000, "day_day", ParseTransform("day")}}},
		{[]PartitionField{field(1, "id_bucket", "bucket[8]")}, 2, []PartitionField{{1, 1002, "id_bucket_8", ParseTransform("bucket[8]")}}},
		{[]PartitionField{field(1, "id_trunc", "truncate[2]"), field(1, "id_trunc", "truncate[4]")}, 3, []PartitionField{{1, 1003, "id_trunc", ParseTransform("truncate[2]")}, {1, 1004, "id_trunc_4", ParseTransform("truncate[4]")}}},
		{[]PartitionField{field(2, "day_day", "day"), field(1, "id_bucket", "bucket[4]")}, 1, []PartitionField{{1, 1001, "id_bucket", ParseTransform("bucket[4]")}, {2, 1000, "day_day", ParseTransform("day")}}},
		{[]PartitionField{field(2, "day_day", "day")}, 0, []PartitionField{{2, 1000, "day_day", ParseTransform("day")}}},
		{[]PartitionField{field(3, "Day_Day", "identity")}, 4, []PartitionField{{3, 1005, "Day_Day_1005", ParseTransform("identity")}}},
	} {
		spec, err := m.Divide(m.CurrentSchema(), step.by)
		if err != nil || spec.ID != step.id || !reflect.DeepEqual(spec.Fields, step.want) {
			t.Fatalf("%+v, %v, want spec %d of %+v", spec, err, step.id, step.want)
		}
		if m, err = (Change{Spec: spec, Divides: true}).Apply(m, ""); err != nil || m.SpecID != spec.ID {
			t.Fatalf("the current spec is %d, %v", m.SpecID, err)
		}
	}
	for want, by := range map[string]PartitionField{
		"ratio cannot divide the table: transform bucket does not take a column of type double":              field(3, "ratio_bucket", "bucket[4]"),
		"day_year is a column, and engines refuse a partition field of its name, which year(day) would have": field(2, "day_year", "year"),
	} {
		spec, err := m.Divide(m.CurrentSchema(), []PartitionField{by})
		if !errors.As(err, new(*ColumnsError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, %v, want %s", spec, err, want)
		}
	}
	other := PartitionSpec{ID: 0, Fields: []PartitionField{{1, 1000, "x", ParseTransform("identity")}}}
	if _, err := (Change{Spec: &other, Divides: true}).Apply(m, ""); err == nil {
		t.Error("another spec of an ID that the table has")
	}
}
