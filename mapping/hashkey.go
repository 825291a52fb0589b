package mapping

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// minKeyBytes is what a key must have at least: one that can be guessed hides
// nothing.
const minKeyBytes = 32

// NeedsHashKey reports whether a column has the hash HMAC.
func (m *Mapping) NeedsHashKey() bool {
	for i := range m.Tables {
		for j := range m.Tables[i].Columns {
			if m.Tables[i].Columns[j].Hash == HMAC {
				return true
			}
		}
	}
	return false
}

// WithHashKey is the mapping with the key of its columns with the hash HMAC. The
// key is not part of the mapping file, but it is part of [Mapping.Hash].
func (m *Mapping) WithHashKey(key []byte) (*Mapping, error) {
	if len(key) < minKeyBytes {
		return nil, fmt.Errorf("the key of hash: hmac has %d bytes; use one of at least %d that nobody can guess, such as openssl rand -hex 32 makes", len(key), minKeyBytes)
	}
	keyed := *m
	keyed.hashKey = append([]byte(nil), key...)
	return &keyed, nil
}

// HMAC is a new hash of the columns with the hash HMAC.
func (m *Mapping) HMAC() hash.Hash { return hmac.New(sha256.New, m.hashKey) }

var errNoHashKey = errors.New("mapping: a column has hash: hmac, but there is no key; see WithHashKey")

// keyLine tells mappings with different keys apart, without a word about the
// keys: other keys give other outputs.
func (m *Mapping) keyLine() string {
	if m.hashKey == nil || !m.NeedsHashKey() {
		return ""
	}
	h := m.HMAC()
	h.Write([]byte("sluice hash key"))
	return "# hash key " + hex.EncodeToString(h.Sum(nil)) + "\n"
}
