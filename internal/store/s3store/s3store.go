// Package s3store is a bucket of Amazon S3, or of a server that speaks its
// protocol with conditional writes.
//
// An object is read in parts of fixed size, several at a time. Each part comes from
// the state that was opened, and goes on where a connection broke. An object is
// written by one request, or by a multipart upload that is completed under the
// precondition. Config bounds the memory for one object: Parallel ranges of at most
// 4 MiB for reading, Parallel/2 + 1 parts for writing, and never more than the
// object. One that is begun and waits for more bytes has one part, at most.
package s3store

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/internal/patience"
	"sluice/internal/store"
)

var _ store.Store = (*Store)(nil)

// Config says how to reach a bucket.
type Config struct {
	AWS aws.Config // region, endpoint and credentials; the fields below come first

	Bucket      string
	Region      string
	Endpoint    string // of an S3-compatible server
	PathStyle   bool   // the bucket is in the path, not in the host name
	Credentials aws.CredentialsProvider

	PartSize int64 // bytes, default [PartSize]; S3 takes 5 MiB to 5 GiB, and 10,000 parts an object
	Parallel int   // ranges of one object read at the same time, default 4; writing uses half

	Attempts   int           // of one request, default 5
	MaxBackoff time.Duration // longest pause between two attempts, default 5 s
	Timeout    time.Duration // how long a call may go without progress, see package patience
}

// PartSize is the usual size of the parts that objects are written in: as much is kept
// in memory of an object that is begun, and waits for more bytes.
const PartSize = 8 << 20

func (c Config) withDefaults() Config {
	if c.PartSize == 0 {
		c.PartSize = PartSize
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.Attempts == 0 {
		c.Attempts = 5
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = 5 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = patience.Timeout
	}
	return c
}

// rangeSize is how much of a large object one request reads. It is smaller than the
// parts of a write, since several are requested at once and each takes memory.
func (c Config) rangeSize() int64 { return min(c.PartSize, 4<<20) }

// Store is one bucket.
type Store struct {
	bucket    string
	client    *s3.Client
	retryer   aws.RetryerV2
	config    Config
	checksums bool        // send checksums: the SDK's setting "when supported"
	buffers   chan []byte // of parts that were uploaded: as many as one object uploads at once
}

// New makes the client of a bucket. It sends nothing: only the first call shows
// whether the bucket exists and may be used.
func New(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Bucket == "" {
		return nil, errors.New("open bucket: no name given")
	}
	cfg = cfg.withDefaults()
	s := &Store{bucket: cfg.Bucket, config: cfg, buffers: make(chan []byte, max(1, cfg.Parallel/2)), retryer: patience.Retryer{RetryerV2: newRetryer(cfg), Timeout: cfg.Timeout}}
	base := cfg.AWS.Copy()
	if cfg.Region != "" {
		base.Region = cfg.Region
	}
	if cfg.Credentials != nil {
		base.Credentials = cfg.Credentials
	}
	base.Retryer = func() aws.Retryer { return s.retryer }
	base = patience.Bound(base, cfg.Timeout)
	if base.RequestChecksumCalculation == aws.RequestChecksumCalculationUnset { // as the SDK's own search does
		base.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
	}
	if base.ResponseChecksumValidation == aws.ResponseChecksumValidationUnset {
		base.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	}
	s.client = s3.NewFromConfig(base, func(o *s3.Options) {
		if cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(cfg.Endpoint)
		}
		if o.BaseEndpoint != nil && o.Region == "" {
			o.Region = "us-east-1" // what such servers expect in signatures
		}
		o.UsePathStyle = cfg.PathStyle || isLocal(aws.ToString(o.BaseEndpoint))
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	if s.client.Options().Region == "" {
		return nil, s.fail(ctx, "open", "", errors.New("no region: set AWS_REGION to that of the bucket"))
	}
	s.checksums = s.client.Options().RequestChecksumCalculation != aws.RequestChecksumCalculationWhenRequired
	return s, nil
}

// Bucket is another bucket of the same account, region and endpoint, through
// the same client: connections and the budget for retries are shared.
func (s *Store) Bucket(name string) *Store {
	other := *s
	other.bucket = name
	return &other
}

// isLocal reports whether the host is one that cannot have a bucket before its name.
func isLocal(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()) != nil)
}

// String returns s3://bucket.
func (s *Store) String() string { return "s3://" + s.bucket }

// Head implements [store.Store].
func (s *Store) Head(ctx context.Context, key string) (store.Info, error) {
	if err := store.CheckKey(key); err != nil {
		return store.Info{}, s.fail(ctx, "head", key, err)
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return store.Info{}, s.fail(ctx, "head", key, err)
	}
	info, err := described(key, out.ContentLength, out.ETag, out.LastModified)
	if err != nil {
		return store.Info{}, s.fail(ctx, "head", key, err)
	}
	info.VersionID, info.Meta = version(out.VersionId), out.Metadata
	return info, nil
}

// described makes the Info from a response. It is an error if the response has no
// ETag: an empty one stands for no object.
func described(key string, size *int64, etag *string, at *time.Time) (store.Info, error) {
	info := store.Info{Key: key, Size: aws.ToInt64(size), ETag: unquote(etag), Modified: modified(at)}
	switch {
	case size == nil || *size < 0:
		return info, errNoLength
	case info.ETag == "":
		return info, errNoETag
	case at == nil:
		return info, errNoTime
	}
	return info, nil
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	err := store.CheckKey(key)
	if err == nil {
		_, err = s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	}
	if err != nil {
		if err := s.fail(ctx, "delete", key, err); !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// unquote removes the quotes of an ETag: events and other tools have it without.
func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

func quote(etag string) *string { return aws.String(`"` + etag + `"`) }

// version leaves out "null": all states that were written without versioning have
// that one name.
func version(id *string) string {
	if v := aws.ToString(id); v != "null" {
		return v
	}
	return ""
}

// modified is cut to the second that HTTP headers have: listings of some
// servers are finer.
func modified(t *time.Time) time.Time { return aws.ToTime(t).UTC().Truncate(time.Second) }
