package dirstore

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/filelock"
	"sluice/internal/store"
)

// maxName is how many bytes the name of a file may have.
const maxName = 255

func uploadName(id string) string { return filepath.Join(private, "uploads", id) }

// createUpload makes the file of an upload of key, and locks it, so that Sweep
// sees that somebody writes to it. Its ID is the file's name, which contains the
// key. A key that is too long for a name is stored in a second file.
func (s *Store) createUpload(key string) (id string, f *os.File, err error) {
	id = rand.Text() + "-" + url.QueryEscape(key)
	if len(id) > maxName {
		id, _, _ = strings.Cut(id, "-")
		if err := s.writeNew(uploadName(id+".key"), key); err != nil {
			return id, nil, err
		}
	}
	f, err = s.createNew(uploadName(id))
	if err != nil {
		return id, nil, err
	}
	if _, err := filelock.TryLock(f); err != nil { // nobody else has it: it is new
		f.Close()
		return id, nil, err
	}
	return id, f, nil
}

// openOwn opens one of the store's own files, and makes its folder if that is
// missing.
func (s *Store) openOwn(name string, flag int) (*os.File, error) {
	f, err := s.root.OpenFile(name, flag, 0o666)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.root.MkdirAll(filepath.Dir(name), 0o777); err == nil {
			f, err = s.root.OpenFile(name, flag, 0o666)
		}
	}
	return f, err
}

// createNew makes one of the store's own files.
func (s *Store) createNew(name string) (*os.File, error) {
	return s.openOwn(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
}

func (s *Store) writeNew(name, content string) error {
	f, err := s.createNew(name)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close())
}

// removeUpload removes what is left of an upload.
func (s *Store) removeUpload(id string) error {
	names := []string{uploadName(id)}
	if !strings.Contains(id, "-") {
		names = append(names, uploadName(id+".key"))
	}
	for _, name := range names {
		if err := s.root.Remove(name); err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}

// PendingUploads implements [store.Store].
func (s *Store) PendingUploads(ctx context.Context, prefix string) ([]store.Upload, error) {
	entries, err := fs.ReadDir(s.root.FS(), private+"/uploads")
	if err != nil && !isAbsent(err) {
		return nil, s.fail("list uploads", prefix, err)
	}
	var uploads []store.Upload
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, s.fail("list uploads", prefix, err)
		}
		u, err := s.pendingUpload(e)
		if isAbsent(err) {
			continue // it has just ended
		}
		if err != nil {
			return nil, s.fail("list uploads", prefix, err)
		}
		if u.Key != "" && strings.HasPrefix(u.Key, prefix) {
			uploads = append(uploads, u)
		}
	}
	slices.SortFunc(uploads, func(a, b store.Upload) int {
		return strings.Compare(a.Key+"\x00"+a.ID, b.Key+"\x00"+b.ID)
	})
	return uploads, nil
}

// pendingUpload describes a file in the folder of uploads. Its key is empty if
// the file is not an upload.
func (s *Store) pendingUpload(e fs.DirEntry) (store.Upload, error) {
	u := store.Upload{ID: e.Name()}
	_, escaped, ok := strings.Cut(e.Name(), "-")
	if !ok && strings.HasSuffix(e.Name(), ".key") {
		return u, nil
	}
	stat, err := e.Info()
	if err != nil {
		return u, err
	}
	u.Started = stat.ModTime().UTC()
	if ok {
		u.Key, err = url.QueryUnescape(escaped)
		return u, err
	}
	key, err := s.root.ReadFile(uploadName(u.ID + ".key"))
	u.Key = string(key)
	return u, err
}

// AbortUpload implements [store.Store].
func (s *Store) AbortUpload(_ context.Context, u store.Upload) error {
	if !filepath.IsLocal(u.ID) || u.ID == "." || strings.ContainsAny(u.ID, `/\`) {
		return s.fail("abort", u.Key, errors.New("not the ID of an upload"))
	}
	if err := s.removeUpload(u.ID); err != nil {
		return s.fail("abort", u.Key, err)
	}
	return nil
}

// UploadSize is the number of bytes that a pending upload has stored.
func (s *Store) UploadSize(_ context.Context, u store.Upload) (int64, error) {
	stat, err := s.root.Stat(uploadName(u.ID))
	if err != nil {
		return 0, s.fail("look at upload", u.Key, err)
	}
	return stat.Size(), nil
}
