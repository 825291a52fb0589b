package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of S3. Every store keeps them, so that a lake can move from a folder to a
// bucket: "Creating object key names" and "Working with object metadata" in
// the Amazon S3 User Guide.
const (
	maxKeyBytes  = 1024
	maxMetaBytes = 2 << 10
)

// CheckKey returns an ErrKey that says why key is refused, or nil. To S3 the
// segments "." and ".." are ordinary names, but some servers, proxies and tools
// resolve them: a key that was checked against a prefix must not become another key
// there.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrKey)
	case len(key) > maxKeyBytes:
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrKey, len(key), maxKeyBytes)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: it is not UTF-8", ErrKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "." || segment == ".." {
			return fmt.Errorf("%w: it has a segment %q", ErrKey, segment)
		}
	}
	return nil
}

// CheckRange returns an error if the bytes that ReadAt is asked for are not all in
// the object.
func CheckRange(info Info, p []byte, offset int64) error {
	if size := int64(len(p)); offset < 0 || offset > info.Size-size {
		return fmt.Errorf("%d bytes from %d of an object of %d", size, offset, info.Size)
	}
	return nil
}

// CheckMeta returns an error that says why meta is refused, or nil. The error holds
// no values.
func CheckMeta(meta map[string]string) error {
	size := 0
	for name, value := range meta {
		size += len(name) + len(value)
		if !isMetaName(name) {
			return fmt.Errorf("metadata name %q: only lower-case letters, digits and - are stored unchanged", name)
		}
		if !isMetaValue(value) {
			return fmt.Errorf("metadata %s: only printable ASCII without a space at either end is stored unchanged", name)
		}
	}
	if size > maxMetaBytes {
		return fmt.Errorf("the metadata has %d bytes, at most %d are allowed", size, maxMetaBytes)
	}
	return nil
}

func isMetaName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return name != ""
}

func isMetaValue(value string) bool {
	for i, c := range []byte(value) {
		if c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(value)-1) {
			return false
		}
	}
	return true
}
