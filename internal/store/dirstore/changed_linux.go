package dirstore

import (
	"io/fs"
	"syscall"
)

// changed is the time of the last change of the file or its name, in
// nanoseconds since 1970. Only the system can set it.
func changed(stat fs.FileInfo) int64 {
	if s, ok := stat.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano()
	}
	return 0
}
