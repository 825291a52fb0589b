package dirstore

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"sluice/internal/store"
)

// private is the subfolder that holds what is not an object.
const private = ".sluice"

// localName returns the file name of a key, or an ErrKey. A key must be a path
// for fs.ValidPath (no "..", no empty element, not absolute), and this operating
// system must be able to express it.
func localName(key string) (string, error) {
	if err := store.CheckKey(key); err != nil {
		return "", err
	}
	if !fs.ValidPath(key) || key == "." {
		return "", fmt.Errorf("%w: it is not a plain path inside the folder", store.ErrKey)
	}
	if isPrivate(key) {
		return "", fmt.Errorf("%w: %s belongs to the store", store.ErrKey, private)
	}
	name, err := filepath.Localize(key)
	if err != nil {
		return "", fmt.Errorf("%w: the operating system has no such file name", store.ErrKey)
	}
	return name, nil
}

// isPrivate reports whether name is the store's own subfolder, in upper or lower
// case, since some file systems ignore case.
func isPrivate(key string) bool {
	first, _, _ := strings.Cut(key, "/")
	return strings.EqualFold(first, private)
}

// possible reports whether the parts of a file name are short enough. It is asked
// before anything is written.
func possible(name string) error {
	for part := range strings.SplitSeq(filepath.ToSlash(name), "/") {
		if len(part) > maxName {
			return fmt.Errorf("%w: a part of %d bytes, at most %d", store.ErrKey, len(part), maxName)
		}
	}
	return nil
}
