// Package documents is what a mapping and documents have to do with each other: the
// mapping that is made of documents, what a mapping makes of them, and what does
// not fit. It writes nothing; who has the documents says where they are.
package documents

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"sluice/internal/fit"
)

// Input is something that is read as often as one likes.
type Input struct {
	Name string // unlike that of all others
	Size int64  // stored bytes; 0 if it is not known
	// Once is set for a stream, which can be read only once.
	Once bool
	Open func(context.Context) (io.ReadCloser, error)

	stream io.Closer // of an input that is read once
	head   *fit.Head // of the same
}

// look calls fn with the beginning of the input.
func (in *Input) look(ctx context.Context, fn func(*fit.Head) error) error {
	if in.Once {
		if err := in.begin(ctx); err != nil {
			return err
		}
		return fn(in.head)
	}
	src, err := in.Open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	return fn(fit.NewHead(src))
}

// read opens the whole input, also what was looked at.
func (in *Input) read(ctx context.Context) (io.ReadCloser, error) {
	if !in.Once {
		return in.Open(ctx)
	}
	err := in.begin(ctx)
	return io.NopCloser(in.head), err
}

// begin opens an input that can be read only once.
func (in *Input) begin(ctx context.Context) error {
	if in.head != nil {
		return nil
	}
	src, err := in.Open(ctx)
	if err == nil {
		in.stream, in.head = src, fit.NewHead(src)
	}
	return err
}

// Close closes a stream.
func (in *Input) Close() {
	if in.stream != nil {
		in.stream.Close()
	}
}

// BaseName is the name of an input without folder and endings.
func BaseName(input string) string {
	if input == "-" {
		return "stdin"
	}
	name := filepath.Base(input)
	for _, endings := range [][]string{{".gz", ".zst"}, {".json", ".ndjson", ".jsonl"}} {
		for _, end := range endings {
			if short, ok := strings.CutSuffix(name, end); ok && short != "" {
				name = short
				break
			}
		}
	}
	return name
}
