package pipeline

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// Held is what the quarantine lists: the files of each source state, in a few
// bytes. Entries that name such files are compared with it.
type Held struct{ sums map[uint64]bool }

// ListHeld lists the quarantine.
func (p *Pipeline) ListHeld(ctx context.Context) (*Held, error) {
	h := &Held{map[uint64]bool{}}
	state, sum := "", uint64(0)
	err := p.Quarantine.List(ctx, p.QuarantinePrefix, func(info store.Info) error {
		slash := strings.LastIndexByte(info.Key, '/') + 1
		name, _, _ := strings.Cut(info.Key[slash:], ".")
		if of := info.Key[:slash] + name; of != state {
			state, sum = of, 0
		}
		one := digest(info.Key)
		sum += one
		h.sums[one], h.sums[sum] = true, true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list quarantine: %w", err)
	}
	return h, nil
}

// heldOf is the sum that Held has if the quarantine has the files that a state names; 0
// if it names none.
func heldOf(s *ledger.State) (sum uint64) {
	if s == nil {
		return 0
	}
	for _, key := range []string{s.Quarantine, s.Report} {
		if key != "" {
			sum += digest(key)
		}
	}
	return sum
}

// unheld counts the objects whose files the quarantine lacks.
func (a *audit) unheld(h *Held, f *Findings) {
	for _, e := range a.entries {
		if e.isRead && e.Held != 0 && !h.sums[e.Held] {
			f.Unheld++
		}
	}
}
