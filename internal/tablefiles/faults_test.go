package tablefiles_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/parquetfile"
	"sluice/internal/tablefiles"
)

// perDay is the spec of tables that are partitioned by day.
var perDay = &iceberg.PartitionSpec{Fields: []iceberg.PartitionField{{SourceID: 2, ID: 1000, Name: "at_day", Transform: iceberg.Transform{Name: "day"}}}}

// write writes a few files, as a batch does: it returns those of the batch, or aborts.
func write(t *testing.T, m *memory, change func(*tablefiles.Options)) (files []iceberg.SpecFile, left, err error) {
	o := options(m)
	change(&o)
	w, err := tablefiles.New(t.Context(), o)
	if err != nil {
		return nil, nil, err
	}
	f := newFiller(rand.New(rand.NewPCG(1, 1)).IntN)
	for range 6 {
		if _, err = w.Append(t.Context(), f.object(5, 4)); err != nil {
			return nil, w.Abort(t.Context()), err
		}
	}
	var own []iceberg.SpecFile
	if o.Spec == nil {
		if own, left, err = object(t, w, f.object(9, 4)); err != nil {
			return nil, errors.Join(left, w.Abort(t.Context())), err
		}
	}
	if files, err = w.Close(t.Context()); err != nil {
		return own, w.Abort(t.Context()), err
	}
	return append(files, own...), w.Abort(t.Context()), nil // what Close has returned stays
}

// object writes the row groups of an object with files of its own.
func object(t *testing.T, w *tablefiles.Writer, b *batch.Batch) (files []iceberg.SpecFile, left, err error) {
	e, err := parquetfile.NewEncoder("snappy")
	if err != nil {
		t.Fatal(err)
	}
	g, err := e.Encode(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.Object()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := o.WriteGroup(t.Context(), g); err != nil {
			return nil, o.Abort(t.Context()), err
		}
	}
	if files, err = o.Close(t.Context()); err != nil {
		return nil, o.Abort(t.Context()), err
	}
	return files, o.Abort(t.Context()), nil // nothing is removed
}

// TestFaults lets each call of the store fail, with and without its work being done.
// The files that are visible then are those that were reported: all, or none.
func TestFaults(t *testing.T) {
	for name, change := range map[string]func(*tablefiles.Options){
		"one file":   func(*tablefiles.Options) {},
		"many files": func(o *tablefiles.Options) { o.TargetBytes, o.MostHeld = 2000, 1 },
		"partitions": func(o *tablefiles.Options) { o.Spec = perDay; o.TargetBytes, o.MostHeld, o.MostOpen = 3000, 300<<10, 2 },
	} {
		t.Run(name, func(t *testing.T) {
			sound := newMemory()
			files, left, err := write(t, sound, change)
			if err != nil || left != nil {
				t.Fatal(err, left)
			}
			checkFiles(t, sound, files)
			for _, lands := range []bool{false, true} {
				for n := 1; n <= sound.calls; n++ {
					m := newMemory()
					m.failAt, m.lands = n, lands
					files, left, err := write(t, m, change)
					if left != nil {
						t.Errorf("call %d: files are left: %v", n, left)
					}
					if err == nil {
						t.Errorf("call %d: its error is lost", n)
					}
					checkFiles(t, m, files)
					if m.held != 0 {
						t.Errorf("call %d: writers are left with %d bytes", n, m.held)
					}
				}
			}
			for n := 1; n <= sound.calls; n++ { // a lost reply, and the store repeats the call
				m := newMemory()
				m.failAt, m.lands, m.repeats = n, true, true
				files, left, err := write(t, m, change)
				if left != nil {
					t.Errorf("call %d: files are left: %v", n, left)
				}
				if m.repeated && err != nil {
					t.Errorf("call %d: a file that is there counts as an error: %v", n, err)
				}
				checkFiles(t, m, files)
			}
		})
	}
}
