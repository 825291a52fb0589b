package lake

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"sluice/internal/parquetread"
	"sluice/internal/profile"
	"sluice/schema"
)

const (
	profileRows   = 2_000_000  // that are read of a table at most
	profileValues = 20_000_000 // and of all its columns
	profileGroups = 4096       // row groups, so also files, that are read at most
	histogramBins = 24
	topValues     = 10
	topCounted    = 4096 // different values of a column that are counted
	topBytes      = 256  // of a value that is counted or shown
)

// Profile says what is in the columns of a table.
type Profile struct {
	Rows     int64           `json:"rows"`
	RowsRead int64           `json:"rows_read"` // fewer, of all files, if there are too many
	Columns  []ColumnProfile `json:"columns"`
	// Unreadable counts files that are missing or damaged.
	Unreadable int `json:"unreadable"`

	table [32]byte // the state of the table
}

// ColumnProfile is about the rows that were read. Min and Max of numbers and times are
// of all rows of their row groups.
type ColumnProfile struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	Nulls    int64      `json:"nulls"`
	Distinct int64      `json:"distinct"` // an estimate above 16, with a standard error of 5 %
	Min      *string    `json:"min"`
	Max      *string    `json:"max"`
	Spread   *Histogram `json:"histogram"` // of numbers and times
	Top      []Count    `json:"top"`       // of the others
}

// Histogram counts values in bins of equal width.
type Histogram struct {
	Edges  []string `json:"edges"` // of the bins, one more than there are bins
	Counts []int64  `json:"counts"`
}

// Count is how often a value occurs.
type Count struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Profile looks at the columns of a table. A profile is kept until the table changes.
func (l *Lake) Profile(ctx context.Context, table string) (p *Profile, err error) {
	err = l.inView(ctx, table, func(v *View) error {
		known := func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			p = l.profile[table]
			return p != nil && p.table == v.table.sum
		}
		if known() {
			return nil
		}
		return l.work(ctx, func() error {
			if known() { // somebody else has asked for it too
				return nil
			}
			if p, err = v.profile(ctx); err != nil {
				return err
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.profile[table] = p
			return nil
		})
	})
	return p, err
}

// counter profiles one column.
type counter struct {
	mu     sync.Mutex
	typ    schema.Type
	nulls  int64
	sketch profile.Sketch
	extent extent
	axis   *axis
	counts []int64
	top    *frequent
	buf    []byte
}

func (v *View) profile(ctx context.Context) (*Profile, error) {
	parts, read := v.spread(min(profileRows, profileValues/int64(max(len(v.Columns), 1))), profileGroups)
	bounds, err := v.bounds(ctx, parts, allOf(v.Columns))
	if err != nil {
		return nil, err
	}
	all := make([]*counter, len(v.Columns))
	for i, c := range v.Columns {
		k := &counter{typ: c.Type}
		if kindOf(c.Type) == kindText {
			k.top = newFrequent(topCounted)
		} else if b := bounds[i]; b.any {
			if k.axis = evenly(c.Type, b.min, b.max, histogramBins); k.axis != nil {
				k.counts = make([]int64, k.axis.bins)
			}
		}
		all[i] = k
	}
	// One column after the other of each part: their pages are not all in memory.
	err = Each(ctx, atOnce, len(parts), func(ctx context.Context, i int) error {
		s, err := v.open(ctx, parts[i].file)
		if err != nil {
			return err
		}
		for c, k := range all {
			if err := s.scan(parts[i], []int{c}, func(batch [][]parquetread.Value) error {
				k.add(batch[0])
				return ctx.Err()
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p := &Profile{Rows: v.Rows, RowsRead: read, Columns: []ColumnProfile{}, Unreadable: v.Unreadable, table: v.table.sum}
	for i, k := range all {
		if err := k.settle(ctx, v, i, parts); err != nil {
			return nil, err
		}
		p.Columns = append(p.Columns, k.result(v.Columns[i], bounds[i]))
	}
	return p, nil
}

// add looks at some values.
func (k *counter) add(values []parquetread.Value) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, v := range values {
		if v.Null {
			k.nulls++
			continue
		}
		text := k.key(v)
		k.sketch.Add(profile.Hash(text))
		if k.top != nil {
			k.top.add(short(text))
			k.extent.add(v, k.typ)
		} else if k.axis != nil && !isNaN(v, k.typ) {
			k.counts[k.axis.bin(v)]++
		}
	}
}

func isNaN(v parquetread.Value, t schema.Type) bool {
	return t.Kind == schema.Double && math.IsNaN(v.Float)
}

// key is a text that differs for different values: of texts and lists they
// themselves, of booleans the word.
func (k *counter) key(v parquetread.Value) []byte {
	switch {
	case k.typ.Kind == schema.Boolean:
		k.buf = append(k.buf[:0], v.Text(k.typ)...)
		return k.buf
	case k.typ.Kind == schema.Double:
		f := v.Float
		if f == 0 {
			f = 0 // -0 is no other value
		}
		k.buf = binary.BigEndian.AppendUint64(k.buf[:0], math.Float64bits(f))
		return k.buf
	case k.typ.Kind == schema.Decimal && v.Bytes != nil:
		k.buf = append(k.buf[:0], v.Unscaled().String()...)
		return k.buf
	case k.typ.Wide():
		k.buf = fmt.Appendf(k.buf[:0], "%d", v.Int)
		return k.buf
	case v.Bytes != nil:
		return v.Bytes
	}
	k.buf = binary.BigEndian.AppendUint64(k.buf[:0], uint64(v.Int))
	return k.buf
}

// short is what is counted and shown of a text.
func short(text []byte) []byte {
	if len(text) <= topBytes {
		return text
	}
	n := topBytes
	for n > topBytes-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// settle counts the most frequent values once more, if there were too many to be
// counted all.
func (k *counter) settle(ctx context.Context, v *View, column int, parts []part) error {
	if k.top == nil || k.top.exact() {
		return nil
	}
	counts := map[string]int64{}
	for _, text := range k.top.first(8 * topValues) {
		counts[text] = 0
	}
	var mu sync.Mutex
	err := v.scan(ctx, parts, []int{column}, func(batch [][]parquetread.Value) error {
		mu.Lock()
		defer mu.Unlock()
		for _, value := range batch[0] {
			if value.Null {
				continue
			}
			text := short(k.key(value))
			if n, known := counts[string(text)]; known {
				counts[string(text)] = n + 1
			}
		}
		return nil
	})
	k.top.counts = counts
	return err
}

// result is what was found. whole is the extent of numbers and times.
func (k *counter) result(c schema.Column, whole extent) ColumnProfile {
	p := ColumnProfile{Name: c.Name, Type: c.Type.String(), Nulls: k.nulls, Distinct: k.sketch.Estimate(), Top: []Count{}}
	if k.top == nil {
		k.extent = whole
	}
	if k.extent.any {
		low, high := k.extent.min.Text(c.Type), k.extent.max.Text(c.Type)
		p.Min, p.Max = &low, &high
	}
	if k.axis != nil {
		p.Spread = &Histogram{Counts: k.counts}
		for i := range k.axis.bins + 1 {
			p.Spread.Edges = append(p.Spread.Edges, k.axis.edge(i))
		}
	}
	if k.top != nil {
		for _, text := range k.top.first(topValues) {
			p.Top = append(p.Top, Count{text, k.top.counts[text]})
		}
		slices.SortStableFunc(p.Top, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value)) })
	}
	return p
}

func allOf(columns []schema.Column) []int {
	all := make([]int, len(columns))
	for i := range all {
		all[i] = i
	}
	return all
}

// bounds are the least and the greatest value of numbers and times in the row groups of
// parts, as the footers say them. Where a footer does not, or says it of rows that do not
// count or that filters leave out, the values are read.
func (v *View) bounds(ctx context.Context, parts []part, columns []int) ([]extent, error) {
	all := make([]extent, len(columns))
	var mu sync.Mutex
	err := Each(ctx, atOnce, len(parts), func(ctx context.Context, i int) error {
		s, err := v.open(ctx, parts[i].file)
		if err != nil {
			return err
		}
		for j, c := range columns {
			to := v.Columns[c].Type
			if kindOf(to) == kindText || s.w.at[c] < 0 {
				continue
			}
			from := s.w.columns[s.w.at[c]].Type
			group := parts[i].group
			found := s.file.Stats(group, s.w.at[c])
			if found.Nulls == s.w.groups[group] {
				continue
			}
			whole := part{parts[i].file, group, 0, s.w.groups[group]}
			if !found.Min.Null && !found.Max.Null && len(v.filters) == 0 && v.live(whole) == whole.to {
				mu.Lock()
				all[j].add(widened(found.Min, from, to), to)
				all[j].add(widened(found.Max, from, to), to)
				mu.Unlock()
				continue
			}
			if err := s.scan(whole, []int{c}, func(batch [][]parquetread.Value) error {
				mu.Lock()
				defer mu.Unlock()
				for _, value := range batch[0] {
					if !value.Null && !isNaN(value, to) {
						all[j].add(value, to)
					}
				}
				return ctx.Err()
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}
