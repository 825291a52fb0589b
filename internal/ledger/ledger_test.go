package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
)

func open(t *testing.T) (*ledger.Ledger, store.Store) {
	t.Helper()
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return ledger.New(s, "ledger/"), s
}

var firstSeen = time.Date(2024, 1, 10, 8, 30, 0, 123_000_000, time.UTC)

func entry(key string) *ledger.Entry {
	return &ledger.Entry{
		Version: ledger.Version, Bucket: "raw", Key: key, FirstSeen: firstSeen,
		Outputs: []ledger.Output{{Table: "order_lines", Key: "orders_data_parquet/" + ledger.OutputName(ledger.IDOf("raw", key).Short(), firstSeen)}},
	}
}

// Names are a contract: they are looked for by people, and built by hand. All of
// them are here as other programs compute them, such as sha256sum.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		bucket, key string
		id          string
		index       ledger.IndexID
		short       ledger.ShortID
		output      string
	}{
		{"raw", "in/a.json", "96d050a3b8dbeb49c1ed21662f937e075be91acd87121d7d7ec29631e06d5941", 0x96d050a3b8dbeb49, 0x96d050a3b8db, "orders_20240110T083000.123Z_96d050a3b8db.parquet"},
		{"", "raw_orders_data/orders.json", "dacc443e803d227b60ca57a1d214af0981d6f79d97429e2896c1c23d76a2fbd9", 0xdacc443e803d227b, 0xdacc443e803d, "orders_20240110T083000.123Z_dacc443e803d.parquet"},
		{"orders", "raw_orders_data/2024-01-10.json", "0c23ed330c1511b5d91bd301bfb8f71a69479a24c360247b0fc4cbf6ffad54d7", 0x0c23ed330c1511b5, 0x0c23ed330c15, "orders_20240110T083000.123Z_0c23ed330c15.parquet"},
		{"b", "ä€/ .json\t", "8f742f4ad2fd43f3fcd6fc6e975736425a2f7595e213094d3ec222db70f9c073", 0x8f742f4ad2fd43f3, 0x8f742f4ad2fd, "orders_20240110T083000.123Z_8f742f4ad2fd.parquet"},
		{"raw", "in/434.json", "003a526e31540aadf5d83978c043c5d329a7b2204b545b289b3b0e5ba012d5a8", 0x003a526e31540aad, 0x003a526e3154, "orders_20240110T083000.123Z_003a526e3154.parquet"},
	} {
		id := ledger.IDOf(c.bucket, c.key)
		if id.String() != c.id || id.Index() != c.index || id.Short() != c.short || id.Index().Short() != c.short {
			t.Errorf("%q: ID %s, in the index %x, in names %s", c.key, id, id.Index(), id.Short())
		}
		if parsed, ok := ledger.ParseID(c.id); !ok || parsed != id {
			t.Errorf("%q: its text is read as %s", c.key, parsed)
		}
		berlin := time.FixedZone("", 3600)
		if got := ledger.OutputName(id.Short(), firstSeen.In(berlin)); got != c.output {
			t.Errorf("%q: output %s, want %s", c.key, got, c.output)
		}
		short, at, ok := ledger.ParseOutputName(c.output)
		if !ok || short != c.short || !at.Equal(firstSeen) {
			t.Errorf("%s says %s %v %v", c.output, short, at, ok)
		}
	}
	id := ledger.IDOf("raw", "in/a.json").String()
	for _, other := range []string{"", "x", id[1:], id + "0", strings.ToUpper(id), "x" + id[1:]} {
		if _, ok := ledger.ParseID(other); ok {
			t.Errorf("%q is taken for an ID", other)
		}
	}
	want := "orders_20240110T083000.123Z_" + id[:12] + ".parquet"
	for _, other := range []string{"", ".parquet", "x" + want, want + "x", strings.Replace(want, "T08", "T28", 1), "orders_0123456789ab.parquet", want[:len(want)-9] + "z.parquet", strings.Replace(want, ".123", ",123", 1), strings.Replace(want, id[:12], strings.ToUpper(id[:12]), 1)} {
		if _, _, ok := ledger.ParseOutputName(other); ok {
			t.Errorf("%q is taken for the name of an output", other)
		}
	}
}

func TestClaimAndAccount(t *testing.T) {
	l, _ := open(t)
	ctx := t.Context()
	if _, _, err := l.Get(ctx, "raw", "in/a.json"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("before the claim: %v", err)
	}
	e := entry("in/a.json")
	claimed, err := l.Put(ctx, e, store.IfNoneMatch())
	if err != nil {
		t.Fatal(err)
	}
	got, etag, err := l.Get(ctx, "raw", "in/a.json")
	if err != nil || etag != claimed {
		t.Fatalf("ETag %q, want %q: %v", etag, claimed, err)
	}
	if diff := cmp.Diff(*e, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	e.State = &ledger.State{Identity: "version:1", Listed: "etag:x:1:2024-01-10T08:30:00Z", Stats: sluice.Stats{
		RecordsRead: 2, RecordsCommitted: 2, RowsWritten: 3, Outcome: sluice.Accept, Sums: map[string]string{"order_lines.price": "12.5000"}, Reasons: map[sluice.Reason]int64{},
	}}
	accounted, err := l.Put(ctx, e, store.IfMatch(claimed))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Put(ctx, entry("in/a.json"), store.IfMatch(claimed)); !errors.Is(err, store.ErrPrecondition) {
		t.Errorf("with the ETag of the claim again: %v", err)
	}
	if _, err := l.Put(ctx, entry("in/a.json"), store.IfNoneMatch()); !errors.Is(err, store.ErrPrecondition) {
		t.Errorf("a second claim: %v", err)
	}
	got, etag, err = l.Get(ctx, "raw", "in/a.json")
	if err != nil || etag != accounted {
		t.Fatalf("ETag %q, want %q: %v", etag, accounted, err)
	}
	if diff := cmp.Diff(*e, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// No two writes of an entry have the same bytes, so an ETag that is made of the
// content does not come back either. Entries without a revision are older.
func TestRevisions(t *testing.T) {
	l, s := open(t)
	name := "ledger/" + ledger.IDOf("raw", "in/a.json").String() + ".json"
	written := func() string {
		t.Helper()
		data, _, err := store.Get(t.Context(), s, name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	const old = `{"version":1,"bucket":"raw","key":"in/a.json","first_seen":"2024-01-10T08:30:00Z","outputs":null,"state":null}` + "\n"
	info, err := store.Put(t.Context(), s, name, []byte(old), store.CreateOptions{}, store.IfNoneMatch())
	if err != nil {
		t.Fatal(err)
	}
	seen, stale := map[string]bool{old: true}, info.ETag
	for revision := range int64(4) {
		e, etag, err := l.Get(t.Context(), "raw", "in/a.json")
		if err != nil || e.Revision != revision {
			t.Fatalf("revision %d, want %d: %v", e.Revision, revision, err)
		}
		if revision > 0 {
			if _, err := l.Put(t.Context(), &e, store.IfMatch(stale)); !errors.Is(err, store.ErrPrecondition) {
				t.Fatalf("the ETag of an older revision: %v", err)
			}
			e.Revision = revision
		}
		if _, err := l.Put(t.Context(), &e, store.IfMatch(etag)); err != nil {
			t.Fatal(err)
		}
		if text := written(); seen[text] {
			t.Fatalf("this was written before: %s", text)
		} else {
			seen[text] = true
		}
	}
}

// Of twenty that claim a key at once, one does.
func TestOneClaims(t *testing.T) {
	l, _ := open(t)
	var claims atomic.Int32
	each(20, func(i int) {
		e := entry("in/a.json")
		e.FirstSeen = firstSeen.Add(time.Duration(i) * time.Second)
		_, err := l.Put(context.Background(), e, store.IfNoneMatch())
		switch {
		case err == nil:
			claims.Add(1)
		case !store.IsRace(err):
			t.Errorf("claim: %v", err)
		}
	})
	if n := claims.Load(); n != 1 {
		t.Errorf("%d claims", n)
	}
}

// Twenty that count one up by compare-and-set lose no step.
func TestCompareAndSet(t *testing.T) {
	l, _ := open(t)
	if _, err := l.Put(t.Context(), entry("in/a.json"), store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	each(20, func(int) {
		for {
			e, etag, err := l.Get(context.Background(), "raw", "in/a.json")
			if err != nil {
				t.Errorf("get: %v", err)
				return
			}
			if e.State == nil {
				e.State = &ledger.State{}
			}
			e.State.RecordsRead++
			if _, err = l.Put(context.Background(), &e, store.IfMatch(etag)); err == nil {
				return
			}
			if !store.IsRace(err) {
				t.Errorf("put: %v", err)
				return
			}
		}
	})
	e, _, err := l.Get(t.Context(), "raw", "in/a.json")
	if err != nil || e.State.RecordsRead != 20 {
		t.Errorf("%d steps, %v", e.State.RecordsRead, err)
	}
}

func each(n int, do func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { do(i) })
	}
	group.Wait()
}

// What cannot be read is damaged or newer, never absent; the ETag is there to
// replace it.
func TestDamaged(t *testing.T) {
	good := `{"version":1,"bucket":"raw","key":"in/a.json","first_seen":"2024-01-10T08:30:00Z","outputs":[],"state":null}`
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"good", good, nil},
		{"with a field of a later patch", strings.Replace(good, "{", `{"note":1,`, 1), nil},
		{"empty", "", ledger.ErrDamaged},
		{"not JSON", "<html>", ledger.ErrDamaged},
		{"truncated", good[:len(good)-10], ledger.ErrDamaged},
		{"two texts", good + good, ledger.ErrDamaged},
		{"null", "null", ledger.ErrDamaged},
		{"no version", strings.Replace(good, `"version":1,`, "", 1), ledger.ErrDamaged},
		{"wrong key", strings.Replace(good, "a.json", "b.json", 1), ledger.ErrDamaged},
		{"wrong bucket", strings.Replace(good, `"raw"`, `"other"`, 1), ledger.ErrDamaged},
		{"no time", strings.Replace(good, "2024-01-10T08:30:00Z", "0001-01-01T00:00:00Z", 1), ledger.ErrDamaged},
		{"too large", good + strings.Repeat(" ", 16<<20), ledger.ErrDamaged},
		{"newer", strings.Replace(good, `"version":1`, `"version":2`, 1), ledger.ErrNewer},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, s := open(t)
			key := "ledger/" + ledger.IDOf("raw", "in/a.json").String() + ".json"
			info, err := store.Put(t.Context(), s, key, []byte(c.text), store.CreateOptions{}, store.IfNoneMatch())
			if err != nil {
				t.Fatal(err)
			}
			_, etag, err := l.Get(t.Context(), "raw", "in/a.json")
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if etag != info.ETag {
				t.Errorf("ETag %q, want %q", etag, info.ETag)
			}
			if c.want != nil && errors.Is(err, store.ErrNotFound) {
				t.Error("it is taken for absent")
			}
		})
	}
}

// The entry of a mapping of as many columns as a table can have is written, read
// and replaced: it holds the sums of each table and column.
func TestLargeEntry(t *testing.T) {
	l, _ := open(t)
	e := entry("in/a.json")
	etag, err := l.Put(t.Context(), e, store.IfNoneMatch())
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for i := range 10_000 {
		sums[fmt.Sprintf("order_lines.%s%d", strings.Repeat("x", 90), i)] = strings.Repeat("9", 38)
	}
	e.State = &ledger.State{Stats: sluice.Stats{Sums: sums}}
	for range 2 { // the state, and the next one
		if etag, err = l.Put(t.Context(), e, store.IfMatch(etag)); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := l.Get(t.Context(), "raw", "in/a.json")
	if err != nil {
		t.Fatal(err)
	}
	read, same, err := l.Read(t.Context(), ledger.IDOf("raw", "in/a.json"))
	if err != nil || same != etag {
		t.Fatalf("ETag %q, want %q: %v", same, etag, err)
	}
	if diff := cmp.Diff(*e, got) + cmp.Diff(*e, read); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sums["x"] = strings.Repeat("9", 16<<20) // what could not be read again is not written
	if _, err := l.Put(t.Context(), e, store.IfMatch(etag)); err == nil || !strings.Contains(err.Error(), "too many columns") {
		t.Errorf("an entry that is too large: %v", err)
	}
}

// List gives every entry once, and nothing else that lies there.
func TestList(t *testing.T) {
	l, s := open(t)
	want := map[ledger.ID]string{}
	for i := range 5 {
		key := fmt.Sprintf("in/%d.json", i)
		if _, err := l.Put(t.Context(), entry(key), store.IfNoneMatch()); err != nil {
			t.Fatal(err)
		}
		want[ledger.IDOf("raw", key)] = key
	}
	for _, key := range []string{"ledger/README.md", "ledger/short.json", "ledgers/" + ledger.IDOf("raw", "x").String() + ".json"} {
		if _, err := store.Put(t.Context(), s, key, nil, store.CreateOptions{}, store.IfNoneMatch()); err != nil {
			t.Fatal(err)
		}
	}
	got := map[ledger.ID]string{}
	if err := l.List(t.Context(), func(listed ledger.Listed) error {
		e, etag, err := l.Read(t.Context(), listed.ID)
		if etag != listed.ETag {
			t.Errorf("ETag %q, listed as %q", etag, listed.ETag)
		}
		got[listed.ID] = e.Key
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	stop := errors.New("stop")
	if err := l.List(t.Context(), func(ledger.Listed) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the caller: %v", err)
	}
}

// The example of the documentation is an entry.
func TestDocumentedEntry(t *testing.T) {
	text, err := os.ReadFile("../../docs/ledger.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```json\n")
	example, _, _ = strings.Cut(example, "```")
	l, s := open(t)
	const bucket, key = "orders", "raw_orders_data/2024-01-10.json"
	name := "ledger/" + ledger.IDOf(bucket, key).String() + ".json"
	if !strings.Contains(string(text), name) {
		t.Errorf("the documentation does not name %s", name)
	}
	if _, err := store.Put(t.Context(), s, name, []byte(example), store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	e, etag, err := l.Get(t.Context(), bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	if want := "orders_data_parquet/" + ledger.OutputName(ledger.IDOf(bucket, key).Short(), e.FirstSeen); e.Outputs[0].Key != want {
		t.Errorf("the output should be %s", want)
	}
	// Written again it has the same members and values, with no others.
	e.Revision--
	if _, err := l.Put(t.Context(), &e, store.IfMatch(etag)); err != nil {
		t.Fatal(err)
	}
	data, _, err := store.Get(t.Context(), s, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(compact(t, []byte(example)), compact(t, data)); diff != "" {
		t.Errorf("(-documented +written):\n%s", diff)
	}
}

func compact(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
