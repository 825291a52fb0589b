package store

import (
	"bytes"
	"context"
	"fmt"
)

// Get reads an object that is known to be small, at most limit bytes; a larger
// one is an error and is not read.
func Get(ctx context.Context, s Store, key string, limit int64) ([]byte, Info, error) {
	o, err := s.Open(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	defer o.Close()
	info := o.Info()
	if info.Size > limit {
		return nil, info, &Error{Op: "read", Location: s.String() + "/" + key,
			Err: fmt.Errorf("%d bytes, expected at most %d", info.Size, limit)}
	}
	var data bytes.Buffer
	data.Grow(int(info.Size) + bytes.MinRead) // so that it never grows
	_, err = data.ReadFrom(o)
	return data.Bytes(), info, err
}

// Put writes a small object in one step: Create, Write, Commit.
func Put(ctx context.Context, s Store, key string, data []byte, opts CreateOptions, p Precondition) (Info, error) {
	w, err := s.Create(ctx, key, opts)
	if err != nil {
		return Info{}, err
	}
	if _, err := w.Write(data); err != nil {
		w.Abort(ctx) //nolint:errcheck // the error of the write is the one to return
		return Info{}, err
	}
	return w.Commit(ctx, p)
}
