package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice/internal/store"
	"sluice/internal/tables"
)

// SplitKept is how long what a split has left is kept: as long as its plan holds, and a day
// in which a part or an end that was begun before is done.
const SplitKept = splitAge + 24*time.Hour

// IsOfSplit reports whether an object of SplitFolder is a plan or a part.
func IsOfSplit(key string) bool {
	name := key[strings.LastIndexByte(key, '/')+1:]
	return name == planName || strings.HasPrefix(name, partPrefix) && strings.HasSuffix(name, ".json")
}

// IsHeldBySplit reports whether an object of the quarantine is that of a part.
func IsHeldBySplit(key string) bool { return strings.Contains(key, splitQuarantine) }

// partsRead is how many parts are read at the same time.
const partsRead = 16

// SplitFiles are the URIs of the data files of parts. No snapshot names them until their
// split is finished. A part that cannot be read may name any: the error says which it is.
func (t *Tables) SplitFiles(ctx context.Context) (paths []string, err error) {
	var keys []string
	err = t.ledgerStore().List(ctx, t.SplitFolder(), func(i store.Info) error {
		if i.Err == nil && IsOfSplit(i.Key) && !strings.HasSuffix(i.Key, "/"+planName) {
			keys = append(keys, i.Key)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the parts of splits: %w", err)
	}
	var mu sync.Mutex
	err = tables.Each(ctx, partsRead, keys, func(ctx context.Context, key *string) error {
		p, err := readJSON[splitPart](ctx, t.ledgerStore(), *key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil // finished meanwhile: a snapshot names its files
		case err != nil:
			return fmt.Errorf("read the part of a split: %w", err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, ranges := range p.Ranges {
			for _, r := range ranges {
				paths = append(paths, r.Path)
			}
		}
		return nil
	})
	return paths, err
}
