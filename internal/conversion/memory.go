package conversion

import "sluice/mapping"

// Memory is what a conversion leaves to the next one with the same mapping: small inputs
// would spend most of their time on buffers, and on the mapping compiled anew. The zero
// value is ready to use. It is for one conversion at a time, and changes no output.
type Memory struct {
	m       *mapping.Mapping
	codec   string
	decoder *decoder
	lane    *lane
}

// mostLeft is how many bytes of input a conversion may have read to leave its memory:
// what a large one needed must not stay with small ones.
const mostLeft = 1 << 20

// take empties the memory: after an error, or a panic, nothing is in it.
func (k *Memory) take(m *mapping.Mapping) (left Memory) {
	if k == nil {
		return left
	}
	left, *k = *k, Memory{}
	if left.m != m {
		return Memory{}
	}
	return left
}

// laneOf is the first lane of a conversion.
func (k *Memory) laneOf(m *mapping.Mapping, outputs []Output, codec string) (l *lane, err error) {
	if l = k.lane; l == nil || k.codec != codec || !l.suits(outputs) {
		if l, err = newLane(m, outputs, codec); err != nil {
			return nil, err
		}
	}
	l.outputs = outputs
	l.open()
	return l, nil
}

// leave takes from the lane what belongs to the outputs.
func (l *lane) leave() {
	for i := range l.outputs {
		if l.outputs[i].Into == l.batches[i] {
			l.batches[i] = nil
		}
	}
	l.outputs = nil
}

// suits reports whether the lane can be filled for other outputs.
func (l *lane) suits(outputs []Output) bool {
	for i := range outputs {
		out, b := &outputs[i], l.batches[i]
		if (out.File == nil) != (l.encoders[i] == nil) {
			return false
		}
		if b == nil {
			continue
		}
		if len(b.Columns) != len(out.Schema.Columns) {
			return false
		}
		for j := range b.Columns {
			if b.Columns[j].Column != out.Schema.Columns[j] {
				return false
			}
		}
	}
	return true
}
