package erase_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/internal/config"
	"sluice/internal/erase"
	"sluice/internal/erase/searchtest"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/filecatalog"
	"sluice/internal/lake"
	"sluice/internal/ledger"
	"sluice/internal/maintain"
	"sluice/internal/parquetread"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/internal/upkeep"
)

const (
	subject = "subject-of-this-test@example.com"
	other   = "other@example.com"

	subjectNumber = 7_340_231_958_643
)

var searched = []searchtest.Value{searchtest.Text(subject), searchtest.Number(subjectNumber)}

const oneTable = `
table: orders
columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: email, path: $.customer.email, type: string, bloom: true}
  - {name: total, path: $.total, type: "decimal(10,2)"}
  - {name: customer, path: $.customer.number, type: int64}
records: ["$[*]", "$.orders[*]", "$"]
`

const twoTables = `
records: ["$[*]", "$.orders[*]", "$"]
tables:
  - table: orders
    columns:
      - {name: id, path: $.id, type: int64, required: true}
      - {name: email, path: $.customer.email, type: string}
      - {name: total, path: $.total, type: "decimal(10,2)"}
  - table: lines
    explode: "$.lines[*]"
    when_empty: skip
    columns:
      - {name: id, path: $.id, type: int64, required: true}
      - {name: price, path: "$.lines[*].price", type: "decimal(10,2)"}
`

type world struct {
	t   *testing.T
	dir string
	s   *setup.Setup
	by  upkeep.Condition // of the subject; the zero value is the email
}

func newWorld(t *testing.T, mapping string, tables bool, partition ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.write("mapping.yaml", []byte(mapping))
	c := setup.Lake(w.dir)
	c.Mapping = filepath.Join(w.dir, "mapping.yaml")
	var err error
	if tables {
		if c.Table, err = config.FileTable(partition); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(w.dir, "raw_orders_data"), 0o777); err != nil {
		t.Fatal(err)
	}
	if w.s, err = setup.New(t.Context(), c, "", nil); err == nil {
		err = w.s.Own(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.s.Close)
	return w
}

func (w *world) write(name string, data []byte) {
	w.t.Helper()
	name = filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// customer is one of an order; theirs are those of the subject.
func customer(email string) string {
	number := 5
	if email == subject {
		number = subjectNumber
	}
	return fmt.Sprintf(`{"email":%q,"number":%d}`, email, number)
}

func order(id int, email string) string {
	return fmt.Sprintf(`{"id":%d,"customer":%s,"total":%d.50,"lines":[{"price":1.25},{"price":%d}]}`, id, customer(email), id, id)
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

func zstded(text string) []byte {
	z, _ := zstd.NewWriter(nil)
	return z.EncodeAll([]byte(text), nil)
}

// fill gives the source objects of all forms, with rows of the subject, some of which are
// replaced later, and records in quarantine.
func (w *world) fill() {
	w.t.Helper()
	put := func(name string, data []byte) { w.write("raw_orders_data/"+name, data) }
	put("lines.ndjson", []byte(order(1, subject)+"\n"+order(2, other)+"\n"+order(3, subject)+"\n"))
	put("lines.ndjson.gz", zipped(order(4, other)+"\n"+order(5, subject)+"\n"))
	put("array.json.zst", zstded("[\n  "+order(6, subject)+",\n  "+order(7, other)+"\n]\n"))
	put("wrapped.json", []byte(`{"page":1,"orders":[`+order(8, other)+","+order(9, subject)+`],"next":null}`))
	put("all.json", []byte("["+order(10, subject)+"]"))
	put("none.json", []byte(order(11, other)))
	put("bad.ndjson", []byte(order(12, other)+"\n"+`{"id":"x","customer":`+strings.ReplaceAll(customer(subject), "@", "\\u0040")+`}`+"\n"+order(13, other)+"\n"+`{"id":14,"customer":`+customer(subject)+`,`+"\n"))
	put("replaced.ndjson", []byte(order(15, subject)+"\n"+order(16, other)+"\n"))
	w.run()
	put("replaced.ndjson", []byte(order(16, other)+"\n"+order(17, other)+"\n"))
	put("more.ndjson", []byte(order(18, subject)+"\n"+order(19, other)+"\n"))
	w.run()
}

func (w *world) run() pipeline.Summary {
	w.t.Helper()
	sum, err := w.s.Target.Run(w.t.Context(), w.s.Run())
	if err != nil || sum.Objects[pipeline.DidFail] > 0 {
		w.t.Fatalf("%+v, %v", sum, err)
	}
	return sum
}

func (w *world) erase(o erase.Options) (*erase.Report, error) {
	o.Conditions, o.Now, o.Workers = []upkeep.Condition{cmp.Or(w.by, upkeep.Condition{Column: "email", Value: subject})}, time.Now, 2
	return erase.Run(w.t.Context(), w.s, o)
}

// hits are the objects of all prefixes with the subject in them.
func (w *world) hits() (all []string) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(w.dir, path)
		var data []byte
		if d.Type().IsRegular() { // a folder has a name
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		if says(w.t, name, data) {
			all = append(all, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// says reports whether an object has the subject.
func says(t *testing.T, name string, data []byte) bool {
	t.Helper()
	return slices.ContainsFunc(searched, func(v searchtest.Value) bool { return v.In(t, name, data) })
}

// rows are the rows of all tables that count, without those of the subject and without
// columns that say where they are from.
func (w *world) rows() (all []string) {
	w.t.Helper()
	add := func(table, path string, masked func(row int64) bool) {
		data, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		file, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			w.t.Fatal(err)
		}
		row := int64(-1)
		if err := file.Rows(1<<30, func(cells []string) error {
			row++
			var kept []string
			for i, c := range file.Schema().Columns {
				if !strings.HasPrefix(c.Name, "_") {
					kept = append(kept, cells[i])
				}
			}
			if !masked(row) && !slices.Contains(kept, subject) {
				all = append(all, table+" "+strings.Join(kept, " "))
			}
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	if t, ok := w.s.Target.(*pipeline.Tables); ok {
		seen, err := t.See(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		for i, h := range seen.Heads {
			files, err := tables.NewLive(t.Tables[i].Files).Files(w.t.Context(), h)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, f := range files {
				add(t.Tables[i].Name, filepath.Join(w.dir, f.Key), func(row int64) bool {
					for _, m := range f.Masked {
						if m.From <= row && row < m.To {
							return true
						}
					}
					return false
				})
			}
		}
	} else if err := w.s.Pipeline.Sink.List(w.t.Context(), w.s.Pipeline.SinkPrefix, func(i store.Info) error {
		if strings.HasSuffix(i.Key, ".parquet") {
			add(filepath.Dir(i.Key), filepath.Join(w.dir, i.Key), func(int64) bool { return false })
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// settled checks that tables have the rows of their ledgers, that files have the sums of
// these, and that a run finds nothing.
func (w *world) settled() {
	w.t.Helper()
	if t, ok := w.s.Target.(*pipeline.Tables); ok {
		for _, table := range t.Tables {
			if v, err := upkeep.Verify(w.t.Context(), table); err != nil || !v.OK() {
				w.t.Fatalf("%+v, %v", v, err)
			}
		}
	}
	l := lake.New(func() *setup.Setup { return w.s })
	if err := l.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if m, err := l.Money(w.t.Context()); err != nil || m.Differing > 0 || !m.Rows.Equal {
		w.t.Fatalf("the ledger has other sums than the files: %+v, %v", m, err)
	}
	sum := w.run()
	if n := sum.Objects[pipeline.DidCommit] + sum.Objects[pipeline.DidReject]; n > 0 || sum.Stats.RowsWritten > 0 {
		w.t.Fatalf("a run finds %d objects to do: %+v", n, sum)
	}
}

// expire takes all older snapshots away, as a day from now.
func (w *world) expire() {
	w.t.Helper()
	t, ok := w.s.Target.(*pipeline.Tables)
	if !ok {
		return
	}
	for _, table := range t.Tables {
		if _, err := maintain.Table(w.t.Context(), table, maintain.Options{ExpireOlder: time.Nanosecond, OlderThan: -time.Hour}); err != nil {
			w.t.Fatal(err)
		}
	}
}

type mode struct {
	name, mapping string
	tables        bool
	partition     []string
	by            upkeep.Condition
}

var modes = []mode{
	{"files", oneTable, false, nil, upkeep.Condition{}},
	{"files of two tables", twoTables, false, nil, upkeep.Condition{}},
	{"tables", oneTable, true, nil, upkeep.Condition{}},
	{"two tables", twoTables, true, nil, upkeep.Condition{}},
	{"partitioned by the column", oneTable, true, []string{"email"}, upkeep.Condition{}},
	{"partitioned by a number", oneTable, true, []string{"customer"}, upkeep.Condition{Column: "customer", Value: strconv.Itoa(subjectNumber)}},
}

func (m *mode) world(t *testing.T) *world {
	w := newWorld(t, m.mapping, m.tables, m.partition...)
	w.by = m.by
	return w
}

// After it, and after the snapshots expired, no byte of the subject is in any object of
// any prefix; before that, it is where the report says, and nowhere else. All else is as
// before.
func TestNothingIsLeft(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			w := m.world(t)
			w.fill()
			before := w.rows()
			// Rows of the subject's orders in a table without the column go with the records.
			before = slices.DeleteFunc(before, func(r string) bool {
				f := strings.Fields(r)
				return strings.HasSuffix(f[0], "lines") && slices.Contains([]string{"1", "3", "5", "6", "9", "10", "18"}, f[1])
			})
			was := w.hits()
			dry, err := w.erase(erase.Options{Raw: erase.RawRewrite, DryRun: true})
			if err != nil || !slices.Equal(w.hits(), was) {
				t.Fatalf("%+v, %v", dry, err)
			}
			var steps progress
			r, err := w.erase(erase.Options{Raw: erase.RawRewrite, Request: "17", Progress: steps.tell})
			if err != nil || !r.OK() {
				t.Fatalf("%+v, %v", r, err)
			}
			steps.check(t, m.tables)
			if r.Tables[0].Rows != 7 || dry.Tables[0].Rows != 7 {
				t.Errorf("rows: %+v, and before %+v", r.Tables[0], dry.Tables[0])
			}
			if r.Raw.Rewritten != 7 || r.Raw.Records != 9 || r.Raw.ByText != 2 || dry.Raw.Records != 9 || r.Quarantine.Records != 2 || r.Proved.Files == 0 {
				t.Errorf("%+v", r)
			}
			if after := w.rows(); !slices.Equal(before, after) {
				t.Errorf("rows of others are not as before:\n%q\n%q", before, after)
			}
			for _, hit := range w.hits() {
				if !named(r, hit) {
					t.Errorf("%s has the subject yet, and the report does not name it", hit)
				}
			}
			if m.tables && len(w.hits()) == 0 {
				t.Error("no snapshot has them yet")
			}
			w.settled()
			w.expire()
			if hits := w.hits(); len(hits) > 0 {
				t.Errorf("these have the subject: %q", hits)
			}
			w.settled()
			again, err := w.erase(erase.Options{Raw: erase.RawRewrite})
			if err != nil || again.Raw.Rewritten != 0 || again.Quarantine.Records != 0 || again.Tables[0].Rows != 0 || again.Tables[0].Snapshots != 0 {
				t.Errorf("once more: %+v, %v", again, err)
			}
		})
	}
}

// named reports whether a report names an object, or one in a folder. A store's own files
// of an object are named as it is.
func named(r *erase.Report, name string) bool {
	if key, own := strings.CutPrefix(name, ".sluice/meta/"); own {
		name = strings.TrimSuffix(key, filepath.Ext(key))
		if !strings.HasSuffix(name, ".parquet") {
			name = key // a folder
		}
	}
	for _, table := range r.Tables {
		h := &table.Held
		for _, key := range slices.Concat(h.Files, h.Unnamed, h.Metadata, h.Lists, h.Deletes, h.Runs) {
			if key == name || strings.HasPrefix(key, name+"/") {
				return true
			}
		}
	}
	return false
}

// progress is what is told of the steps.
type progress struct {
	mu   sync.Mutex
	last map[string]string // the highest counts of each step
}

func (p *progress) tell(step string, done, all int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[string]string{}
	}
	if counts := fmt.Sprintf("%d of %d", done, all); counts > p.last[step] {
		p.last[step] = counts
	}
}

func (p *progress) check(t *testing.T, tables bool) {
	t.Helper()
	want := map[string]string{"source": "9 of 9", "run": "9 of 9", "quarantine": "1 of 0", "ledger": "9 of 0"}
	if !tables {
		want["tables"] = "9 of 0"
	}
	for step, counts := range want {
		if p.last[step] != counts {
			t.Errorf("step %s: %q, and not %q", step, p.last[step], counts)
		}
	}
	if done, all, _ := strings.Cut(p.last["table orders"], " of "); tables && (done != all || done == "0") {
		t.Errorf("table orders: %q", p.last["table orders"])
	}
}

// Without the source, only the rows that meet the condition go; the objects are named.
func TestRawIsKept(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			w := m.world(t)
			w.fill()
			before := w.rows()
			r, err := w.erase(erase.Options{Raw: erase.RawKeep})
			if err != nil || !r.OK() || len(r.Raw.Keep) != 7 || r.Raw.Rewritten != 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			if after := w.rows(); !slices.Equal(before, after) {
				t.Errorf("rows of others are not as before:\n%q\n%q", before, after)
			}
			w.settled()
			w.expire()
			hits := w.hits()
			if !slices.Equal(hits, r.Raw.Keep) {
				t.Errorf("these have the subject: %q, and the report names %q", hits, r.Raw.Keep)
			}
		})
	}
}

// Rows that would become visible afterwards keep the erasure from beginning.
func TestRowsToCome(t *testing.T) {
	w := newWorld(t, oneTable, true)
	target := w.s.Target.(*pipeline.Tables)
	refused := func(when string) {
		t.Helper()
		if r, err := w.erase(erase.Options{Raw: erase.RawRewrite}); err == nil {
			t.Fatalf("%s: %+v", when, r)
		} else if dry, dryErr := w.erase(erase.Options{Raw: erase.RawRewrite, DryRun: true}); dryErr != nil || dry.OK() || err.Error() != "erase: "+dry.Refused {
			t.Fatalf("%s: a dry run says %q, and not that %v; %v", when, dry.Refused, err, dryErr)
		}
	}
	done := func() {
		t.Helper()
		if r, err := w.erase(erase.Options{Raw: erase.RawRewrite}); err != nil || !r.OK() || r.Raw.Records != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	w.write("raw_orders_data/staged.ndjson", []byte(order(1, subject)+"\n"+order(2, other)+"\n"))
	staging := *target
	staging.Staging = true
	if _, err := staging.Run(t.Context(), w.s.Run()); err != nil {
		t.Fatal(err)
	}
	refused("a batch is staged")
	if _, err := target.CommitStaged(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	done()

	w.write("raw_orders_data/split.ndjson", []byte(order(3, subject)+"\n"+order(4, other)+"\n"))
	split, _, err := target.PlanSplit(t.Context(), "", "raw_orders_data/split.ndjson", 100)
	if err != nil {
		t.Fatal(err)
	}
	refused("a split is planned")
	if err := split.Part(t.Context(), 0, nil); err != nil {
		t.Fatal(err)
	}
	refused("a part is converted")
	if _, _, err := split.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	done()
	w.settled()
	w.expire()
	if hits := w.hits(); len(hits) > 0 {
		t.Errorf("these have the subject: %q", hits)
	}
}

// Of a record with rows of others too, the elements go that gave the person's rows. Where
// that is not all, its rows go, and the record is named.
func TestMixedRecords(t *testing.T) {
	const (
		of    = `{"email":"` + subject + `"}`
		them  = `{"email":"` + other + `"}`
		mails = `
table: mails
explode: "$.to[*]"
columns:
  - {name: id, path: $.id, type: int64}
  - {name: email, path: "$.to[*].email", type: string, transform: [lower]}
`
		threads = `
table: mails
explode: "$.mails[*].to[*]"
when_empty: skip
columns:
  - {name: at, path: "$.mails[*].at", type: int64}
  - {name: email, path: "$.mails[*].to[*].email", type: string}
`
		senders = `
tables:
  - table: mails
    columns:
      - {name: id, path: $.id, type: int64}
      - {name: email, path: $.from, type: string}
  - table: recipients
    explode: "$.to[*]"
    columns:
      - {name: id, path: $.id, type: int64}
      - {name: email, path: "$.to[*].email", type: string}
`
		counted = `
table: mails
explode: "$.to[*]"
columns:
  - {name: first, path: "$.to[0].email", type: string}
  - {name: email, path: "$.to[*].email", type: string}
`
	)
	for _, c := range []struct {
		name, mapping, before, after string
		shortened, mixed, rows       int64
	}{
		{"an element", mails, `{"id":1,"to":[` + of + `,` + them + `]}` + "\n" + `{"id":2,"to":[` + of + `]}` + "\n", `{"id":1,"to":[` + them + `]}` + "\n", 1, 0, 2},
		{"several, written otherwise", mails, `[{"to" : [ ` + them + ` , {"email":"SUBJECT-of-this-test@example.com"}, {"x":[{}],"email":"` + subject + `"} ] , "id":1}, {"id":3,"to":[` + them + `]}]`,
			`[{"to" : [ ` + them + ` ] , "id":1}, {"id":3,"to":[` + them + `]}]`, 1, 0, 2},
		{"of two levels", threads, `{"mails":[{"at":1,"to":[` + of + `,` + them + `]},{"at":2,"to":[]},{"at":3,"to":[` + of + `,` + of + `]}]}`,
			`{"mails":[{"at":1,"to":[` + them + `]},{"at":2,"to":[]}]}`, 1, 0, 3},
		{"of a table beside another", senders, `{"id":1,"from":"` + other + `","to":[` + of + `,` + them + `]}`, `{"id":1,"from":"` + other + `","to":[` + them + `]}`, 1, 0, 1},
		{"a row of the record itself", senders, `{"id":1,"from":"` + subject + `","to":[` + them + `]}`, `{"id":1,"from":"` + subject + `","to":[` + them + `]}`, 0, 1, 1},
		{"the rows of others would be others", counted, `{"id":1,"to":[` + of + `,` + them + `]}`, `{"id":1,"to":[` + of + `,` + them + `]}`, 0, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.mapping, false)
			w.write("raw_orders_data/a.json", []byte(c.before))
			w.run()
			for _, dry := range []bool{true, false} {
				r, err := w.erase(erase.Options{Raw: erase.RawRewrite, DryRun: dry})
				rows := int64(0)
				for _, table := range r.Tables {
					rows += table.Rows
				}
				if err != nil || r.Raw.Shortened != c.shortened || r.Raw.Mixed != c.mixed || len(r.Raw.Keep) != int(c.mixed) || rows != c.rows || !dry && (r.OK() != (c.mixed == 0) || r.Proved.Matches != 0) {
					t.Fatalf("%+v, %v", r, err)
				}
			}
			left, err := os.ReadFile(filepath.Join(w.dir, "raw_orders_data/a.json"))
			if err != nil || string(left) != c.after {
				t.Errorf("%q is left: %v", left, err)
			}
			w.settled()
			w.expire()
			if hits := w.hits(); c.mixed == 0 && len(hits) > 0 {
				t.Errorf("these have the subject: %q", hits)
			}
		})
	}
}

// An object of which nobody knows where its records are is named, and stays.
func TestRejectedObjects(t *testing.T) {
	w := newWorld(t, oneTable, true)
	w.write("raw_orders_data/a.json", []byte("["+order(1, other)+"]"))
	w.write("raw_orders_data/b.json", []byte("["+order(2, subject)+",oops"))
	w.run()
	r, err := w.erase(erase.Options{Raw: erase.RawRewrite})
	if err != nil || r.OK() || !slices.Equal(r.Raw.Keep, []string{"raw_orders_data/b.json"}) || len(r.Raw.Why) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// The records of an object that is rejected as too many of them do not fit are known.
func TestObjectsOfBadRecords(t *testing.T) {
	for _, tables := range []bool{false, true} {
		w := newWorld(t, oneTable, tables)
		bad := func(email string) string { return `{"id":"x","customer":` + customer(email) + "}\n" }
		others := order(1, other) + "\n" + strings.Repeat(bad(other), 20)
		w.write("raw_orders_data/a.ndjson", []byte(bad(subject)+others+bad(subject)+order(2, subject)))
		if sum := w.run(); sum.Objects[pipeline.DidReject] != 1 {
			t.Fatalf("%+v", sum)
		}
		r, err := w.erase(erase.Options{Raw: erase.RawRewrite})
		if err != nil || !r.OK() || r.Raw.Records != 3 || r.Raw.ByText != 2 || len(r.Raw.Keep) > 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		left, err := os.ReadFile(filepath.Join(w.dir, "raw_orders_data/a.ndjson"))
		if err != nil || string(left) != others {
			t.Errorf("%q is left: %v", left, err)
		}
		w.expire()
		if hits := w.hits(); len(hits) > 0 {
			t.Errorf("these have the subject: %q", hits)
		}
	}
}

// An object that has nothing else, and whose mapping takes none without a record, is named.
func TestObjectWithoutRecords(t *testing.T) {
	w := newWorld(t, strings.Replace(oneTable, `["$[*]", "$.orders[*]", "$"]`, `["$.data"]`, 1), true)
	w.write("raw_orders_data/a.json", []byte(`{"data":`+order(1, subject)+`}`))
	w.write("raw_orders_data/b.json", []byte(`{"data":`+order(2, subject)+`}{"data":`+order(3, other)+`}`))
	w.run()
	r, err := w.erase(erase.Options{Raw: erase.RawRewrite})
	if err != nil || r.OK() || !slices.Equal(r.Raw.Keep, []string{"raw_orders_data/a.json"}) || len(r.Raw.Why) != 1 || !strings.HasSuffix(r.Raw.Why[0].Error, ": delete it") || r.Raw.Rewritten != 1 || r.Proved.Matches > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.settled()
}

// dying is a store that fails from its n-th write on, as a process that is killed does.
type dying struct {
	store.Store
	left *atomic.Int64
}

var errDied = errors.New("killed")

func (d dying) die() error {
	if d.left.Add(-1) < 0 {
		return errDied
	}
	return nil
}

func (d dying) Create(ctx context.Context, key string, o store.CreateOptions) (store.Writer, error) {
	w, err := d.Store.Create(ctx, key, o)
	if err != nil {
		return nil, err
	}
	return dyingWriter{w, d}, nil
}

func (d dying) Delete(ctx context.Context, key string) error {
	if err := d.die(); err != nil {
		return err
	}
	return d.Store.Delete(ctx, key)
}

type dyingWriter struct {
	store.Writer
	d dying
}

func (w dyingWriter) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	if err := w.d.die(); err != nil {
		w.Writer.Abort(ctx)
		return store.Info{}, err
	}
	return w.Writer.Commit(ctx, p)
}

// Killed at any write, and started again, it ends in the same state.
func TestKilledAnywhere(t *testing.T) {
	const most = 200
	type killed struct {
		mode
		raw string
	}
	step, all := 1, []killed{
		{modes[0], erase.RawKeep}, {modes[1], erase.RawRewrite}, {modes[2], erase.RawKeep}, {modes[3], erase.RawRewrite},
		{modes[0], erase.RawRewrite}, {modes[2], erase.RawRewrite}, {modes[4], erase.RawRewrite},
	}
	if testing.Short() {
		step, all = 4, all[:4]
	}
	for _, m := range all {
		t.Run(m.name+", "+m.raw, func(t *testing.T) {
			for n := 0; ; n += step {
				if n > most {
					t.Fatal("it does not end")
				}
				w := m.world(t)
				w.write("raw_orders_data/a.ndjson", []byte(order(1, subject)+"\n"+order(2, other)+"\n"))
				w.write("raw_orders_data/b.json", []byte("["+order(3, other)+","+order(4, subject)+"]"))
				w.write("raw_orders_data/c.ndjson", []byte(order(5, other)+"\n"+`{"id":"x","customer":`+customer(subject)+`}`+"\n"))
				w.run()
				want := []string{"2", "3", "5"}
				var left atomic.Int64
				left.Store(int64(n))
				died := w.killed(m.raw, &left)
				r, err := w.erase(erase.Options{Raw: m.raw})
				if err != nil || !r.OK() {
					t.Fatalf("write %d: %+v, %v", n, r, err)
				}
				var ids []string
				for _, row := range w.rows() {
					if id := strings.Fields(row)[1]; !slices.Contains(ids, id) {
						ids = append(ids, id)
					}
				}
				slices.Sort(ids)
				if !slices.Equal(ids, want) {
					t.Fatalf("write %d: %q", n, w.rows())
				}
				w.settled()
				w.expire()
				if hits := w.hits(); !slices.Equal(hits, r.Raw.Keep) || len(hits) > 0 && m.raw == erase.RawRewrite {
					t.Fatalf("write %d: these have the subject: %q", n, hits)
				}
				if !died {
					t.Logf("%d writes", n)
					return
				}
			}
		})
	}
}

// killed erases with stores that die, and reports whether they did.
func (w *world) killed(raw string, left *atomic.Int64) bool {
	p := *w.s.Pipeline
	mine := *w.s
	wrap := func(s store.Store) store.Store { return dying{s, left} }
	source := p.Source
	p.Source = func(bucket string) (store.Store, error) {
		s, err := source(bucket)
		return wrap(s), err
	}
	p.Sink, p.Quarantine, p.Ledger = wrap(p.Sink), wrap(p.Quarantine), ledger.New(wrap(w.s.Ledger), w.s.Config.Ledger.Prefix)
	mine.Pipeline, mine.Target = &p, &p
	if t, ok := w.s.Target.(*pipeline.Tables); ok {
		then := *t
		then.Pipeline, then.Tables = &p, nil
		for _, table := range t.Tables {
			of := *table
			of.Files = iceberg.Files{Store: wrap(table.Files.Store), Base: table.Files.Base}
			of.Ledger, of.Catalog = wrap(table.Ledger), &filecatalog.Catalog{Files: of.Files, Prefix: p.SinkPrefix}
			of.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
			then.Tables = append(then.Tables, &of)
		}
		mine.Target = &then
	}
	r, err := erase.Run(w.t.Context(), &mine, erase.Options{
		Conditions: []upkeep.Condition{cmp.Or(w.by, upkeep.Condition{Column: "email", Value: subject})}, Raw: raw, Now: time.Now, Workers: 1,
	})
	return err != nil || r.Run > 0
}

// Files that a killed worker had begun are named until they are gone: an hour after they
// were written the same command removes them.
func TestEraseNamesUploads(t *testing.T) {
	for _, m := range modes[1:3] {
		t.Run(m.name, func(t *testing.T) {
			w := m.world(t)
			w.fill()
			for _, key := range []string{"quarantine%2Fx.records.ndjson", "orders_data_parquet%2Fx.parquet", "orders_data_parquet%2Fy.parquet", "raw_orders_data%2Flines.ndjson"} {
				w.write(".sluice/uploads/AAAA-"+key, []byte(order(1, subject)))
			}
			want := []erase.Uploads{{Place: "sink", Pending: 2}, {Place: "quarantine", Pending: 1}, {Place: "source", Pending: 1}}
			for _, dry := range []bool{true, false} {
				if r, err := w.erase(erase.Options{Raw: erase.RawRewrite, DryRun: dry}); err != nil || !r.OK() || !slices.Equal(r.Uploads, want) {
					t.Fatalf("%+v, %v", r.Uploads, err)
				}
			}
			old := time.Now().Add(-2 * time.Hour)
			uploads, err := filepath.Glob(filepath.Join(w.dir, ".sluice/uploads/*"))
			if err != nil || len(uploads) != 4 {
				t.Fatal(uploads, err)
			}
			for _, name := range uploads {
				if err := os.Chtimes(name, old, old); err != nil {
					t.Fatal(err)
				}
			}
			if r, err := w.erase(erase.Options{Raw: erase.RawRewrite}); err != nil || !r.OK() || len(r.Uploads) > 0 {
				t.Fatalf("%+v, %v", r.Uploads, err)
			}
			w.expire()
			if hits := w.hits(); len(hits) > 0 {
				t.Errorf("these have the subject: %q", hits)
			}
		})
	}
}

// Files of a former sink that the tables took in are named as such: no command removes them.
func TestEraseAfterAddFiles(t *testing.T) {
	w := newWorld(t, oneTable, false)
	w.write("raw_orders_data/a.ndjson", []byte(order(1, subject)+"\n"+order(2, other)+"\n"))
	w.run()
	from, files := w.s.Pipeline, w.s
	former, err := filepath.Glob(filepath.Join(w.dir, from.SinkPrefix, "*.parquet"))
	if err != nil || len(former) != 1 {
		t.Fatal(former, err)
	}
	c := setup.Lake(w.dir)
	c.Mapping, c.Sink.Prefix, c.Ledger.Prefix = filepath.Join(w.dir, "mapping.yaml"), "tables/", "ledger_tables/"
	if c.Table, err = config.FileTable([]string{"email"}); err != nil {
		t.Fatal(err)
	}
	if w.s, err = setup.New(t.Context(), c, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.s.Close)
	if sum, err := w.s.Target.(*pipeline.Tables).AddFiles(t.Context(), from, func(pipeline.Added) {}); err != nil || sum.Files != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	want := []string{from.SinkPrefix + filepath.Base(former[0])}
	r, err := w.erase(erase.Options{Raw: erase.RawRewrite})
	if err != nil || !r.OK() || r.Tables[0].Rows != 1 || len(r.Tables[0].Held.Others) > 0 || !slices.Equal(r.Tables[0].Held.Former, want) {
		t.Fatalf("%+v, %v", r.Tables[0], err)
	}
	w.expire() // from then on only the former sink knows of them
	if r, err = w.erase(erase.Options{Raw: erase.RawRewrite}); err != nil || !r.OK() || len(r.Tables[0].Held.Former) > 0 {
		t.Fatalf("%+v, %v", r.Tables[0], err)
	}
	if hits := w.hits(); !slices.Equal(hits, want) {
		t.Errorf("these have the subject: %q", hits)
	}
	of := w.s
	w.s = files
	if r, err = w.erase(erase.Options{Raw: erase.RawKeep}); err != nil || !r.OK() || r.Tables[0].Rows != 1 {
		t.Fatalf("%+v, %v", r.Tables[0], err)
	}
	if hits := w.hits(); len(hits) > 0 {
		t.Errorf("these have the subject: %q", hits)
	}
	w.s = of
	w.settled()
}
