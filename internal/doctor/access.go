package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"sluice/internal/event"
	"sluice/internal/store"
)

// errStop ends a listing early, when its beginning is enough.
var errStop = errors.New("enough")

// probe is the key of a new probe object. Query engines ignore names that begin
// with "_", and the queries over the ledger only read .json.
func (p place) probe() string { return p.at.Prefix + "_doctor-" + rand.Text() }

// look lists the place until it finds an object that wanted accepts. It also
// asks for an object that does not exist.
func (p place) look(ctx context.Context, wanted func(key string) bool) (key string, err error) {
	err = p.st.List(ctx, p.at.Prefix, func(info store.Info) error {
		if !wanted(info.Key) {
			return nil
		}
		key = info.Key
		return errStop
	})
	if err != nil && !errors.Is(err, errStop) {
		return "", err
	}
	return key, p.miss(ctx)
}

// miss asks for an object that does not exist. Without the right to list the
// bucket S3 answers "access denied", and the pipeline cannot recognise a new key.
func (p place) miss(ctx context.Context) error {
	if _, err := p.st.Head(ctx, p.probe()); !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("ask for an object that does not exist: %w", err)
	}
	return nil
}

func (d *doctor) source(ctx context.Context) Check {
	p := d.place("source")
	key, err := p.look(ctx, func(key string) bool {
		return d.s.Allow.Check(event.Object{Bucket: p.at.Bucket, Key: key}).Action == event.Process
	})
	if err != nil {
		return failed("source", err)
	}
	if key == "" {
		return ok("source", "%s can be listed; there is no object to read yet", p)
	}
	o, err := p.st.Open(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return ok("source", "%s can be listed; the object to read was removed meanwhile", p)
	}
	if err == nil {
		_, err = io.ReadFull(o, make([]byte, min(o.Info().Size, 1)))
		err = errors.Join(err, o.Close())
	}
	if err != nil {
		return failed("source", err)
	}
	return ok("source", "%s can be listed and read", p)
}

// sink begins an upload and aborts it, so nothing shows in the table.
func (d *doctor) sink(ctx context.Context) Check {
	p := d.place("sink")
	if _, err := p.look(ctx, func(string) bool { return true }); err != nil {
		return failed("sink", err)
	}
	if b := p.bucket(); b != nil {
		u, err := b.Begin(ctx, p.probe())
		if err != nil {
			return failed("sink", err)
		}
		if err := b.AbortUpload(ctx, u); err != nil {
			return failed("sink", err)
		}
		return ok("sink", "%s can be listed; an upload was begun and aborted", p)
	}
	w, err := p.st.Create(ctx, p.probe(), store.CreateOptions{})
	if err == nil {
		err = w.Abort(ctx)
	}
	if err != nil {
		return failed("sink", err)
	}
	return ok("sink", "%s can be listed and written", p)
}

// quarantine checks writing only: the pipeline does not list the quarantine.
func (d *doctor) quarantine(ctx context.Context) Check {
	p := d.place("quarantine")
	if err := p.miss(ctx); err != nil {
		return failed("quarantine", err)
	}
	key := p.probe()
	if _, err := store.Put(ctx, p.st, key, []byte("probe\n"), store.CreateOptions{}, store.Unconditional()); err != nil {
		return failed("quarantine", err)
	}
	left := p.remove(ctx, key)
	if _, err := p.st.Head(ctx, key); left == "" && !errors.Is(err, store.ErrNotFound) {
		return failed("quarantine", fmt.Errorf("the removed probe %s is still there: %w", key, err))
	}
	return ok("quarantine", "%s can be written%s", p, left)
}

// remove removes a probe. If that fails it says so, and no more: the function's
// role need not be allowed to delete anything.
func (p place) remove(ctx context.Context, key string) string {
	if err := p.st.Delete(ctx, key); err != nil {
		return fmt.Sprintf("; the probe could not be removed: %v", err)
	}
	return ""
}
