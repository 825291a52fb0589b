package jsonscan

import "encoding/binary"

const hashFactor = 0x9E3779B97F4A7C15 // 2^64 / golden ratio, as in Fibonacci hashing

func mix(h, w uint64) uint64 {
	h = (h ^ w) * hashFactor
	return h ^ h>>32
}

// Hash is the hash that [String] computes on the way: eight bytes at a time,
// the last word filled up with zeros. It is no defence against chosen keys;
// whoever compares by it must compare the bytes too.
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
