package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// hashKey is random in each process, so that nobody can choose strings that
// collide. The output never depends on a hash: it only finds candidates, which
// are then compared byte by byte.
var hashKey = rand.Uint64() | 1

func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w^hashKey, hashKey)
	return hi ^ lo
}

// Hash32 hashes 32 bytes at once.
func Hash32(b *[32]byte) uint64 {
	w := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) ^ hashKey }
	h1, l1 := bits.Mul64(w(0), w(8)+hashKey)
	h2, l2 := bits.Mul64(w(16), w(24)+hashKey)
	return (h1 ^ l1) + (h2^l2)*hashKey
}

// Hash is the hash that [String] computes on the way: eight bytes at a time,
// the last word filled up with zeros. Strings of different length can have the
// same hash, such as "a" and "a\x00": code that compares hashes must compare
// the bytes too.
func Hash(s []byte) uint64 {
	var h uint64
	for len(s) >= 8 {
		h = mix(h, binary.LittleEndian.Uint64(s))
		s = s[8:]
	}
	var w uint64
	for i := len(s) - 1; i >= 0; i-- {
		w = w<<8 | uint64(s[i])
	}
	return mix(h, w)
}
