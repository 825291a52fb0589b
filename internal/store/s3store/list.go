package s3store

import (
	"context"
	"errors"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	var uploads []store.Upload
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{
		Bucket: &s.bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.fail(ctx, "list uploads", prefix, err)
		}
		for _, u := range page.Uploads {
			key, err := decode(u.Key, page.EncodingType)
			if err != nil {
				return nil, s.fail(ctx, "list uploads", prefix, err)
			}
			uploads = append(uploads, store.Upload{Key: key, ID: aws.ToString(u.UploadId), Started: modified(u.Initiated)})
		}
	}
	return uploads, nil
}

// AbortUpload implements [store.Store].
func (s *Store) AbortUpload(ctx context.Context, u store.Upload) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &u.Key, UploadId: &u.ID})
	if err != nil && !isCode(err, "NoSuchUpload") {
		return s.fail(ctx, "abort", u.Key, err)
	}
	return nil
}

// decode gives the key of a listing. A server that does not know the encoding
// does not claim it.
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
