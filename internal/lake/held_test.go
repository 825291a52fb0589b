package lake

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/ledger"
)

// id is the ID of an object in the ledger.
func (w *world) id(name string) ledger.ID {
	w.t.Helper()
	s, err := w.lake.State(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range s.Entries {
		if strings.HasSuffix(e.Key, "/"+name) {
			return e.ID
		}
	}
	w.t.Fatalf("the ledger has no %s", name)
	return ledger.ID{}
}

func (w *world) held(name, after string, limit int) *HeldObject {
	w.t.Helper()
	h, err := w.lake.HeldObject(w.t.Context(), w.id(name), after, limit)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func TestHeld(t *testing.T) {
	w := mixed(t)
	h, err := w.lake.Held(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range h.Reasons {
		got += fmt.Sprintf("%s %d in %d; ", r.Code, r.Records, r.Objects)
	}
	if want := "bad_decimal 1 in 1; truncated_json 0 in 2; "; got != want || h.Total != 3 || len(h.Objects) != 3 {
		t.Errorf("%s of %d objects, want %s", got, h.Total, want)
	}
	part := w.held("part.json", "", 50)
	if part.Rejected != nil || part.Next != "" || len(part.Records) != 1 {
		t.Fatalf("%+v", part)
	}
	r := part.Records[0]
	if r.Record != 0 || r.Offset != 1 || r.Reason != "bad_decimal" || r.Path != "$.total" || r.Cut || r.Size != int64(len(r.Raw)) || r.Mapping != w.setup.Pipeline.Mapping.Hash() {
		t.Errorf("%+v", r)
	}
	if !strings.HasPrefix(r.Raw[r.Fault:], `"many"`) {
		t.Errorf("the fault is at %q", r.Raw[r.Fault:])
	}
	if n := w.held("never.json", "", 50); n.Rejected == nil || n.Rejected.Reason != "truncated_json" || n.Rejected.Offset != 2 || len(n.Records) > 0 {
		t.Errorf("%+v %+v", n, n.Rejected)
	}
	if s := w.held("stays.json", "", 50); s.Rejected != nil || len(s.Records) > 0 {
		t.Errorf("%+v", s)
	}
	var unknown *UnknownError
	if _, err := w.lake.HeldObject(t.Context(), ledger.ID{}, "", 1); !errors.As(err, &unknown) {
		t.Errorf("of no object: %v", err)
	}
}

// Records come in pages, each once, in their order.
func TestHeldPages(t *testing.T) {
	w := newWorld(t, orders)
	var records []map[string]any
	for i := range 115 {
		total := "1"
		if i%4 == 0 {
			total = strings.Repeat("no number ", i)
		}
		records = append(records, map[string]any{"id": fmt.Sprintf("A-%d", i), "total": total})
	}
	w.put("a.json", records...)
	w.run()
	for _, limit := range []int{1, 7, 28, 29, 30} {
		var got []int64
		after, pages := "", 0
		for {
			h := w.held("a.json", after, limit)
			for _, r := range h.Records {
				got = append(got, r.Record)
			}
			pages++
			if after = h.Next; after == "" {
				break
			}
			if len(h.Records) != limit || pages > 100 {
				t.Fatalf("limit %d: a page of %d", limit, len(h.Records))
			}
		}
		if len(got) != 29 || pages != (29+limit-1)/limit {
			t.Errorf("limit %d: %v in %d pages", limit, got, pages)
		}
		for i, n := range got {
			if n != int64(4*i) {
				t.Errorf("limit %d: %v", limit, got)
				break
			}
		}
	}
	next := w.held("a.json", "", 3).Next
	for _, after := range []string{"x", "-1", "1", "99999999-" + next[strings.IndexByte(next, '-')+1:], " " + next, next + "x"} {
		if _, err := w.lake.HeldObject(t.Context(), w.id("a.json"), after, 3); err == nil {
			t.Errorf("after %q: no error", after)
		}
	}
}

// Of a long record the part with the fault is shown; bytes that are no UTF-8 move
// nothing.
func TestHeldRecords(t *testing.T) {
	w := newWorld(t, strings.ReplaceAll(orders, "tables:", "limits: {field_bytes: 64MiB, record_bytes: 64MiB}\ntables:"))
	long := strings.Repeat("é", 100_000)
	huge := strings.Repeat("x", 9<<20)
	w.file("raw_orders_data/a.json", `[{"id":"A-1","country":"`+long+`","total":"bad"},`+
		`{"id":"A-2","total":"bad","country":"`+long+`"},`+
		`{"id":"A-3","country":"`+"\xff\xfe"+`é","total":"1"},`+
		`{"id":"A-4","total":"bad","country":"`+huge+`"},`+
		`{"id":"A-5","total":"bad"}]`)
	w.run()
	all := w.held("a.json", "", 50).Records
	if len(all) != 5 {
		t.Fatalf("%d records", len(all))
	}
	for i, want := range []struct {
		cut bool
		at  string // what begins at the fault
	}{{true, `"bad"}`}, {true, `"bad","country"`}, {false, "\"\ufffd"}, {true, ""}, {false, `"bad"}`}} {
		r := all[i]
		if r.Record != int64(i) || r.Cut != want.cut || len(r.Raw) > shownBytes+2 || strings.ToValidUTF8(r.Raw, "") != r.Raw {
			t.Errorf("record %d: ordinal %d, cut %t, %d bytes", i, r.Record, r.Cut, len(r.Raw))
		}
		if want.at == "" {
			continue
		}
		if r.Fault < 0 || !strings.HasPrefix(r.Raw[r.Fault:], want.at) {
			t.Errorf("record %d: fault at %d of %d: %.20q", i, r.Fault, len(r.Raw), r.Raw[max(r.Fault, 0):])
		}
	}
	if r := all[3]; r.Size != -1 || !strings.HasPrefix(r.Raw, `{"id":"A-4","total":"bad","country":"xxx`) || r.Reason != "bad_decimal" || r.Path != "$.total" || r.Fault != strings.Index(r.Raw, `"bad"`) {
		t.Errorf("the largest: %d bytes, fault %d, %s at %s, %.60q", r.Size, r.Fault, r.Reason, r.Path, r.Raw)
	}
	if r := all[0]; r.From == 0 || r.Size != int64(len(long)+len(`{"id":"A-1","country":"","total":"bad"}`)) {
		t.Errorf("the first begins at %d of %d", r.From, r.Size)
	}
}

// What is damaged or gone is an error that says so, never a page without records.
func TestHeldIsLost(t *testing.T) {
	w := mixed(t)
	e, _, err := w.setup.Pipeline.Ledger.Read(t.Context(), w.id("part.json"))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(w.dir, filepath.FromSlash(e.State.Quarantine))
	for _, text := range []string{"no entry\n", "{}\n", `{"sluice_quarantine":1,"raw":"{}`} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if h, err := w.lake.HeldObject(t.Context(), w.id("part.json"), "", 5); err == nil {
			t.Errorf("%q: %+v", text, h)
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, err := w.lake.HeldObject(t.Context(), w.id("part.json"), "", 5); err == nil || !strings.Contains(err.Error(), "no such object") {
		t.Errorf("gone: %v", err)
	}
}
