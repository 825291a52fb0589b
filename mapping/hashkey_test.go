package mapping_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"sluice/mapping"
)

// A key makes another mapping, as it makes other outputs: if its columns have
// the hash, and only then.
func TestHashKey(t *testing.T) {
	parse := func(text string) *mapping.Mapping {
		m, err := mapping.Parse("m.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	with := func(m *mapping.Mapping, key string) *mapping.Mapping {
		keyed, err := m.WithHashKey([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		return keyed
	}
	a, b := strings.Repeat("a", 32), strings.Repeat("a", 31)+"b"
	m := parse(plain + "  - {name: person, path: $.email, type: string, hash: hmac}\n")
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "there is no key") {
		t.Errorf("without a key: %v", err)
	}
	if err := with(m, a).Validate(); err != nil {
		t.Error(err)
	}
	if with(m, a).Hash() == m.Hash() || with(m, a).Hash() == with(m, b).Hash() {
		t.Error("the key does not decide the hash of the mapping")
	}
	if c := with(m, a).Canonical(); c != m.Canonical() || strings.Contains(c, a) {
		t.Errorf("the key is in the canonical form:\n%s", c)
	}
	if other := parse(plain); with(other, a).Hash() != other.Hash() {
		t.Error("a key that no column needs changes the hash")
	}
	if _, err := m.WithHashKey([]byte(a[1:])); err == nil || strings.Contains(err.Error(), a[1:]) {
		t.Errorf("a short key: %v", err)
	}
}

// Test case 6 of RFC 4231 section 4.7: a key longer than a block.
func TestHMAC(t *testing.T) {
	m, err := new(mapping.Mapping).WithHashKey(bytes.Repeat([]byte{0xaa}, 131))
	if err != nil {
		t.Fatal(err)
	}
	h := m.HMAC()
	h.Write([]byte("Test Using Larger Than Block-Size Key - Hash Key First"))
	if got := hex.EncodeToString(h.Sum(nil)); got != "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" {
		t.Error(got)
	}
}
