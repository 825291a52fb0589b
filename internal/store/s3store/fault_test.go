package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/store"
	"sluice/internal/store/s3store"
	"sluice/internal/store/storetest"
)

const part = 64 << 10 // the fake takes parts of any size

func random(n int) []byte {
	data := make([]byte, n)
	source := rand.NewChaCha8([32]byte{})
	source.Read(data)
	return data
}

func readAll(s store.Store, ctx context.Context, key string) ([]byte, error) {
	data, _, err := store.Get(ctx, s, key, 1<<30)
	return data, err
}

// What S3 answers, and what is made of it: the store's error, whether it
// passes, and after how many requests it is told.
func TestResponses(t *testing.T) {
	for _, test := range []struct {
		status    int
		code      string
		want      error
		transient bool
		requests  int
		says      string
	}{
		{403, "AccessDenied", store.ErrDenied, false, 1, "AccessDenied (403): Said by the test; the policy must allow"},
		{403, "InvalidObjectState", store.ErrArchived, false, 1, "restore the object"},
		{403, "RequestTimeTooSkewed", nil, false, 1, "clock"},
		{403, "SignatureDoesNotMatch", nil, false, 1, "SignatureDoesNotMatch (403)"},
		{403, "KMS.DisabledException", nil, false, 1, "KMS.DisabledException"},
		{400, "KMS.ThrottlingException", nil, true, 3, "KMS.ThrottlingException"},
		{400, "ExpiredToken", nil, true, 1, "ExpiredToken"},
		{400, "RequestTimeout", nil, true, 3, "RequestTimeout"},
		{404, "NoSuchKey", store.ErrNotFound, false, 1, "no such object"},
		{404, "NoSuchVersion", store.ErrNotFound, false, 1, "NoSuchVersion"},
		{404, "NoSuchBucket", nil, false, 1, "check the name of the bucket"},
		{405, "MethodNotAllowed", nil, false, 1, "MethodNotAllowed"},
		{429, "TooManyRequests", nil, true, 3, "(429)"},
		{500, "InternalError", nil, true, 3, "InternalError (500)"},
		{501, "NotImplemented", nil, false, 1, "NotImplemented"},
		{502, "BadGateway", nil, true, 3, "(502)"},
		{503, "SlowDown", nil, true, 3, "SlowDown (503)"},
		{503, "ServiceUnavailable", nil, true, 3, "(503)"},
		{504, "GatewayTimeout", nil, true, 3, "(504)"},
		{301, "PermanentRedirect", nil, false, 1, "the bucket is in region eu-north-1"},
	} {
		t.Run(test.code, func(t *testing.T) {
			f, s := newFake(t, s3store.Config{Attempts: 3}, func(_ *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
				w.Header().Set("X-Amz-Bucket-Region", "eu-north-1")
				fail(w, test.status, test.code)
				return true
			})
			_, err := s.Open(t.Context(), "key")
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if store.IsTransient(err) != test.transient {
				t.Errorf("transient %t: %v", store.IsTransient(err), err)
			}
			if n := len(f.log()); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
			text := err.Error()
			if !strings.HasPrefix(text, `open "s3://bucket/key": `) || !strings.Contains(text, test.says) {
				t.Errorf("error text: %s", text)
			}
			if strings.Contains(text, "CANARY") || strings.Contains(text, "canary") {
				t.Errorf("credentials in the error text: %s", text)
			}
		})
	}
}

// Keys that others can have written, and that the contract refuses.
func TestStrangers(t *testing.T) {
	f, s := newFake(t, s3store.Config{}, nil)
	names := []string{"in/../up.json", "in/./dot.json", "in/end/..", "in/bad\xff.json"}
	for _, name := range names {
		f.put(name, []byte("x"))
	}
	storetest.Strangers(t, s, "in/", names...)
}

// The answer to a HEAD has no body that says why.
func TestDeniedHead(t *testing.T) {
	_, s := newFake(t, s3store.Config{Attempts: 1}, func(_ *fake, w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	if _, err := s.Head(t.Context(), "key"); !errors.Is(err, store.ErrDenied) || store.IsTransient(err) || !strings.Contains(err.Error(), "Forbidden (403); the policy must allow") {
		t.Errorf("error %v", err)
	}
}

// A response that lacks what a state is known by is an error that says so, and
// never the answer that there is no object.
func TestResponsesThatLackSomething(t *testing.T) {
	calls := map[string]func(s *s3store.Store) error{
		"HeadObject": func(s *s3store.Store) error {
			_, err := s.Head(t.Context(), "key")
			return err
		},
		"GetObject": func(s *s3store.Store) error {
			_, err := s.Open(t.Context(), "key")
			return err
		},
		"ListObjectsV2": func(s *s3store.Store) error { return s.List(t.Context(), "", func(store.Info) error { return nil }) },
		"PutObject": func(s *s3store.Store) error {
			_, err := store.Put(t.Context(), s, "new", []byte("x"), store.CreateOptions{}, store.IfNoneMatch())
			return err
		},
		"UploadPart":              func(s *s3store.Store) error { return putInParts(t, s) },
		"CompleteMultipartUpload": func(s *s3store.Store) error { return putInParts(t, s) },
		"CreateMultipartUpload":   func(s *s3store.Store) error { return putInParts(t, s) },
	}
	for _, test := range []struct{ op, lacks, says string }{
		{"HeadObject", "ETag", "no ETag"},
		{"HeadObject", "Last-Modified", "no Last-Modified"},
		{"GetObject", "ETag", "no ETag"},
		{"GetObject", "Last-Modified", "no Last-Modified"},
		{"ListObjectsV2", "ETag", "no ETag"},
		{"ListObjectsV2", "LastModified", "no Last-Modified"},
		{"ListObjectsV2", "Size", "how long"},
		{"PutObject", "ETag", "no ETag"},
		{"UploadPart", "ETag", "no ETag"},
		{"CompleteMultipartUpload", "ETag", "no ETag"},
		{"CreateMultipartUpload", "UploadId", "no UploadId"},
	} {
		t.Run(test.op+" without "+test.lacks, func(t *testing.T) {
			f, s := newFake(t, s3store.Config{Attempts: 2}, func(f *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
				if operation(r) != test.op {
					return false
				}
				rec := httptest.NewRecorder()
				f.serve(rec, r)
				rec.Header().Del(test.lacks)
				maps.Copy(w.Header(), rec.Header())
				if r.Method == http.MethodHead {
					w.Header().Set("Content-Length", "1")
				}
				w.WriteHeader(rec.Code)
				w.Write(regexp.MustCompile("<"+test.lacks+">.*</"+test.lacks+">").ReplaceAll(rec.Body.Bytes(), nil))
				return true
			})
			f.put("key", []byte("x"))
			err := calls[test.op](s)
			if err == nil || errors.Is(err, store.ErrNotFound) || !store.IsTransient(err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func putInParts(t *testing.T, s *s3store.Store) error {
	_, err := s.PutInParts(t.Context(), "large", []byte("x"), store.IfNoneMatch())
	return err
}

func TestHeadHasNoCode(t *testing.T) {
	for status, want := range map[int]string{403: "s3:ListBucket", 404: "no such object"} {
		_, s := newFake(t, s3store.Config{}, func(_ *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
			w.WriteHeader(status)
			return true
		})
		_, err := s.Head(t.Context(), "key")
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, store.ErrNotFound) != (status == 404) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestPassingErrorsAreRepeated(t *testing.T) {
	f, s := newFake(t, s3store.Config{PartSize: part}, func(_ *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		switch {
		case n == 1:
			fail(w, 503, "SlowDown")
		case n == 2:
			fail(w, 500, "InternalError")
		case n == 3:
			hangUp(w)
		default:
			return false
		}
		return true
	})
	data := random(3 * part)
	if _, err := store.Put(t.Context(), s, "key", data, store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(s, t.Context(), "key"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes: %v", len(got), err)
	}
	if len(f.uploads) > 0 {
		t.Error("a pending upload is left")
	}
}

// The connection breaks after n bytes of the first response, of every range,
// at each edge: reading goes on where it broke, and the bytes are the same.
func TestBrokenBodyIsResumed(t *testing.T) {
	for _, size := range []int{1000, part, part + 1, 3*part + 17} {
		data := random(size)
		for _, after := range []int{0, 1, 999, part / 2, part - 1, part} {
			broken := map[int]bool{} // parts
			f, s := newFake(t, s3store.Config{PartSize: part}, func(f *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
				from, to := 0, size
				if rangeOf := r.Header.Get("Range"); rangeOf != "" {
					fmt.Sscanf(rangeOf, "bytes=%d-%d", &from, &to)
					to++
				}
				f.mu.Lock()
				o, was := f.objects["key"], broken[from/part]
				broken[from/part] = true
				f.mu.Unlock()
				if was || after >= to-from {
					return false
				}
				cut(w, r, o, from, to, after)
				return true
			})
			f.put("key", data)
			got, err := readAll(s, t.Context(), "key")
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, cut after %d: read %d bytes: %v", size, after, len(got), err)
			}
		}
	}
}

// However often a body breaks off, an object that flows in between is read:
// tries that got on leave the budget of retries as it was.
func TestBodyThatBreaksOften(t *testing.T) {
	const piece, pieces = 20 << 10, 200
	f, s := newFake(t, s3store.Config{PartSize: piece * pieces}, func(f *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
		from := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		cut(w, r, f.objects["key"], from, piece*pieces, piece)
		return true
	})
	data := random(piece * pieces)
	f.put("key", data)
	if got, err := readAll(s, t.Context(), "key"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes in %d requests: %v", len(got), len(f.log()), err)
	}
}

func TestBrokenForEver(t *testing.T) {
	f, s := newFake(t, s3store.Config{PartSize: part, Attempts: 3}, func(f *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
		from, to := 0, 1000
		if rangeOf := r.Header.Get("Range"); rangeOf != "" {
			fmt.Sscanf(rangeOf, "bytes=%d-", &from)
		}
		cut(w, r, f.objects["key"], from, to, 0)
		return true
	})
	f.put("key", random(1000))
	_, err := readAll(s, t.Context(), "key")
	if !store.IsTransient(err) {
		t.Errorf("error %v", err)
	}
	if n := len(f.log()); n > 9 {
		t.Errorf("%d requests", n)
	}
}

func TestBodyOfWrongLength(t *testing.T) {
	data := random(1000)
	respond := func(change func(h http.Header), body []byte) func(f *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
		return func(f *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
			h := w.Header()
			h.Set("ETag", f.objects["key"].etag)
			h.Set("Last-Modified", "Wed, 10 Jan 2024 12:00:00 GMT")
			change(h)
			w.Write(body)
			w.(http.Flusher).Flush() // without Content-Length the end of the body is a clean EOF
			return true
		}
	}
	for name, fault := range map[string]func(*fake, http.ResponseWriter, *http.Request, int) bool{
		"no length": respond(func(http.Header) {}, data[:500]),
		"206 without a range": func(f *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
			r.Header.Set("Range", "bytes=0-499")
			return false
		},
		"range ignored": func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				cut(w, r, f.objects["key"], 0, 1000, 500)
				return true
			}
			r.Header.Del("Range")
			return false
		},
		"clean end of a range": func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				cut(w, r, f.objects["key"], 0, 1000, 500)
				return true
			}
			return respond(func(h http.Header) {
				var from int
				fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
				h.Set("Content-Range", fmt.Sprintf("bytes %d-999/1000", from))
			}, nil)(f, w, r, n)
		},
		"long range": func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				cut(w, r, f.objects["key"], 0, 1000, 500)
				return true
			}
			return respond(func(h http.Header) {
				var from int
				fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
				h.Set("Content-Range", fmt.Sprintf("bytes %d-999/1000", from))
			}, random(2000))(f, w, r, n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, s := newFake(t, s3store.Config{Attempts: 2}, fault)
			f.put("key", data)
			got, err := readAll(s, t.Context(), "key")
			if !store.IsTransient(err) {
				t.Errorf("read %d bytes, error %v", len(got), err)
			}
		})
	}
}

// One bit is wrong: in the only response, in a range, or after a resumption.
func TestWrongBit(t *testing.T) {
	for name, size := range map[string]int{"one response": 1000, "ranges": 3 * part} {
		for _, always := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, always %t", name, always), func(t *testing.T) {
				data := random(size)
				f, s := newFake(t, s3store.Config{PartSize: part, Attempts: 2}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
					if n > 1 && !always {
						return false
					}
					f.mu.Lock()
					o := f.objects["key"]
					bad := bytes.Clone(o.data)
					bad[10] ^= 1
					f.mu.Unlock()
					h := w.Header()
					h.Set("ETag", o.etag)
					h.Set("X-Amz-Checksum-Crc32", crc(o.data))
					if r.Header.Get("Range") != "" {
						return false
					}
					h.Set("Content-Length", strconv.Itoa(len(bad)))
					w.Write(bad)
					return true
				})
				f.put("key", data)
				got, err := readAll(s, t.Context(), "key")
				if err == nil && !bytes.Equal(got, data) {
					t.Error("wrong bytes were taken for right")
				}
				if err != nil && !store.IsTransient(err) {
					t.Errorf("error %v", err)
				}
				if err == nil && name == "ranges" {
					t.Error("no error, but the first part had a wrong bit")
				}
			})
		}
	}
}

// The object is replaced, or removed, between two ranges: an error, never a
// mixture.
func TestReplacedBetweenRanges(t *testing.T) {
	for name, change := range map[string]func(f *fake){
		"replaced": func(f *fake) { f.store("key", make([]byte, 4*part), nil) },
		"shorter":  func(f *fake) { f.store("key", nil, nil) },
		"removed":  func(f *fake) { delete(f.objects, "key") },
	} {
		f, s := newFake(t, s3store.Config{PartSize: part, Parallel: 1}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 3 {
				f.mu.Lock()
				defer f.mu.Unlock()
				change(f)
			}
			return false
		})
		data := random(4 * part)
		f.put("key", data)
		got, err := readAll(s, t.Context(), "key")
		if !errors.Is(err, store.ErrChanged) || !bytes.HasPrefix(data, got) {
			t.Errorf("%s: read %d bytes: %v", name, len(got), err)
		}
		if n := len(f.log()); n != 3 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// Small objects are one request, large ones as many as they have parts.
func TestNumberOfRequests(t *testing.T) {
	f, s := newFake(t, s3store.Config{PartSize: part}, nil)
	for _, test := range []struct {
		size       int
		read, done []string
	}{
		{0, []string{"GetObject"}, []string{"PutObject"}},
		{part, []string{"GetObject"}, []string{"PutObject"}},
		{part + 1, []string{"GetObject", "GetObject bytes=65536-65536"},
			[]string{"CompleteMultipartUpload", "CreateMultipartUpload", "UploadPart", "UploadPart"}},
		{2 * part, []string{"GetObject", "GetObject bytes=65536-131071"},
			[]string{"CompleteMultipartUpload", "CreateMultipartUpload", "UploadPart", "UploadPart"}},
	} {
		if _, err := store.Put(t.Context(), s, "key", random(test.size), store.CreateOptions{}, store.Unconditional()); err != nil {
			t.Fatal(err)
		}
		log := f.log()
		slices.Sort(log)
		if !slices.Equal(log, test.done) {
			t.Errorf("writing %d bytes: %q", test.size, log)
		}
		if _, err := readAll(s, t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
		log = f.log()
		slices.Sort(log)
		if !slices.Equal(log, test.read) {
			t.Errorf("reading %d bytes: %q", test.size, log)
		}
	}
}

// A stored Content-Encoding says nothing about what is delivered.
func TestContentEncodingIsNotUndone(t *testing.T) {
	_, s := newFake(t, s3store.Config{}, func(f *fake, w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Encoding", "gzip")
		}
		return false
	})
	data := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	if _, err := store.Put(t.Context(), s, "key", []byte(data), store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(s, t.Context(), "key"); err != nil || string(got) != data {
		t.Errorf("read %q: %v", got, err)
	}
}

// stalls are the ways in which a server can give nothing.
var stalls = map[string]func(f *fake, w http.ResponseWriter, size int){
	"before the response": func(f *fake, _ http.ResponseWriter, _ int) { <-f.over },
	"behind the headers": func(f *fake, w http.ResponseWriter, size int) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		w.(http.Flusher).Flush()
		<-f.over
	},
	"in the body": func(f *fake, w http.ResponseWriter, size int) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		w.Write(bytes.Repeat([]byte(" "), size/2))
		w.(http.Flusher).Flush()
		<-f.over
	},
	"drop by drop": func(f *fake, w http.ResponseWriter, size int) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		for range size {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-f.over:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	},
}

// stalling has every request that is wanted end in a stall.
func stalling(stall func(*fake, http.ResponseWriter, int), isWanted func(r *http.Request, n int) bool) func(*fake, http.ResponseWriter, *http.Request, int) bool {
	return func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		if !isWanted(r, n) {
			return false
		}
		size := 1000
		f.mu.Lock()
		if o := f.objects["key"]; o != nil {
			w.Header().Set("ETag", o.etag)
			w.Header().Set("Last-Modified", "Wed, 10 Jan 2024 12:00:00 GMT")
			size = len(o.data)
		}
		f.mu.Unlock()
		if rangeOf := r.Header.Get("Range"); rangeOf != "" {
			var from, to int
			fmt.Sscanf(rangeOf, "bytes=%d-%d", &from, &to)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
			size = to + 1 - from
			w.Header().Set("Content-Length", strconv.Itoa(size))
			w.WriteHeader(206)
		}
		stall(f, w, size)
		return true
	}
}

// A server that stops sending, at any point, or sends drop by drop, is given
// up and asked again.
func TestStall(t *testing.T) {
	for name, stall := range stalls {
		t.Run(name, func(t *testing.T) {
			data := bytes.Repeat([]byte(" "), 1000)
			f, s := newFake(t, s3store.Config{Timeout: 800 * time.Millisecond}, stalling(stall, func(_ *http.Request, n int) bool { return n == 1 }))
			f.put("key", data)
			if got, err := readAll(s, t.Context(), "key"); err != nil || !bytes.Equal(got, data) {
				t.Errorf("read %d bytes: %v", len(got), err)
			}
		})
	}
}

// A server that gives nothing for ever is asked as often as the timeout has
// silences, and not once for each drop. The error says what on which object
// failed and why, and that it may pass.
func TestStallForEver(t *testing.T) {
	calls := map[string]struct {
		op   string // of S3
		says string
		call func(s *s3store.Store) error
	}{
		"head": {"HeadObject", `head "s3://bucket/key": `, func(s *s3store.Store) error {
			_, err := s.Head(t.Context(), "key")
			return err
		}},
		"read": {"GetObject", `"s3://bucket/key": `, func(s *s3store.Store) error {
			_, err := readAll(s, t.Context(), "key")
			return err
		}},
		"list": {"ListObjectsV2", `list "s3://bucket/in/": `, func(s *s3store.Store) error {
			return s.List(t.Context(), "in/", func(store.Info) error { return nil })
		}},
		"put": {"PutObject", `commit "s3://bucket/new": `, func(s *s3store.Store) error {
			_, err := store.Put(t.Context(), s, "new", []byte("x"), store.CreateOptions{}, store.IfNoneMatch())
			return err
		}},
		"create": {"CreateMultipartUpload", `create "s3://bucket/large": `, func(s *s3store.Store) error { return putInParts(t, s) }},
		"part":   {"UploadPart", `commit "s3://bucket/large": `, func(s *s3store.Store) error { return putInParts(t, s) }},
	}
	for at, stall := range stalls {
		for name, c := range calls {
			if name == "head" && at != "before the response" || name != "read" && at == "in the body" {
				continue // there is no body, or it is as the one of drops
			}
			t.Run(name+", silent "+at, func(t *testing.T) {
				t.Parallel()
				f, s := newFake(t, s3store.Config{Timeout: 800 * time.Millisecond, Attempts: 20}, stalling(stall, func(r *http.Request, _ int) bool { return operation(r) == c.op }))
				f.put("key", random(3000))
				err := c.call(s)
				if err == nil || !store.IsTransient(err) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "the server is silent") || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, transient %t", err, store.IsTransient(err))
				}
				asked := 0
				for _, r := range f.log() {
					if strings.HasPrefix(r, c.op) {
						asked++
					}
				}
				if asked < 1 || asked > 8 { // 3, but for a busy machine
					t.Errorf("the server was asked %d times", asked)
				}
			})
		}
	}
}

// A server that takes nothing of a request is given up too.
func TestStallOfAnUpload(t *testing.T) {
	t.Parallel()
	f, s := newFake(t, s3store.Config{Timeout: 2 * time.Second, Attempts: 20, PartSize: 32 << 20}, func(f *fake, _ http.ResponseWriter, _ *http.Request, _ int) bool {
		<-f.over // the connection takes in some MB, and then no more
		return true
	})
	_, err := store.Put(t.Context(), s, "key", make([]byte, 20<<20), store.CreateOptions{}, store.IfNoneMatch())
	if !store.IsTransient(err) || !strings.Contains(err.Error(), `commit "s3://bucket/key": the server is silent`) {
		t.Errorf("error %v", err)
	}
	if n := len(f.log()); n > 8 { // 3, but for a busy machine
		t.Errorf("the server was asked %d times", n)
	}
}

// What flows is not cut off, though it takes longer than the timeout.
func TestSlowFlow(t *testing.T) {
	t.Parallel()
	const piece, pieces = 20 << 10, 50 // each in a tenth of a second
	data := random(piece * pieces)
	f, s := newFake(t, s3store.Config{Timeout: 4 * time.Second}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		o := f.objects["key"]
		w.Header().Set("ETag", o.etag)
		w.Header().Set("Last-Modified", "Wed, 10 Jan 2024 12:00:00 GMT")
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		for from := 0; from < len(data); from += piece {
			w.Write(data[from : from+piece])
			w.(http.Flusher).Flush()
			time.Sleep(100 * time.Millisecond)
		}
		return true
	})
	f.put("key", data)
	if got, err := readAll(s, t.Context(), "key"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes: %v", len(got), err)
	}
	if log := f.log(); !slices.Equal(log, []string{"GetObject"}) {
		t.Errorf("requests %q", log)
	}
}

// The caller's deadline ends everything, at once, and is no passing error.
func TestDeadline(t *testing.T) {
	f, s := newFake(t, s3store.Config{}, func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool {
		<-f.over
		return true
	})
	f.put("key", random(10))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Open(ctx, "key")
	if !errors.Is(err, context.DeadlineExceeded) || store.IsTransient(err) {
		t.Errorf("error %v, transient %t", err, store.IsTransient(err))
	}
}

// Credentials that end while an object is read are asked for again: each
// request has those that are valid when it is sent.
func TestCredentialsAreRefreshed(t *testing.T) {
	var mu sync.Mutex
	given, used := 0, map[string]bool{}
	cfg := s3store.Config{
		PartSize: 5 << 20, Parallel: 1,
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			mu.Lock()
			defer mu.Unlock()
			given++
			return aws.Credentials{
				AccessKeyID: fmt.Sprintf("AKID%d", given), SecretAccessKey: "secret", CanExpire: true, Expires: time.Now(),
			}, nil
		})),
	}
	f, s := newFake(t, cfg, func(_ *fake, _ http.ResponseWriter, r *http.Request, _ int) bool {
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		id, _, _ := strings.Cut(rest, "/")
		used[id] = true
		return false
	})
	data := random(12 << 20)
	f.put("key", data)
	if got, err := readAll(s, t.Context(), "key"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes: %v", len(got), err)
	}
	if len(used) < 3 || used[""] {
		t.Errorf("three ranges were signed with %v", used)
	}
}

func TestNobodyListens(t *testing.T) {
	s, err := s3store.New(t.Context(), s3store.Config{
		Bucket: "bucket", Region: "us-east-1", Endpoint: "http://127.0.0.1:1", Attempts: 2, MaxBackoff: time.Millisecond,
		Credentials: nobody{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Head(t.Context(), "key"); !store.IsTransient(err) || strings.Contains(err.Error(), "http://") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v", err)
	}
}
