package dirstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sluice/internal/store"
)

// writer writes a file in the uploads folder.
type writer struct {
	s    *Store
	ctx  context.Context
	key  string
	name string // of the object
	id   string // of the upload
	temp string // name of the upload's file
	meta map[string]string
	f    *os.File // nil after the end
	left bool     // something may be left of the upload
}

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, key string, opts store.CreateOptions) (store.Writer, error) {
	name, err := localName(key)
	if err == nil {
		err = store.CheckMeta(opts.Meta)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, s.fail("create", key, err)
	}
	if err := possible(name); err != nil {
		return nil, s.fail("create", key, err)
	}
	w := &writer{s: s, ctx: ctx, key: key, name: name, meta: opts.Meta, left: true}
	w.id, w.f, err = s.createUpload(key)
	w.temp = uploadName(w.id)
	if err != nil {
		w.clean() //nolint:errcheck // the first error is the one to return
		return nil, s.fail("create", key, err)
	}
	return w, nil
}

func (w *writer) Write(p []byte) (int, error) {
	err := w.ctx.Err()
	if w.f == nil {
		err = fs.ErrClosed
	}
	n := 0
	if err == nil {
		n, err = w.f.Write(p)
	}
	if err != nil {
		return n, w.s.fail("write", w.key, err)
	}
	return n, nil
}

func (w *writer) Abort(context.Context) error {
	if w.f != nil {
		w.f.Close()
		w.f = nil
	}
	if err := w.clean(); err != nil {
		return w.s.fail("abort", w.key, err)
	}
	return nil
}

func (w *writer) clean() error {
	if !w.left {
		return nil
	}
	if err := w.s.removeUpload(w.id); err != nil {
		return err
	}
	w.left = false
	return nil
}

func (w *writer) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	if w.f == nil {
		return store.Info{}, w.s.fail("commit", w.key, fs.ErrClosed)
	}
	info, err := w.commit(ctx, p)
	if cleaned := w.clean(); err == nil && cleaned != nil {
		// The object is published; PendingUploads lists what is left.
		return info, nil
	}
	if err != nil {
		return store.Info{}, w.s.fail("commit", w.key, err)
	}
	return info, nil
}

func (w *writer) commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	// This takes long, so it comes before the lock: the content goes to the disk.
	err := w.s.root.Chtimes(w.temp, time.Time{}, time.Now())
	if err == nil {
		err = w.f.Sync()
	}
	if closed := w.f.Close(); err == nil {
		err = closed
	}
	w.f = nil
	if isAbsent(err) {
		return store.Info{}, errAborted
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = w.s.makeDirs(filepath.Dir(w.name))
	}
	if errors.Is(err, fs.ErrExist) || isAbsent(err) {
		return store.Info{}, fmt.Errorf("%w: a part of its path is an object", store.ErrKey)
	}
	if err != nil {
		return store.Info{}, err
	}
	unlock, err := w.s.lock(ctx, w.key)
	if err != nil {
		return store.Info{}, err
	}
	defer unlock()
	return w.publish(ctx, p)
}

// publish compares and renames, under the lock of the key.
func (w *writer) publish(ctx context.Context, p store.Precondition) (store.Info, error) {
	before, err := w.s.current(ctx, w.key, w.name)
	exists := err == nil
	if err != nil && !isAbsent(err) {
		return store.Info{}, err
	}
	if !p.Holds(before.ETag, exists) {
		return store.Info{}, store.ErrPrecondition
	}
	replaced, err := w.s.root.Lstat(w.name)
	if err == nil && replaced.IsDir() {
		return store.Info{}, fmt.Errorf("%w: it is a folder of objects", store.ErrKey)
	}
	stat, err := w.later(before.Modified)
	if err != nil {
		return store.Info{}, err
	}
	for try := 0; ; try++ {
		if len(w.meta) > 0 {
			err = w.writeMeta(stat)
		}
		if err == nil {
			err = w.s.root.Rename(w.temp, w.name)
		}
		if !isAbsent(err) {
			break
		}
		if _, gone := w.s.root.Lstat(w.temp); gone != nil || try == mostTries {
			return store.Info{}, errAborted
		}
		// Whoever deleted the last file of a partition took its folder away.
		if err := w.s.makeDirs(filepath.Dir(w.name)); err != nil && !isAbsent(err) {
			return store.Info{}, err
		}
	}
	if err != nil {
		return store.Info{}, err
	}
	if err := w.s.syncDir(filepath.Dir(w.name)); err != nil {
		return store.Info{}, err
	}
	if replaced != nil {
		w.s.root.Remove(metaName(w.name, replaced)) //nolint:errcheck // it may have none; a file that stays only wastes space
	}
	return w.s.current(ctx, w.key, w.name)
}

// later gives the file a modification time after that of the state before it,
// even if the clock was set back or the file system keeps only whole seconds.
func (w *writer) later(before time.Time) (fs.FileInfo, error) {
	for step := time.Nanosecond; ; step *= 10 {
		stat, err := w.s.root.Stat(w.temp)
		if isAbsent(err) {
			return nil, errAborted
		}
		if err != nil || stat.ModTime().After(before) {
			return stat, err
		}
		if step > time.Hour {
			return nil, errors.New("the file system keeps no usable modification times")
		}
		if err := w.setTime(before.Add(step)); err != nil {
			return nil, err
		}
	}
}

func (w *writer) setTime(t time.Time) error {
	if err := w.s.root.Chtimes(w.temp, time.Time{}, t); err != nil {
		return err
	}
	f, err := w.s.root.OpenFile(w.temp, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// writeMeta stores the Meta where readers will look for it after the rename.
func (w *writer) writeMeta(stat fs.FileInfo) error {
	data, err := json.Marshal(meta{w.meta})
	if err != nil {
		return err
	}
	name := metaName(w.name, stat)
	if err := w.s.makeDirs(filepath.Dir(name)); err != nil {
		return err
	}
	f, err := w.s.root.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return w.s.syncDir(filepath.Dir(name))
}
