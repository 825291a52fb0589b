package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// failure is an error with the status that it is answered with.
type failure struct {
	status int
	err    error
	hint   string // what to do about it, or empty
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail is an error of the caller: operation, object, cause.
func fail(status int, format string, args ...any) *failure {
	return &failure{status: status, err: fmt.Errorf(format, args...)}
}

// with adds what to do about it.
func (f *failure) with(hint string) *failure { f.hint = hint; return f }

// answerJSON answers with v.
func answerJSON(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who asked may be gone
	return nil
}

// errorAnswer is an error as the page has it.
type errorAnswer struct {
	Error string `json:"error"`
	Hint  string `json:"hint"` // what to do about it, or empty
}

// answerError answers with an error; 500 if nothing else was said.
func answerError(w http.ResponseWriter, err error) {
	f := new(failure)
	if !errors.As(err, &f) {
		f = &failure{status: http.StatusInternalServerError, err: err}
	}
	_ = answerJSON(w, f.status, errorAnswer{err.Error(), f.hint})
}

// readJSON reads the body of a request into v.
func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("it goes on after the value")
	}
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return fail(http.StatusRequestEntityTooLarge, "read request: it has more than %d bytes", large.Limit)
	}
	return fail(http.StatusBadRequest, "read request: %w", err)
}
