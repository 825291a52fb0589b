package cli

import (
	"errors"
	"io/fs"
	"syscall"

	"sluice"
	"sluice/internal/catalog"
	"sluice/internal/ledger"
	"sluice/internal/rejection"
	"sluice/reason"
)

// hint is what a person can do about an error; empty if nothing is known.
func hint(err error) string {
	var reject *sluice.RejectError
	var object *rejectedError
	var unfit *unfitError
	var unread *rejection.Error // of what is no object yet: a profile
	switch {
	case errors.As(err, &unfit):
		return unfit.hint()
	case errors.As(err, &object):
		return reason.Hint(object.reason, "")
	case errors.As(err, &reject):
		return reason.Hint(reject.Reason, reject.Detail)
	case errors.As(err, &unread):
		return reason.Hint(unread.Code, unread.Detail)
	case errors.As(err, new(*reportError)):
		return "only the report is missing: the work itself is done"
	case errors.As(err, new(*catalog.RefusedError)):
		return "the rows are published, but queries may fail or lack columns until the mapping or the table is changed; see docs/catalog.md#glue"
	case errors.Is(err, ledger.ErrDamaged):
		return "sluice run makes it again, unless its object is gone from the source: see docs/ledger.md#care"
	case errors.Is(err, errNoQuarantine):
		return "name a file with --quarantine FILE"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full"
	case errors.Is(err, syscall.EROFS):
		return "the disk is mounted read-only"
	case errors.Is(err, fs.ErrPermission):
		return "look at the owner and the permissions of the file and its folder"
	}
	return ""
}
