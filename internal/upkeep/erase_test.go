package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/erase/searchtest"
	"sluice/internal/iceberg"
	"sluice/internal/maintain"
	"sluice/internal/tables"
)

const subject = "subject-of-this-test@example.com"

// putSubject gives an object rows, of which each n-th is the subject's.
func (w *world) putSubject(n, rows, nth int) {
	w.t.Helper()
	var b strings.Builder
	for i := range rows {
		id := fmt.Sprintf("%d-%d", n, i)
		if i%nth == 0 {
			id = subject
		}
		fmt.Fprintf(&b, `{"id":%q,"n":%d,"price":%d.%02d,"day":"2024-01-%02d","tags":["a"]}`+"\n", id, w.r.IntN(1<<30), w.r.IntN(1000), w.r.IntN(100), 1+w.r.IntN(3))
	}
	w.write(key(n), b.String())
}

func isSubject(r row) bool { return strings.Contains(r.text, subject) }

// hits are the objects of the lake that have the subject somewhere: in their bytes, in
// the values of a Parquet file, in what is compressed. Sources are left out.
func (w *world) hits() (all []string) {
	w.t.Helper()
	for _, key := range append(w.names("orders_data_parquet/"), append(w.names("ledger/"), w.names("quarantine/")...)...) {
		data, err := os.ReadFile(w.path(key))
		if err != nil {
			w.t.Fatal(err)
		}
		if searchtest.Text(subject).In(w.t, key, data) {
			all = append(all, key)
		}
	}
	return all
}

// Whatever a table went through, erase takes the rows of a person, and no others; what is
// left in older snapshots is what it says, and goes with them.
func TestErase(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 3
	}
	rows, replaced := int64(0), int64(0)
	for seed := range uint64(seeds) {
		w := newWorld(t, seed, []string{"keep", "remove"}[seed%2], [][]string{{"day"}, nil, {"id"}}[seed%3]...)
		for round := range 3 {
			for range 4 {
				w.putSubject(10+w.r.IntN(4), 1+w.r.IntN(6), 1+w.r.IntN(3))
				if w.change(8); w.r.IntN(4) == 0 {
					w.blindDry()
				}
			}
			if round == 1 {
				if _, err := Compact(t.Context(), w.table, CompactOptions{Codec: "zstd"}); err != nil {
					t.Fatal(err)
				}
			}
			before := w.rows(w.head())
			o := EraseOptions{Codec: "zstd", Conditions: []Condition{{"id", subject}, {"n", "-1"}}}
			o.DryRun = true
			dry, err := Erase(t.Context(), w.table, o)
			if err != nil {
				t.Fatal(err)
			}
			if err := sameRows(before, w.rows(w.head())); err != nil {
				t.Fatal(err)
			}
			o.DryRun = false
			done, err := Erase(t.Context(), w.table, o)
			if err != nil || done.Matches != 0 || len(done.Unread) > 0 {
				t.Fatalf("seed %d: %+v, %v", seed, done, err)
			}
			left := slices.DeleteFunc(slices.Clone(before), isSubject)
			if dry.Rows != done.Rows || dry.Replaced != done.Replaced || dry.Rewritten != done.Rewritten || int(done.Rows) != len(before)-len(left) {
				t.Fatalf("seed %d: of %d rows %d stay; %+v, and before %+v", seed, len(before), len(left), done, dry)
			}
			rows, replaced = rows+done.Rows, replaced+done.Replaced
			w.sound(left)
			for _, f := range w.files(w.head()) {
				data, err := os.ReadFile(w.path(f.Key))
				if err != nil {
					t.Fatal(err)
				}
				if searchtest.Text(subject).In(t, f.Key, data) {
					t.Fatalf("seed %d: %s has the subject yet", seed, f.Key)
				}
			}
			held := slices.Concat(done.Held.Files, done.Held.Metadata, done.Held.Lists, done.Held.Deletes, done.Held.Runs, done.Held.Unnamed)
			for _, hit := range w.hits() {
				if !slices.Contains(held, hit) {
					t.Errorf("seed %d: %s has the subject, and is not named in %q", seed, hit, held)
				}
			}
			// All older snapshots go, and with them what they named.
			w.table.Retention = iceberg.Retention{Snapshots: 1}
			w.age(48*time.Hour, anyKey)
			if _, err := maintain.Table(t.Context(), w.table, maintain.Options{OlderThan: 24 * time.Hour}); err != nil {
				t.Fatal(err)
			}
			hits := w.hits()
			for _, hit := range hits {
				if !slices.Contains(done.Held.Others, hit) {
					t.Fatalf("seed %d: after the snapshots expired, these have the subject: %q", seed, hits)
				}
				os.Remove(w.path(hit)) // as the engine does that wrote it
			}
			w.sound(left)
			w.table.Retention = tables.DefaultRetention
			again, err := Erase(t.Context(), w.table, o)
			if err != nil || again.Snapshots != 0 || again.Rows != 0 || again.Held.Any() {
				t.Fatalf("seed %d: once more: %+v, %v", seed, again, err)
			}
			// Objects that are overwritten later are found, wherever their rows are now.
			for n := 10; n < 14; n++ {
				w.put(n, 2)
			}
			w.run()
			if v, err := Verify(t.Context(), w.table); err != nil || !v.OK() {
				t.Fatalf("seed %d: %+v, %v", seed, v, err)
			}
		}
	}
	if rows == 0 || replaced == 0 {
		t.Errorf("%d rows, and %d that had been replaced", rows, replaced)
	}
}

// A commit of others meanwhile neither brings the rows back nor is it lost.
func TestEraseBesideCommits(t *testing.T) {
	for name, touch := range map[string]int{"another key": 20, "a key of the files": 2} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, "keep")
			for n := range 5 {
				w.putSubject(n, 3, 2)
			}
			w.run()
			mine := *w.table
			mine.Catalog = &interrupted{Catalog: w.table.Catalog, times: 1, before: func() {
				w.putSubject(touch, 4, 2)
				w.run()
			}}
			done, err := Erase(t.Context(), &mine, EraseOptions{Codec: "zstd", Conditions: []Condition{{"id", subject}}})
			if err != nil || done.Matches != 0 {
				t.Fatalf("%+v, %v", done, err)
			}
			rows := w.rows(w.head())
			if slices.ContainsFunc(rows, isSubject) || len(rows) != map[int]int{20: 7, 2: 6}[touch] {
				t.Errorf("%d rows", len(rows))
			}
			w.sound(rows)
		})
	}
}

// failing is a catalog whose n-th commit fails; landed says whether it happened all the
// same.
type failing struct {
	iceberg.Catalog
	n      int
	landed bool
}

var errFailing = errors.New("no answer")

func (c *failing) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	if c.n--; c.n != 0 {
		return c.Catalog.Commit(ctx, base, change)
	}
	if c.landed {
		if _, err := c.Catalog.Commit(ctx, base, change); err != nil {
			return nil, err
		}
	}
	return nil, errFailing
}

// A commit of which nobody knows whether it landed is looked for, and not repeated if it
// did.
func TestEraseLosesReplies(t *testing.T) {
	for n := 1; n <= 2; n++ {
		for _, landed := range []bool{false, true} {
			w := newWorld(t, 1, "keep")
			w.putSubject(1, 5, 2)
			w.run()
			before := w.rows(w.head())
			mine := *w.table
			mine.Catalog = &failing{Catalog: w.table.Catalog, n: n, landed: landed}
			done, err := Erase(t.Context(), &mine, EraseOptions{Codec: "zstd", Conditions: []Condition{{"id", subject}}})
			if err != nil || done.Rows != 3 || done.Snapshots != 2 {
				t.Fatalf("commit %d: %+v, %v", n, done, err)
			}
			w.sound(slices.DeleteFunc(before, isSubject))
		}
	}
}

// The values of all types are compared as they are stored.
func TestMatcher(t *testing.T) {
	w := newWorld(t, 1, "keep")
	w.write(key(1), `{"id":"a","n":7,"price":1.5,"at":"2024-01-10T08:30:00Z","day":"2024-01-10","ratio":0.5,"paid":true,"tags":["x","y"],"prices":[1.25],"raw":{"a":1}}
{"id":"b","n":8,"price":2.5,"at":"2024-01-10T08:30:01Z","day":"2024-01-11","ratio":1.5,"paid":false,"tags":["z"],"prices":[2],"raw":{"a":2}}
{"id":"c"}
`)
	w.run()
	for column, value := range map[string]string{
		"id": "a", "n": "7", "small": "7", "price": "1.5", "wide": "1.500", "at": "2024-01-10T09:30:00+01:00", "day": "2024-01-10", "ratio": "0.50",
		"paid": "true", "tags": "y", "prices": "1.25", "raw": `{"a":1}`,
	} {
		e, err := Erase(t.Context(), w.table, EraseOptions{DryRun: true, Conditions: []Condition{{column, value}}})
		if err != nil || e.Rows != 1 {
			t.Errorf("%s: %+v, %v", column, e, err)
		}
	}
	for column, value := range map[string]string{"n": "x", "price": "1e3", "wide": "0.0000001", "at": "today", "day": "2024", "ratio": "?", "paid": "?", "prices": "x"} {
		_, err := Erase(t.Context(), w.table, EraseOptions{DryRun: true, Conditions: []Condition{{column, value}}})
		if err == nil || strings.Contains(err.Error(), fmt.Sprintf("%q", value)) {
			t.Errorf("%s: %v", column, err)
		}
	}
}
