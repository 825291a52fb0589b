package catalog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Change is what became of one table.
type Change uint8

const (
	Unchanged Change = iota
	Created
	Updated
)

// ErrConflict says that another process changed a table after we read it and
// before we wrote it.
var ErrConflict = errors.New("another process changed the table at the same time")

const (
	attempts   = 8
	firstPause = 25 * time.Millisecond // doubles: about three seconds in all
)

// RefreshEach is Refresh for catalogs that store the tables themselves. one
// brings a table up to date: it reads the table, merges and writes, on the
// condition that nothing changed in between. If something did, it returns an
// ErrConflict, and is called again after a pause, a limited number of times.
//
// Such catalogs need not remember failures: FollowUp looks at every table again.
func RefreshEach(ctx context.Context, tables []Table, one func(context.Context, Table) (Change, error)) (Result, error) {
	var result Result
	var errs []error
	for _, t := range tables {
		change, err := retryConflicts(ctx, t, one)
		var refused *RefusedError
		switch {
		case errors.As(err, &refused):
			errs = append(errs, fmt.Errorf("refresh %w", err))
		case err != nil:
			errs = append(errs, fmt.Errorf("refresh table %s: %w", t.Name(), err))
		case change == Created:
			result.Created = append(result.Created, t.Name())
		case change == Updated:
			result.Updated = append(result.Updated, t.Name())
		}
	}
	result.Pending = errs != nil
	return result, errors.Join(errs...)
}

func retryConflicts(ctx context.Context, t Table, one func(context.Context, Table) (Change, error)) (Change, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		change, err := one(ctx, t)
		if !errors.Is(err, ErrConflict) || attempt == attempts {
			return change, err
		}
		// Random, so that two processes that collided do not collide again.
		if err := Sleep(ctx, rand.N(pause)); err != nil {
			return Unchanged, err
		}
		pause *= 2
	}
}

// Sleep waits, or returns the error of ctx when that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
