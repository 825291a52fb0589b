// Package awsjson makes calls of services of AWS that speak JSON. The SDK's clients of
// such services have hundreds of calls: that of Glue took 25 seconds to compile for five
// of them, and each adds 300 KB or more to the Lambda function. These are calls made of
// the parts that the client of S3 brings along: signature, repetitions, HTTP.
package awsjson

import (
	"bytes"
	"cmp"
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

	"sluice/internal/patience"
)

// Service is a service of AWS.
type Service struct {
	ID     string // as the settings of the SDK name it
	Host   string // the first part of its host name, and its name in signatures
	Target string // stands before the name of an operation
	JSON   string // version of the protocol; empty: 1.1
}

// Client calls a service in one region. It keeps its connections.
type Client struct {
	service           Service
	config            aws.Config // bounded by patience
	partition, region string
}

// In is a client of the service in the region of c. It waits as patience.Bound says;
// 0 is the default.
func (s Service) In(c aws.Config, timeout time.Duration) *Client {
	return s.client(c, partitionOf(c.Region), c.Region, timeout)
}

// Of is a client of the service where the ARN of a resource says.
func (s Service) Of(arn string, c aws.Config, timeout time.Duration) (*Client, error) {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return nil, errors.New("it is not an ARN")
	}
	return s.client(c, parts[1], parts[3], timeout), nil
}

func (s Service) client(c aws.Config, partition, region string, timeout time.Duration) *Client {
	c = patience.Bound(c, timeout)
	retryer := c.Retryer() // one for all calls: it has a quota of repetitions
	if c.RetryMaxAttempts > 0 {
		retryer = retry.AddWithMaxAttempts(retryer, c.RetryMaxAttempts)
	}
	c.Retryer = func() aws.Retryer { return retryer }
	return &Client{s, c, partition, region}
}

// Once is the client without repetitions.
func (c *Client) Once() *Client {
	once := *c
	once.config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return &once
}

// Call calls an operation, and returns the body of the answer. Each operation stands as
// a literal in the call: deploy/iam_test.go reads there what the function may need.
func (c *Client) Call(ctx context.Context, operation string, input any) (answer []byte, err error) {
	r := request{Client: c, operation: operation}
	if r.url, err = c.service.endpoint(ctx, c.config, c.partition, c.region); err != nil {
		return nil, err
	}
	if c.config.Credentials == nil {
		return nil, errors.New("there are no credentials")
	}
	if r.credentials, err = c.config.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	if r.body, err = json.Marshal(input); err != nil {
		return nil, err
	}
	err = patience.Repeat(ctx, c.config, func(ctx context.Context) (err error) {
		answer, err = r.send(ctx)
		return err
	})
	return answer, err
}

// request is what all attempts have in common.
type request struct {
	*Client
	credentials aws.Credentials
	url         string
	operation   string
	body        []byte
}

// send makes one attempt.
func (r *request) send(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-"+cmp.Or(r.service.JSON, "1.1"))
	req.Header.Set("X-Amz-Target", r.service.Target+"."+r.operation)
	sum := sha256.Sum256(r.body)
	if err := v4.NewSigner().SignHTTP(ctx, r.credentials, req, hex.EncodeToString(sum[:]), r.service.Host, r.region, time.Now()); err != nil {
		return nil, err
	}
	res, err := r.config.HTTPClient.Do(req)
	if err != nil {
		return nil, patience.Interrupted(ctx, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, patience.Interrupted(ctx, err)
	case res.StatusCode != http.StatusOK:
		return nil, parseRefusal(res, body)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)
	}
	return body, nil
}

// maxAnswer is more than an answer has. A secret has at most 64 KiB. For a table Glue
// names no limit; one of 10,000 columns, each with the longest name and comment, has 6 MB.
const maxAnswer = 16 << 20

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
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
func parseRefusal(res *http.Response, body []byte) error {
	var answer struct {
		Type    string `json:"__type"`
		Message string
		Code    any // some services have it here
	}
	json.Unmarshal(body, &answer) //nolint:errcheck // what can be read of it is enough
	code, _ := answer.Code.(string)
	code = cmp.Or(res.Header.Get("X-Amzn-Errortype"), answer.Type, code)
	code, _, _ = strings.Cut(code, ":") // from a URL after it
	code = code[strings.LastIndexByte(code, '#')+1:]
	return &refusal{cmp.Or(code, fmt.Sprintf("HTTP status %d", res.StatusCode)), answer.Message, res.StatusCode}
}
