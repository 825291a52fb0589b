// Package secretsmanager reads a secret of AWS Secrets Manager. The SDK's client of
// that service would add 327 KB to the Lambda function for one call. This is that
// call, made of the parts that the clients of S3 and Glue bring along: signature,
// repetitions, HTTP.
package secretsmanager

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/patience"
)

// GetSecretValue is the current value of the secret with this ARN, which says the
// region to ask. It waits as patience.Bound says; 0 is the default.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func GetSecretValue(ctx context.Context, c aws.Config, arn string, timeout time.Duration) ([]byte, error) {
	value, err := get(ctx, patience.Bound(c, timeout), arn)
	if err != nil {
		if silent := new(patience.SilentError); errors.As(err, &silent) {
			err = silent // and not what it did to the request
		}
		return nil, fmt.Errorf("read secret %s: %w", arn, err)
	}
	return value, nil
}

func get(ctx context.Context, c aws.Config, arn string) (value []byte, err error) {
	parts := strings.Split(arn, ":")
	if len(parts) != 7 {
		return nil, errors.New("it is not the ARN of a secret")
	}
	r := request{client: c.HTTPClient, region: parts[3]}
	if r.url, err = endpoint(ctx, c, parts[1], parts[3]); err != nil {
		return nil, err
	}
	if c.Credentials == nil {
		return nil, errors.New("there are no credentials")
	}
	if r.credentials, err = c.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	if r.body, err = json.Marshal(map[string]string{"SecretId": arn}); err != nil {
		return nil, err
	}
	ctx, _ = patience.Begin(ctx)
	attempts := retry.NewAttemptMiddleware(c.Retryer(), func(r any) any { return r })
	_, _, err = attempts.HandleFinalize(ctx, middleware.FinalizeInput{}, middleware.FinalizeHandlerFunc(
		func(ctx context.Context, _ middleware.FinalizeInput) (out middleware.FinalizeOutput, m middleware.Metadata, err error) {
			value, err = r.send(ctx)
			return out, m, err
		}))
	return value, err
}

// request is what all attempts have in common.
type request struct {
	client      aws.HTTPClient
	credentials aws.Credentials
	url, region string
	body        []byte
}

// send makes one attempt.
func (r *request) send(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
	sum := sha256.Sum256(r.body)
	if err := v4.NewSigner().SignHTTP(ctx, r.credentials, req, hex.EncodeToString(sum[:]), "secretsmanager", r.region, time.Now()); err != nil {
		return nil, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	return parse(res, body)
}

// maxAnswer is more than an answer has: a secret has at most 64 KiB.
const maxAnswer = 1 << 20

// interrupted says that there was no whole answer, which may pass.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &smithyhttp.RequestSendError{Err: err}
}

// parse is the value in an answer. No error has a part of it: it may be the secret.
func parse(res *http.Response, body []byte) ([]byte, error) {
	if res.StatusCode != http.StatusOK {
		return nil, parseRefusal(res, body)
	}
	var answer struct {
		SecretString *string
		SecretBinary []byte
	}
	if json.Unmarshal(body, &answer) != nil {
		return nil, errors.New("the answer is not JSON of a secret")
	}
	if answer.SecretString != nil {
		return []byte(*answer.SecretString), nil
	}
	return answer.SecretBinary, nil
}

// refusal is an error of the service.
type refusal struct {
	code, message string
	status        int
}

func (e *refusal) Error() string {
	if e.message == "" {
		return e.code
	}
	return e.code + ": " + e.message
}

// ErrorCode is such as ResourceNotFoundException, as smithy.APIError has it.
func (e *refusal) ErrorCode() string { return e.code }

// HTTPStatusCode is what the SDK decides by, with the code, whether to try again.
func (e *refusal) HTTPStatusCode() int { return e.status }

// parseRefusal reads an error of the protocol AWS JSON 1.1. A proxy may send anything.
func parseRefusal(res *http.Response, body []byte) error {
	var answer struct {
		Type    string `json:"__type"`
		Message string
	}
	e := &refusal{status: res.StatusCode}
	if json.Unmarshal(body, &answer) == nil {
		e.code, e.message = answer.Type[strings.LastIndexByte(answer.Type, '#')+1:], answer.Message
	}
	if e.code == "" {
		e.code = fmt.Sprintf("HTTP status %d", res.StatusCode)
	}
	return e
}
