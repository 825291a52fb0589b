package s3store

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"sluice/internal/store"
)

// List implements [store.Store], a page of up to 1,000 keys at a time.
func (s *Store) List(ctx context.Context, prefix string, fn func(store.Info) error) error {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
		// XML has no way to write some characters that keys may have.
		Bucket: &s.bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.fail(ctx, "list", prefix, err)
		}
		for _, o := range page.Contents {
			key, err := decode(o.Key, page.EncodingType)
			if err != nil {
				return s.fail(ctx, "list", prefix, err)
			}
			info, err := described(key, o.Size, o.ETag, o.LastModified)
			if err != nil {
				return s.fail(ctx, "list", prefix, err)
			}
			info.Err = store.CheckKey(key)
			if err := fn(info); err != nil {
				return err
			}
		}
	}
	return nil
}

// PendingUploads implements [store.Store].
func (s *Store) PendingUploads(ctx context.Context, prefix string) ([]store.Upload, error) {
	uploads, _, err := s.pending(ctx, prefix)
	return uploads, err
}

// pending lists the pending uploads; now is the server's time.
func (s *Store) pending(ctx context.Context, prefix string) (uploads []store.Upload, now time.Time, err error) {
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{
		Bucket: &s.bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, now, s.fail(ctx, "list uploads", prefix, err)
		}
		now, _ = awsmiddleware.GetServerTime(page.ResultMetadata)
		for _, u := range page.Uploads {
			key, err := decode(u.Key, page.EncodingType)
			if err != nil {
				return nil, now, s.fail(ctx, "list uploads", prefix, err)
			}
			uploads = append(uploads, store.Upload{Key: key, ID: aws.ToString(u.UploadId), Started: modified(u.Initiated)})
		}
	}
	return uploads, now, nil
}

// silence is how long an upload must have had no new part before Sweep takes its
// writer for dead: a bucket does not say who is writing. A Lambda function lives a
// quarter of an hour; a run that sends no part for a day fails.
const silence = 24 * time.Hour

// Sweep implements [store.Store]. It uses only the server's times, so that a wrong
// clock here does not end the uploads of others.
func (s *Store) Sweep(ctx context.Context, prefix string) (n int, err error) {
	uploads, now, err := s.pending(ctx, prefix)
	if err != nil {
		return 0, err
	}
	for _, u := range uploads {
		if now.Sub(u.Started) < silence {
			continue
		}
		_, last, err := s.parts(ctx, u)
		switch {
		case isCode(err, "NoSuchUpload"): // it has just ended
			continue
		case err == nil && now.Sub(last) >= silence:
			if err = s.AbortUpload(ctx, u); err == nil {
				n++
			}
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// UploadSize is the number of bytes that a pending upload has stored.
func (s *Store) UploadSize(ctx context.Context, u store.Upload) (int64, error) {
	size, _, err := s.parts(ctx, u)
	return size, err
}

// parts adds up the parts of an upload; last is when the newest was sent.
func (s *Store) parts(ctx context.Context, u store.Upload) (size int64, last time.Time, err error) {
	pages := s3.NewListPartsPaginator(s.client, &s3.ListPartsInput{Bucket: &s.bucket, Key: &u.Key, UploadId: &u.ID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return size, last, s.fail(ctx, "list parts", u.Key, err)
		}
		for _, p := range page.Parts {
			size += aws.ToInt64(p.Size)
			if at := modified(p.LastModified); at.After(last) {
				last = at
			}
		}
	}
	return size, last, nil
}

// AbortUpload implements [store.Store].
func (s *Store) AbortUpload(ctx context.Context, u store.Upload) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &u.Key, UploadId: &u.ID})
	if err != nil && !isCode(err, "NoSuchUpload") {
		return s.fail(ctx, "abort", u.Key, err)
	}
	return nil
}

// decode returns the key of a listing. A server that does not know the encoding
// does not say that it used it.
func decode(key *string, encoding types.EncodingType) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return aws.ToString(key), nil
	}
	return url.QueryUnescape(aws.ToString(key))
}

func isCode(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
