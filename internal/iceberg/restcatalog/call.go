package restcatalog

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

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sluice/internal/patience"
)

const (
	mostAnswer  = 64 << 20 // bytes; an answer has all metadata of a table
	mostMessage = 500      // bytes of a server's message that an error shows
)

// get reads an answer, and tries again while its error may pass.
func (c *Catalog) get(ctx context.Context, where string, out any) error {
	return patience.Repeat(ctx, c.aws, func(ctx context.Context) error {
		return c.send(ctx, http.MethodGet, where, nil, out)
	})
}

// post makes a request once: a second one could find the change of the first, and would
// get a conflict with it. There is no Idempotency-Key (Spec), since not all servers know
// it, and net/http repeats a request that has one.
func (c *Catalog) post(ctx context.Context, where string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	err = c.send(ctx, http.MethodPost, where, body, out)
	if silent := new(patience.SilentError); errors.As(err, &silent) {
		return silent
	}
	return err
}

// send makes one attempt.
func (c *Catalog) send(ctx context.Context, method, where string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, where, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := c.authorize(ctx, req, body); err != nil {
		return err
	}
	res, err := c.aws.HTTPClient.Do(req)
	if err != nil {
		return patience.Interrupted(ctx, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer+1))
	switch {
	case err != nil:
		return patience.Interrupted(ctx, err)
	case len(data) > mostAnswer:
		return fmt.Errorf("the answer has more than %d MB", mostAnswer>>20)
	case res.StatusCode != http.StatusOK:
		return c.refusal(res.StatusCode, data)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("the answer is not that of an Iceberg catalog: %w", err)
	}
	return nil
}

func (c *Catalog) authorize(ctx context.Context, req *http.Request, body []byte) error {
	o := &c.options
	if o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+o.Token)
	}
	if o.SigV4 == "" {
		return nil
	}
	credentials, err := c.aws.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("find credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	return v4.NewSigner().SignHTTP(ctx, credentials, req, hash, o.SigV4, o.Region, time.Now())
}

// refusal is an answer with an error: Spec, IcebergErrorResponse.
type refusal struct {
	status        int
	kind, message string // empty if the body is not that of an Iceberg catalog
}

func (e *refusal) Error() string {
	text := fmt.Sprintf("HTTP status %d", e.status)
	for _, part := range []string{e.kind, e.message} {
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// HTTPStatusCode is what patience decides by whether to try again.
func (e *refusal) HTTPStatusCode() int { return e.status }

// ErrorCode is such as NoSuchTableException, or of AWS ThrottlingException.
func (e *refusal) ErrorCode() string {
	if e.status == http.StatusTooManyRequests {
		return "TooManyRequestsException"
	}
	return e.kind
}

func (c *Catalog) refusal(status int, body []byte) error {
	var answer struct {
		Error struct{ Type, Message string }
	}
	if json.Unmarshal(body, &answer) != nil { // a proxy may send anything
		return &refusal{status: status}
	}
	return &refusal{status, c.shown(answer.Error.Type), c.shown(answer.Error.Message)}
}

// shown is text of a server, as an error may have it: one short line, without secrets
// that the server repeats.
func (c *Catalog) shown(text string) string {
	if c.options.Token != "" {
		text = strings.ReplaceAll(text, c.options.Token, "***")
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	if len(text) > mostMessage {
		text = strings.ToValidUTF8(text[:mostMessage], "") + " …"
	}
	return text
}

// isStatus says whether the error is an answer of an Iceberg catalog with a status: not
// that of a proxy, or of a server that does not know the path.
func isStatus(err error, status int) bool {
	var e *refusal
	return errors.As(err, &e) && e.status == status && e.kind != ""
}
