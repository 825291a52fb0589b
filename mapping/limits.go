package mapping

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/yamlfile"
)

// Limits bound what one record or object may cost. Sizes are in bytes.
type Limits struct {
	RecordBytes        int64   // one record
	FieldBytes         int64   // one value that feeds a column
	RecordRows         int64   // rows of one record in one table
	Depth              int     // nested arrays and objects of one record
	DecompressedBytes  int64   // one object, decompressed
	DecompressionRatio int64   // decompressed to compressed size, checked after 16 MiB
	QuarantineShare    float64 // of the records of one object, checked after 10 records
	QuarantineBytes    int64   // of the quarantined records of one object, with their reasons
}

// DefaultLimits are the limits of a mapping that sets none.
var DefaultLimits = Limits{
	RecordBytes:        64 << 20,
	FieldBytes:         8 << 20,
	RecordRows:         1 << 20,
	Depth:              64,
	DecompressedBytes:  64 << 30,
	DecompressionRatio: 500,
	QuarantineShare:    0.5,
	QuarantineBytes:    1 << 30,
}

// Upper bounds of limits; larger values could not work.
const (
	maxHeldBytes = 1 << 30       // records and values are held in memory, with 32-bit offsets
	maxRows      = math.MaxInt32 // runs of rows are counted in 32 bits
	maxDepth     = 10000         // as encoding/json
)

// sizeUnits are the suffixes of a size; SI and IEC 80000-13 multiples.
var sizeUnits = map[string]int64{
	"": 1, "B": 1,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

func (r *reader) limits(n *yaml.Node) Limits {
	l := DefaultLimits
	if n == nil {
		return l
	}
	f := r.Object(n, "limits", "record_bytes", "field_bytes", "record_rows", "depth",
		"decompressed_bytes", "decompression_ratio", "quarantine_share", "quarantine_bytes")
	depth := int64(l.Depth)
	r.integer(f, "record_bytes", maxHeldBytes, true, &l.RecordBytes)
	r.integer(f, "field_bytes", maxHeldBytes, true, &l.FieldBytes)
	r.integer(f, "record_rows", maxRows, false, &l.RecordRows)
	r.integer(f, "depth", maxDepth, false, &depth)
	r.integer(f, "decompressed_bytes", math.MaxInt64, true, &l.DecompressedBytes)
	r.integer(f, "decompression_ratio", math.MaxInt64, false, &l.DecompressionRatio)
	r.integer(f, "quarantine_bytes", math.MaxInt64, true, &l.QuarantineBytes)
	l.Depth = int(depth)
	if s := f["quarantine_share"]; s != nil {
		v, err := strconv.ParseFloat(s.Value, 64)
		if yamlfile.KindOf(s) != "a number" || err != nil || !(v >= 0 && v <= 1) {
			r.Fail(s, "limits: quarantine_share must be a number from 0 (no record may be quarantined) to 1 (all may), such as 0.5")
		}
		l.QuarantineShare = math.Abs(v) // -0 is 0
	}
	return l
}

func (l *Limits) appendCanonical(b []byte) []byte {
	return fmt.Appendf(b, "limits: {record_bytes: %d, field_bytes: %d, record_rows: %d, depth: %d, decompressed_bytes: %d, decompression_ratio: %d, quarantine_share: %s, quarantine_bytes: %d}\n",
		l.RecordBytes, l.FieldBytes, l.RecordRows, l.Depth, l.DecompressedBytes, l.DecompressionRatio, strconv.FormatFloat(l.QuarantineShare, 'f', -1, 64), l.QuarantineBytes)
}

// integer reads a limit from 1 to most; a size may have a unit.
func (r *reader) integer(f map[string]*yaml.Node, key string, most int64, size bool, dst *int64) {
	n := f[key]
	if n == nil {
		return
	}
	form := "a whole number such as " + strconv.FormatInt(*dst, 10)
	if size {
		form = "a size such as 64MiB, 8MB or 1000000 (bytes)"
	}
	// YAML 1.1 reads a leading 0 as octal, 1.2 does not, so it is an error.
	octal := len(n.Value) > 1 && n.Value[0] == '0'
	number := yamlfile.KindOf(n) == "a number" || size && yamlfile.KindOf(n) == "text"
	digits := n.Value[:len(n.Value)-len(strings.TrimLeft(n.Value, "0123456789"))]
	unit, known := sizeUnits[n.Value[len(digits):]]
	v, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case !number || octal || err != nil || !known || !size && n.Value != digits:
		r.Fail(n, "limits: %s must be %s", key, form)
	case v < 1 || v > most/unit:
		r.Fail(n, "limits: %s must be from 1 to %d", key, most)
	default:
		*dst = v * unit
	}
}
