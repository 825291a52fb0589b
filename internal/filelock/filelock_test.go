package filelock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sluice/internal/filelock"
)

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// One open file has the lock, until it is closed; the content is free.
func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	a, b := open(t, name), open(t, name)
	if err := filelock.Lock(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got, err := filelock.TryLock(b); got || err != nil {
		t.Errorf("a second open file: %t, %v", got, err)
	}
	if _, err := b.WriteString("x"); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := filelock.Lock(ended, b); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting was called off: %v", err)
	}
	waited := make(chan error)
	go func() { waited <- filelock.Lock(t.Context(), b) }()
	a.Close()
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if got, err := filelock.TryLock(open(t, name)); got || err != nil {
		t.Errorf("a third open file: %t, %v", got, err)
	}
	b.Close()
	if got, err := filelock.TryLock(open(t, name)); !got || err != nil {
		t.Errorf("after the lock was given back: %t, %v", got, err)
	}
	if _, err := filelock.TryLock(a); err == nil {
		t.Error("a closed file was locked")
	}
}
