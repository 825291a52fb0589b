package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"

	"sluice/internal/documents"
	"sluice/internal/rejection"
	"sluice/internal/setup"
)

// maxInferred is the size of a file that is sent to make a mapping of it.
const maxInferred = 1 << 30

// inferred is a mapping that was made of documents.
type inferred struct {
	Text    string         `json:"text"`
	Notes   []string       `json:"notes"`
	Records int64          `json:"records"` // that were looked at
	Preset  *preset        `json:"preset"`  // that is meant for the documents, if one is
	Tables  []previewTable `json:"tables"`  // the first rows
}

type preset struct {
	Name    string   `json:"name"`
	Takes   int64    `json:"takes"`
	Of      int64    `json:"of"`
	LeftOut []string `json:"left_out"` // paths with values that it does not name
}

// inferMapping makes a mapping of a file that is sent, or of objects of the lake.
func (s *Server) inferMapping(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	// It takes memory for each path, so one is made at a time.
	select {
	case s.inferring <- struct{}{}:
		defer func() { <-s.inferring }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var inputs []documents.Input
	if name := r.URL.Query().Get("name"); name != "" {
		r.Body = http.MaxBytesReader(w, r.Body, maxInferred)
		in, remove, err := sent(name, r.Body)
		if err != nil {
			return err
		}
		defer remove()
		inputs = append(inputs, in)
	} else {
		r.Body = http.MaxBytesReader(w, r.Body, smallBody)
		var q struct {
			Keys []string `json:"keys"`
		}
		if err := readJSON(r, &q); err != nil {
			return err
		}
		var err error
		if inputs, err = inputsOf(ctx, s.Setup(), q.Keys); err != nil {
			return err
		}
	}
	made, err := infer(ctx, inputs)
	if reject := new(rejection.Error); errors.As(err, &reject) || errors.Is(err, errNoRecord) {
		return fail(http.StatusUnprocessableEntity, "infer mapping: %w", err)
	}
	if err != nil {
		return fmt.Errorf("infer mapping: %w", err)
	}
	return answerJSON(w, http.StatusOK, made)
}

// sent puts a file that is sent where it can be read several times.
func sent(name string, body io.Reader) (in documents.Input, remove func(), err error) {
	f, err := os.CreateTemp("", "sluice-infer-")
	if err != nil {
		return in, nil, fmt.Errorf("infer mapping: %w", err)
	}
	remove = func() { f.Close(); os.Remove(f.Name()) }
	size, err := io.Copy(f, body)
	if err != nil {
		remove()
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			return in, nil, fail(http.StatusRequestEntityTooLarge, "infer mapping: the file has more than %d bytes", large.Limit).
				with("sluice mapping infer reads files of any size")
		}
		return in, nil, fmt.Errorf("infer mapping: %w", err)
	}
	in = documents.Input{Name: name, Size: size, Open: func(context.Context) (io.ReadCloser, error) { return os.Open(f.Name()) }}
	return in, remove, nil
}

// inputsOf are objects of the source.
func inputsOf(ctx context.Context, at *setup.Setup, keys []string) (all []documents.Input, err error) {
	if len(keys) == 0 {
		return nil, fail(http.StatusBadRequest, "infer mapping: no key is given").with("name keys of the lake, or send a file with ?name=")
	}
	bucket := at.Config.Source.Bucket
	source, err := at.Pipeline.Source(bucket)
	if err != nil {
		return nil, fmt.Errorf("infer mapping: %w", err)
	}
	for _, key := range keys {
		if !at.IsSource(key) {
			return nil, fail(http.StatusNotFound, "infer mapping: %q is no key of the source", key)
		}
		info, err := source.Head(ctx, key)
		if err != nil {
			return nil, fail(http.StatusNotFound, "infer mapping: %q: %w", key, err)
		}
		all = append(all, documents.Input{Name: key, Size: info.Size, Open: func(ctx context.Context) (io.ReadCloser, error) { return source.Open(ctx, key) }})
	}
	return all, nil
}

var errNoRecord = errors.New("there is no record in it that is JSON")

// infer makes the mapping.
func infer(ctx context.Context, inputs []documents.Input) (*inferred, error) {
	i := documents.Inference{Inputs: inputs, Options: documents.Options{Threads: min(runtime.GOMAXPROCS(0), 4)}}
	if err := i.Profile(ctx); err != nil {
		return nil, err
	}
	if i.Seen.Records == 0 {
		return nil, errNoRecord
	}
	made := &inferred{Notes: append([]string{}, documents.Places(i.Seen)...), Records: i.Seen.Records, Tables: []previewTable{}}
	if i.Seen.Broken > 0 {
		made.Notes = append(made.Notes, fmt.Sprintf("records that cannot be read: %d", i.Seen.Broken))
	}
	for _, err := range i.Rejected {
		made.Notes = append(made.Notes, "only what stands before the fault was looked at: "+err.Error())
	}
	like, err := i.Match(ctx)
	if err == nil {
		err = i.Make()
	}
	if err == nil {
		err = i.ReadRows(ctx)
	}
	if err == nil {
		like, err = i.Try(ctx, like)
	}
	if err != nil {
		return nil, err
	}
	made.Text = string(i.Result.YAML)
	for _, left := range i.Result.LeftOut {
		made.Notes = append(made.Notes, fmt.Sprintf("%s is in no table: %s", left.Path, left.Why))
	}
	for k := range i.Tables {
		made.Tables = append(made.Tables, shown(&i.Tables[k]))
	}
	if like != nil {
		made.Preset = &preset{like.Preset, like.Taken, like.Records, append([]string{}, like.LeftOut...)}
	}
	return made, nil
}
