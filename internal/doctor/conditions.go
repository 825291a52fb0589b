package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sluice/internal/store"
)

// nobodysETag is no object's.
const nobodysETag = "00000000000000000000000000000000"

const conditionsHint = "exactly-once stands on conditional writes: use S3 or a server that holds them, such as versitygw, and let no proxy drop the headers"

// write is a way to put a probe.
type write func(data string, p store.Precondition) (store.Info, error)

// conditions claims and replaces an object under the ledger, as entries are.
func (d *doctor) conditions(ctx context.Context) Check {
	const name = "conditional writes"
	p := d.place("ledger")
	if _, err := p.look(ctx, func(string) bool { return true }); err != nil {
		return failed("ledger", err)
	}
	key := p.probe()
	put := func(data string, c store.Precondition) (store.Info, error) {
		return store.Put(ctx, p.st, key, []byte(data), store.CreateOptions{}, c)
	}
	err := p.holds(ctx, key, put, put)
	left := p.remove(ctx, key)
	if err != nil {
		c := failed(name, err)
		if errors.Is(err, errNotHeld) {
			c.Hint = conditionsHint
		}
		return c
	}
	return ok(name, "If-None-Match and If-Match hold in %s%s", p, left)
}

// conditionsInParts is the same for uploads of several parts, as large outputs
// are committed. The probe is under the ledger too, as a table must not see it.
func (d *doctor) conditionsInParts(ctx context.Context) Check {
	const name = "multipart conditions"
	b := d.place("sink").bucket()
	p := d.place("ledger")
	if b == nil || p.bucket() == nil {
		return notChecked(name, "a folder has one way to write")
	}
	b = p.bucket()
	key := p.probe()
	whole := func(data string, c store.Precondition) (store.Info, error) {
		return store.Put(ctx, b, key, []byte(data), store.CreateOptions{}, c)
	}
	parts := func(data string, c store.Precondition) (store.Info, error) {
		return b.PutInParts(ctx, key, []byte(data), c)
	}
	err := p.holds(ctx, key, whole, parts)
	left := p.remove(ctx, key)
	if err != nil {
		c := failed(name, err)
		if errors.Is(err, errNotHeld) {
			c.Hint = conditionsHint + "; here only outputs of more than 8 MiB are in danger"
		}
		return c
	}
	return ok(name, "CompleteMultipartUpload holds If-None-Match and If-Match%s", left)
}

var errNotHeld = errors.New("the server does not hold the condition")

// holds creates an object, then writes it by put: what must be refused, and
// what must not.
func (p place) holds(ctx context.Context, key string, create, put write) error {
	made, err := create("1\n", store.IfNoneMatch())
	if err != nil {
		return err
	}
	for _, refused := range []struct {
		name string
		p    store.Precondition
	}{
		{"If-None-Match: *", store.IfNoneMatch()},
		{"If-Match", store.IfMatch(nobodysETag)},
	} {
		_, err := put("2\n", refused.p)
		if err == nil {
			return fmt.Errorf("%w %s: an object was replaced against it", errNotHeld, refused.name)
		}
		if !errors.Is(err, store.ErrPrecondition) {
			return fmt.Errorf("write that %s must refuse: %w", refused.name, err)
		}
	}
	if _, err := put("3\n", store.IfMatch(made.ETag)); err != nil {
		return fmt.Errorf("write that If-Match must allow: %w", err)
	}
	data, _, err := store.Get(ctx, p.st, key, 1<<10)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, []byte("3\n")) {
		return errors.New("what was written last is not what is read")
	}
	return nil
}
