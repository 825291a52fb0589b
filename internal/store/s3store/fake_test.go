package s3store_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/store/s3store"
)

// fake answers like S3, for one bucket, until a test wants a fault: real
// servers do not fail on demand.
type fake struct {
	mu       sync.Mutex
	objects  map[string]*fakeObject
	uploads  map[string]map[int][]byte
	requests []string // "GET /bucket/key bytes=0-1"
	fault    func(f *fake, w http.ResponseWriter, r *http.Request, n int) (handled bool)
	seen     map[string]int // requests so far of a kind
	over     chan struct{}  // closed at the end of the test
}

type fakeObject struct {
	data []byte
	etag string
	meta http.Header
}

// newFake starts a fake and a store on it. fault sees every request, with its
// number among those of the same operation, from 1.
func newFake(t *testing.T, cfg s3store.Config, fault func(f *fake, w http.ResponseWriter, r *http.Request, n int) bool) (*fake, *s3store.Store) {
	t.Helper()
	f := &fake{objects: map[string]*fakeObject{}, uploads: map[string]map[int][]byte{}, fault: fault, seen: map[string]int{}, over: make(chan struct{})}
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		close(f.over)
		server.CloseClientConnections()
		server.Close()
	})
	cfg.Bucket, cfg.Region, cfg.Endpoint = "bucket", "us-east-1", server.URL
	if cfg.Credentials == nil {
		cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIDCANARY", "secret-canary", "")
	}
	cfg.MaxBackoff = time.Millisecond
	s, err := s3store.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

func (f *fake) put(key string, data []byte) *fakeObject {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.store(key, data, nil)
}

func (f *fake) store(key string, data []byte, header http.Header) *fakeObject {
	sum := md5.Sum(data)
	o := &fakeObject{data: data, etag: `"` + hex.EncodeToString(sum[:]) + `"`, meta: http.Header{}}
	for name, values := range header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			o.meta[name] = values
		}
	}
	f.objects[key] = o
	return o
}

// log gives the requests, and forgets them.
func (f *fake) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	log := f.requests
	f.requests = nil
	return log
}

// operation names a request as S3's API does.
func operation(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost:
		return "CompleteMultipartUpload"
	case r.Method == http.MethodPut && query.Has("uploadId"):
		return "UploadPart"
	case r.Method == http.MethodPut:
		return "PutObject"
	case r.Method == http.MethodDelete:
		return "AbortMultipartUpload"
	case r.Method == http.MethodHead:
		return "HeadObject"
	case query.Has("list-type"):
		return "ListObjectsV2"
	}
	return "GetObject"
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op := operation(r)
	f.mu.Lock()
	f.seen[op]++
	n := f.seen[op]
	f.requests = append(f.requests, strings.TrimSpace(op+" "+r.Header.Get("Range")))
	f.mu.Unlock()
	if f.fault != nil && f.fault(f, w, r, n) {
		return
	}
	f.serve(w, r)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.TrimPrefix(r.URL.Path, "/bucket/")
	o := f.objects[key]
	query := r.URL.Query()
	switch operation(r) {
	case "HeadObject", "GetObject":
		f.get(w, r, o)
	case "PutObject":
		if conditional(w, r, o) {
			w.Header().Set("ETag", f.store(key, body, r.Header).etag)
		}
	case "CreateMultipartUpload":
		id := strconv.Itoa(len(f.uploads) + 1)
		f.uploads[id] = map[int][]byte{}
		fmt.Fprintf(w, `<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>`, id)
	case "UploadPart":
		number, _ := strconv.Atoi(query.Get("partNumber"))
		if f.uploads[query.Get("uploadId")] == nil {
			fail(w, 404, "NoSuchUpload")
			return
		}
		f.uploads[query.Get("uploadId")][number] = body
		w.Header().Set("ETag", fmt.Sprintf(`"part%d"`, number))
	case "CompleteMultipartUpload":
		parts := f.uploads[query.Get("uploadId")]
		if parts == nil {
			fail(w, 404, "NoSuchUpload")
			return
		}
		if !conditional(w, r, o) {
			return
		}
		var complete struct {
			Part []struct{ PartNumber int }
		}
		if err := xml.Unmarshal(body, &complete); err != nil || len(complete.Part) != len(parts) {
			fail(w, 400, "InvalidPart")
			return
		}
		var data []byte
		for i, p := range complete.Part {
			if p.PartNumber != i+1 {
				fail(w, 400, "InvalidPartOrder")
				return
			}
			data = append(data, parts[p.PartNumber]...)
		}
		if want := r.Header.Get("X-Amz-Checksum-Crc32"); want != crc(data) {
			fail(w, 400, "BadDigest")
			return
		}
		delete(f.uploads, query.Get("uploadId"))
		fmt.Fprintf(w, `<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>`, f.store(key, data, nil).etag)
	case "AbortMultipartUpload":
		delete(f.uploads, query.Get("uploadId"))
		w.WriteHeader(204)
	case "ListObjectsV2":
		f.list(w, query.Get("prefix"))
	default:
		fail(w, 501, "NotImplemented")
	}
}

func (f *fake) list(w http.ResponseWriter, prefix string) {
	fmt.Fprint(w, "<ListBucketResult><EncodingType>url</EncodingType>")
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if strings.HasPrefix(key, prefix) {
			fmt.Fprintf(w, "<Contents><Key>%s</Key><ETag>%s</ETag><Size>%d</Size><LastModified>2024-01-10T12:00:00Z</LastModified></Contents>",
				url.QueryEscape(key), f.objects[key].etag, len(f.objects[key].data))
		}
	}
	fmt.Fprint(w, "</ListBucketResult>")
}

func (f *fake) get(w http.ResponseWriter, r *http.Request, o *fakeObject) {
	if o == nil {
		fail(w, 404, "NoSuchKey")
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && match != o.etag {
		fail(w, 412, "PreconditionFailed")
		return
	}
	for name, values := range o.meta {
		w.Header()[name] = values
	}
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Last-Modified", "Wed, 10 Jan 2024 12:00:00 GMT")
	data, status := o.data, 200
	if rangeOf := r.Header.Get("Range"); rangeOf != "" {
		var from, to int
		fmt.Sscanf(rangeOf, "bytes=%d-%d", &from, &to)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(o.data)))
		data, status = o.data[from:to+1], 206
	} else if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		w.Header().Set("X-Amz-Checksum-Crc32", crc(o.data))
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(data)
	}
}

func conditional(w http.ResponseWriter, r *http.Request, o *fakeObject) bool {
	match := r.Header.Get("If-Match")
	switch {
	case match != "" && o == nil:
		fail(w, 404, "NoSuchKey")
	case match != "" && match != o.etag, r.Header.Get("If-None-Match") == "*" && o != nil:
		fail(w, 412, "PreconditionFailed")
	default:
		return true
	}
	return false
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>Said by the test</Message></Error>`, code)
}

// cut sends what an object's response begins with and then closes the
// connection, as its Content-Length says that more should come.
func cut(w http.ResponseWriter, r *http.Request, o *fakeObject, from, to, bytes int) {
	ranged := r.Header.Get("Range") != ""
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Last-Modified", "Wed, 10 Jan 2024 12:00:00 GMT")
	w.Header().Set("Content-Length", strconv.Itoa(to-from))
	if ranged {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(o.data)))
		w.WriteHeader(206)
	}
	w.Write(o.data[from : from+bytes])
	w.(http.Flusher).Flush()
	hangUp(w) // what was sent may be lost on the way
}

// hangUp closes the connection with a reset.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

func crc(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data)))
}
