package cost

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/event"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/filecatalog"
	"sluice/internal/pipeline"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// newTables writes the table of the default mapping, with a catalog that is its folder.
func newTables(t *testing.T, s store.Store) *pipeline.Tables {
	t.Helper()
	p := newPipeline(t, s)
	files, name := iceberg.Files{Store: s, Base: "s3://orders/"}, p.Mapping.Tables[0].Name
	return &pipeline.Tables{Pipeline: p, Tables: []*tables.Table{{
		Catalog: &filecatalog.Catalog{Files: files, Prefix: p.SinkPrefix}, Name: name, Files: files, Folder: p.SinkPrefix + name + "/",
		Ledger: s, LedgerPrefix: "ledger/", CreatedBy: "sluice", Now: time.Now,
		Pause:     func(context.Context, time.Duration) error { return nil },
		Retention: iceberg.Retention{Snapshots: 100, Age: 24 * time.Hour},
	}}}
}

// putBatch stores objects whose names come in no order.
func putBatch(t *testing.T, s store.Store, n int) (objects []pipeline.Object) {
	t.Helper()
	for range n {
		key := fmt.Sprintf("raw/%016x.ndjson", rand.Uint64())
		info, err := store.Put(t.Context(), s, key, distinct(1000), store.CreateOptions{}, store.Unconditional())
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, pipeline.Object{Bucket: "orders", Key: key, Size: info.Size})
	}
	return objects
}

func processAll(t *testing.T, p *pipeline.Tables, objects []pipeline.Object, want pipeline.Disposition) {
	t.Helper()
	p.ProcessAll(t.Context(), objects, 4, func(_ int, r pipeline.Result, err error) {
		if err != nil || r.Disposition != want {
			t.Fatal(r.Disposition, err)
		}
	})
}

// The requests of batches, counted on their way to a bucket, one batch after another:
// sources, one data file, and the commit, with all that it merges.
func TestRequestsOfTables(t *testing.T) {
	const n, batches = 30, mergedManifest
	count := &counter{}
	s := newBucket(t, count)
	p := newTables(t, s)
	// A listing that finds no table, its first metadata, and the hint. What was made is
	// not loaded: it takes four requests to load a head.
	create := requests{put: 3, get: -4}
	var all requests
	for batch := range batches {
		objects := putBatch(t, s, n)
		count.reset()
		processAll(t, p, objects, pipeline.DidCommit)
		got, want := count.reset(), commitRequests(batch).plus(requests{get: n, put: 1})
		all = all.plus(got)
		if batch == 0 {
			want = want.plus(create)
		}
		if got != want {
			t.Errorf("batch %d: model %+v, counted %+v", batch, want, got)
		}
		processAll(t, p, objects, pipeline.DidDuplicate)
		if got, most := count.reset(), (requests{get: n + 6}); got.put > 0 || got.get > most.get {
			t.Errorf("batch %d again: counted %+v", batch, got)
		}
	}
	want := meanCommit(2).plus(requests{get: n, put: 1}).times(batches).plus(create)
	if all != want {
		t.Errorf("all batches: model %+v, counted %+v", want, all)
	}

	// A run with nothing to do lists the source, and reads the head and each run once.
	sum, err := p.Run(t.Context(), pipeline.RunOptions{Bucket: "orders", Prefix: "raw/", Judge: func(store.Info) event.Record { return event.Record{Action: event.Process} }})
	if err != nil || sum.Objects[pipeline.DidDuplicate] != n*batches {
		t.Fatal(sum.Objects, err)
	}
	j := Defaults()
	j.Objects, j.Bytes, j.Keep = n*batches, 1e6, 1
	if got, most := count.reset(), j.verifyRequests(); got.put > most.put || got.get > most.get {
		t.Errorf("run: counted %+v, the model has %+v", got, most)
	}
}

// A process that goes on has in memory what it wrote of the ledger: it reads no root and
// no run, and merges without reading. The model is that of a process that begins.
func TestRequestsOfWarmTables(t *testing.T) {
	const n, batches = 30, 9 // the last one after a merge
	count := &counter{}
	s := newBucket(t, count)
	p := newTables(t, s)
	p.Tables[0].LedgerCache = runs.NewCache(16 << 20)
	for batch := range batches {
		objects := putBatch(t, s, n)
		count.reset()
		processAll(t, p, objects, pipeline.DidCommit)
		got, want := count.reset(), commitRequests(0).plus(requests{get: n - 1, put: 1})
		switch batch {
		case 0:
			want = want.plus(requests{put: 3, get: -3}) // see create above; there was no root
		case runsOfLevel - 1:
			want.put++ // the merged run
		}
		if got != want {
			t.Errorf("batch %d: %+v, and not %+v", batch, got, want)
		}
	}
}

// What of a commit waits for what: with calls of one second each, a batch takes as many
// seconds as the model has calls, and one for objects that are read side by side.
func TestRoundTripsOfTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := folder(t)
		p := newTables(t, (&counter{pause: time.Second}).store(s))
		processAll(t, p, putBatch(t, s, 1), pipeline.DidCommit)
		objects := putBatch(t, s, pipeline.SmallAtOnce)
		began := time.Now()
		processAll(t, p, objects, pipeline.DidCommit)
		commit := commitRequests(1)
		if got, most := time.Since(began).Seconds(), commit.get+commit.put+1+1; got > most {
			t.Errorf("%v calls one after the other, the model waits for %v", got, most)
		}
	})
}
