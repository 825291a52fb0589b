package sluice

import (
	"fmt"

	"sluice/reason"
)

// Reason says why a record was quarantined or an object rejected: one of the
// codes of package reason.
type Reason = reason.Code

// RejectError says that an object cannot be trusted: nothing of it may be
// committed. Discard what was written to the outputs.
type RejectError struct {
	Reason Reason // such as reason.TruncatedJSON
	Offset int64  // in the decompressed bytes, where the fault was found
	Detail string // more than the code says; never a value of the object
}

func (e *RejectError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("object rejected at byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("object rejected at byte %d: %s: %s", e.Offset, e.Reason, e.Detail)
}
