package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"sluice/internal/ledger"
)

func TestHidden(t *testing.T) {
	for name, want := range map[string]bool{
		"": true, "t/": true, "_SUCCESS": true, ".sluice/meta/x": true, "t/.x.crc": true, "t/_temporary/0/x.parquet": true,
		"x.csv": false, "t/x_.y": false, "t/x.parquet": false,
	} {
		if hidden(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// The index is read by the next run, maybe of another version: its bytes are
// fixed, first of all those of the ID.
func TestIndexBytes(t *testing.T) {
	var fingerprint [32]byte
	index := encodeIndex(fingerprint, []indexed{{
		ID: ledger.IDOf("raw", "in/a.json").Index(), ETag: 2, Listed: 3, Outputs: 4, Held: 5, Flags: claimed | rowsStand,
	}})
	got := hex.EncodeToString(index[len(fingerprint) : len(index)-sha256.Size])
	const want = "49ebdbb8a350d096" + // the first 8 bytes of the ID, the last one first
		"0200000000000000" + "0300000000000000" + "0400000000000000" + "0500000000000000" + "0102"
	if got != want {
		t.Errorf("index %s, want %s", got, want)
	}
}
