package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sluice/internal/store"
)

// nobodysETag is an ETag that no object has.
const nobodysETag = "00000000000000000000000000000000"

const conditionsHint = "exactly-once needs conditional writes: use S3 or a server that obeys them, such as versitygw, and check that no proxy drops the headers"

// write is one way to write a probe.
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
	return ok(name, "%s obeys If-None-Match and If-Match%s", p, left)
}

// conditionsInParts checks the same for uploads of several parts, by which large
// outputs are committed. The probe is under the ledger, where no table sees it.
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
			c.Hint = conditionsHint + "; this only endangers outputs of more than 8 MiB"
		}
		return c
	}
	return ok(name, "CompleteMultipartUpload obeys If-None-Match and If-Match%s", left)
}

var errNotHeld = errors.New("the server does not obey the condition")

// holds creates an object, then writes to it with put: first writes that must be
// refused, then one that must not.
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
			return fmt.Errorf("%w %s: it replaced an object all the same", errNotHeld, refused.name)
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
		return errors.New("a read does not return what was written last")
	}
	return nil
}
