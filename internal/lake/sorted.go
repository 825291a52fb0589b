package lake

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"sluice/internal/parquetread"
	"sluice/schema"
)

// MaxSorted is how far [Lake.Sorted] goes: to the rows after these no page leads.
const MaxSorted = 10_000

// SortOptions say which rows of a table are shown, and in which order.
type SortOptions struct {
	Filters    []Filter
	By         string // column; empty: the order of the files
	Descending bool
	Offset     int64
	Limit      int
}

// Sorted are some rows of a table as texts, nil for NULL.
type Sorted struct {
	View     *View
	Rows     [][]*string
	Matching int64 // rows that the filters leave
	RowsRead int64 // that were looked at: fewer than there are in a table that is too large
}

// place is where a row is, and its value of the column that sorts.
type place struct {
	value parquetread.Value
	part  int
	row   int64 // of the row group
}

// sorting puts places in order: NULL is last, and what is equal stays in the order of
// the files.
type sorting struct {
	typ  schema.Type
	sign int // -1: descending
}

func (o sorting) compare(a, b place) int {
	if a.value.Null != b.value.Null {
		if a.value.Null {
			return 1
		}
		return -1
	}
	order := 0
	if !a.value.Null {
		order = o.sign * compare(a.value, b.value, o.typ)
	}
	return cmp.Or(order, cmp.Compare(a.part, b.part), cmp.Compare(a.row, b.row))
}

// Sorted looks at the columns that filter and sort, and then reads the rows that are
// shown, and no others.
func (l *Lake) Sorted(ctx context.Context, table string, o SortOptions) (r *Sorted, err error) {
	if o.Limit = min(o.Limit, MaxRows); o.Offset > MaxSorted-int64(o.Limit) {
		return nil, wrong("read table %s: of sorted or filtered rows the first %d can be paged through; SQL or a download has all", table, MaxSorted)
	}
	err = l.inView(ctx, table, func(v *View) error {
		some, err := v.filtered(o.Filters)
		if err != nil {
			return err
		}
		column := -1
		if o.By != "" {
			if column, err = v.Column(o.By); err != nil {
				return err
			}
		}
		return l.work(ctx, func() error {
			r = &Sorted{View: v, Rows: [][]*string{}}
			return r.read(ctx, some, column, o)
		})
	})
	return r, err
}

// read reads the rows of a filtered View.
func (r *Sorted) read(ctx context.Context, some *View, column int, o SortOptions) error {
	parts, read := some.spread(chartRows, math.MaxInt)
	first, matching, err := some.first(ctx, parts, int(o.Offset)+o.Limit, column, o.Descending)
	if err != nil {
		return err
	}
	r.RowsRead, r.Matching = read, matching
	first = first[min(int(o.Offset), len(first)):]
	r.Rows = make([][]*string, len(first))
	byPart := map[int][]int{} // numbers of first
	for i, p := range first {
		byPart[p.part] = append(byPart[p.part], i)
	}
	of := slices.Collect(func(yield func(int) bool) {
		for part := range byPart {
			if !yield(part) {
				return
			}
		}
	})
	return Each(ctx, atOnce, len(of), func(ctx context.Context, i int) error {
		p := parts[of[i]]
		s, err := r.View.open(ctx, p.file)
		if err != nil {
			return err
		}
		for _, n := range byPart[of[i]] {
			p.from, p.to = first[n].row, first[n].row+1
			if err := s.scan(p, allOf(r.View.Columns), func(batch [][]parquetread.Value) error {
				row, texts := make([]*string, len(batch)), make([]string, len(batch))
				r.View.texts(batch, 0, row, texts)
				r.Rows[n] = row
				return ctx.Err()
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// first are the places of the first n rows, in order, and how many rows there are.
func (v *View) first(ctx context.Context, parts []part, n, column int, descending bool) (best []place, matching int64, err error) {
	order, columns := sorting{sign: 1}, []int{rowNumber}
	if column >= 0 {
		order.typ, columns = v.Columns[column].Type, append(columns, column)
	}
	if descending {
		order.sign = -1
	}
	var last *place // nothing after it is among the first
	cut := func() {
		slices.SortFunc(best, order.compare)
		if best = best[:min(n, len(best))]; n > 0 && len(best) == n {
			worst := best[n-1]
			last = &worst
		}
	}
	var mu sync.Mutex
	err = Each(ctx, atOnce, len(parts), func(ctx context.Context, i int) error {
		s, err := v.open(ctx, parts[i].file)
		if err != nil {
			return err
		}
		return s.scan(parts[i], columns, func(batch [][]parquetread.Value) error {
			mu.Lock()
			defer mu.Unlock()
			matching += int64(len(batch[0]))
			for j, number := range batch[0] {
				p := place{part: i, row: number.Int}
				if column >= 0 {
					if p.value = batch[1][j]; isText(order.typ) {
						p.value.Bytes = short(p.value.Bytes)
					}
				}
				if last != nil && order.compare(p, *last) >= 0 {
					continue
				}
				p.value = kept(p.value)
				if best = append(best, p); len(best) >= 2*n {
					cut()
				}
			}
			return ctx.Err()
		})
	})
	cut()
	return best, matching, err
}
