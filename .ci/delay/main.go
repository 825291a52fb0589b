// Delay is a proxy for .ci/load.py: each request to the server waits, as one
// over a network does, and is counted. No more than AT_ONCE wait at the same time.
//
//	delay ENDPOINT MILLISECONDS AT_ONCE
//
// It prints the address that it listens on. GET /-/count gives the number of
// requests since the last time.
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "delay:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("want ENDPOINT MILLISECONDS AT_ONCE")
	}
	target, err := url.Parse(args[0])
	if err != nil {
		return err
	}
	wait, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	most, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	inFlight := make(chan struct{}, most)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	var count atomic.Int64
	forward := httputil.NewSingleHostReverseProxy(target) // keeps the Host, which is signed
	forward.Transport = &http.Transport{MaxIdleConnsPerHost: 256}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/-/count" {
			fmt.Fprint(w, count.Swap(0))
			return
		}
		count.Add(1)
		inFlight <- struct{}{}
		defer func() { <-inFlight }()
		time.Sleep(time.Duration(wait) * time.Millisecond)
		forward.ServeHTTP(w, r)
	}))
}
