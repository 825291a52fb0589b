package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"sluice/internal/event"
	"sluice/internal/ledger"
	"sluice/internal/setup"
	"sluice/internal/store"
)

const (
	mostListed = 1000
	maxReport  = 16 << 20
	maxUpload  = 64 << 30
	uploadTime = 30 * time.Second // for the next bytes of an upload
)

// getObjects lists objects.
func (s *Server) getObjects(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	limit, err := number(q.Get("limit"), 100, 1, mostListed)
	if err != nil {
		return fail(http.StatusBadRequest, "list objects: limit: %w", err)
	}
	before, err := number(q.Get("before"), 0, 0, 1<<53)
	if err != nil {
		return fail(http.StatusBadRequest, "list objects: before: %w", err)
	}
	found, total, next, err := s.find(r.Context(), listQuery{find: q.Get("find"), outcome: q.Get("outcome"), state: q.Get("state"), before: before, limit: int(limit)})
	if err != nil {
		return fmt.Errorf("list objects: %w", err)
	}
	a := struct {
		Objects []object `json:"objects"`
		Total   int      `json:"total"`
		Next    string   `json:"next"`
	}{found, total, ""}
	if next > 0 {
		a.Next = strconv.FormatInt(next, 10)
	}
	return answerJSON(w, http.StatusOK, a)
}

// find lists objects. An object that is too old to be in memory is found by its whole
// key.
func (s *Server) find(ctx context.Context, q listQuery) (found []object, total int, next int64, err error) {
	found, total, next = s.objects.list(q)
	if total > 0 || q.find == "" || s.objects.all().Older == 0 {
		return found, total, next, nil
	}
	at := s.Setup()
	for _, key := range []string{q.find, at.Config.Source.Prefix + q.find} {
		entry, etag, err := s.lake.Entry(ctx, at.Config.Source.Bucket, key)
		if err == nil {
			found = append(found, objectOf(&entry, etag))
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, 0, 0, err
		}
	}
	return found, len(found), 0, nil
}

// objectOf is an object of which only the ledger entry is known.
func objectOf(e *ledger.Entry, etag string) object {
	alone := newObjects(func(ledger.ID) {})
	alone.account(e, etag, time.Time{}, nil)
	o, _, _ := alone.get(e.ID())
	return o
}

// number is a number of a query, or what it is by default.
func number(text string, or, least, most int64) (int64, error) {
	if text == "" {
		return or, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("it is no number from %d to %d", least, most)
	}
	return n, nil
}

// story is what is known of one object.
type story struct {
	Object   object          `json:"object"`
	Entry    json.RawMessage `json:"entry"`  // as the ledger has it; null if there is none
	Report   json.RawMessage `json:"report"` // of a reject or quarantined records; null if there is none
	Outputs  []output        `json:"outputs"`
	Attempts []attempt       `json:"attempts"` // since the start, the first first
}

// output is a file of a table.
type output struct {
	Table   string `json:"table"`
	Key     string `json:"key"`
	Bytes   int64  `json:"bytes"`
	First   int64  `json:"first"` // row of a shared file
	Rows    int64  `json:"rows"`
	Shared  bool   `json:"shared"`  // the file has rows of other objects too
	Missing bool   `json:"missing"` // it is not there; a shared one may have been compacted by others
	Damaged bool   `json:"damaged"` // it has no footer that can be read, so no rows
}

func (s *Server) getObject(w http.ResponseWriter, r *http.Request) error {
	id, ok := ledger.ParseID(r.PathValue("id"))
	if !ok {
		return fail(http.StatusBadRequest, "show object: the ID is not 64 hex digits")
	}
	at := s.Setup()
	a := story{Outputs: []output{}, Attempts: []attempt{}}
	known := false
	if o, attempts, ok := s.objects.get(id); ok {
		known, a.Object = true, o
		a.Attempts = append(a.Attempts, attempts...)
	}
	entry, etag, err := s.lake.EntryOf(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if !known {
			return fail(http.StatusNotFound, "show object: neither the ledger nor the source has it")
		}
	case err != nil:
		return fmt.Errorf("show object: %w", err)
	default:
		if !known { // older than what is in memory
			a.Object = objectOf(&entry, etag)
		}
		if err := s.tell(r.Context(), at, &entry, &a); err != nil {
			return failed(fmt.Errorf("show object: %w", err))
		}
	}
	return answerJSON(w, http.StatusOK, a)
}

// tell adds what an entry names to a story.
func (s *Server) tell(ctx context.Context, at *setup.Setup, e *ledger.Entry, a *story) error {
	var err error
	if a.Entry, err = json.Marshal(e); err != nil {
		return err
	}
	parts, err := s.lake.Parts(ctx, e)
	if err != nil {
		return err
	}
	for _, p := range parts {
		a.Outputs = append(a.Outputs, output{p.Output.Table, p.Output.Key, p.Bytes, p.First, p.Rows, p.Shared, p.Missing, p.Damaged})
	}
	if e.State == nil || e.State.Report == "" {
		return nil
	}
	report, _, err := store.Get(ctx, at.Pipeline.Quarantine, e.State.Report, maxReport)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if json.Valid(report) {
		a.Report = report
	}
	return nil
}

// created is an object that was put into the source.
type created struct {
	ID  hexID  `json:"id"`
	Key string `json:"key"`
}

// postObject puts the body of a request into the source. The object appears whole,
// so nothing reads half of it.
func (s *Server) postObject(w http.ResponseWriter, r *http.Request) error {
	at := s.Setup()
	q := r.URL.Query()
	key, err := keyOf(at, q.Get("name"))
	if err != nil {
		return err
	}
	when := store.IfNoneMatch()
	if q.Get("replace") == "1" {
		when = store.Unconditional()
	}
	body := &slowBody{http.MaxBytesReader(w, r.Body, maxUpload), http.NewResponseController(w)}
	if err := s.put(r.Context(), at, key, body, when); err != nil {
		return err
	}
	return answerJSON(w, http.StatusCreated, created{hexID(ledger.IDOf(at.Config.Source.Bucket, key)), key})
}

// slowBody is a body that may take long, but not long between two reads.
type slowBody struct {
	io.Reader
	of *http.ResponseController
}

func (b *slowBody) Read(p []byte) (int, error) {
	_ = b.of.SetReadDeadline(time.Now().Add(uploadTime)) // without it there is only no such limit
	return b.Reader.Read(p)
}

// put writes an object of the source and has it processed.
func (s *Server) put(ctx context.Context, at *setup.Setup, key string, body io.Reader, when store.Precondition) error {
	src, err := at.Pipeline.Source(at.Config.Source.Bucket)
	if err != nil {
		return fmt.Errorf("upload %q: %w", key, err)
	}
	out, err := src.Create(ctx, key, store.CreateOptions{})
	if err != nil {
		return uploadFailed(key, err)
	}
	defer out.Abort(ctx) //nolint:errcheck // the sweep of a later start removes what stays
	if _, err := io.Copy(out, body); err != nil {
		return uploadFailed(key, err)
	}
	if _, err := out.Commit(ctx, when); err != nil {
		return uploadFailed(key, err)
	}
	info, err := src.Head(ctx, key)
	if err != nil {
		return nil //nolint:nilerr // it was written; somebody has removed it since
	}
	if a := s.work.arrivals.Load(); a != nil {
		a.Known(info)
	}
	s.work.queue.add(task{key: key, size: info.Size})
	return nil
}

// uploadFailed says why an upload failed, and what can be done.
func uploadFailed(key string, err error) error {
	large := new(http.MaxBytesError)
	switch {
	case errors.As(err, &large):
		return fail(http.StatusRequestEntityTooLarge, "upload %q: it has more than %d bytes", key, large.Limit).with("copy the file into the folder of the source")
	case errors.Is(err, store.ErrPrecondition):
		return fail(http.StatusConflict, "upload %q: there is an object of this name", key).with("replace it (replace=1), or give this one another name")
	case errors.Is(err, store.ErrKey):
		return fail(http.StatusBadRequest, "upload %q: %w", key, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fail(http.StatusInsufficientStorage, "upload %q: %w", key, err).with("make room on the disk; nothing was lost")
	}
	return fmt.Errorf("upload %q: %w", key, err)
}

// keyOf is the source key of an uploaded file: the name with its folders, beneath the
// source. What the source would not take, or could lead elsewhere, is refused.
func keyOf(at *setup.Setup, name string) (string, error) {
	why := ""
	key := at.Config.Source.Prefix + name
	switch {
	case name == "":
		why = "it is empty"
	case !utf8.ValidString(name):
		why = "it is not UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		why = "it has control characters"
	case strings.ContainsAny(name, `\:`):
		why = `it has a "\" or ":"`
	}
	for part := range strings.SplitSeq(name, "/") {
		if why == "" && (part == "" || part == "." || part == "..") {
			why = "a part between slashes is empty, \".\" or \"..\""
		}
		if why == "" && (part[0] == '_' || part[0] == '.') {
			why = `a part begins with "_" or "."; such names are for files that programs keep for themselves`
		}
	}
	if why == "" {
		if err := store.CheckKey(key); err != nil {
			why = err.Error()
		}
	}
	if why == "" {
		if r := at.Listed(store.Info{Key: key}); r.Action != event.Process {
			why = fmt.Sprintf("the source does not take it: %s", r.Reason)
		}
	}
	if why != "" {
		return "", fail(http.StatusBadRequest, "upload %q: the name is not possible: %s", name, why)
	}
	return key, nil
}
