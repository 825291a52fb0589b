package event

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// bucketName reads the name of a bucket; path is its path in the event.
func bucketName(b []byte, path string) (string, error) {
	name, ok := text(b)
	switch {
	case !ok || name == "":
		return "", fault(MissingField, "no %s", path)
	case !validBucket(name):
		return "", fault(BadBucket, "%s is not the name of a bucket", quote(name))
	}
	return name, nil
}

// encoding is how a kind of event writes keys.
type encoding func(string) (string, error)

// formEncoded is the encoding of S3 notifications and batch tasks, the same as
// that of HTML forms. It is decoded once: a key may contain "%2B" itself.
func formEncoded(s string) (string, error) { return url.QueryUnescape(s) }

// asIs is the encoding of EventBridge events and of items: none.
func asIs(s string) (string, error) { return s, nil }

// keyName reads a key. It does not guess if decoding fails.
func keyName(b []byte, path string, decode encoding) (string, error) {
	if len(b) == 0 || b[0] != '"' {
		return "", fault(MissingField, "no %s", path)
	}
	raw, ok := text(b)
	if !ok {
		return "", fault(BadKey, "%s is not Unicode text", path)
	}
	key, err := decode(raw)
	if err != nil {
		return "", fault(BadKey, "%s %s is not form-encoded", path, quote(raw))
	}
	if bad := badKey(key); bad != "" {
		return "", fault(BadKey, "%s", bad)
	}
	return key, nil
}

// badKey says why a key cannot be one of S3; empty if it can.
func badKey(key string) string {
	switch {
	case key == "":
		return "the key is empty"
	case len(key) > MaxKeyBytes:
		return fmt.Sprintf("the key has %d bytes, more than %d", len(key), MaxKeyBytes)
	case !utf8.ValidString(key):
		return fmt.Sprintf("key %s is not UTF-8", quote(key))
	}
	return ""
}

// validBucket reports whether a bucket can have this name. Old buckets have names
// that S3 does not allow for new ones, so they are taken too, as long as a folder
// can have the same name.
func validBucket(name string) bool {
	if name == "" || len(name) > 255 || name == "." || name == ".." {
		return false
	}
	for _, c := range []byte(name) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune(".-_", rune(c)) {
			return false
		}
	}
	return true
}

func hasDots(key string) bool {
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// quote keeps a name on one line, and a line at a length one can read.
func quote(name string) string {
	if len(name) > MaxKeyBytes {
		name = name[:MaxKeyBytes]
	}
	return fmt.Sprintf("%q", name)
}
