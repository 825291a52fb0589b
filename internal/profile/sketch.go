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
	// estimate is 5 percent, and less of few values.
	precision = 9
	// sketchHead is how many bytes hyperloglog writes before the registers.
	sketchHead = 8
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

// MarshalBinary gives the few hashes, sorted; or the registers as hyperloglog
// writes them; or, where that is shorter, the precision and those registers that
// are not 0, each as its number and its value in two bytes.
func (s Sketch) MarshalBinary() ([]byte, error) {
	if s.registers == nil {
		var b []byte
		for _, h := range slices.Sorted(slices.Values(s.few)) {
			b = binary.BigEndian.AppendUint64(b, h)
		}
		return b, nil
	}
	all, err := s.registers.MarshalBinary()
	if err != nil {
		return nil, err
	}
	set := []byte{precision}
	for i, value := range all[sketchHead:] {
		if value != 0 {
			set = binary.BigEndian.AppendUint16(set, uint16(i)<<valueBits|uint16(value))
		}
	}
	if len(set) < len(all) {
		return set, nil
	}
	return all, nil
}

const valueBits = 6 // of a register

// UnmarshalBinary reads what MarshalBinary wrote: it knows by the length which of
// the three it is.
func (s *Sketch) UnmarshalBinary(b []byte) error {
	*s = Sketch{}
	const all = sketchHead + 1<<precision
	switch {
	case len(b)%2 == 1:
		return s.set(b)
	case len(b) == all && b[1] == precision && b[3] == 0:
		s.registers = new(hyperloglog.Sketch)
		return s.registers.UnmarshalBinary(b)
	case len(b) > 8*fewHashes:
		return errors.New("a sketch of another precision")
	case len(b)%8 != 0:
		return errors.New("a sketch of that length cannot be")
	}
	for ; len(b) > 0; b = b[8:] {
		s.Add(binary.BigEndian.Uint64(b))
	}
	return nil
}

// set reads the registers that are not 0.
func (s *Sketch) set(b []byte) error {
	if b[0] != precision {
		return errors.New("a sketch of another precision")
	}
	s.spread()
	all, err := s.registers.MarshalBinary()
	if err != nil {
		return err
	}
	next := 0
	for b = b[1:]; len(b) > 0; b = b[2:] {
		register := binary.BigEndian.Uint16(b)
		i, value := int(register>>valueBits), byte(register&(1<<valueBits-1))
		if i < next || i >= 1<<precision || value == 0 {
			return errors.New("the registers of a sketch must be sorted, each once")
		}
		all[sketchHead+i], next = value, i+1
	}
	return s.registers.UnmarshalBinary(all)
}
