package pipeline

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"sluice/internal/store"
)

// tableFile is a Parquet file that is being written to the sink, or is there already.
type tableFile struct {
	w      store.Writer // nil: it is not written
	stands bool         // the fields below describe the file in the sink
	hash   hash.Hash
	n      int64
	first  []byte // up to 4 bytes
	last   []byte // up to 8 bytes
}

func (o *tableFile) Write(p []byte) (int, error) {
	o.hash.Write(p)
	o.n += int64(len(p))
	if free := 4 - len(o.first); free > 0 {
		o.first = append(o.first, p[:min(free, len(p))]...)
	}
	o.last = append(o.last, p[max(0, len(p)-8):]...)
	o.last = o.last[max(0, len(o.last)-8):]
	if o.w == nil {
		return len(p), nil
	}
	return o.w.Write(p)
}

func (o *tableFile) sum() string { return hex.EncodeToString(o.hash.Sum(nil)) }

// check looks at the magic numbers at both ends and the length of the footer
// (https://parquet.apache.org/docs/file-format/).
func (o *tableFile) check() error {
	if string(o.first) != "PAR1" || len(o.last) < 8 || string(o.last[4:]) != "PAR1" {
		return errors.New("it does not begin and end like a Parquet file")
	}
	if footer := int64(binary.LittleEndian.Uint32(o.last)); footer+12 > o.n {
		return fmt.Errorf("its footer of %d bytes is longer than the file of %d", footer, o.n)
	}
	return nil
}
