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

// localName gives the file name of a key, or an ErrKey. A key must be a path
// as fs.ValidPath has it: no "..", no empty element, not absolute; and one
// that this operating system can express.
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

// isPrivate is true for the store's own subfolder, also as a file system
// writes it that does not tell cases apart.
func isPrivate(key string) bool {
	first, _, _ := strings.Cut(key, "/")
	return strings.EqualFold(first, private)
}

// possible says whether the parts of a file name are short enough, before
// anything is written for it.
func possible(name string) error {
	for part := range strings.SplitSeq(filepath.ToSlash(name), "/") {
		if len(part) > maxName {
			return fmt.Errorf("%w: a part of %d bytes, at most %d", store.ErrKey, len(part), maxName)
		}
	}
	return nil
}
