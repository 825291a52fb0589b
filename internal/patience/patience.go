// Package patience bounds how long a call to AWS is waited for. The SDK waits
// without an end for an answer, and for the rest of one.
//
// What is bounded is waiting, not time: an object that flows is never cut off,
// however long it takes. A connection on which nothing moves is given up, and
// the request made again; and a call that has waited for the whole of its
// timeout, tries and pauses together, fails. That is a passing error.
package patience

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

// Timeout is the default: an S3 that is well answers in much less than a second,
// and a busy server on a disk within half a minute.
const Timeout = 2 * time.Minute

// silences is how often a connection may be silent before the call has waited
// for its whole timeout. A timeout is that of one silence times this.
const silences = 4

// Bound has all calls of a client wait for at most the timeout, and the search
// for its credentials too; 0 is the default. If c has a Retryer, it must be one of this package.
func Bound(c aws.Config, timeout time.Duration) aws.Config {
	c = c.Copy()
	timeout = cmp.Or(timeout, Timeout)
	if c.Retryer == nil {
		c.Retryer = func() aws.Retryer { return Retryer{retry.NewStandard(), timeout} }
	}
	if c.Credentials != nil {
		c.Credentials = credentials{c.Credentials, timeout / silences}
	}
	c.HTTPClient = newHTTPClient(timeout / silences)
	c.APIOptions = append(c.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Patience",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				if callOf(ctx) == nil {
					ctx, _ = Begin(ctx)
				}
				out, metadata, err := next.HandleInitialize(ctx, in)
				var silent *SilentError
				if errors.As(err, &silent) {
					err = silent // and not what it did to request, transport and retries
				}
				return out, metadata, err
			}), middleware.Before)
	})
	return c
}

// credentials are looked for in files and at other services, by requests of
// their own. To look for them in vain is a silence too.
type credentials struct {
	aws.CredentialsProvider
	silence time.Duration
}

func (c credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, c.silence)
	defer cancel()
	return c.CredentialsProvider.Retrieve(ctx)
}

// IsCredentialsProvider lets the SDK see what is inside, such as nobody's.
func (c credentials) IsCredentialsProvider(target aws.CredentialsProvider) bool {
	return aws.IsCredentialsProvider(c.CredentialsProvider, target)
}

// Call is what a call has waited. Its requests find it in their context.
type Call struct {
	mu     sync.Mutex
	mark   time.Time     // what came after it is not yet counted
	waited time.Duration // without progress
}

type callKey struct{}

// Begin starts to count for all requests under the context. A client that is
// bound does so for each call; who makes several for one purpose, as the reader
// of a body that breaks off, begins before the first.
func Begin(ctx context.Context) (context.Context, *Call) {
	c := &Call{mark: time.Now()}
	ctx = context.WithValue(ctx, callKey{}, c)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { c.count(math.MaxInt64) }, // the pause before, too
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err == nil {
				c.restart() // what was sent meanwhile has flowed
			}
		},
	}), c
}

func callOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Progress forgets what was waited.
func (c *Call) Progress() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mark, c.waited = time.Now(), 0
}

// count adds the time since the mark, but no more than most.
func (c *Call) count(most time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.waited += min(now.Sub(c.mark), most)
	c.mark = now
	return c.waited
}

func (c *Call) restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mark = time.Now()
}

// Retryer repeats as the one inside does, while there is time for another
// silence.
type Retryer struct {
	aws.RetryerV2
	Timeout time.Duration
}

// GetRetryToken says whether there is to be another try. The one before has
// waited for one silence at most; else it was flowing.
func (r Retryer) GetRetryToken(ctx context.Context, cause error) (func(error) error, error) {
	silence := r.Timeout / silences
	if c := callOf(ctx); c != nil && c.count(silence)+silence >= r.Timeout {
		return nil, errWaited
	}
	return r.RetryerV2.GetRetryToken(ctx, cause)
}

// RetryDelay is that of the one inside, but no longer than a silence.
func (r Retryer) RetryDelay(attempt int, cause error) (time.Duration, error) {
	delay, err := r.RetryerV2.RetryDelay(attempt, cause)
	return min(delay, r.Timeout/silences), err
}

var errWaited = errors.New("the time to wait is over")

// SilentError says that a connection was given up.
type SilentError struct{ After time.Duration }

func (e *SilentError) Error() string {
	return fmt.Sprintf("the server is silent: less than %d KiB moved in %v; s3.timeout bounds how long it is asked again", enough>>10, e.After)
}

// Timeout makes it a net.Error, as the transport expects.
func (e *SilentError) Timeout() bool { return true }

// Temporary is the other half of a net.Error.
func (e *SilentError) Temporary() bool { return true }
