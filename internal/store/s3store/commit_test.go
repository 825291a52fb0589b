package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

// nobody has credentials that cannot be used anywhere.
type nobody struct{}

func (nobody) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDCANARY", SecretAccessKey: "secret-canary"}, nil
}

// effect lets a request have its effect and throws the reply away.
func effect(f *fake, r *http.Request) { f.serve(httptest.NewRecorder(), r) }

// The reply to a commit is lost. The repeated request finds what the first one
// left: the caller learns that something stands there, and by its metadata
// that it is its own.
func TestLostReply(t *testing.T) {
	for _, size := range []int{10, 3 * part} {
		f, s := newFake(t, s3store.Config{PartSize: part}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
			op := operation(r)
			if n > 1 || op != "PutObject" && op != "CompleteMultipartUpload" {
				return false
			}
			effect(f, r)
			hangUp(w)
			return true
		})
		data := random(size)
		_, err := store.Put(t.Context(), s, "key", data, store.CreateOptions{Meta: map[string]string{"identity": "mine"}}, store.IfNoneMatch())
		if !errors.Is(err, store.ErrPrecondition) {
			t.Errorf("%d bytes: error %v", size, err)
		}
		if got, err := readAll(s, t.Context(), "key"); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: read %d: %v", size, len(got), err)
		}
		if size < part {
			if info, err := s.Head(t.Context(), "key"); err != nil || info.Meta["identity"] != "mine" {
				t.Errorf("head: %+v, %v", info, err)
			}
		}
		if len(f.uploads) > 0 {
			t.Error("a pending upload is left")
		}
	}
}

// An unconditional write that is repeated is simply written twice.
func TestLostReplyUnconditional(t *testing.T) {
	_, s := newFake(t, s3store.Config{}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 1 || operation(r) != "PutObject" {
			return false
		}
		effect(f, r)
		hangUp(w)
		return true
	})
	if _, err := store.Put(t.Context(), s, "key", []byte("x"), store.CreateOptions{}, store.Unconditional()); err != nil {
		t.Error(err)
	}
}

func TestCommitErrors(t *testing.T) {
	for _, test := range []struct {
		name      string
		status    int
		code      string
		want      error
		transient bool
	}{
		{"precondition", 412, "PreconditionFailed", store.ErrPrecondition, false},
		{"precondition with another status", 400, "PreconditionFailed", store.ErrPrecondition, false},
		{"conflict", 409, "ConditionalRequestConflict", store.ErrConflict, true},
		{"denied", 403, "AccessDenied", nil, false},
		{"throttled for ever", 503, "SlowDown", nil, true},
		// Only Complete answers so: S3 sends the status before the work is done.
		{"200 with an error", 200, "InternalError", nil, true},
	} {
		for _, size := range []int{10, 3 * part} {
			if size < part && test.status == 200 {
				continue
			}
			t.Run(test.name, func(t *testing.T) {
				f, s := newFake(t, s3store.Config{PartSize: part, Attempts: 3}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
					if op := operation(r); op != "PutObject" && op != "CompleteMultipartUpload" {
						return false
					}
					fail(w, test.status, test.code)
					return true
				})
				_, err := store.Put(t.Context(), s, "key", random(size), store.CreateOptions{}, store.IfNoneMatch())
				if err == nil || test.want != nil && !errors.Is(err, test.want) || store.IsTransient(err) != test.transient {
					t.Errorf("%d bytes: error %v, transient %t", size, err, store.IsTransient(err))
				}
				if err != nil && !strings.HasPrefix(err.Error(), `commit "s3://bucket/key": `) {
					t.Errorf("error text: %v", err)
				}
				if len(f.uploads) > 0 {
					t.Error("a pending upload is left")
				}
				if len(f.objects) > 0 {
					t.Error("an object is there")
				}
			})
		}
	}
}

// 200 with an error once: Complete is asked again and succeeds.
func TestCompleteFailsOnce(t *testing.T) {
	_, s := newFake(t, s3store.Config{PartSize: part}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		if operation(r) != "CompleteMultipartUpload" || n > 1 {
			return false
		}
		fail(w, 200, "InternalError")
		return true
	})
	data := random(3*part + 1)
	if _, err := store.Put(t.Context(), s, "key", data, store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(s, t.Context(), "key"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes: %v", len(got), err)
	}
}

// A part that cannot be uploaded fails a later write, or the commit, and the
// upload is removed.
func TestPartFails(t *testing.T) {
	f, s := newFake(t, s3store.Config{PartSize: part, Attempts: 2}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		if operation(r) != "UploadPart" || r.URL.Query().Get("partNumber") != "3" {
			return false
		}
		fail(w, 503, "SlowDown")
		return true
	})
	w, err := s.Create(t.Context(), "key", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data := random(part)
	for n := 0; err == nil && n < 5000; n++ { // other parts go on while this one is tried again
		_, err = w.Write(data)
	}
	if !store.IsTransient(err) {
		t.Errorf("writing after a part failed: %v", err)
	}
	if _, err := w.Commit(t.Context(), store.IfNoneMatch()); err == nil {
		t.Error("commit after a part failed succeeds")
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	if len(f.uploads) > 0 || len(f.objects) > 0 {
		t.Error("something is left")
	}
}

// An abort that fails is told, and can be tried again.
func TestAbortFails(t *testing.T) {
	f, s := newFake(t, s3store.Config{PartSize: part, Attempts: 1}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		if operation(r) != "AbortMultipartUpload" || n > 1 {
			return false
		}
		fail(w, 503, "SlowDown")
		return true
	})
	w, err := s.Create(t.Context(), "key", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(random(3 * part)); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(t.Context()); !store.IsTransient(err) {
		t.Errorf("error %v", err)
	}
	if len(f.uploads) != 1 {
		t.Fatal("the upload is gone")
	}
	if err := w.Abort(t.Context()); err != nil || len(f.uploads) > 0 {
		t.Errorf("second abort: %v, %d uploads left", err, len(f.uploads))
	}
}

// A client that stops reading in time: the part's upload is repeated.
func TestUploadStalls(t *testing.T) {
	f, s := newFake(t, s3store.Config{PartSize: part, Timeout: 800e6}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		if operation(r) != "UploadPart" || n > 1 {
			return false
		}
		<-f.over
		return true
	})
	data := random(2 * part)
	if _, err := store.Put(t.Context(), s, "key", data, store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.objects["key"].data, data) {
		t.Error("other bytes")
	}
}

// What is a day old by the server's clock, and got no part for as long, is
// aborted; what somebody may be writing is not, whatever this machine's clock
// says, nor anything on a server that gives no time.
func TestSweep(t *testing.T) {
	const now = "Wed, 10 Jan 2024 12:00:00 GMT"
	parts := map[string]string{"dead": "2024-01-09T11:00:00.000Z", "slow": "2024-01-10T11:00:00.000Z", "begun": ""}
	for date, want := range map[string][]string{now: {"begun", "dead"}, "": nil} {
		var aborted []string
		_, s := newFake(t, s3store.Config{}, func(_ *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
			w.Header()["Date"] = nil
			if date != "" {
				w.Header().Set("Date", date)
			}
			query := r.URL.Query()
			switch {
			case query.Has("uploads"):
				fmt.Fprint(w, "<ListMultipartUploadsResult>")
				for key, at := range map[string]string{"dead": "2024-01-09T10:00:00.000Z", "slow": "2024-01-02T10:00:00.000Z", "begun": "2024-01-09T10:00:00.000Z", "new": "2024-01-10T11:00:00.000Z", "ended": "2024-01-02T10:00:00.000Z"} {
					fmt.Fprintf(w, "<Upload><Key>out/%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>", key, key, at)
				}
				fmt.Fprint(w, "</ListMultipartUploadsResult>")
			case r.Method == http.MethodGet && query.Has("uploadId"):
				at, ok := parts[query.Get("uploadId")]
				if !ok {
					fail(w, 404, "NoSuchUpload")
				} else if at == "" {
					fmt.Fprint(w, "<ListPartsResult></ListPartsResult>")
				} else {
					fmt.Fprintf(w, "<ListPartsResult><Part><PartNumber>1</PartNumber><LastModified>%s</LastModified><Size>5</Size></Part></ListPartsResult>", at)
				}
			case r.Method == http.MethodDelete:
				aborted = append(aborted, query.Get("uploadId"))
				w.WriteHeader(204)
			default:
				return false
			}
			return true
		})
		n, err := s.Sweep(t.Context(), "out/")
		slices.Sort(aborted)
		if err != nil || n != len(want) || !slices.Equal(aborted, want) {
			t.Errorf("at %q swept %d, aborted %q: %v", date, n, aborted, err)
		}
	}
}
