package storetest_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/internal/store/storetest"
)

func folder(t *testing.T) *dirstore.Store {
	t.Helper()
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// work copies an object and removes the source, as simply as can be.
func work(t *testing.T, source, sink store.Store) error {
	data, _, err := store.Get(t.Context(), source, "in", 100)
	if err != nil {
		return err
	}
	w, err := sink.Create(t.Context(), "out", store.CreateOptions{})
	if err != nil {
		return err
	}
	defer w.Abort(t.Context()) // a no-op after Commit
	if _, err := w.Write(data); err != nil {
		return err
	}
	if _, err := w.Commit(t.Context(), store.IfNoneMatch()); err != nil {
		return err
	}
	return source.Delete(t.Context(), "in")
}

// TestPlan shows each fault at each call, and what it leaves.
func TestPlan(t *testing.T) {
	calls := []string{"open", "read", "create", "write", "commit", "delete"}
	create, commit, remove := 2, 4, 5
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter, storetest.CrashBefore, storetest.CrashAfter} {
		after := fault == storetest.FailAfter || fault == storetest.CrashAfter
		crash := fault == storetest.CrashBefore || fault == storetest.CrashAfter
		n := 1
		for ; ; n++ {
			source, sink := folder(t), folder(t)
			if _, err := store.Put(t.Context(), source, "in", []byte("content"), store.CreateOptions{}, store.IfNoneMatch()); err != nil {
				t.Fatal(err)
			}
			plan := storetest.NewPlan(n, fault)
			err := work(t, plan.Wrap(source), plan.Wrap(sink))
			if !plan.Happened() {
				if err != nil {
					t.Errorf("no fault, but %v", err)
				}
				break
			}
			want := storetest.ErrFault
			if crash {
				want = storetest.ErrCrash
			}
			if !errors.Is(err, want) || store.IsTransient(err) == crash {
				t.Errorf("fault %d at %s: error %v", fault, calls[n-1], err)
			}
			_, err = sink.Head(t.Context(), "out")
			if published := err == nil; published != (n-1 > commit || n-1 == commit && after) {
				t.Errorf("fault %d at %s: published %t", fault, calls[n-1], published)
			}
			_, err = source.Head(t.Context(), "in")
			if removed := err != nil; removed != (n-1 == remove && after) {
				t.Errorf("fault %d at %s: source removed %t", fault, calls[n-1], removed)
			}
			uploads, err := sink.PendingUploads(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			// What died between the effects of Create and Commit left something.
			created := n-1 > create || n-1 == create && after
			if pending := len(uploads) > 0; pending != (crash && created && (n-1 < commit || n-1 == commit && !after)) {
				t.Errorf("fault %d at %s: pending %t", fault, calls[n-1], pending)
			}
		}
		if n != len(calls)+1 {
			t.Errorf("%d calls, want %d", n-1, len(calls))
		}
	}
}

func TestPlanCalls(t *testing.T) {
	s := folder(t)
	plan := storetest.NewPlan(0, storetest.FailBefore)
	f := plan.Wrap(s)
	if _, err := store.Put(t.Context(), f, "in", []byte("content"), store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	if err := work(t, f, f); err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, call := range plan.Calls() {
		calls = append(calls, strings.Replace(call, s.String(), "", 1))
	}
	want := []string{"create /in", "write /in", "commit /in", "open /in", "read /in", "create /out", "write /out", "commit /out", "delete /in"}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
}

// A read that fails gives no bytes; one whose process dies neither.
func TestPlanRead(t *testing.T) {
	s := folder(t)
	if _, err := store.Put(t.Context(), s, "in", []byte("content"), store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter, storetest.CrashBefore, storetest.CrashAfter} {
		o, err := storetest.NewPlan(2, fault).Wrap(s).Open(t.Context(), "in")
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		if data, err := io.ReadAll(o); len(data) > 0 || err == nil {
			t.Errorf("fault %d: read %q: %v", fault, data, err)
		}
	}
}
