package tablefiles

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/schema"
)

// partition is a combination of values, one of each field.
type partition struct {
	values map[string]any // by the name of the field
	path   string         // of its folder, with a slash at its end
	file   *openFile      // nil: none is open

	n int // rows of the batch that is split: first their number, then where the next one goes
}

// piece is the rows of a batch that belong to one partition.
type piece struct {
	partition *partition
	rows      []uint32 // nil: all
}

// field is a field of the partition spec.
type field struct {
	name      string
	column    int // -1: none
	source    iceberg.Type
	transform iceberg.Transform

	ids    map[string]uint32 // of the values that were seen, by their bytes
	values []any             // by ID; the first is NULL
	of     []uint32          // ID of each entry of the column
}

// step leads from the values of some fields to those with one more.
type step struct{ node, value uint32 }

// splitter finds the partitions of rows. The combinations of values are a tree, with a
// level for each field: a row goes from the root, which is 0, to a leaf.
type splitter struct {
	fields []*field
	tree   map[step]uint32
	steps  []step       // that lead to each node
	leaves []*partition // of each node; nil: it is none, or not met yet

	nodes  []uint32 // of each row
	rows   []uint32 // by partition
	pieces []piece
}

func newSplitter(o *Options) (*splitter, error) {
	s := &splitter{tree: map[step]uint32{}, steps: []step{{}}, leaves: []*partition{nil}}
	if len(o.Spec.Fields) == 0 {
		s.leaves[0] = &partition{}
		return s, nil
	}
	for _, f := range o.Spec.Fields {
		i := slices.IndexFunc(o.Columns, func(c schema.Column) bool { return c.ID == f.SourceID })
		if f.Transform.Name == "void" || i < 0 { // always NULL: a column that the rows do not have is, too
			s.fields = append(s.fields, &field{name: f.Name, column: -1, values: []any{nil}})
			continue
		}
		source := o.typeOf(i)
		if _, err := f.Transform.Result(source); err != nil {
			return nil, fmt.Errorf("partition field %q: %w", f.Name, err)
		}
		s.fields = append(s.fields, &field{name: f.Name, column: i, source: source, transform: f.Transform, ids: map[string]uint32{}, values: []any{nil}})
	}
	return s, nil
}

// typeOf is the type of a column in the table, which may be wider than that of the rows.
func (o *Options) typeOf(column int) iceberg.Type {
	if o.Schema != nil {
		return o.Schema.FieldByID(o.Columns[column].ID).Type
	}
	s, _ := iceberg.NewSchema(o.Columns[column : column+1])
	return s.Fields[0].Type
}

// split divides the rows of a batch by partition. It is valid until the next call.
func (s *splitter) split(b *batch.Batch) []piece {
	s.pieces = s.pieces[:0]
	if len(s.fields) == 0 {
		return append(s.pieces, piece{partition: s.leaves[0]})
	}
	s.nodes = slices.Grow(s.nodes[:0], b.Rows)[:b.Rows]
	clear(s.nodes)
	for _, f := range s.fields {
		s.descend(b, f)
	}
	for _, node := range s.nodes {
		p := s.leaves[node]
		if p == nil {
			p = s.leaf(node)
		}
		if p.n == 0 {
			s.pieces = append(s.pieces, piece{partition: p})
		}
		p.n++
	}
	if len(s.pieces) == 1 {
		s.pieces[0].partition.n = 0
		return s.pieces
	}
	s.rows = slices.Grow(s.rows[:0], b.Rows)[:b.Rows]
	at := 0
	for i := range s.pieces {
		p := s.pieces[i].partition
		s.pieces[i].rows = s.rows[at : at+p.n]
		at, p.n = at+p.n, at
	}
	for row, node := range s.nodes {
		p := s.leaves[node]
		s.rows[p.n] = uint32(row)
		p.n++
	}
	for i := range s.pieces {
		s.pieces[i].partition.n = 0
	}
	return s.pieces
}

// descend takes each row a step further, by the value of a field. The field is
// computed for each entry of its column, however many rows it stands in.
func (s *splitter) descend(b *batch.Batch, f *field) {
	if f.column < 0 {
		for row, node := range s.nodes {
			s.nodes[row] = s.node(step{node, 0})
		}
		return
	}
	c := &b.Columns[f.column]
	f.of = f.of[:0]
	for entry := range uint32(c.Entries()) {
		f.of = append(f.of, f.id(f.transform.Apply(f.source, value(c, entry, f.source))))
	}
	var runs []uint32
	if c.Level < b.Depth {
		runs = b.Runs[c.Level]
	}
	row := 0
	var last step
	next := uint32(math.MaxUint32) // not known yet
	for element, entry := range c.Index {
		id, rows := uint32(0), 1
		if entry != batch.Null {
			id = f.of[entry]
		}
		if runs != nil {
			rows = int(runs[element])
		}
		for range rows {
			if here := (step{s.nodes[row], id}); next == math.MaxUint32 || here != last {
				last, next = here, s.node(here)
			}
			s.nodes[row] = next
			row++
		}
	}
}

// id is the ID of a value of the field.
func (f *field) id(v any) uint32 {
	if v == nil {
		return 0
	}
	var room [64]byte
	key := iceberg.AppendValue(room[:0], v)
	id, ok := f.ids[string(key)]
	if !ok {
		id = uint32(len(f.values))
		f.ids[string(key)] = id
		f.values = append(f.values, v)
	}
	return id
}

// node is where a step leads.
func (s *splitter) node(to step) uint32 {
	node, ok := s.tree[to]
	if !ok {
		node = uint32(len(s.steps))
		s.tree[to] = node
		s.steps, s.leaves = append(s.steps, to), append(s.leaves, nil)
	}
	return node
}

// leaf makes the partition of a leaf.
func (s *splitter) leaf(node uint32) *partition {
	p := &partition{values: make(map[string]any, len(s.fields))}
	s.leaves[node] = p
	folders := make([]string, len(s.fields))
	for i, f := range slices.Backward(s.fields) {
		to := s.steps[node]
		v := f.values[to.value]
		p.values[f.name] = v
		folders[i] = folderName(f.name) + "=" + folderName(f.transform.Text(f.source, v)) + "/"
		node = to.node
	}
	p.path = strings.Join(folders, "")
	return p
}

// value is an entry of a column as a value of a type of Iceberg.
func value(c *batch.Column, entry uint32, t iceberg.Type) any {
	switch c.Type.Kind {
	case schema.Boolean:
		return c.Fixed[entry] != 0
	case schema.Int32, schema.Date:
		if t.Primitive == iceberg.Long {
			return int64(int32(c.Fixed[entry]))
		}
		return int32(c.Fixed[entry])
	case schema.Int64, schema.Timestamp:
		return int64(c.Fixed[entry])
	case schema.Double:
		return math.Float64frombits(c.Fixed[entry])
	case schema.Decimal:
		if c.Type.Wide() {
			return slices.Clone(iceberg.Minimal(c.Entry(entry)))
		}
		return iceberg.Minimal(binary.BigEndian.AppendUint64(nil, c.Fixed[entry]))
	}
	return string(c.Entry(entry))
}

// longestName bounds each half of a folder's name: file systems take 255 bytes, and a
// key 1,024. The value is in the metadata, so a cut name loses nothing.
const longestName = 80

// folderName is a text of letters and digits, and - . _ as they are; anything else is _.
// There is no escape: of a name with % in a file: URI iceberg-go opens another file than
// Java, Python and DuckDB. Two values may share a folder, as names of files differ.
func folderName(text string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, text)
	return name[:min(len(name), longestName)]
}
