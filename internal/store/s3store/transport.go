package s3store

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// enough is how much must arrive in one idle timeout: a server that sends a
// byte now and then is not alive.
const enough = 16 << 10

// newHTTPClient makes a client that gives up connections on which nothing
// moves, in whichever part of a request. It never decompresses: the bytes of
// an object are those that were stored, whatever its Content-Encoding says.
func newHTTPClient(idle time.Duration) *awshttp.BuildableClient {
	client := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) {
		d.Timeout = min(d.Timeout, idle)
	})
	dial := (&net.Dialer{Timeout: client.GetDialer().Timeout, KeepAlive: client.GetDialer().KeepAlive}).DialContext
	return client.WithTransportOptions(func(t *http.Transport) {
		t.DisableCompression = true
		t.MaxIdleConnsPerHost = 64
		t.IdleConnTimeout = idle / 2 // before the connection would be given up
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &idleConn{Conn: conn, idle: idle, left: idle}, nil
		}
	})
}

// idleConn is a connection on which waiting ends. The time that Read waits is
// counted until enough bytes came; a Write that progresses starts the count
// again, as nothing can be expected while a request is being sent.
type idleConn struct {
	net.Conn
	idle time.Duration

	mu   sync.Mutex
	left time.Duration // to wait for the next `enough` bytes
	got  int
}

func (c *idleConn) Read(p []byte) (int, error) {
	start := time.Now()
	c.mu.Lock()
	err := c.SetReadDeadline(start.Add(c.left))
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left -= time.Since(start)
	if c.got += n; c.got >= enough {
		c.got, c.left = 0, c.idle
	}
	return n, err
}

func (c *idleConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.got, c.left = 0, c.idle
	err := c.SetDeadline(time.Now().Add(c.idle))
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
