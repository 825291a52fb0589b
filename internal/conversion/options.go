package conversion

import "io"

// Options of a conversion. All but the codec may be left out.
type Options struct {
	Codec       string
	Threads     int               // row groups worked on at once
	Source      string            // key of the input, in quarantine, _source_key and for the key of the mapping
	Size        int64             // stored bytes that must come; 0: not known
	Quarantine  io.Writer         // nil: to quarantine a record is an error
	MaxRecords  int64             // records after which to stop; 0: no limit
	AcceptDrift bool              // nothing is held for on_drift
	Progress    func(bytes int64) // called with the number of bytes read

	RowGroupBytes int64 // of input; 0: 16 MiB
	RowGroupRows  int   // 0: 2^20
}
