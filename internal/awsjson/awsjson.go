// Package awsjson makes a call of a service of AWS that speaks JSON. The SDK's
// clients of such services would each add some 300 KB to the Lambda function for one
// call. This is that call, made of the parts that the clients of S3 and Glue bring
// along: signature, repetitions, HTTP.
package awsjson

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
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sluice/internal/patience"
)

// Service is a service of AWS.
type Service struct {
	ID     string // as the settings of the SDK name it
	Host   string // the first part of its host name, and its name in signatures
	Target string // stands before the name of an operation
}

// Call calls an operation of the service where the ARN of a resource says, and
// returns the body of the answer. It waits as patience.Bound says; 0 is the default.
func (s Service) Call(ctx context.Context, c aws.Config, arn, operation string, input any, timeout time.Duration) ([]byte, error) {
	return s.call(ctx, patience.Bound(c, timeout), arn, operation, input)
}

func (s Service) call(ctx context.Context, c aws.Config, arn, operation string, input any) (answer []byte, err error) {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return nil, errors.New("it is not an ARN")
	}
	r := request{Service: s, client: c.HTTPClient, region: parts[3], operation: operation}
	if r.url, err = s.endpoint(ctx, c, parts[1], parts[3]); err != nil {
		return nil, err
	}
	if c.Credentials == nil {
		return nil, errors.New("there are no credentials")
	}
	if r.credentials, err = c.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	if r.body, err = json.Marshal(input); err != nil {
		return nil, err
	}
	err = patience.Repeat(ctx, c, func(ctx context.Context) (err error) {
		answer, err = r.send(ctx)
		return err
	})
	return answer, err
}

// request is what all attempts have in common.
type request struct {
	Service
	client      aws.HTTPClient
	credentials aws.Credentials
	url, region string
	operation   string
	body        []byte
}

// send makes one attempt.
func (r *request) send(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", r.Target+"."+r.operation)
	sum := sha256.Sum256(r.body)
	if err := v4.NewSigner().SignHTTP(ctx, r.credentials, req, hex.EncodeToString(sum[:]), r.Host, r.region, time.Now()); err != nil {
		return nil, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, patience.Interrupted(ctx, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, patience.Interrupted(ctx, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, parseRefusal(res, body)
	}
	return body, nil
}

// maxAnswer is more than an answer has: a secret has at most 64 KiB.
const maxAnswer = 1 << 20

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
