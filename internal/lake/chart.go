package lake

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sluice/internal/parquetread"
	"sluice/schema"
)

const (
	chartRows  = 50_000_000 // that a chart reads of a table at most
	chartTexts = 16384      // different texts of x of which those to show are chosen
	chartLimit = 20         // texts, if nothing else is said
	chartBins  = 60
	mostBins   = 400
	mostSeries = 5    // of the column that splits
	mostPoints = 2000 // of a scatter chart
)

// What a chart shows of the values of y.
const (
	ofCount  = "count"
	ofSum    = "sum"
	ofAvg    = "avg"
	ofMin    = "min"
	ofMax    = "max"
	ofPoints = "points"
)

// ChartOptions say what a chart shows.
type ChartOptions struct {
	X, Y  string // columns; without Y rows are counted
	Of    string // count, sum, avg, min, max or points
	Split string // column of texts, or empty
	Bins  int    // of numbers and times, at most; 0: a fitting number
	Limit int    // of texts; 0: a fitting number

	Filters []Filter
}

// Chart is a column grouped by another one.
type Chart struct {
	X struct {
		Name string `json:"name"`
		Type string `json:"type"`
		Kind string `json:"kind"` // time, number or text
		// Unit of the calendar that times are grouped by, as date_trunc of SQL names
		// it; Width of the bins of numbers. Empty where there is none.
		Unit  string `json:"unit"`
		Width string `json:"width"`
	} `json:"x"`
	Y struct {
		Name string `json:"name"`
		Of   string `json:"of"`
	} `json:"y"`
	Series   []Series `json:"series"`
	Rows     int64    `json:"rows"`
	RowsRead int64    `json:"rows_read"`
	Matching int64    `json:"rows_matching"` // of those read, which the filters leave
	// Others is the number of rows whose text of x has no point, OthersY what all of
	// them have together.
	Others  int64 `json:"others"`
	OthersY any   `json:"others_y"`
	// Unreadable counts files that are missing or damaged.
	Unreadable int `json:"unreadable"`
}

// Series is a line or a group of bars. Points are pairs of x, a text or nil for NULL,
// and y: a number of rows, or a text with all digits, or nil.
type Series struct {
	Name   string   `json:"name"`
	Others bool     `json:"others"` // all values of the column that splits that have no series
	Points [][2]any `json:"points"`
}

// RequestError says what is wrong with the options of a chart.
type RequestError struct{ Text string }

func (e *RequestError) Error() string { return e.Text }

func wrong(format string, args ...any) error { return &RequestError{fmt.Sprintf(format, args...)} }

// Chart groups a column by another one.
func (l *Lake) Chart(ctx context.Context, table string, o ChartOptions) (c *Chart, err error) {
	err = l.inView(ctx, table, func(v *View) error {
		v, err := v.filtered(o.Filters)
		if err != nil {
			return err
		}
		g, err := v.chart(o)
		if err != nil {
			return err
		}
		return l.work(ctx, func() (err error) {
			c, err = g.draw(ctx)
			return err
		})
	})
	return c, err
}

// charting is the work for one chart.
type charting struct {
	v           *View
	o           ChartOptions
	x, y, split int // columns; -1: none
	tx, ty      schema.Type
	parts       []part
	read        int64

	axis   *axis
	texts  map[string]int // bins of x, if it has texts
	labels []string
	series map[string]int
	names  []string

	// The groups: bin by bin, of each one for each series. After the bins come NULL and
	// the others; after the series NULL and the others.
	bins, columns int
	groups        []group
}

// group is some rows of a chart.
type group struct {
	rows   int64 // all
	values int64 // that have a value of y
	sum    total
	extent extent
}

// chart checks the options.
func (v *View) chart(o ChartOptions) (*charting, error) {
	g := &charting{v: v, o: o, y: -1, split: -1}
	var err error
	if g.x, err = v.Column(o.X); err != nil {
		return nil, err
	}
	g.tx = v.Columns[g.x].Type
	if o.Y != "" {
		if g.y, err = v.Column(o.Y); err != nil {
			return nil, err
		}
		g.ty = v.Columns[g.y].Type
	}
	if o.Split != "" {
		if g.split, err = v.Column(o.Split); err != nil {
			return nil, err
		}
	}
	switch kind := kindOf(g.ty); {
	case !slices.Contains([]string{ofCount, ofSum, ofAvg, ofMin, ofMax, ofPoints}, o.Of):
		return nil, wrong("draw chart: of=%q; there is count, sum, avg, min, max and points", o.Of)
	case o.Of != ofCount && g.y < 0:
		return nil, wrong("draw chart: of=%s needs y", o.Of)
	case (o.Of == ofSum || o.Of == ofAvg) && kind != kindNumber:
		return nil, wrong("draw chart: column %s is %s; only numbers have a %s", o.Y, g.ty, o.Of)
	case (o.Of == ofMin || o.Of == ofMax) && kind == kindText:
		return nil, wrong("draw chart: column %s is %s; only numbers and times have a %s", o.Y, g.ty, o.Of)
	case o.Bins < 0 || o.Bins > mostBins || o.Limit < 0 || o.Limit > mostBins:
		return nil, wrong("draw chart: bins and limit are 1 to %d", mostBins)
	}
	g.o.Bins, g.o.Limit = cmp.Or(o.Bins, chartBins), cmp.Or(o.Limit, chartLimit)
	return g, nil
}

func (g *charting) draw(ctx context.Context) (*Chart, error) {
	c := &Chart{Rows: g.v.Rows, Unreadable: g.v.Unreadable, Series: []Series{}}
	c.X.Name, c.X.Type, c.X.Kind = g.o.X, g.tx.String(), kindOf(g.tx)
	c.Y.Name, c.Y.Of = g.o.Y, g.o.Of
	if g.o.Of == ofPoints {
		return c, g.scatter(ctx, c)
	}
	g.parts, g.read = g.v.spread(chartRows, math.MaxInt)
	c.RowsRead = g.read
	if err := g.layOut(ctx); err != nil {
		return nil, err
	}
	g.bins = len(g.labels)
	if g.axis != nil {
		g.bins, c.X.Unit, c.X.Width = g.axis.bins, g.axis.unit, g.axis.width
	}
	g.columns = len(g.names)
	g.groups = make([]group, (g.bins+2)*(g.columns+2))
	if err := g.fill(ctx); err != nil {
		return nil, err
	}
	g.finish(c)
	return c, nil
}

// layOut finds the bins of x and the series.
func (g *charting) layOut(ctx context.Context) error {
	var columns []int // of texts
	var tops []*frequent
	if g.split >= 0 {
		columns, tops = append(columns, g.split), append(tops, newFrequent(topCounted))
	}
	if kindOf(g.tx) == kindText {
		columns, tops = append(columns, g.x), append(tops, newFrequent(chartTexts))
	}
	if err := g.count(ctx, columns, tops); err != nil {
		return err
	}
	if g.split >= 0 {
		g.names = tops[0].first(mostSeries)
		g.series = numbered(g.names)
	}
	if kindOf(g.tx) == kindText {
		top := tops[len(tops)-1]
		g.labels = top.first(chartTexts)
		if top.exact() && g.o.Of == ofCount && g.y < 0 {
			g.labels = top.first(g.o.Limit) // their order is known
		}
		g.texts = numbered(g.labels)
		return nil
	}
	bounds, err := g.v.bounds(ctx, g.parts, []int{g.x})
	if err != nil {
		return err
	}
	b := bounds[0]
	switch {
	case !b.any:
		g.axis = &axis{}
	case kindOf(g.tx) == kindTime:
		g.axis = calendar(g.tx, b.min, b.max, g.o.Bins)
	default:
		g.axis = evenly(g.tx, b.min, b.max, g.o.Bins)
	}
	if g.axis == nil {
		return wrong("draw chart: the values of column %s are too far apart", g.o.X)
	}
	return nil
}

func numbered(texts []string) map[string]int {
	numbers := make(map[string]int, len(texts))
	for i, t := range texts {
		numbers[t] = i
	}
	return numbers
}

// count counts the texts of columns.
func (g *charting) count(ctx context.Context, columns []int, tops []*frequent) error {
	if len(columns) == 0 {
		return nil
	}
	var mu sync.Mutex
	var buf []byte
	return g.v.scan(ctx, g.parts, columns, func(batch [][]parquetread.Value) error {
		mu.Lock()
		defer mu.Unlock()
		for i, top := range tops {
			t := g.v.Columns[columns[i]].Type
			for _, v := range batch[i] {
				if !v.Null {
					buf = textOf(buf, v, t)
					top.add(buf)
				}
			}
		}
		return nil
	})
}

// textOf is a value as a text of x or of a series; buf is reused.
func textOf(buf []byte, v parquetread.Value, t schema.Type) []byte {
	if v.Bytes != nil && t.Kind != schema.Decimal {
		return append(buf[:0], short(v.Bytes)...)
	}
	return append(buf[:0], v.Text(t)...)
}

// fill puts the rows into groups.
func (g *charting) fill(ctx context.Context) error {
	columns := []int{g.x}
	at := func(column int) int {
		if column < 0 {
			return -1
		}
		columns = append(columns, column)
		return len(columns) - 1
	}
	y, split := at(g.y), at(g.split)
	var mu sync.Mutex
	var buf []byte
	return g.v.scan(ctx, g.parts, columns, func(batch [][]parquetread.Value) error {
		mu.Lock()
		defer mu.Unlock()
		for i, v := range batch[0] {
			bin := g.bins // of NULL
			switch {
			case v.Null || isNaN(v, g.tx):
			case g.axis != nil:
				bin = g.axis.bin(v)
			default:
				buf = textOf(buf, v, g.tx)
				bin = g.bins + 1
				if n, known := g.texts[string(buf)]; known {
					bin = n
				}
			}
			column := 0
			if split >= 0 {
				column = g.columns // of NULL
				if v := batch[split][i]; !v.Null {
					buf = textOf(buf, v, g.v.Columns[g.split].Type)
					column = g.columns + 1
					if n, known := g.series[string(buf)]; known {
						column = n
					}
				}
			}
			r := &g.groups[bin*(g.columns+2)+column]
			r.rows++
			if y < 0 || batch[y][i].Null {
				continue
			}
			r.values++
			switch g.o.Of {
			case ofSum, ofAvg:
				r.sum.add(batch[y][i], g.ty)
			case ofMin, ofMax:
				r.extent.add(batch[y][i], g.ty)
			}
		}
		return nil
	})
}

// merge adds the rows of another group.
func (r *group) merge(o *group, t schema.Type) {
	r.rows += o.rows
	r.values += o.values
	r.sum.merge(&o.sum)
	if o.extent.any {
		r.extent.add(o.extent.min, t)
		r.extent.add(o.extent.max, t)
	}
}

// figure is what the chart shows of a group; nil is NULL.
func (g *charting) figure(r *group) any {
	switch {
	case g.o.Of == ofCount && g.y < 0:
		return r.rows
	case g.o.Of == ofCount:
		return r.values
	case g.o.Of == ofSum && r.rows == 0: // of a bin between others
		return new(total).text(g.ty)
	case r.values == 0:
		return nil
	case g.o.Of == ofSum:
		return r.sum.text(g.ty)
	case g.o.Of == ofAvg:
		return r.sum.mean(r.values, g.ty)
	case g.o.Of == ofMin:
		return r.extent.min.Text(g.ty)
	}
	return r.extent.max.Text(g.ty)
}

// finish chooses the texts to show, and makes points of the groups.
func (g *charting) finish(c *Chart) {
	for i := range g.groups {
		c.Matching += g.groups[i].rows
	}
	width := g.columns + 2
	shown := make([]int, g.bins) // the bins, in order
	for i := range shown {
		shown[i] = i
	}
	if g.axis == nil {
		g.rank(shown)
		rest := shown[min(g.o.Limit, len(shown)):]
		shown = shown[:len(shown)-len(rest)]
		for _, bin := range rest {
			for column := range width {
				g.groups[(g.bins+1)*width+column].merge(&g.groups[bin*width+column], g.ty)
			}
		}
		var others group
		for column := range width {
			others.merge(&g.groups[(g.bins+1)*width+column], g.ty)
		}
		if c.Others = others.rows; others.rows > 0 {
			c.OthersY = g.figure(&others)
		}
	}
	for column := range width {
		s := Series{Points: [][2]any{}, Others: column == g.columns+1}
		switch {
		case column < g.columns:
			s.Name = g.names[column]
		case g.split >= 0 && column == g.columns:
			s.Name = "NULL"
		case g.split >= 0:
			s.Name = "others"
		}
		filled := false
		for _, bin := range append(shown, g.bins) {
			r := &g.groups[bin*width+column]
			filled = filled || r.rows > 0
			var x any
			switch {
			case bin == g.bins:
				if r.rows == 0 {
					continue
				}
			case g.axis != nil:
				x = g.axis.edge(bin)
			default:
				if r.rows == 0 {
					continue
				}
				x = g.labels[bin]
			}
			s.Points = append(s.Points, [2]any{x, g.figure(r)})
		}
		if filled {
			c.Series = append(c.Series, s)
		}
	}
}

// rank puts bins of texts in order: those with the greatest counts or sums first, of
// other figures those with the most rows.
func (g *charting) rank(bins []int) {
	width := g.columns + 2
	all := make(map[int]*group, len(bins))
	for _, bin := range bins {
		r := new(group)
		for column := range width {
			r.merge(&g.groups[bin*width+column], g.ty)
		}
		all[bin] = r
	}
	slices.SortFunc(bins, func(a, b int) int {
		x, y := all[a], all[b]
		order := 0
		switch {
		case g.o.Of == ofSum && g.ty.Kind == schema.Double:
			p, _ := strconv.ParseFloat(x.sum.text(g.ty), 64)
			q, _ := strconv.ParseFloat(y.sum.text(g.ty), 64)
			order = cmp.Compare(q, p)
		case g.o.Of == ofSum:
			order = y.sum.unscaled().Cmp(x.sum.unscaled())
		case g.o.Of == ofCount && g.y >= 0:
			order = cmp.Compare(y.values, x.values)
		}
		return cmp.Or(order, cmp.Compare(y.rows, x.rows), strings.Compare(g.labels[a], g.labels[b]))
	})
}

// scatter takes one row of each of equal stretches of the table, by the hash of the
// stretch, so they are the same each time.
func (g *charting) scatter(ctx context.Context, c *Chart) error {
	if kindOf(g.tx) == kindText || kindOf(g.ty) == kindText {
		return wrong("draw chart: of=points needs numbers or times, not %s and %s", g.tx, g.ty)
	}
	parts, read := g.v.spread(profileRows, profileGroups)
	counts, err := g.v.counts(ctx, parts)
	if err != nil {
		return err
	}
	first, rows := make([]int64, len(parts)), int64(0) // row of each part, among those of all
	for i, n := range counts {
		first[i] = rows
		rows += n
	}
	c.RowsRead, c.Matching = read, rows
	n := min(rows, mostPoints)
	points := make([][2]any, n)
	taken := make([]bool, n)
	err = Each(ctx, atOnce, len(parts), func(ctx context.Context, i int) error {
		p := parts[i]
		s, err := g.v.open(ctx, p.file)
		if err != nil {
			return err
		}
		at, next := first[i], int64(0)
		for next < n && pick(next, n, rows) < at {
			next++
		}
		if next == n || pick(next, n, rows) >= at+counts[i] {
			return nil
		}
		return s.scan(p, []int{g.x, g.y}, func(batch [][]parquetread.Value) error {
			for ; next < n; next++ {
				row := pick(next, n, rows) - at
				if row >= int64(len(batch[0])) {
					break
				}
				if x, y := batch[0][row], batch[1][row]; !x.Null && !y.Null {
					points[next], taken[next] = [2]any{x.Text(g.tx), y.Text(g.ty)}, true
				}
			}
			at += int64(len(batch[0]))
			return ctx.Err()
		})
	})
	if err != nil {
		return err
	}
	s := Series{Points: [][2]any{}}
	for i, ok := range taken {
		if ok {
			s.Points = append(s.Points, points[i])
		}
	}
	c.Series = append(c.Series, s)
	return nil
}

// counts are the rows of parts that the filters leave.
func (v *View) counts(ctx context.Context, parts []part) ([]int64, error) {
	all := make([]int64, len(parts))
	for i, p := range parts {
		all[i] = v.live(p)
	}
	if len(v.filters) == 0 {
		return all, nil
	}
	clear(all)
	return all, Each(ctx, atOnce, len(parts), func(ctx context.Context, i int) error {
		s, err := v.open(ctx, parts[i].file)
		if err != nil {
			return err
		}
		return s.scan(parts[i], []int{rowNumber}, func(batch [][]parquetread.Value) error {
			all[i] += int64(len(batch[0]))
			return ctx.Err()
		})
	})
}
