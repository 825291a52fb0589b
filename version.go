package sluice

import (
	"runtime/debug"
	"sync"
)

// version is set by the linker in what is built without its repository:
// -ldflags "-X sluice.version=v1.2.3".
var version string

// Version is the version of sluice in the running program, as it was built in
// or the Go tool stamped it: a module version, or "devel".
func Version() string {
	if version != "" {
		return version
	}
	return stamped()
}

// stamped is the version that is in the program.
var stamped = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	v := info.Main.Version
	if info.Main.Path != "sluice" {
		for _, d := range info.Deps {
			if d.Path == "sluice" {
				v = d.Version
			}
		}
	}
	if v == "" || v == "(devel)" {
		return "devel"
	}
	return v
})
