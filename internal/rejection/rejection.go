// Package rejection holds the error of an object that cannot be trusted, as the
// stages of a conversion return it. Programs get a sluice.RejectError.
package rejection

import (
	"fmt"

	"sluice/reason"
)

// Error says that nothing of an object may be committed.
type Error struct {
	Code   reason.Code
	Offset int64  // in the decompressed bytes, as near as is known
	Detail string // never a value of the object
}

func (e *Error) Error() string {
	return fmt.Sprintf("byte %d: %s: %s", e.Offset, e.Code, e.Detail)
}
