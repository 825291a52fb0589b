package parquetfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/parquetread"
	"sluice/schema"
)

// table is a batch as a test sees it: the value of every element, of which the
// batch and the expected rows are made.
type table struct {
	depth    int
	children [batch.MaxLevels - 1][]int // elements of the next level, of each element
	pageEnds []bool                     // whether a page ends after a record
	columns  []tableColumn
}

// tableColumn has a value for each element of its level: nil, uint64 for a
// fixed-width type, []byte, or []any for a list of these.
type tableColumn struct {
	schema.Column
	level  int
	plain  bool // entries repeat: Distinct is false
	values []any
}

func (x *table) schema() schema.Schema {
	s := schema.Schema{Table: "t"}
	for _, c := range x.columns {
		s.Columns = append(s.Columns, c.Column)
	}
	return s
}

// runs is the number of rows of each element of a level.
func (x *table) runs(level int) []uint32 {
	if level == x.depth {
		elements := len(x.pageEnds)
		if level > 0 {
			elements = 0
			for _, n := range x.children[level-1] {
				elements += n
			}
		}
		return slices.Repeat([]uint32{1}, elements)
	}
	below, runs, first := x.runs(level+1), []uint32(nil), 0
	for _, n := range x.children[level] {
		var rows uint32
		for _, r := range below[first : first+n] {
			rows += r
		}
		runs = append(runs, rows)
		first += n
	}
	return runs
}

func (x *table) batch() *batch.Batch {
	b := &batch.Batch{Depth: x.depth}
	for l := range x.depth {
		b.Runs[l] = x.runs(l)
	}
	recordRows := x.runs(0)
	var pos batch.Position
	for record, ends := range x.pageEnds {
		pos.Rows += int(recordRows[record])
		pos.Elems[0]++
		if x.depth >= 1 {
			for i := range x.children[0][record] {
				if x.depth == 2 {
					pos.Elems[2] += x.children[1][pos.Elems[1]+i]
				}
			}
			pos.Elems[1] += x.children[0][record]
		}
		if ends || record == len(x.pageEnds)-1 {
			b.Pages = append(b.Pages, pos)
		}
	}
	b.Rows = pos.Rows
	for _, c := range x.columns {
		b.Columns = append(b.Columns, c.batchColumn())
	}
	return b
}

func (c *tableColumn) batchColumn() batch.Column {
	if c.Type.Kind == schema.List {
		return c.batchLists()
	}
	out := batch.Column{Column: c.Column, Level: c.level, Distinct: !c.plain}
	entries := map[string]uint32{}
	for _, v := range c.values {
		if v == nil {
			out.Index = append(out.Index, batch.Null)
			continue
		}
		key := fmt.Sprint(v)
		entry, ok := entries[key]
		if !ok || c.plain {
			entry = uint32(out.Entries())
			entries[key] = entry
			switch v := v.(type) {
			case uint64:
				out.Fixed = append(out.Fixed, v)
			case []byte:
				out.Offsets = append(out.Offsets, uint32(len(out.Data)))
				out.Data = binary.LittleEndian.AppendUint32(out.Data, uint32(len(v)))
				out.Data = append(out.Data, v...)
			}
		}
		out.Index = append(out.Index, entry)
	}
	return out
}

func (c *tableColumn) batchLists() batch.Column {
	out := batch.Column{Column: c.Column, Level: c.level, List: &batch.List{}}
	for _, v := range c.values {
		if v == nil {
			out.Index = append(out.Index, batch.Null)
			continue
		}
		out.Index = append(out.Index, uint32(len(out.List.Ends)))
		last := 0
		if n := len(out.List.Ends); n > 0 {
			last = int(out.List.Ends[n-1])
		}
		out.List.Ends = append(out.List.Ends, uint32(last+len(v.([]any))))
	}
	items := c.items()
	out.List.Items = items.batchColumn()
	return out
}

// items is a column of the values of all lists.
func (c *tableColumn) items() tableColumn {
	items := tableColumn{Column: c.Column, level: c.level, plain: c.plain}
	items.Type = c.Type.Value()
	for _, v := range c.values {
		if v != nil {
			items.values = append(items.values, v.([]any)...)
		}
	}
	return items
}

// rows is the value of the column in each row.
func (x *table) rows(c *tableColumn) []any {
	var rows []any
	runs := x.runs(c.level)
	for i, v := range c.values {
		for range runs[i] {
			rows = append(rows, v)
		}
	}
	return rows
}

// text is the rows as File.Rows must give them.
func (x *table) text() [][]string {
	var rows [][]string
	for i := range x.columns {
		for r, v := range x.rows(&x.columns[i]) {
			if i == 0 {
				rows = append(rows, nil)
			}
			rows[r] = append(rows[r], textOf(v, x.columns[i].Type))
		}
	}
	return rows
}

func textOf(v any, t schema.Type) string {
	if v == nil {
		return parquetread.Null
	}
	switch t.Kind {
	case schema.List:
		return listText(v.([]any), t.Value())
	case schema.Boolean:
		return map[uint64]string{0: "false", 1: "true"}[v.(uint64)]
	case schema.Double:
		return strconv.FormatFloat(math.Float64frombits(v.(uint64)), 'g', -1, 64)
	case schema.Date:
		return time.Date(1970, 1, 1+int(int64(v.(uint64))), 0, 0, 0, 0, time.UTC).Format("2006-01-02")
	case schema.Timestamp:
		return time.UnixMicro(int64(v.(uint64))).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	case schema.Decimal:
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
		return new(big.Rat).SetFrac(bigOf(v), scale).FloatString(t.Scale)
	case schema.Int32, schema.Int64:
		return fmt.Sprint(int64(v.(uint64)))
	}
	return string(v.([]byte))
}

func listText(values []any, t schema.Type) string {
	var cells []string
	for _, v := range values {
		cell := textOf(v, t)
		switch {
		case v == nil:
			cell = "null"
		case t.Kind == schema.String || t.Kind == schema.Date || t.Kind == schema.Timestamp:
			cell = `"` + cell + `"` // no sample needs an escape
		}
		cells = append(cells, cell)
	}
	return "[" + strings.Join(cells, ",") + "]"
}

func bigOf(v any) *big.Int {
	b, wide := v.([]byte)
	if !wide {
		return big.NewInt(int64(v.(uint64)))
	}
	n := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	return n
}

// wide is a number as a batch holds it in a wide decimal.
func wide(n *big.Int) []byte {
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	return n.FillBytes(make([]byte, 16))
}

// compareValues is the order of the type, the plain way.
func compareValues(a, b any, t schema.Type) int {
	switch t.Kind {
	case schema.String, schema.JSON:
		return bytes.Compare(a.([]byte), b.([]byte))
	case schema.Double:
		x, y := math.Float64frombits(a.(uint64)), math.Float64frombits(b.(uint64))
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return bigOf(a).Cmp(bigOf(b))
}

// allTypes is every kind of type, decimals of every width.
var allTypes = []schema.Type{
	{Kind: schema.String}, {Kind: schema.JSON}, {Kind: schema.Boolean}, {Kind: schema.Int32}, {Kind: schema.Int64},
	{Kind: schema.Double}, {Kind: schema.Date}, {Kind: schema.Timestamp},
	{Kind: schema.Decimal, Precision: 9, Scale: 2}, {Kind: schema.Decimal, Precision: 18, Scale: 4},
	{Kind: schema.Decimal, Precision: 19, Scale: 0}, {Kind: schema.Decimal, Precision: 26, Scale: 6}, {Kind: schema.Decimal, Precision: 38, Scale: 38},
}

// sample is a random one of n values of the type.
func sample(t schema.Type, n int, r *rand.Rand) any {
	i := int64(r.IntN(n))
	signed := i/2 ^ -(i & 1) // 0, -1, 1, -2, …
	switch t.Kind {
	case schema.Boolean:
		return uint64(i & 1)
	case schema.Int32:
		return uint64(signed * 1_000_003 % math.MaxInt32)
	case schema.Date:
		return uint64(signed * 97 % 700_000)
	case schema.Timestamp:
		return uint64(signed * 86_399_999_983)
	case schema.Int64:
		return uint64(signed * 1_000_000_000_039)
	case schema.Double:
		if i < 2 {
			return math.Float64bits(0) | uint64(i)<<63
		}
		return math.Float64bits(float64(signed) / 8)
	case schema.Decimal:
		v := big.NewInt(signed)
		if t.Precision > 12 {
			v.Mul(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision-8)), nil))
		}
		if t.Wide() {
			return wide(v)
		}
		return uint64(v.Int64())
	case schema.JSON:
		return fmt.Appendf(nil, `{"n":%d}`, i)
	}
	switch i % 7 {
	case 0:
		return []byte{}
	case 1:
		return fmt.Appendf(nil, "%d", i)
	case 2:
		return append(bytes.Repeat([]byte("длинный"), 20), byte('a'+i%20))
	}
	return fmt.Appendf(nil, "customer-%07d", i)
}

// listTypes are lists of every type that they may have.
func listTypes() (all []schema.Type) {
	for _, t := range allTypes {
		if t.Kind != schema.JSON {
			all = append(all, schema.Type{Kind: schema.List, Of: t.Kind, Precision: t.Precision, Scale: t.Scale})
		}
	}
	return all
}

// randomTable has columns of all types at every level, some with NULLs, some
// with nothing else.
func randomTable(depth, records int, r *rand.Rand) *table {
	x := &table{depth: depth}
	elements := [batch.MaxLevels]int{records}
	for l := range depth {
		for range elements[l] {
			n := r.IntN(5)
			x.children[l] = append(x.children[l], n)
			elements[l+1] += n
		}
	}
	for range records {
		x.pageEnds = append(x.pageEnds, r.IntN(max(2, records/3)) == 0)
	}
	for level := range depth + 1 {
		for _, typ := range allTypes {
			kind := r.IntN(3)
			nulls := []int{0, 1, 10}[kind] // in ten elements
			c := tableColumn{level: level, plain: kind == 1 && level == depth}
			c.Name = fmt.Sprintf("c%d", len(x.columns))
			c.Type, c.Bloom = typ, r.IntN(2) == 0
			n := []int{1, 3, 1 + elements[level]}[r.IntN(3)]
			for range elements[level] {
				var v any
				if r.IntN(10) >= nulls {
					v = sample(typ, n, r)
				}
				c.values = append(c.values, v)
			}
			if kind < 2 && r.IntN(2) == 0 {
				for i := range c.values { // repeated values
					c.values[i] = c.values[i&^31]
				}
			}
			x.columns = append(x.columns, c)
		}
		for i, typ := range listTypes() {
			if (i+level)%3 > 0 { // a third on each level, all of them on three
				continue
			}
			x.columns = append(x.columns, randomLists(fmt.Sprintf("c%d", len(x.columns)), typ, level, elements[level], r))
		}
	}
	return x
}

// randomLists has lists, some of them empty or NULL, some with NULLs in them.
func randomLists(name string, typ schema.Type, level, elements int, r *rand.Rand) tableColumn {
	c := tableColumn{level: level, plain: r.IntN(4) == 0}
	c.Name, c.Type = name, typ
	n := []int{1, 3, 1 + elements}[r.IntN(3)]
	nulls := []int{0, 1, 5, 10}[r.IntN(4)] // in ten
	for range elements {
		if r.IntN(12) < nulls {
			c.values = append(c.values, nil)
			continue
		}
		list := []any{}
		for range r.IntN(5) {
			var v any
			if r.IntN(10) >= nulls {
				v = sample(typ.Value(), n, r)
			}
			list = append(list, v)
		}
		c.values = append(c.values, list)
	}
	return c
}

// writeFile writes a row group of each table and returns the file.
func writeFile(t testing.TB, codec string, tables ...*table) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, tables[0].schema(), Options{CreatedBy: "sluice test"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEncoder(codec)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, x := range tables {
		b := x.batch()
		g, err := e.Encode(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(g); err != nil {
			t.Fatal(err)
		}
		rows += b.Rows
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Rows() != int64(rows) || w.Bytes() != int64(out.Len()) {
		t.Fatalf("the writer counts %d rows and %d bytes, want %d and %d", w.Rows(), w.Bytes(), rows, out.Len())
	}
	return out.Bytes()
}
