package s3store

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/internal/store"
)

// What a bucket with versioning keeps of objects that were replaced or deleted, for a
// person who must be rid of it. The pipeline needs none of this.

// Version is a state of an object. Its VersionID is as the bucket has it, also that of a
// state that was written without versioning.
type Version struct {
	store.Info
	Current bool // the newest
	Deleted bool // it only says that the object was deleted then
}

// Versions calls fn with all versions of the objects whose keys begin with prefix, in the
// order of the keys, and of each with the current one first, until fn returns an error.
func (s *Store) Versions(ctx context.Context, prefix string, fn func(Version) error) error {
	pages := s3.NewListObjectVersionsPaginator(s.client, &s3.ListObjectVersionsInput{
		Bucket: &s.bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.fail(ctx, "list versions", prefix, err)
		}
		var all []Version
		for _, v := range page.Versions {
			info := store.Info{Size: aws.ToInt64(v.Size), ETag: unquote(v.ETag), VersionID: aws.ToString(v.VersionId), Modified: modified(v.LastModified)}
			if info.Key, err = decode(v.Key, page.EncodingType); err != nil {
				return s.fail(ctx, "list versions", prefix, err)
			}
			all = append(all, Version{Info: info, Current: aws.ToBool(v.IsLatest)})
		}
		for _, m := range page.DeleteMarkers {
			info := store.Info{VersionID: aws.ToString(m.VersionId), Modified: modified(m.LastModified)}
			if info.Key, err = decode(m.Key, page.EncodingType); err != nil {
				return s.fail(ctx, "list versions", prefix, err)
			}
			all = append(all, Version{Info: info, Current: aws.ToBool(m.IsLatest), Deleted: true})
		}
		slices.SortStableFunc(all, func(a, b Version) int {
			first := func(v *Version) int {
				if v.Current {
					return 0
				}
				return 1
			}
			return cmp.Or(cmp.Compare(a.Key, b.Key), first(&a)-first(&b))
		})
		for _, v := range all {
			if err := fn(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// DeleteVersion removes a version. It is not an error if it is not there.
func (s *Store) DeleteVersion(ctx context.Context, key, versionID string) error {
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key, VersionId: &versionID})
	if err != nil && !isCode(err, "NoSuchVersion") && !isCode(err, "InvalidArgument") { // "Invalid version id specified"
		return s.fail(ctx, "delete version of", key, err)
	}
	return nil
}
