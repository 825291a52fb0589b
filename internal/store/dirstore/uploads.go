package dirstore

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/store"
)

// PendingUploads implements [store.Store]. A crash in the first moments of an
// upload leaves one whose key is not known any more; it is listed with an
// empty key.
func (s *Store) PendingUploads(ctx context.Context, prefix string) ([]store.Upload, error) {
	uploads, err := s.uploads(ctx)
	if err != nil {
		return nil, s.fail("list uploads", prefix, err)
	}
	uploads = slices.DeleteFunc(uploads, func(u store.Upload) bool { return !strings.HasPrefix(u.Key, prefix) })
	slices.SortFunc(uploads, func(a, b store.Upload) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return uploads, nil
}

func (s *Store) uploads(ctx context.Context) ([]store.Upload, error) {
	top := private + "/uploads"
	byID := map[string]store.Upload{}
	err := fs.WalkDir(s.root.FS(), top, func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if isAbsent(err) || err == nil && name == top {
			return nil // committed or aborted meanwhile
		}
		if err != nil {
			return err
		}
		id, key, _ := strings.Cut(strings.TrimPrefix(name, top+"/"), "/")
		u := byID[id]
		u.ID = id
		if u.Started.IsZero() || !e.IsDir() {
			stat, err := e.Info()
			if isAbsent(err) {
				return nil
			}
			if err != nil {
				return err
			}
			if u.Started.IsZero() { // the folder of the upload comes first
				u.Started = stat.ModTime().UTC()
			}
			if !e.IsDir() {
				u.Key = key
			}
		}
		byID[id] = u
		return nil
	})
	uploads := make([]store.Upload, 0, len(byID))
	for _, u := range byID {
		uploads = append(uploads, u)
	}
	return uploads, err
}

// AbortUpload implements [store.Store].
func (s *Store) AbortUpload(_ context.Context, u store.Upload) error {
	if !filepath.IsLocal(u.ID) || u.ID == "." || strings.ContainsAny(u.ID, `/\`) {
		return s.fail("abort", u.Key, errors.New("not the ID of an upload"))
	}
	if err := s.root.RemoveAll(filepath.Join(private, "uploads", u.ID)); err != nil {
		return s.fail("abort", u.Key, err)
	}
	return nil
}
