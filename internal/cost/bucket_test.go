package cost

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

	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

// bucket is as much of S3 as the requests of one bucket without versions need,
// so that they are counted without a server too.
type bucket struct {
	mu      sync.Mutex
	objects map[string]stored
	uploads map[string][][]byte
}

type stored struct {
	data []byte
	etag string
	meta http.Header
}

// newBucket is a store over a bucket that counts its requests.
func newBucket(t *testing.T, count *counter) store.Store {
	t.Helper()
	server := httptest.NewServer(count.handler(&bucket{objects: map[string]stored{}, uploads: map[string][][]byte{}}))
	t.Cleanup(server.Close)
	s, err := s3store.New(t.Context(), s3store.Config{
		Bucket: "bucket", Region: "us-east-1", Endpoint: server.URL, PathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key, query := strings.TrimPrefix(r.URL.Path, "/bucket/"), r.URL.Query()
	upload := query.Get("uploadId")
	switch {
	case query.Has("list-type"):
		b.list(w, query.Get("prefix"))
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		b.get(w, r, key)
	case query.Has("uploads"):
		id := strconv.Itoa(len(b.uploads) + 1)
		b.uploads[id] = nil
		fmt.Fprintf(w, `<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>`, id)
	case r.Method == http.MethodPut && upload != "":
		n, _ := strconv.Atoi(query.Get("partNumber"))
		for len(b.uploads[upload]) < n {
			b.uploads[upload] = append(b.uploads[upload], nil)
		}
		b.uploads[upload][n-1] = body
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
	case r.Method == http.MethodDelete:
		delete(b.uploads, upload)
		w.WriteHeader(http.StatusNoContent)
	case b.refuses(r, key):
		failed(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPost:
		var parts struct{ Part []struct{ PartNumber int } }
		if xml.Unmarshal(body, &parts) != nil || len(parts.Part) != len(b.uploads[upload]) {
			failed(w, http.StatusBadRequest, "InvalidPart")
			return
		}
		etag := b.put(key, slices.Concat(b.uploads[upload]...), nil)
		fmt.Fprintf(w, `<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>`, etag)
	default:
		w.Header().Set("ETag", b.put(key, body, r.Header))
	}
}

func (b *bucket) refuses(r *http.Request, key string) bool {
	o, there := b.objects[key]
	match := r.Header.Get("If-Match")
	return match != "" && match != o.etag || r.Header.Get("If-None-Match") == "*" && there
}

func (b *bucket) put(key string, data []byte, header http.Header) (etag string) {
	sum := md5.Sum(data)
	o := stored{data: data, etag: `"` + hex.EncodeToString(sum[:]) + `"`, meta: http.Header{}}
	for name, values := range header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			o.meta[name] = values
		}
	}
	b.objects[key] = o
	return o.etag
}

func (b *bucket) get(w http.ResponseWriter, r *http.Request, key string) {
	o, there := b.objects[key]
	if !there {
		failed(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	maps.Copy(w.Header(), o.meta)
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Last-Modified", "Wed, 10 Jan 2024 12:00:00 GMT")
	data, status := o.data, http.StatusOK
	var from, to int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n == 2 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(o.data)))
		data, status = o.data[from:to+1], http.StatusPartialContent
	} else if r.Header.Get("X-Amz-Checksum-Mode") != "" {
		sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data))
		w.Header().Set("X-Amz-Checksum-Crc32", base64.StdEncoding.EncodeToString(sum))
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		w.Write(data)
	}
}

func (b *bucket) list(w http.ResponseWriter, prefix string) {
	fmt.Fprint(w, "<ListBucketResult><EncodingType>url</EncodingType>")
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if strings.HasPrefix(key, prefix) {
			o := b.objects[key]
			fmt.Fprintf(w, "<Contents><Key>%s</Key><ETag>%s</ETag><Size>%d</Size><LastModified>2024-01-10T12:00:00Z</LastModified></Contents>",
				url.QueryEscape(key), o.etag, len(o.data))
		}
	}
	fmt.Fprint(w, "</ListBucketResult>")
}

func failed(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<Error><Code>%s</Code></Error>`, code)
}
