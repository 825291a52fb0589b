package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// RefusedError says that a table of the catalog is not what the mapping writes,
// and that no retry fixes it: a person must change one of them.
type RefusedError struct {
	Table string // its Name
	Err   error
}

func (e *RefusedError) Error() string { return fmt.Sprintf("table %s: %v", e.Table, e.Err) }

func (e *RefusedError) Unwrap() error { return e.Err }

// Reason is why a catalog failed, in one word for metrics.
type Reason string

const (
	Refused   Reason = "refused"       // see RefusedError
	NotFound  Reason = "not_found"     // no such crawler or database
	Denied    Reason = "access_denied" // or credentials that are not valid
	Throttled Reason = "throttled"
	Timeout   Reason = "timeout"
	Conflict  Reason = "conflict" // others kept changing the same table
	Failed    Reason = "failed"   // anything else
)

// codes are the error codes of the Glue API and those that all AWS services share
// (https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-exceptions.html,
// https://docs.aws.amazon.com/glue/latest/webapi/CommonErrors.html).
var codes = map[Reason][]string{
	NotFound: {"EntityNotFoundException"},
	Denied: {"AccessDeniedException", "AccessDenied", "NotAuthorized", "UnrecognizedClientException",
		"InvalidClientTokenId", "ExpiredTokenException", "ExpiredToken"},
	Throttled: {"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"},
	Timeout:   {"OperationTimeoutException", "RequestTimeout"},
}

// ReasonOf is the reason of an error. If several errors are joined, a
// RefusedError decides, else ErrConflict, else the first error of AWS.
func ReasonOf(err error) Reason {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return Refused
	}
	if errors.Is(err, ErrConflict) {
		return Conflict
	}
	code := CodeOf(err)
	for reason, some := range codes {
		if slices.Contains(some, code) {
			return reason
		}
	}
	var timeout interface{ Timeout() bool }
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return Timeout
	}
	return Failed
}

// CodeOf is the code of an error of an AWS API, or nothing. The interface is
// part of smithy.APIError, so that the contract does not import the SDK.
func CodeOf(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
