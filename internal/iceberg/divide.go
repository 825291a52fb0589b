package iceberg

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Divide returns the partition spec by which new files of a table are divided, if its columns
// are those of s, and the fields are these: without IDs, and with names as a new table has
// them. It is one that the table has, or a new one. A [ColumnsError] says why there is none.
//
// Spec, Partition Evolution: files keep the spec that they were written with, and a field has
// the same ID in all specs. It has its name in all of them too, and no other field has that:
// engines show the fields of all specs beside one another.
func (m *Metadata) Divide(s *Schema, fields []PartitionField) (*PartitionSpec, error) {
	for _, id := range append([]int{m.SpecID}, m.specIDs()...) {
		if spec := m.Spec(id); spec.sameFields(fields) {
			return spec, nil
		}
	}
	refused := &ColumnsError{}
	spec, last := &PartitionSpec{ID: slices.Max(m.specIDs()) + 1}, max(m.LastPartition, 999)
	for _, f := range fields {
		if old := m.partitionField(func(old *PartitionField) bool { return compareFields(*old, f) == 0 }); old != nil {
			spec.Fields = append(spec.Fields, *old)
			continue
		}
		column := s.FieldByID(f.SourceID)
		if _, err := f.Transform.Result(column.Type); err != nil {
			refused.Reasons = append(refused.Reasons, fmt.Sprintf("%s cannot divide the table: %v", column.Name, err))
		}
		last++
		f.ID = last
		for _, name := range []string{f.Name, fmt.Sprintf("%s_%d", f.Name, cmp.Or(f.Transform.N, f.ID)), fmt.Sprintf("%s_%d", f.Name, f.ID)} {
			f.Name = name
			isIt := func(old *PartitionField) bool { return strings.EqualFold(old.Name, name) }
			if m.partitionField(isIt) == nil && !slices.ContainsFunc(spec.Fields, func(f PartitionField) bool { return isIt(&f) }) {
				break
			}
		}
		if i := slices.IndexFunc(s.Fields, func(c Field) bool { return strings.EqualFold(c.Name, f.Name) }); i >= 0 && f.Transform.Name != "identity" {
			refused.Reasons = append(refused.Reasons, fmt.Sprintf("%s is a column, and engines refuse a partition field of its name, which %s would have: give the column another name", s.Fields[i].Name, f.Transform.Of(column.Name)))
		}
		spec.Fields = append(spec.Fields, f)
	}
	if len(refused.Reasons) > 0 {
		return nil, refused
	}
	return spec, nil
}

func (m *Metadata) specIDs() (ids []int) {
	for i := range m.Specs {
		ids = append(ids, m.Specs[i].ID)
	}
	return ids
}

// partitionField is a field of a spec, or nil.
func (m *Metadata) partitionField(is func(*PartitionField) bool) *PartitionField {
	for i := range m.Specs {
		if k := slices.IndexFunc(m.Specs[i].Fields, func(f PartitionField) bool { return is(&f) }); k >= 0 {
			return &m.Specs[i].Fields[k]
		}
	}
	return nil
}

// sameFields reports whether a spec divides rows by the same, in whatever order.
func (s *PartitionSpec) sameFields(fields []PartitionField) bool {
	a, b := slices.SortedFunc(slices.Values(s.Fields), compareFields), slices.SortedFunc(slices.Values(fields), compareFields)
	return slices.EqualFunc(a, b, func(a, b PartitionField) bool { return compareFields(a, b) == 0 })
}

// compareFields compares what fields make of rows.
func compareFields(a, b PartitionField) int {
	return cmp.Or(cmp.Compare(a.SourceID, b.SourceID), strings.Compare(a.Transform.Name, b.Transform.Name), cmp.Compare(a.Transform.N, b.Transform.N))
}
