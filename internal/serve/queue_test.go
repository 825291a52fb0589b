package serve

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/pipeline"
)

// queueOf is a queue, and the keys that were told to wait.
func queueOf() (*queue, *[]string) {
	var told []string
	return newQueue(func(t *task) { told = append(told, t.key) }), &told
}

func (q *queue) mustTake(t *testing.T, large bool) *task {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	taken, ok := q.take(ctx, large)
	if !ok {
		t.Fatal("nothing to take")
	}
	return taken
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, told := queueOf()
		q.add(task{key: "a"})
		q.add(task{key: "b", size: 1})
		q.add(task{key: "large", size: pipeline.SmallObject + 1})
		q.add(task{key: "a", redo: pipeline.RedoChanged}) // once more: it goes to the end
		if a := q.mustTake(t, true); a.key != "large" {
			t.Errorf("took %q", a.key)
		}
		b, a := q.mustTake(t, false), q.mustTake(t, false)
		if b.key != "b" || a.key != "a" || a.redo != pipeline.RedoChanged {
			t.Errorf("took %+v, %+v", b, a)
		}
		if q.isEmpty() {
			t.Error("empty, with three in work")
		}

		// What comes while it is in work comes again after it, even if it fails.
		q.add(task{key: "a", size: 7})
		q.again(a, time.Hour, 1)
		if again := q.mustTake(t, false); again.key != "a" || again.size != 7 || again.tries != 0 {
			t.Errorf("took %+v", again)
		} else {
			q.done(again)
		}

		// What failed waits for its time, but not if it comes anew.
		began := time.Now()
		q.again(b, time.Minute, 1)
		if !q.isEmpty() {
			// large is still in work
			q.done(q.tasks["large"])
		}
		if !q.isEmpty() {
			t.Error("not empty, with one that waits for its time")
		}
		if b = q.mustTake(t, false); b.tries != 1 || time.Since(began) != time.Minute {
			t.Errorf("took %+v after %s", b, time.Since(began))
		}
		q.again(b, time.Hour, 2)
		q.add(task{key: "b"})
		if b = q.mustTake(t, false); b.tries != 0 || time.Since(began) != time.Minute {
			t.Errorf("took %+v after %s", b, time.Since(began))
		}
		q.done(b)

		// A pause holds all.
		q.add(task{key: "c"})
		q.pause(time.Minute)
		began = time.Now()
		if c := q.mustTake(t, false); c.key != "c" || time.Since(began) != time.Minute {
			t.Errorf("took %+v after %s", c, time.Since(began))
		}
		if want := []string{"a", "b", "large", "a", "a", "b", "c"}; !slices.Equal(*told, want) {
			t.Errorf("told %q, want %q", *told, want)
		}
	})
}

// A key that is queued again with another size changes lanes.
func TestQueueLanes(t *testing.T) {
	q, _ := queueOf()
	q.add(task{key: "a", size: pipeline.SmallObject + 1})
	q.add(task{key: "b"})
	q.add(task{key: "a", size: 1})
	q.add(task{key: "b", size: pipeline.SmallObject + 1})
	if a, b := q.mustTake(t, false), q.mustTake(t, true); a.key != "a" || b.key != "b" {
		t.Errorf("took %q and %q", a.key, b.key)
	}
}

func TestFullQueue(t *testing.T) {
	q, _ := queueOf()
	for i := range maxQueue + 1 {
		if taken := q.add(task{key: fmt.Sprint(i)}); taken != (i < maxQueue) {
			t.Errorf("object %d: %t", i, taken)
		}
	}
	if len(q.tasks) != maxQueue || !q.overflowed() || q.overflowed() {
		t.Errorf("%d objects wait", len(q.tasks))
	}
}

// What waits together goes together: small objects that are due, for the same work.
func TestQueueMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := queueOf()
		for i := range 5 {
			q.add(task{key: fmt.Sprint(i)})
		}
		q.add(task{key: "large", size: pipeline.SmallObject + 1})
		q.add(task{key: "other", redo: pipeline.RedoChanged})
		q.add(task{key: "last"})
		first := q.mustTake(t, false)
		var keys []string
		for _, n := range []int{2, 9} {
			all := q.more(first, n)
			for _, m := range all {
				keys = append(keys, m.key)
				q.done(m)
			}
		}
		if want := []string{"1", "2", "3", "4"}; first.key != "0" || !slices.Equal(keys, want) {
			t.Errorf("took %q and %q, and not %q", first.key, keys, want)
		}
		q.again(first, time.Minute, 1)
		if other := q.mustTake(t, false); other.key != "other" || len(q.more(other, 9)) != 0 {
			t.Errorf("took %q", other.key)
		}
		if last := q.mustTake(t, false); last.key != "last" || len(q.more(last, 9)) != 0 {
			t.Errorf("took %q", last.key)
		}
		q.pause(time.Hour)
		time.Sleep(2 * time.Minute)
		if all := q.more(&task{}, 9); len(all) != 0 {
			t.Error("took an object while the queue is paused")
		}
	})
}
