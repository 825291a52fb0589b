package s3store

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/store"
)

// newRetryer repeats calls whose failure may pass: a few attempts, with exponential
// pauses and jitter. All calls of a client share a budget of retries, so that they do
// not multiply the load in an outage.
func newRetryer(cfg Config) aws.RetryerV2 {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = cfg.Attempts
		o.MaxBackoff = cfg.MaxBackoff
		o.Backoff = retry.NewExponentialJitterBackoff(cfg.MaxBackoff)
		o.Retryables = []retry.IsErrorRetryable{
			retry.NoRetryCanceledError{},
			retry.IsErrorRetryableFunc(func(err error) aws.Ternary { return aws.BoolTernary(isPassing(err)) }),
		}
	})
}

// pause waits before the next attempt, or returns an error if there must be none.
// The caller passes the error of the attempt that failed. It calls refund if the next
// attempt makes progress, since progress takes nothing from the budget.
func (s *Store) pause(ctx context.Context, attempt int, cause error) (refund func(), err error) {
	if ctx.Err() != nil || attempt >= s.config.Attempts {
		return nil, cause
	}
	release, err := s.retryer.GetRetryToken(ctx, cause)
	if err != nil {
		return nil, cause // the budget is used up
	}
	delay, err := s.retryer.RetryDelay(attempt, cause)
	if err != nil {
		return nil, cause
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return func() { _ = release(nil) }, nil
	case <-ctx.Done():
		return nil, cause
	}
}

// passingCodes are the codes of errors that may pass, whatever the HTTP status.
var passingCodes = map[string]bool{
	"InternalError": true, "ServiceUnavailable": true, "SlowDown": true, "RequestTimeout": true,
	"RequestLimitExceeded": true, "TooManyRequestsException": true, "BandwidthLimitExceeded": true,
}

// isPassing reports whether the error of one attempt may be gone at the next.
func isPassing(err error) bool {
	var (
		operation *smithy.OperationError
		api       smithy.APIError
		response  *smithyhttp.ResponseError
		send      *smithyhttp.RequestSendError
		garbled   *smithy.DeserializationError
		cert      *tls.CertificateVerificationError
		network   net.Error
	)
	for _, known := range []error{store.ErrChanged, store.ErrConflict, errShort, errLong, errNoLength, errNoETag, errNoTime, errNoUpload, errRange, errChecksum} {
		if errors.Is(err, known) {
			return true
		}
	}
	switch {
	case errors.As(err, &cert):
		return false // a server with a wrong certificate may be another one
	case errors.As(err, &operation):
		return false // there are no credentials; another service was asked, several times
	case errors.As(err, &api) && (passingCodes[api.ErrorCode()] || strings.Contains(api.ErrorCode(), "Throttl")):
		return true
	case errors.As(err, &response) && response.HTTPStatusCode() >= 300:
		code := response.HTTPStatusCode()
		return code == 408 || code == 429 || code >= 500 && code != 501
	case errors.As(err, &send), errors.As(err, &garbled), errors.As(err, &network):
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF)
}
