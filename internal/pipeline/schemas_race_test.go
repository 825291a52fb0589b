package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/pipeline"
	"sluice/internal/store"
)

// TestSchemasAtOnce has two workers with different mappings process an object each, in
// all orders of what they ask of the catalog, with a commit whose reply is lost. In no
// state of the table has a value of one column come into another, and each object is
// there once in the end.
func TestSchemasAtOnce(t *testing.T) {
	const document = `{"id":%d,"a":"a%[1]d","b":"b%[1]d","c":["c%[1]d"],"n":%[1]d}`
	const id = `{name: id, path: $.id, type: int32}`
	for _, c := range []struct {
		name     string
		mappings [2]string
		rows     [2]string // of both objects
		columns  string    // in any order
		refused  bool      // the second of both that is there is refused
	}{
		{"different columns", [2]string{`{name: a, path: $.a, type: string}`, `{name: b, path: $.b, type: string}`},
			[2]string{"a=a1 id=1", "b=b2 id=2"}, "a string, b string, id int32", false},
		{"the same column", [2]string{`{name: a, path: $.a, type: string}`, `{name: a, path: $.a, type: string}`},
			[2]string{"a=a1 id=1", "a=a2 id=2"}, "a string, id int32", false},
		{"the same columns in another order", [2]string{`{name: a, path: $.a, type: string}, {name: b, path: $.b, type: string}`, `{name: b, path: $.b, type: string}, {name: a, path: $.a, type: string}`},
			[2]string{"a=a1 b=b1 id=1", "a=a2 b=b2 id=2"}, "a string, b string, id int32", false},
		{"a list, and two columns", [2]string{`{name: c, path: $.c, type: list<string>}`, `{name: a, path: $.a, type: string}, {name: b, path: $.b, type: string}`},
			[2]string{`c=["c1"] id=1`, "a=a2 b=b2 id=2"}, "a string, b string, c list<string>, id int32", false},
		{"a list after a column, and a list", [2]string{`{name: a, path: $.a, type: string}, {name: c, path: $.c, type: list<string>}`, `{name: c, path: $.c, type: list<string>}`},
			[2]string{`a=a1 c=["c1"] id=1`, `c=["c2"] id=2`}, "a string, c list<string>, id int32", false},
		{"a column of two widths", [2]string{`{name: n, path: $.n, type: int32}`, `{name: n, path: $.n, type: int64}`},
			[2]string{"id=1 n=1", "id=2 n=2"}, "id int32, n int64", false},
		{"a column of two types", [2]string{`{name: n, path: $.n, type: int32}`, `{name: n, path: $.a, type: string}`},
			[2]string{"id=1 n=1", "id=2 n=a2"}, "", true},
	} {
		if testing.Short() && c.name != "different columns" && c.name != "a column of two types" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := &orders{}
			repeated, refused, lost := 0, 0, 0
			for o.schedules == 0 || o.next() {
				o.schedules++
				w := newTablesWorld(t)
				first := w.targetOf(t, "table: t\ncolumns: ["+id+"]\n")
				if _, err := first.Open(t.Context()); err != nil {
					t.Fatal(err)
				}
				var results [2]pipeline.Result
				var failed [2]error
				var targets [2]*pipeline.Tables
				for i := range targets {
					key := fmt.Sprintf("%d.json", i+1)
					w.put(t, key, fmt.Sprintf(document, i+1))
					targets[i] = w.targetOf(t, "table: t\ncolumns: ["+id+", "+c.mappings[i]+"]\n")
					targets[i].Tables[0].Catalog = &ordered{targets[i].Tables[0].Catalog, o, i}
				}
				o.run(func(i int) {
					results[i], failed[i] = targets[i].Process(t.Context(), "raw", fmt.Sprintf("%d.json", i+1))
				})
				lost += o.lost
				done := 0
				for i, err := range failed {
					if results[i].Attempts > 1 {
						repeated++
					}
					switch {
					case err == nil:
						done++
					case c.refused && errors.As(err, new(*iceberg.ColumnsError)):
						refused++
					default:
						t.Fatalf("order %v: worker %d: %v", o.taken(), i, err)
					}
				}
				if want := 2; done != want && !(c.refused && done == 1) {
					t.Fatalf("order %v: %d workers are done", o.taken(), done)
				}
				versions := 0
				for n := 1; ; n++ {
					data, _, err := store.Get(t.Context(), w.sink, fmt.Sprintf("out/t/metadata/v%d.metadata.json", n), 1<<20)
					if errors.Is(err, store.ErrNotFound) {
						break
					}
					m, err2 := iceberg.Parse(data)
					if err := errors.Join(err, err2); err != nil {
						t.Fatal(err)
					}
					versions++
					columns, rows := byName(shown(t, first.Tables[0].Files, m))
					for _, row := range rows {
						if !slices.Contains(c.rows[:], row) {
							t.Fatalf("order %v: state %d of the table, with columns %s, has the row %s", o.taken(), n, columns, row)
						}
					}
					if len(rows) != n-1 || n == 3 && columns != c.columns {
						t.Fatalf("order %v: state %d of the table has %s and %v", o.taken(), n, columns, rows)
					}
				}
				if versions != done+1 {
					t.Fatalf("order %v: %d states of the table", o.taken(), versions)
				}
			}
			t.Logf("%d orders, %d converted again, %d refused, %d replies lost", o.schedules, repeated, refused, lost)
			same := c.name == "the same column" || c.name == "a column of two widths"
			if o.schedules < 6 || lost == 0 || (repeated > 0) == (same || c.refused) || c.refused != (refused > 0) {
				t.Errorf("%d orders, %d converted again, %d refused, %d replies lost", o.schedules, repeated, refused, lost)
			}
		})
	}
}

// byName is what shown gives with the columns and the values of each row by their names,
// sorted, without NULL.
func byName(shown string) (columns string, rows []string) {
	head, rest, _ := strings.Cut(shown, "\n")
	var names, all []string
	for _, c := range strings.Split(head, ", ") {
		_, c, _ = strings.Cut(c, " ")
		name, _, _ := strings.Cut(c, " ")
		names, all = append(names, name), append(all, c)
	}
	slices.Sort(all)
	for line := range strings.Lines(rest) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var row []string
		for i, cell := range strings.Split(strings.TrimSpace(line), " | ") {
			if cell != "NULL" {
				row = append(row, names[i]+"="+cell)
			}
		}
		slices.Sort(row)
		rows = append(rows, strings.Join(row, " "))
	}
	return strings.Join(all, ", "), rows
}

// orders goes through the orders of two workers, depth first.
type orders struct {
	trail     []choice
	at        int
	schedules int
	lost      int // replies, of the schedule
	gates     [2]chan struct{}
	waiting   chan int // a worker waits, or has ended if below 0
}

type choice struct{ taken, of int }

func (o *orders) choose(n int) int {
	if o.at == len(o.trail) {
		o.trail = append(o.trail, choice{0, n})
	}
	o.at++
	return o.trail[o.at-1].taken
}

func (o *orders) next() bool {
	for last := len(o.trail) - 1; last >= 0; last-- {
		if c := &o.trail[last]; c.taken+1 < c.of {
			c.taken++
			o.trail = o.trail[:last+1]
			return true
		}
	}
	return false
}

func (o *orders) taken() (all []int) {
	for _, c := range o.trail[:o.at] {
		all = append(all, c.taken)
	}
	return all
}

// run runs both workers, one at a time.
func (o *orders) run(work func(i int)) {
	o.at, o.lost, o.waiting = 0, 0, make(chan int)
	var running []int
	for i := range o.gates {
		o.gates[i] = make(chan struct{})
		go func() {
			work(i)
			o.waiting <- -1 - i
		}()
		if id := <-o.waiting; id >= 0 {
			running = append(running, id)
		}
	}
	for len(running) > 0 {
		i := running[o.choose(len(running))]
		o.gates[i] <- struct{}{}
		if id := <-o.waiting; id < 0 {
			running = slices.DeleteFunc(running, func(r int) bool { return r == i })
		}
	}
}

// ordered is the catalog of a worker: it waits for its turn before each call.
type ordered struct {
	iceberg.Catalog
	o  *orders
	id int
}

func (c *ordered) turn() {
	c.o.waiting <- c.id
	<-c.o.gates[c.id]
}

func (c *ordered) Load(ctx context.Context, name string) (*iceberg.Table, error) {
	c.turn()
	return c.Catalog.Load(ctx, name)
}

// Commit loses the reply of one commit at most.
func (c *ordered) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	c.turn()
	table, err := c.Catalog.Commit(ctx, base, change)
	if c.o.lost == 0 && err == nil && c.o.choose(2) == 1 {
		c.o.lost++
		return nil, errFlaky
	}
	return table, err
}
