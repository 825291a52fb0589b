package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/store"
)

var (
	errShort    = errors.New("the body is shorter than the object")
	errLong     = errors.New("the body is longer than the object")
	errNoLength = errors.New("the response does not say how long the object is")
	errNoETag   = errors.New("the response has no ETag, by which the states of an object are told apart")
	errNoTime   = errors.New("the response has no Last-Modified")
	errNoUpload = errors.New("the response has no UploadId")
	errRange    = errors.New("the response is not the range that was asked for")
	errChecksum = errors.New("the content does not match the checksum of the object")
)

// fail makes the error of an operation on key, which is empty for the bucket.
func (s *Store) fail(ctx context.Context, op, key string, err error) error {
	location := s.String()
	if key != "" {
		location += "/" + key
	}
	e := &store.Error{Op: op, Location: location}
	var known *cause
	var operation *smithy.OperationError
	if !errors.As(err, &known) && errors.As(err, &operation) {
		err = operation.Err // op and location say more than the SDK's words
	}
	if ended := ctx.Err(); ended != nil {
		// The context has ended: how the request failed then says nothing new.
		e.Err = ended
		return e
	}
	e.Err = describe(err)
	e.Transient = isPassing(e.Err)
	var api smithy.APIError
	if errors.As(err, &api) && (api.ErrorCode() == "ExpiredToken" || api.ErrorCode() == "ExpiredTokenException") {
		e.Transient = true // a later call may have new credentials, this one will not
	}
	return e
}

// cause is an error of S3 in the words of the store, without the SDK's own words.
// It unwraps to both errors.
type cause struct {
	text string
	kind error // one of the store's, or nil
	err  error
}

func (c *cause) Error() string { return c.text }

func (c *cause) Unwrap() []error {
	if c.kind == nil {
		return []error{c.err}
	}
	return []error{c.kind, c.err}
}

func describe(err error) error {
	var (
		known     *cause
		response  *smithyhttp.ResponseError
		transport *url.Error
	)
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &response) && response.HTTPStatusCode() != 0: // 0: no response
		return describeResponse(response, err)
	case errors.As(err, &transport):
		return &cause{text: transport.Err.Error(), err: err} // without the URL
	}
	return err
}

func describeResponse(response *smithyhttp.ResponseError, err error) error {
	status := response.HTTPStatusCode()
	code, message := http.StatusText(status), ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code, message = api.ErrorCode(), oneLine(api.ErrorMessage())
	}
	c := &cause{err: err, kind: kind(status, code)}
	c.text = fmt.Sprintf("%s (%d)", oneLine(code), status)
	if message != "" && message != code {
		c.text += ": " + message
	}
	if c.kind != nil && !errors.Is(c.kind, store.ErrDenied) { // the code of ErrDenied says enough
		c.text = c.kind.Error() + ": " + c.text
	}
	if h := hint(status, code, c.kind, response); h != "" {
		c.text += "; " + h
	}
	return c
}

// kind is the store's error for what S3 said, if it has one. The codes are those of
// "Error responses" in the Amazon S3 API Reference; a response to HEAD has no body,
// and so no code.
func kind(status int, code string) error {
	switch {
	case code == "NoSuchBucket":
		return nil // a wrong configuration, not an absent object
	case code == "InvalidObjectState":
		return store.ErrArchived
	case code == "AccessDenied", code == "Forbidden": // the latter of a HEAD
		return store.ErrDenied
	case code == "KeyTooLongError":
		return store.ErrKey
	case status == http.StatusNotFound && code != "NoSuchUpload":
		return store.ErrNotFound
	case status == http.StatusPreconditionFailed, code == "PreconditionFailed":
		return store.ErrPrecondition
	case status == http.StatusConflict && code == "ConditionalRequestConflict", code == "OperationAborted":
		return store.ErrConflict
	}
	return nil
}

// hint says what a person can do about it.
func hint(status int, code string, kind error, response *smithyhttp.ResponseError) string {
	switch {
	case code == "RequestTimeTooSkewed":
		return "the clock of this machine is wrong"
	case code == "NoSuchBucket":
		return "check the name of the bucket and the endpoint"
	case code == "InvalidObjectState":
		return ""
	case errors.Is(kind, store.ErrDenied):
		return "the policy must allow the action on this key; without s3:ListBucket a missing object is denied too"
	case status == http.StatusMovedPermanently || status == http.StatusTemporaryRedirect || code == "AuthorizationHeaderMalformed":
		if region := response.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return "the bucket is in region " + oneLine(region)
		}
		return "the bucket is in another region or at another endpoint"
	}
	return ""
}

// oneLine makes one line of what a server says, so that it cannot forge lines of a
// log.

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}
