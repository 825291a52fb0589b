package parquetcolumn

import "encoding/binary"

// appendHybrid decodes n values of width bits, which are runs or packed in groups of
// eight (spec, RLE/Bit-packing Hybrid). Nothing is allocated beyond n values,
// whatever the lengths of the runs.
func appendHybrid(dst []int32, data []byte, width, n int) ([]int32, error) {
	if width > 32 {
		return nil, errDamaged
	}
	size := (width + 7) / 8
	mask := uint64(1)<<width - 1
	for n > 0 {
		header, k := binary.Uvarint(data)
		if k <= 0 {
			return nil, errDamaged
		}
		data = data[k:]
		if header&1 == 0 {
			if len(data) < size {
				return nil, errDamaged
			}
			var b [8]byte
			copy(b[:], data[:size])
			v := int32(binary.LittleEndian.Uint64(b[:]) & mask)
			data = data[size:]
			run := int(min(header>>1, uint64(n)))
			if run == 0 {
				return nil, errDamaged
			}
			for range run {
				dst = append(dst, v)
			}
			n -= run
			continue
		}
		groups := header >> 1
		if groups == 0 || width > 0 && groups > uint64(len(data)/width)+1 { // the last one may be cut
			return nil, errDamaged
		}
		values := n
		if groups < uint64(n+7)/8 {
			values = int(groups * 8)
		}
		for i := range values {
			dst = append(dst, int32(bits(data, i*width, width)&mask))
		}
		data = data[min(groups*uint64(width), uint64(len(data))):]
		n -= values
	}
	return dst, nil
}

// bits are the bits from a position on; those after the end are 0.
func bits(data []byte, at, width int) uint64 {
	var b [8]byte
	if at/8 < len(data) {
		copy(b[:], data[at/8:])
	}
	return binary.LittleEndian.Uint64(b[:]) >> (at % 8) // up to 32 bits, begun in the first byte
}
