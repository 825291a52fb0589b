package profile

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/axiomhq/hyperloglog"
	"github.com/dgryski/go-metro"
)

// Sketch estimates how many different values there were, from their hashes. It
// is the same for the same set of values, whatever their order, and holds no
// value. Up to fewHashes values are counted exactly.
type Sketch struct {
	few       []uint64 // the hashes, in the order of their first occurrence
	registers *hyperloglog.Sketch
}

const (
	fewHashes = 16
	// A sketch has 2^precision registers of a byte. The standard error of the
	// estimate is 3 percent.
	precision = 10
)

// Hash is the hash of a value's text that all sketches use. It does not depend on
// the process, so that profiles of several runs can be merged.
func Hash(text []byte) uint64 { return metro.Hash64(text, 1337) } // the seed of hyperloglog's own Insert

// Add adds a value by its hash.
func (s *Sketch) Add(hash uint64) {
	if s.registers != nil {
		s.registers.InsertHash(hash)
		return
	}
	for _, h := range s.few {
		if h == hash {
			return
		}
	}
	if len(s.few) < fewHashes {
		s.few = append(s.few, hash)
		return
	}
	s.spread()
	s.registers.InsertHash(hash)
}

// spread puts the few hashes into registers.
func (s *Sketch) spread() {
	s.registers, _ = hyperloglog.NewSketch(precision, false) // it only rejects the precision
	for _, h := range s.few {
		s.registers.InsertHash(h)
	}
	s.few = nil
}

// Merge adds the values of o.
func (s *Sketch) Merge(o *Sketch) {
	for _, h := range o.few {
		s.Add(h)
	}
	if o.registers == nil {
		return
	}
	if s.registers == nil {
		s.spread()
	}
	_ = s.registers.Merge(o.registers) // it only rejects another precision
}

// Estimate is about how many different values there were.
func (s *Sketch) Estimate() int64 {
	if s.registers != nil {
		return int64(s.registers.Estimate())
	}
	return int64(len(s.few))
}

// IsZero reports whether the sketch has seen nothing.
func (s Sketch) IsZero() bool { return s.few == nil && s.registers == nil }

// MarshalBinary gives the few hashes, sorted, or the registers as hyperloglog
// writes them.
func (s Sketch) MarshalBinary() ([]byte, error) {
	if s.registers != nil {
		return s.registers.MarshalBinary()
	}
	var b []byte
	for _, h := range slices.Sorted(slices.Values(s.few)) {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (s *Sketch) UnmarshalBinary(b []byte) error {
	*s = Sketch{}
	if len(b) > 8*fewHashes {
		if b[1] != precision || b[3] != 0 {
			return errors.New("a sketch of another precision")
		}
		s.registers = new(hyperloglog.Sketch)
		return s.registers.UnmarshalBinary(b)
	}
	if len(b)%8 != 0 {
		return errors.New("a sketch of that length cannot be")
	}
	for ; len(b) > 0; b = b[8:] {
		s.Add(binary.BigEndian.Uint64(b))
	}
	return nil
}
