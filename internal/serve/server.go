// Package serve is the server of the page of `sluice serve`: a shell around the
// pipeline that a browser on the same machine talks to. docs/serve.md describes it.
package serve

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/lake"
	"sluice/internal/pipeline"
	"sluice/internal/query"
	"sluice/internal/setup"
)

// Options say what a [Server] works on.
type Options struct {
	Setup *setup.Setup // opened by the caller, who closes it after the server has ended

	// Folder is the lake's folder; empty if the lake is in buckets.
	Folder string

	// MappingFile is the file that the page may write, DIR/mapping.yaml; empty if
	// the mapping cannot be changed here.
	MappingFile string

	// Outside is set if other machines reach the page; nil: only this one does.
	Outside *Outside

	Write   bool          // the server processes objects, and the page may change the lake
	Address string        // that the server listens on, with its port
	Poll    time.Duration // between two looks at what others have changed in ledger or bucket; 0: 10 s in a folder, 30 s in a bucket
	Version string
	Engine  query.Engine // of SQL; without one there is none

	Warn func(error)             // for people at the terminal; no values of the data
	Tell func(*pipeline.Summary) // of what was processed since the last call
}

// Server is the page, what it asks for, and the work behind it.
type Server struct {
	o     Options
	token string
	port  string
	now   atomic.Pointer[setup.Setup]

	lake     *lake.Lake
	objects  *objects
	hub      *hub
	feed     *feed
	notes    *notes
	work     *work
	problems problems

	writing   sync.Mutex    // of the mapping
	inferring chan struct{} // holds one who makes a mapping of documents

	sql        query.Session          // nil without an engine
	statements chan struct{}          // holds those that run
	engine     atomic.Pointer[string] // its name and version, when it is known
}

// New makes a server. It does no work before [Server.Serve].
func New(o Options) (*Server, error) {
	_, port, err := net.SplitHostPort(o.Address)
	if err == nil && (o.Setup == nil || port == "0") {
		err = errors.New("it needs a setup and a port")
	}
	if err != nil {
		return nil, fmt.Errorf("make server: %w", err)
	}
	random := make([]byte, 16)
	rand.Read(random) // never fails
	token := base64.RawURLEncoding.EncodeToString(random)
	if o.Outside != nil {
		if err := o.Outside.check(); err != nil {
			return nil, fmt.Errorf("make server: %w", err)
		}
		token = o.Outside.Token
	}
	s := &Server{o: o, token: token, port: port, hub: newHub(), inferring: make(chan struct{}, 1), statements: make(chan struct{}, sqlAtOnce)}
	s.now.Store(o.Setup)
	s.lake = lake.New(s.Setup)
	s.sql = s.newSession()
	s.feed, s.notes = newFeed(s), newNotes()
	s.objects = newObjects(s.feed.object)
	s.work = newWork(s)
	return s, nil
}

// Setup is the configuration with the mapping at work. Take it once for each
// request: [Server.UseMapping] replaces it.
func (s *Server) Setup() *setup.Setup { return s.now.Load() }

// UseMapping has all objects from the next one on processed with another mapping, a
// file or a preset.
func (s *Server) UseMapping(ctx context.Context, name string) error {
	then, err := s.Setup().WithMapping(ctx, name)
	if err != nil {
		return err
	}
	s.now.Store(then)
	s.notes.add() // the tables are those of the mapping
	return nil
}

// URL is the address to open, with the token.
// Where a person chose the token, it is not in the address: it would be printed.
func (s *Server) URL() string {
	if o := s.o.Outside; o != nil {
		return fmt.Sprintf("https://%s/?token=", net.JoinHostPort(o.host(), s.port))
	}
	return fmt.Sprintf("http://%s/?token=%s", s.o.Address, s.token)
}

const (
	headTime  = 10 * time.Second // for the head of a request
	idleTime  = 2 * time.Minute
	closeTime = 3 * time.Second // for requests to end after the server was told to
)

// Serve answers requests and works until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headTime, IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(discard{}, "", 0), // of connections that a browser broke off
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() { s.hub.run(ctx) })
	all.Go(func() { s.feed.run(ctx) })
	all.Go(func() { s.follow(ctx) })
	all.Go(func() { s.note(ctx) })
	all.Go(func() { s.nameEngine(ctx) })
	failed := make(chan error, 2)
	if s.o.Write {
		all.Go(func() {
			if err := s.work.run(ctx); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
	}
	listen := server.Serve
	if o := s.o.Outside; o != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{o.Certificate}, MinVersion: tls.VersionTLS12}
		listen = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	go func() { failed <- listen(l) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	}
	cancel()
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer stop()
	if server.Shutdown(ending) != nil {
		server.Close() //nolint:errcheck // it ends what is left
	}
	if s.sql != nil {
		err = errors.Join(err, s.sql.Close())
	}
	return err
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
