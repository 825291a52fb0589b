package main

import (
	"os"
	"runtime/debug"
)

// headroom makes the garbage collector run each time the heap has grown by a
// few MB, whatever its size. GOGC alone cannot do this: it is a percentage of
// the heap. So the heap is made to look larger by memory that is never touched
// and takes no RAM, and GOGC is set low. The caller keeps that memory alive.
//
// With GOGC alone, either a small conversion spends a tenth of its time on
// collections, or a large one takes 1.5 times the memory.
func headroom() []byte {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	const ballast, percent = 40 << 20, 7
	debug.SetGCPercent(percent)
	return make([]byte, ballast)
}
