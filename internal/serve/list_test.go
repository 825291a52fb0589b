package serve

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/internal/ledger"
)

// The list is compared with a plain one, in which the newest is last.
func TestList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 12
		changed := map[ledger.ID]int{}
		l := newObjects(func(id ledger.ID) { changed[id]++ })
		l.most = most
		var plain []object
		for range rapid.IntRange(0, 60).Draw(t, "changes") {
			key := fmt.Sprintf("in/%c%d", 'a'+rapid.IntRange(0, 3).Draw(t, "letter"), rapid.IntRange(0, 5).Draw(t, "digit"))
			id := ledger.IDOf("", key)
			at := slices.IndexFunc(plain, func(o object) bool { return o.Key == key })
			o := object{ID: hexID(id), Key: key, Reasons: noReasons}
			if at >= 0 {
				o = plain[at]
			}
			switch rapid.SampledFrom([]string{"state", "nothing", "forget"}).Draw(t, "what") {
			case "state":
				o.State = rapid.SampledFrom([]string{stateWaiting, stateWorking, stateFailed, stateDone}).Draw(t, "state")
				o.Rows, o.RecordsQuarantined = rapid.Int64Range(0, 9).Draw(t, "rows"), rapid.Int64Range(0, 9).Draw(t, "quarantined")
				before := changed[id]
				l.change("", key, func(k *known) bool { k.object = o; return true })
				if changed[id] != before+1 {
					t.Fatal("a change is not told")
				}
				if at >= 0 {
					plain = slices.Delete(plain, at, at+1)
				}
				plain = append(plain, o)
				plain = plain[max(len(plain)-most, 0):]
			case "nothing":
				if at >= 0 {
					l.change("", key, func(*known) bool { return false })
				}
			case "forget":
				l.forget(id)
				if at >= 0 {
					plain = slices.Delete(plain, at, at+1)
				}
			}
		}
		var want counts
		for i := range plain {
			want.add(&plain[i], 1)
		}
		got := l.all()
		if got.Objects-got.Older != want.Objects || got.Waiting != want.Waiting || got.Working != want.Working || got.Failed != want.Failed ||
			got.Rows != want.Rows || got.RecordsQuarantined != want.RecordsQuarantined {
			t.Fatalf("counts %+v, want %+v", got, want)
		}

		q := listQuery{limit: rapid.IntRange(1, 5).Draw(t, "limit")}
		if rapid.Bool().Draw(t, "finds") {
			q.find = "a"
		}
		if rapid.Bool().Draw(t, "by state") {
			q.state = stateFailed
		}
		var wanted, listed []string
		for _, o := range slices.Backward(plain) {
			if strings.Contains(o.Key, q.find) && (q.state == "" || o.State == q.state) {
				wanted = append(wanted, o.Key)
			}
		}
		for {
			found, total, next := l.list(q)
			if total != len(wanted) || len(found) > q.limit {
				t.Fatalf("%d found of %d, want %d", len(found), total, len(wanted))
			}
			for _, o := range found {
				listed = append(listed, o.Key)
			}
			if next == 0 {
				break
			}
			q.before = next
		}
		if !slices.Equal(listed, wanted) {
			t.Fatalf("listed %q, want %q", listed, wanted)
		}
	})
}

func entryOfRevision(key string, revision, rows int64) *ledger.Entry {
	return &ledger.Entry{Revision: revision, Key: key, State: &ledger.State{Stats: sluice.Stats{RowsWritten: rows, Outcome: "accept"}}}
}

// What was read of the ledger before something newer was shown changes nothing.
func TestOldEntries(t *testing.T) {
	l := newObjects(func(ledger.ID) {})
	now := time.Now()
	l.account(entryOfRevision("a", 3, 30), "3", now, nil)
	l.account(entryOfRevision("a", 2, 20), "2", now, nil)
	if o, _, _ := l.get(ledger.IDOf("", "a")); o.Rows != 30 {
		t.Errorf("%d rows", o.Rows)
	}
	l.account(entryOfRevision("a", 2, 20), "2", now, func(k *known) { k.Duplicate = true })
	if o, _, _ := l.get(ledger.IDOf("", "a")); o.Rows != 30 || !o.Duplicate {
		t.Errorf("%+v", o)
	}
	// An object that was accounted for after the listing stays.
	mark := l.mark()
	l.account(entryOfRevision("b", 1, 1), "1", now, nil)
	l.prune(map[ledger.ID]bool{}, 0, mark)
	if _, _, ok := l.get(ledger.IDOf("", "a")); ok {
		t.Error("an object without an entry stays")
	}
	if _, _, ok := l.get(ledger.IDOf("", "b")); !ok {
		t.Error("an object that came after the listing is forgotten")
	}
}
