package serve

import (
	"context"
	"errors"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// errNotWhole says that a file may be in the middle of its writing.
var errNotWhole = errors.New("the file is still being written; it is read when it has come to rest")

// source is the source as the work reads it.
type source struct {
	store.Store
	w      *work
	bucket string
}

// Open opens an object that is whole, and has its reading told.
func (s source) Open(ctx context.Context, key string) (store.Object, error) {
	o, err := s.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	info := o.Info()
	if a := s.w.arrivals.Load(); a != nil && !a.Whole(info) {
		o.Close() // nothing was read
		return nil, errNotWhole
	}
	server := s.w.s
	server.objects.change(s.bucket, key, func(k *known) bool {
		if k.State == stateWorking {
			return false
		}
		k.State, k.Size = stateWorking, info.Size
		return true
	})
	p, end := server.feed.begin(ledger.IDOf(s.bucket, key), info.Size)
	return &reading{o, p, end}, nil
}

// reading is an object that is being read.
type reading struct {
	store.Object
	p   *progress
	end func()
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.Object.Read(p)
	r.p.read.Add(int64(n))
	return n, err
}

func (r *reading) Close() error {
	r.end()
	return r.Object.Close()
}
