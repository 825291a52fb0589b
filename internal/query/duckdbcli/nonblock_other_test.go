//go:build !unix

package duckdbcli_test

const nonblock = 0
