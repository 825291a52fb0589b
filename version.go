package sluice

import "runtime/debug"

// Version is the version of sluice in the running program, as the Go tool
// stamped it: a module version, or "devel".
func Version() string {
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
}
