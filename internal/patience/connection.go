package patience

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// enough is how much must move until a silence ends: a server that sends or
// takes a byte now and then is not alive.
const enough = 16 << 10

// writeBuffer is what the system may hold back of a request: little enough to be
// sent within a silence on a slow line, and enough for a fast and long one.
const writeBuffer = 1 << 20

// Enough reports whether n bytes are progress.
func Enough(n int) bool { return n >= enough }

// newHTTPClient makes a client that gives up connections on which nothing
// moves, in whichever part of a request. It never decompresses: the bytes of
// an object are those that were stored, whatever its Content-Encoding says.
func newHTTPClient(silence time.Duration) *awshttp.BuildableClient {
	client := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) {
		d.Timeout = min(d.Timeout, silence)
	})
	dial := (&net.Dialer{Timeout: client.GetDialer().Timeout, KeepAlive: client.GetDialer().KeepAlive}).DialContext
	return client.WithTransportOptions(func(t *http.Transport) {
		t.DisableCompression = true
		t.MaxIdleConnsPerHost = 64
		t.IdleConnTimeout = silence / 2 // before the connection would be given up
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				// What the system has taken in and not yet sent looks like sent.
				if err := tcp.SetWriteBuffer(writeBuffer); err != nil {
					conn.Close() //nolint:errcheck // it was never used
					return nil, err
				}
			}
			return &connection{Conn: conn, silence: silence, toRead: wait{left: silence}, toWrite: wait{left: silence}}, nil
		}
	})
}

// connection is one on which waiting ends. Reading and writing each may wait
// for one silence until enough bytes moved. A Write that moves starts the count
// of Read again, as nothing can be expected while a request is being sent; what
// comes starts that of Write again, as it is the answer.
type connection struct {
	net.Conn
	silence time.Duration

	mu              sync.Mutex
	toRead, toWrite wait
	wrote           time.Time // last
}

// wait is what is left of a silence.
type wait struct {
	left  time.Duration
	moved int
}

// count takes over that n bytes moved, after a time.
func (w *wait) count(n int, after, silence time.Duration) {
	w.left -= after
	if w.moved += n; w.moved >= enough {
		*w = wait{left: silence}
	}
}

func (c *connection) Read(p []byte) (int, error) {
	began := time.Now()
	c.mu.Lock()
	err := c.SetReadDeadline(began.Add(c.toRead.left))
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wrote.After(began) {
		began = c.wrote
	}
	c.toRead.count(n, time.Since(began), c.silence)
	if n > 0 {
		c.toWrite = wait{left: c.silence}
	}
	return n, c.silent(err)
}

func (c *connection) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		// A system may take in a large piece bit by bit.
		var n int
		n, err = c.write(p[:min(len(p), enough)])
		written += n
		p = p[n:]
	}
	return written, err
}

func (c *connection) write(p []byte) (int, error) {
	began := time.Now()
	c.mu.Lock()
	err := c.SetWriteDeadline(began.Add(c.toWrite.left))
	if err == nil {
		err = c.SetReadDeadline(began.Add(2 * c.silence)) // only Write reports the silence of a write
	}
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote = time.Now()
	c.toWrite.count(n, c.wrote.Sub(began), c.silence)
	c.toRead = wait{left: c.silence}
	if err == nil {
		err = c.SetReadDeadline(c.wrote.Add(c.silence))
	}
	return n, c.silent(err)
}

// silent says of an error that it was the end of waiting.
func (c *connection) silent(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &SilentError{c.silence}
	}
	return err
}
