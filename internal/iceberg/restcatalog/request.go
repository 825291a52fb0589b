package restcatalog

import (
	"encoding/json"
	"maps"
	"strconv"

	"sluice/internal/iceberg"
)

type object = map[string]any

// creation is the request for a new table: Spec, CreateTableRequest.
func creation(name string, first *iceberg.Metadata) object {
	properties := map[string]string{"format-version": strconv.Itoa(iceberg.FormatVersion)}
	maps.Copy(properties, first.Properties)
	request := object{
		"name": name, "schema": first.CurrentSchema(), "partition-spec": first.Spec(first.SpecID), "stage-create": false, "properties": properties,
	}
	if first.Location != "" {
		request["location"] = first.Location
	}
	return request
}

// update is the request for a change: Spec, CommitTableRequest.
func update(m *iceberg.Metadata, c iceberg.Change) (object, error) {
	var head *int64 // none: null
	if s := m.Head(); s != nil {
		head = &s.ID
	}
	// Others may change columns without a snapshot: of a column that is gone, readers would
	// not see what the new files have.
	requires := append(requirements(m, head), object{"type": "assert-current-schema-id", "current-schema-id": m.SchemaID})
	updates := []object{}
	if c.Schema != nil {
		requires = append(requires, object{"type": "assert-last-assigned-field-id", "last-assigned-field-id": m.LastColumnID})
		current := c.Schema.ID
		if m.Schema(current) == nil {
			updates = append(updates, object{"action": "add-schema", "schema": c.Schema, "last-column-id": max(m.LastColumnID, c.LastColumn)})
			current = -1 // the one that was just added
		}
		updates = append(updates, object{"action": "set-current-schema", "schema-id": current})
	}
	if c.Spec != nil {
		requires = append(requires, object{"type": "assert-last-assigned-partition-id", "last-assigned-partition-id": m.LastPartition})
		current := c.Spec.ID
		if m.Spec(current) == nil {
			updates = append(updates, object{"action": "add-spec", "spec": c.Spec})
			current = -1 // the one that was just added
		}
		if c.Divides {
			requires = append(requires, object{"type": "assert-default-spec-id", "default-spec-id": m.SpecID})
			updates = append(updates, object{"action": "set-default-spec", "spec-id": current})
		}
	}
	if len(c.Properties) > 0 {
		updates = append(updates, object{"action": "set-properties", "updates": c.Properties})
	}
	if c.Snapshot != nil {
		ref, err := setMain(m, c.Snapshot.ID)
		if err != nil {
			return nil, err
		}
		updates = append(updates, object{"action": "add-snapshot", "snapshot": c.Snapshot}, ref)
	}
	for _, id := range c.Expire { // older servers take one at a time
		updates = append(updates, object{"action": "remove-snapshots", "snapshot-ids": []int64{id}})
	}
	return object{"requirements": requires, "updates": updates}, nil
}

// requirements are that the table is the one of m, and that main is head, or is not
// there.
func requirements(m *iceberg.Metadata, head *int64) []object {
	return []object{
		{"type": "assert-table-uuid", "uuid": m.UUID},
		{"type": "assert-ref-snapshot-id", "ref": iceberg.Main, "snapshot-id": head},
	}
}

// setMain sets main to a snapshot. What it does not name of the branch is removed: how
// long snapshots stay.
func setMain(m *iceberg.Metadata, id int64) (object, error) {
	ref := m.Refs[iceberg.Main]
	ref.ID, ref.Type = id, "branch"
	data, err := json.Marshal(ref)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage // IDs do not fit in float64
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	set := object{"action": "set-snapshot-ref", "ref-name": iceberg.Main}
	for name, value := range members {
		set[name] = value
	}
	return set, nil
}
