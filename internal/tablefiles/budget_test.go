package tablefiles_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/tablefiles"
)

// TestMemory appends more than the limits allow to be in memory: what is on the heap,
// and what the store keeps, stays within them, for any number of partitions.
func TestMemory(t *testing.T) {
	for _, partitions := range []int{1, 16, 300} {
		m := newMemory()
		m.part = 64 << 10
		o := options(m)
		o.MostHeld, o.PartBytes, o.MostKept = 8<<20, m.part, 512<<10
		o.Spec = &iceberg.PartitionSpec{Fields: []iceberg.PartitionField{{SourceID: 6, ID: 1000, Name: "id_bucket", Transform: iceberg.Transform{Name: "bucket", N: partitions}}}}
		w, err := tablefiles.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		f := newFiller(rand.New(rand.NewPCG(1, 1)).IntN)
		before, most, rows := heap(), int64(0), int64(0)
		for i := range 200 {
			b := f.object(100, 20)
			rows += int64(b.Rows)
			if _, err := w.Append(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if i%20 == 0 {
				most = max(most, heap()-before-m.bytes())
			}
		}
		t.Logf("%d partitions: at most %d kB on the heap, and %d kB in the store", partitions, most>>10, m.most>>10)
		const others = 8 << 20 // the batch of the source, the encoder, and what the heap cannot use
		if most > o.MostHeld+others {
			t.Errorf("%d partitions: %d bytes on the heap, and %d should be held", partitions, most, o.MostHeld)
		}
		if m.most > o.MostKept+o.MostKept/2 {
			t.Errorf("%d partitions: the store keeps %d bytes, and %d are allowed", partitions, m.most, o.MostKept)
		}
		files, err := w.Close(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			rows -= file.Rows
		}
		if rows != 0 {
			t.Errorf("%d partitions: %d rows are lost", partitions, rows)
		}
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestOnlyFile: the file of a table without partitions does not end because the store
// keeps much of it.
func TestOnlyFile(t *testing.T) {
	m := newMemory()
	o := options(m)
	o.MostHeld, o.PartBytes, o.MostKept, o.MostOpen = 1, 1<<20, 1, 1
	w, err := tablefiles.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	f := newFiller(rand.New(rand.NewPCG(1, 1)).IntN)
	for range 5 {
		if _, err := w.Append(t.Context(), f.object(5, 5)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := w.Close(t.Context())
	if err != nil || len(files) != 1 {
		t.Errorf("%d files, %v", len(files), err)
	}
	checkFiles(t, m, files)
}
