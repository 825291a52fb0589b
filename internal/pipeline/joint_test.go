package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/store"
)

// TestJoints processes small objects of all kinds in one batch, whose rows share row
// groups: sound ones, some with a record in quarantine, rejected ones, some whose
// quarantine fails or panics, and one that is small only as it is stored. Each that did
// not fail shows its rows, in few files.
func TestJoints(t *testing.T) {
	for name, partition := range map[string][]pipeline.Partition{
		"no partitions": nil,
		"by day":        {{iceberg.Transform{Name: "day"}, "day"}},
	} {
		for _, room := range []int{2, 1 << 12, 1 << 20} { // joints of up to 13 MiB, 16 KiB and 64 bytes
			t.Run(fmt.Sprintf("%s, %d", name, room), func(t *testing.T) {
				t.Parallel()
				testJoints(t, room, partition...)
			})
		}
	}
}

func testJoints(t *testing.T, room int, partition ...pipeline.Partition) {
	w := newTablesWorld(t, partition...)
	w.p.Computing = memories(2, room)
	broken := &brokenQuarantine{w.p.Quarantine, map[string]string{}}
	w.p.Quarantine = broken
	var objects []pipeline.Object
	var want [2][]string // all rows
	for i := range 400 {
		key := fmt.Sprintf("%03d.json", i)
		day := fmt.Sprintf("2026-01-%02d", 1+i%3)
		rows := [2][]string{}
		var text strings.Builder
		for n := range 1 + i%7 {
			id := 10*i + n
			fmt.Fprintf(&text, "{\"id\":%d,\"day\":%q,\"lines\":[%d,7]}\n", id, day, i)
			rows[0] = append(rows[0], fmt.Sprint(id, " ", day))
			rows[1] = append(rows[1], fmt.Sprint(id, " ", i), fmt.Sprint(id, " ", 7))
		}
		switch i % 20 {
		case 3:
			text.WriteString("{\"id\":\"no number\"}\n")
		case 5:
			lines := strings.TrimSuffix(text.String(), "\n")
			text.Reset()
			text.WriteString("[" + strings.ReplaceAll(lines, "\n", ",") + ",")
			rows = [2][]string{}
		case 7, 9, 13:
			text.WriteString("{\"id\":\"no number\"}\n")
			rows = [2][]string{}
			broken.fails[ledger.IDOf("raw", key).String()] = map[int]string{7: "create", 9: "panic", 13: "commit"}[i%20]
		case 11:
			text.Reset() // nothing
			rows = [2][]string{}
		}
		w.put(t, key, text.String())
		objects = append(objects, pipeline.Object{Bucket: "raw", Key: key})
		want[0], want[1] = append(want[0], rows[0]...), append(want[1], rows[1]...)
	}
	many := 0
	if room == 2 {
		many = 1<<20 + 10 // more than a row group has
		var large bytes.Buffer
		z := gzip.NewWriter(&large)
		for range many {
			fmt.Fprintln(z, `{"id":8000,"lines":[8]}`)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if large.Len() > pipeline.SmallObject {
			t.Fatalf("the object has %d bytes", large.Len())
		}
		w.put(t, "large.gz", large.String())
		objects = slices.Insert(objects, 200, pipeline.Object{Bucket: "raw", Key: "large.gz"})
	}

	errs := map[string]error{}
	commits := w.t.ProcessAll(t.Context(), objects, 2, func(i int, _ pipeline.Result, err error) { errs[objects[i].Key] = err })
	for key, err := range errs {
		if fails := broken.fails[ledger.IDOf("raw", key).String()]; (err != nil) != (fails != "") {
			t.Errorf("%s: %v", key, err)
		}
	}
	if commits.Snapshots != 2 || len(partition) == 0 && room == 2 && commits.Files > 4 {
		t.Errorf("%d snapshots, %d files", commits.Snapshots, commits.Files)
	}
	for i := range want {
		var got []string
		for _, rows := range w.rows(t, i) {
			n := len(rows)
			if n > 1<<19 {
				if n != many {
					t.Errorf("table %d: the large object shows %d rows, want %d", i, n, many)
				}
				continue
			}
			got = append(got, rows...)
		}
		slices.Sort(got)
		slices.Sort(want[i])
		if !slices.Equal(got, want[i]) {
			t.Errorf("table %d: %d rows are not the %d of the sources", i, len(got), len(want[i]))
		}
	}
	sum, err := w.runAll(t.Context())
	if want := int64(len(broken.fails)); err != nil || sum.Objects[pipeline.DidCommit] != 0 || sum.Objects[pipeline.DidFail] != want {
		t.Errorf("a run: %v, %+v; %d objects fail each time", err, sum.Objects, want)
	}
}

// brokenQuarantine does not take the records of some sources.
type brokenQuarantine struct {
	store.Store
	fails map[string]string // by the ID of the source
}

func (b *brokenQuarantine) Create(ctx context.Context, key string, o store.CreateOptions) (store.Writer, error) {
	id, _, _ := strings.Cut(strings.TrimPrefix(key, "quarantine/"), "/")
	switch b.fails[id] {
	case "create":
		return nil, errFlaky
	case "panic":
		panic("the quarantine")
	case "commit":
		w, err := b.Store.Create(ctx, key, o)
		if err != nil {
			return nil, err
		}
		return failedWriter{w}, nil
	}
	return b.Store.Create(ctx, key, o)
}
