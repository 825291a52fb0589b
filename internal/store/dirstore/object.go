package dirstore

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sluice/internal/store"
)

// object reads one file. A published file is replaced but never changed. A file
// of another program may change while it is open.
type object struct {
	s    *Store
	ctx  context.Context
	f    *os.File
	stat fs.FileInfo
	info store.Info
	left int64
	err  error // the end, once reached
}

// Open implements [store.Store].
func (s *Store) Open(ctx context.Context, key string) (store.Object, error) {
	name, err := localName(key)
	if err != nil {
		return nil, s.fail("open", key, err)
	}
	for {
		o, err := s.open(ctx, key, name)
		if err != nil {
			return nil, s.fail("open", key, err)
		}
		if o != nil {
			return o, nil
		}
	}
}

// OpenVersion implements [store.Store]: a folder keeps no versions.
func (s *Store) OpenVersion(_ context.Context, key, _ string) (store.Object, error) {
	return nil, s.fail("open", key, store.ErrNotFound)
}

// open returns nil and no error if the state was replaced meanwhile.
func (s *Store) open(ctx context.Context, key, name string) (*object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := s.regular(name); err != nil {
		return nil, err
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	o := &object{s: s, ctx: ctx, f: f}
	if o.stat, err = f.Stat(); err == nil {
		var known bool
		if o.info, known, err = s.describe(key, name, o.stat); err == nil && !known {
			var now fs.FileInfo
			if now, err = s.regular(name); isAbsent(err) || err == nil && !os.SameFile(now, o.stat) {
				f.Close()
				return nil, nil
			}
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	o.left = o.info.Size
	return o, nil
}

// ReadAt implements [store.Store].
func (s *Store) ReadAt(ctx context.Context, info store.Info, p []byte, offset int64) error {
	name, err := localName(info.Key)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = store.CheckRange(info, p, offset)
	}
	if err == nil {
		err = s.readAt(name, info.ETag, p, offset)
	}
	if err != nil {
		return s.fail("read", info.Key, err)
	}
	return nil
}

// readAt reads a part of the state with this ETag.
func (s *Store) readAt(name, want string, p []byte, offset int64) error {
	before, err := s.regular(name)
	if isAbsent(err) {
		return store.ErrChanged
	}
	if err != nil {
		return err
	}
	f, err := s.root.Open(name)
	if isAbsent(err) {
		return store.ErrChanged
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.ReadAt(p, offset); err != nil && err != io.EOF {
		return err
	}
	// The bytes are of the state if the file has its stamp before and after.
	after, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = s.root.Lstat(metaName(name, after))
	if !os.SameFile(before, after) || stamp(before) != stamp(after) || etag(after, err == nil) != want {
		return store.ErrChanged
	}
	return nil
}

func (o *object) Info() store.Info { return o.info }

func (o *object) Close() error { return o.f.Close() }

func (o *object) Read(p []byte) (int, error) {
	if o.err != nil || len(p) == 0 {
		return 0, o.err
	}
	n, err := o.read(p)
	if err == io.EOF {
		o.err = io.EOF
	} else if err != nil {
		o.err = o.s.fail("read", o.info.Key, err)
	}
	return n, o.err
}

func (o *object) read(p []byte) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	if o.left == 0 {
		return 0, o.end()
	}
	n, err := o.f.Read(p[:min(int64(len(p)), o.left)])
	o.left -= int64(n)
	if err == io.EOF {
		return n, fmt.Errorf("%w: it ends %d bytes early", store.ErrChanged, o.left)
	}
	return n, err
}

// ReadAt implements [io.ReaderAt]: an error says if the file has changed. Unlike Read it
// may be called by several goroutines.
func (o *object) ReadAt(p []byte, offset int64) (n int, err error) {
	if err = o.ctx.Err(); err == nil {
		n, err = o.f.ReadAt(p[:min(int64(len(p)), max(o.info.Size-offset, 0))], offset)
	}
	if err == nil || err == io.EOF {
		// The bytes are of the state if the file has its stamp after they were read.
		err = o.end()
	}
	switch {
	case err != io.EOF:
		return n, o.s.fail("read", o.info.Key, err)
	case n < len(p):
		return n, io.EOF
	}
	return n, nil
}

// end returns io.EOF if the file has not changed since it was opened. It does not
// compare the time of change, which also changes when a newer state takes the name.
func (o *object) end() error {
	stat, err := o.f.Stat()
	if err != nil {
		return err
	}
	if stamp(stat) != stamp(o.stat) {
		return store.ErrChanged
	}
	return io.EOF
}
