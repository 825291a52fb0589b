package patience

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Repeat calls attempt again while its error may pass and there is time, as the clients
// of the SDK do. c is from [Bound]. An error with the status or the code of an answer
// has the method HTTPStatusCode or ErrorCode, and one without an answer is from
// [Interrupted].
func Repeat(ctx context.Context, c aws.Config, attempt func(ctx context.Context) error) error {
	ctx, _ = Begin(ctx)
	attempts := retry.NewAttemptMiddleware(c.Retryer(), func(r any) any { return r })
	_, _, err := attempts.HandleFinalize(ctx, middleware.FinalizeInput{}, middleware.FinalizeHandlerFunc(
		func(ctx context.Context, _ middleware.FinalizeInput) (out middleware.FinalizeOutput, m middleware.Metadata, err error) {
			return out, m, attempt(ctx)
		}))
	if silent := new(SilentError); errors.As(err, &silent) {
		return silent // and not what it did to the request
	}
	return err
}

// Interrupted says that there was no whole answer, which may pass.
func Interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &smithyhttp.RequestSendError{Err: err}
}
