package patience

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a connection to a server without buffers on the way, under a clock
// of the test.
func pipe(t *testing.T) (client *connection, server net.Conn) {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	const silence = 30 * time.Second
	return &connection{Conn: near, silence: silence, toRead: wait{left: silence}, toWrite: wait{left: silence}}, far
}

// move has the server send or take pieces with pauses, and returns how many bytes
// the client sent or got until its error.
func move(t *testing.T, isRead bool, piece, pieces int, pause time.Duration) (moved int, err error) {
	client, server := pipe(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		for i := 0; i < pieces && err == nil; i++ {
			time.Sleep(pause)
			if isRead {
				_, err = server.Write(make([]byte, piece))
			} else {
				_, err = io.CopyN(io.Discard, server, int64(piece))
			}
		}
	}()
	buf := make([]byte, piece*pieces)
	if isRead {
		moved, err = io.ReadFull(client, buf)
	} else {
		moved, err = client.Write(buf)
	}
	client.Close()
	<-done
	return moved, err
}

// What moves 16 KiB in each silence goes on for as long as it takes; what moves
// less is given up, after one silence.
func TestConnection(t *testing.T) {
	for name, test := range map[string]struct {
		piece, pieces int
		pause         time.Duration
		isSilent      bool
	}{
		"nothing":               {1 << 10, 1, time.Hour, true},
		"a byte now and then":   {1, 1000, time.Second, true},
		"less than enough":      {15 << 10, 100, 29 * time.Second, true},
		"just enough, for long": {16 << 10, 1000, 29 * time.Second, false},
		"small pieces":          {1 << 10, 1000, time.Second, false},
	} {
		for _, isRead := range []bool{true, false} {
			direction := map[bool]string{true: "read", false: "write"}[isRead]
			t.Run(name+", "+direction, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n, err := move(t, isRead, test.piece, test.pieces, test.pause)
					var silent *SilentError
					if errors.As(err, &silent) != test.isSilent || !test.isSilent && err != nil {
						t.Errorf("moved %d bytes: %v", n, err)
					}
				})
			})
		}
	}
}

// The time of sending is none of waiting for the answer: the transport begins
// to read before it writes.
func TestAnswerAfterSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pipe(t)
		go func() {
			for range 100 {
				time.Sleep(5 * time.Second)
				io.CopyN(io.Discard, server, 16<<10)
			}
			for range 2 {
				time.Sleep(10 * time.Second)
				server.Write([]byte("x"))
			}
		}()
		answer := make(chan error)
		go func() {
			_, err := io.ReadFull(client, make([]byte, 2))
			answer <- err
		}()
		if _, err := client.Write(make([]byte, 1600<<10)); err != nil {
			t.Error(err)
		}
		if err := <-answer; err != nil {
			t.Error(err)
		}
	})
}
