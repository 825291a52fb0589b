//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package filelock

import "errors"

func lockHandle(uintptr, bool) (bool, error) { return false, errors.ErrUnsupported }
