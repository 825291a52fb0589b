package main

import (
	"os"
	"runtime/debug"
)

// headroom makes the garbage collector run each time a few more MB are in use,
// however much that is already. GOGC alone cannot say so: it is a percentage of
// what is in use. So it gets a low one, of a use that seems larger by memory
// that is never touched and takes no RAM. The caller keeps it alive.
//
// With a percentage alone, a small conversion would spend a tenth of its time
// on collections, or a large one would take half as much memory again.
func headroom() []byte {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	const ballast, percent = 40 << 20, 7
	debug.SetGCPercent(percent)
	return make([]byte, ballast)
}
