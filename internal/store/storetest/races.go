package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"

	"sluice/internal/store"
)

// raceCreate: 20 workers create one key; one succeeds, and its content stays.
func (st suite) raceCreate(t *testing.T) {
	s := st.open(t)
	for round := range 20 {
		key := fmt.Sprintf("ledger/%d.json", round)
		won := make([]bool, 20)
		together(len(won), func(i int) {
			_, err := store.Put(t.Context(), s, key, []byte(strconv.Itoa(i)), store.CreateOptions{Meta: map[string]string{"worker": strconv.Itoa(i)}}, store.IfNoneMatch())
			won[i] = err == nil
			if err != nil && !errors.Is(err, store.ErrPrecondition) && !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		})
		winner := -1
		for i, w := range won {
			if w && winner >= 0 {
				t.Fatalf("both %d and %d created %s", winner, i, key)
			} else if w {
				winner = i
			}
		}
		info := wantContent(t.Context(), t, s, key, strconv.Itoa(winner))
		if info.Meta["worker"] != strconv.Itoa(winner) {
			t.Errorf("content of %d, metadata of %s", winner, info.Meta["worker"])
		}
	}
	wantNoUploads(t, s)
}

// raceUpdate: many workers increase a counter; no step is lost.
func (st suite) raceUpdate(t *testing.T) {
	s := st.open(t)
	put(t, s, "counter", "0", store.IfNoneMatch())
	const workers, steps = 8, 6
	together(workers, func(int) {
		for range steps {
			if err := Increment(t.Context(), s, "counter"); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wantContent(t.Context(), t, s, "counter", strconv.Itoa(workers*steps))
	wantNoUploads(t, s)
}

// Increment adds one to the number that an object holds, whatever others do.
func Increment(ctx context.Context, s store.Store, key string) error {
	for {
		data, info, err := store.Get(ctx, s, key, 100)
		if errors.Is(err, store.ErrChanged) {
			continue
		}
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(data))
		if err != nil {
			return err
		}
		_, err = store.Put(ctx, s, key, []byte(strconv.Itoa(n+1)),
			store.CreateOptions{Meta: map[string]string{"n": strconv.Itoa(n + 1)}}, store.IfMatch(info.ETag))
		if !errors.Is(err, store.ErrPrecondition) && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// raceRead: readers see whole states, with the metadata that belongs to them,
// and never a state older than the last that they saw.
func (st suite) raceRead(t *testing.T) {
	s := st.open(t)
	write := func(i int) {
		size := 100_000 + i
		if _, err := store.Put(t.Context(), s, "key", content(byte(i%20), size),
			store.CreateOptions{Meta: map[string]string{"state": strconv.Itoa(i)}}, store.Unconditional()); err != nil {
			t.Error(err)
		}
	}
	write(0)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			last := 0
			for {
				select {
				case <-done:
					return
				default:
				}
				state, err := st.readState(t.Context(), s)
				switch {
				case errors.Is(err, store.ErrChanged), errors.Is(err, errLateMeta) && st.traits.LateMeta:
				case err != nil:
					t.Error(err)
					return
				case state < last:
					t.Errorf("state %d after %d", state, last)
					return
				default:
					last = state
				}
			}
		})
	}
	for i := range 30 {
		write(i + 1)
	}
	close(done)
	readers.Wait()
}

var errLateMeta = errors.New("a state without its metadata")

func (st suite) readState(ctx context.Context, s store.Store) (int, error) {
	h, err := s.Head(ctx, "key")
	if err != nil {
		return 0, err
	}
	if len(h.Meta) == 0 {
		return 0, fmt.Errorf("head: %w", errLateMeta)
	}
	if state, err := strconv.Atoi(h.Meta["state"]); err != nil || h.Size != int64(100_000+state) && !st.traits.TornHead {
		return 0, fmt.Errorf("head: state %q of %d bytes", h.Meta["state"], h.Size)
	}
	o, err := s.Open(ctx, "key")
	if err != nil {
		return 0, err
	}
	defer o.Close()
	data, err := io.ReadAll(o)
	if err != nil {
		return 0, err
	}
	if len(o.Info().Meta) == 0 {
		return 0, fmt.Errorf("open: %w", errLateMeta)
	}
	state, err := strconv.Atoi(o.Info().Meta["state"])
	if err != nil {
		return 0, fmt.Errorf("open: state %q", o.Info().Meta["state"])
	}
	if string(data) != string(content(byte(state%20), 100_000+state)) {
		return 0, fmt.Errorf("metadata of state %d, content of another", state)
	}
	return state, nil
}

// together runs n calls that start at the same moment.
func together(n int, call func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			call(i)
		})
	}
	close(begin)
	wg.Wait()
}
