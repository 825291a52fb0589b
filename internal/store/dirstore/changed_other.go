//go:build !linux && !darwin

package dirstore

import "io/fs"

// changed is not known here in a portable way: two files of one size and one
// modification time are taken for one state.
func changed(fs.FileInfo) int64 { return 0 }
