package glue

import (
	"encoding/json"
	"errors"
	"maps"
)

// Table is a table as Glue has it. What it has beside that of a TableInput, such as the
// time of its creation, is Glue's own: UpdateTable does not take it.
// https://docs.aws.amazon.com/glue/latest/webapi/API_Table.html
type Table struct {
	TableInput
	VersionID string `json:"VersionId"`
}

// TableInput is what there is to write of a table. UpdateTable removes what it is not
// given. ViewDefinition is missing, which has another form there; views are not updated.
// https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
type TableInput struct {
	Name              string
	TableType         string             `json:",omitzero"`
	Parameters        map[string]string  `json:",omitzero"`
	PartitionKeys     []Column           `json:",omitzero"`
	StorageDescriptor *StorageDescriptor `json:",omitzero"`

	// These go back as they came.
	Description, Owner                          json.RawMessage `json:",omitzero"`
	LastAccessTime, LastAnalyzedTime, Retention json.RawMessage `json:",omitzero"`
	TargetTable                                 json.RawMessage `json:",omitzero"`
	ViewOriginalText, ViewExpandedText          json.RawMessage `json:",omitzero"`
}

// StorageDescriptor says where and how a table is stored. Members that are not here, and
// those that are zero, go back as they came; so it is with columns.
// https://docs.aws.amazon.com/glue/latest/webapi/API_StorageDescriptor.html
type StorageDescriptor struct {
	Columns      []Column   `json:",omitzero"`
	Location     string     `json:",omitzero"`
	InputFormat  string     `json:",omitzero"`
	OutputFormat string     `json:",omitzero"`
	SerdeInfo    *SerDeInfo `json:",omitzero"`

	came members
}

// Column is a column of a table, or a key of its partitions.
// https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
type Column struct {
	Name       string
	Type       string            `json:",omitzero"`
	Comment    string            `json:",omitzero"`
	Parameters map[string]string `json:",omitzero"`

	came members
}

// SerDeInfo says how rows are read.
// https://docs.aws.amazon.com/glue/latest/webapi/API_SerDeInfo.html
type SerDeInfo struct {
	SerializationLibrary string            `json:",omitzero"`
	Parameters           map[string]string `json:",omitzero"`

	came members
}

// members are those of a JSON object as it came.
type members map[string]json.RawMessage

func (m *members) read(data []byte, known any) error {
	return errors.Join(json.Unmarshal(data, known), json.Unmarshal(data, m))
}

// write encodes what is known, over what came.
func (m members) write(known any) ([]byte, error) {
	data, err := json.Marshal(known)
	if err != nil || len(m) == 0 {
		return data, err
	}
	all := maps.Clone(m)
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

type (
	knownStorage StorageDescriptor
	knownColumn  Column
	knownSerDe   SerDeInfo
)

// UnmarshalJSON implements [json.Unmarshaler].
func (d *StorageDescriptor) UnmarshalJSON(data []byte) error {
	return d.came.read(data, (*knownStorage)(d))
}

// MarshalJSON implements [json.Marshaler].
func (d StorageDescriptor) MarshalJSON() ([]byte, error) { return d.came.write(knownStorage(d)) }

// UnmarshalJSON implements [json.Unmarshaler].
func (c *Column) UnmarshalJSON(data []byte) error { return c.came.read(data, (*knownColumn)(c)) }

// MarshalJSON implements [json.Marshaler].
func (c Column) MarshalJSON() ([]byte, error) { return c.came.write(knownColumn(c)) }

// UnmarshalJSON implements [json.Unmarshaler].
func (s *SerDeInfo) UnmarshalJSON(data []byte) error { return s.came.read(data, (*knownSerDe)(s)) }

// MarshalJSON implements [json.Marshaler].
func (s SerDeInfo) MarshalJSON() ([]byte, error) { return s.came.write(knownSerDe(s)) }
