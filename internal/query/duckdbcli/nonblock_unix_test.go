//go:build unix

package duckdbcli_test

import "syscall"

const nonblock = syscall.O_NONBLOCK
