package lake

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func (w *world) money() *Money {
	w.t.Helper()
	m, err := w.lake.Money(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// told writes money in short.
func told(m *Money) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d checked, %d older; rows %d/%d+%d %t\n", m.Checked, m.Older, m.Rows.Ledger, m.Rows.Published, m.Rows.Older, m.Rows.Equal)
	for _, c := range m.Columns {
		fmt.Fprintf(&b, "%s.%s %s/%s+%s %t\n", c.Table, c.Column, c.Ledger, c.Published, c.Older, c.Equal)
	}
	for _, d := range m.Objects {
		fmt.Fprintf(&b, "%s: %s %s.%s %s/%s\n", d.Key[strings.LastIndexByte(d.Key, '/')+1:], d.What, d.Table, d.Column, d.Ledger, d.Published)
	}
	return b.String()
}

// The sums of the ledger are those of the files, after overwrites, deletions, rejects
// and quarantine. Rows of an older state than the ledger's sums are apart.
func TestMoney(t *testing.T) {
	w := mixed(t)
	const want = `6 checked, 2 older; rows 11/11+4 true
lines.order_total 818.7500/818.7500+1007.0000 true
lines.price 504.76/504.76+1007.77 true
orders.large 0.00/0.00+0.00 true
orders.total 508.2501/508.2501+1007.0000 true
`
	if got := told(w.money()); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := told(w.money()); got != want { // of what was kept
		t.Errorf("again: %s\nwant %s", got, want)
	}
}

// A file that is missing, damaged, swapped or changed is a difference, in its object
// and in the total; after the next run there is none.
func TestMoneyDiffers(t *testing.T) {
	const equal = "3 checked, 0 older; rows 7/7+0 true"
	for _, c := range []struct {
		name string
		do   func(a, b string) error // with the files of lines of the objects a and b
		want string
	}{
		{"missing", func(a, _ string) error { return os.Remove(a) },
			`rows 7/5+0 false
lines.order_total 40.0000/20.0000+0.0000 false
lines.price 42.00/39.00+0.00 false
orders.total 30.0000/30.0000+0.0000 true
a.json: missing lines. the file as it was published/no file
a.json: rows . 3/1
a.json: sum lines.order_total 20.0000/0
a.json: sum lines.price 3.00/0
`},
		{"damaged", func(a, _ string) error { return os.WriteFile(a, []byte("PAR1 no more"), 0o666) },
			`rows 7/5+0 false
lines.order_total 40.0000/20.0000+0.0000 false
lines.price 42.00/39.00+0.00 false
orders.total 30.0000/30.0000+0.0000 true
a.json: damaged lines. the file as it was published/a damaged file
a.json: rows . 3/1
a.json: sum lines.order_total 20.0000/0
a.json: sum lines.price 3.00/0
`},
		{"swapped", func(a, b string) error {
			if err := os.Rename(a, a+"x"); err != nil {
				return err
			}
			if err := os.Rename(b, a); err != nil {
				return err
			}
			return os.Rename(a+"x", b)
		},
			`rows 7/7+0 false
lines.order_total 40.0000/40.0000+0.0000 false
lines.price 42.00/42.00+0.00 false
orders.total 30.0000/30.0000+0.0000 true
a.json: rows . 3/2
a.json: sum lines.order_total 20.0000/10.0000
a.json: sum lines.price 3.00/19.00
b.json: rows . 2/3
b.json: sum lines.order_total 10.0000/20.0000
b.json: sum lines.price 19.00/3.00
`},
	} {
		w := newWorld(t, strings.ReplaceAll(orders, `      - {name: large, path: $.large, type: "decimal(38,2)"}`+"\n", ""))
		w.put("a.json", order("A-1", "10", "1", "2"))
		w.put("b.json", order("A-2", "10", "19"))
		w.put("c.json", order("A-3", "10", "20"))
		w.run()
		if got := told(w.money()); !strings.HasPrefix(got, equal) {
			t.Fatalf("%s, before: %s", c.name, got)
		}
		if err := c.do(w.output("lines", "a.json"), w.output("lines", "b.json")); err != nil {
			t.Fatal(err)
		}
		w.refresh()
		if got, want := told(w.money()), "3 checked, 0 older; "+c.want; got != want {
			t.Errorf("%s: %s\nwant %s", c.name, got, want)
		}
		w.run()
		if got := told(w.money()); !strings.HasPrefix(got, equal) || strings.Contains(got, "false") {
			t.Errorf("%s, after a run: %s", c.name, got)
		}
	}
}

// Of rows that are older than the ledger's sums the content is compared.
func TestMoneyOlder(t *testing.T) {
	w := mixed(t)
	other, err := os.ReadFile(w.output("orders", "stays.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.output("orders", "rejected.json"), other, 0o666); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	if got := told(w.money()); !strings.Contains(got, "rejected.json: content orders. ") || !strings.Contains(got, "+5 false") {
		t.Error(got)
	}
}

// A ledger entry that cannot be read is a difference too, and its rows are missed.
func TestDamagedEntry(t *testing.T) {
	w := newWorld(t, orders)
	w.put("a.json", order("A-1", "10", "1"))
	w.put("b.json", order("A-2", "10", "2"))
	w.run()
	w.file("ledger/"+w.id("a.json").String()+".json", "{")
	w.refresh()
	m := w.money()
	if m.Differing != 1 || m.Objects[0].What != "ledger" || m.Rows.Equal || m.Rows.Published != 2 {
		t.Errorf("%+v", m)
	}
	v, err := w.lake.Views(t.Context())
	if err != nil || v[0].Unreadable != 1 || v[0].Rows != 1 {
		t.Errorf("%+v, %v", v[0], err)
	}
	if p := w.profile("lines"); p.Unreadable != 1 {
		t.Errorf("%+v", p)
	}
	w.run()
	if m := w.money(); m.Differing != 0 || m.Rows.Published != 4 {
		t.Errorf("after a run: %+v", m)
	}
}
