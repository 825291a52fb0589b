package s3store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/internal/store"
)

// The settings of a bucket, for a person who looks for the cause of a problem.
// The pipeline needs none of this.

// Clock is the server's time, in whole seconds.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	out, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
	if err != nil {
		return time.Time{}, s.fail(ctx, "look at bucket", "", err)
	}
	at, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	if !ok {
		return time.Time{}, s.fail(ctx, "look at bucket", "", errors.New("the response has no Date"))
	}
	return at, nil
}

// Versioning reports whether every write gets a version of its own.
func (s *Store) Versioning(ctx context.Context) (bool, error) {
	out, err := s.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &s.bucket})
	if err != nil {
		return false, s.fail(ctx, "look at versioning", "", err)
	}
	return out.Status == types.BucketVersioningStatusEnabled, nil
}

// PublicAccessBlocked reports whether the bucket blocks public access in all four
// ways. It does not see what the account blocks.
func (s *Store) PublicAccessBlocked(ctx context.Context) (bool, error) {
	out, err := s.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &s.bucket})
	if isCode(err, "NoSuchPublicAccessBlockConfiguration") {
		return false, nil
	}
	if err != nil {
		return false, s.fail(ctx, "look at public access block", "", err)
	}
	c := out.PublicAccessBlockConfiguration
	return c != nil && aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.BlockPublicPolicy) &&
		aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.RestrictPublicBuckets), nil
}

// Rule is an enabled lifecycle rule.
type Rule struct {
	Prefix    string // of the keys that it applies to
	AbortDays int32  // after which incomplete uploads are removed; 0: never
	Expires   bool   // it removes current objects

	NoncurrentDays int32 // after which it removes versions that are not current; 0: never
}

// NoncurrentDays are the days after which rules remove versions that are not current, of
// all objects under a prefix; 0: never.
func NoncurrentDays(rules []Rule, prefix string) (days int32) {
	for _, r := range rules {
		if r.NoncurrentDays > 0 && strings.HasPrefix(prefix, r.Prefix) && (days == 0 || r.NoncurrentDays < days) {
			days = r.NoncurrentDays
		}
	}
	return days
}

// Lifecycle returns the enabled rules.
func (s *Store) Lifecycle(ctx context.Context) ([]Rule, error) {
	out, err := s.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &s.bucket})
	if isCode(err, "NoSuchLifecycleConfiguration") {
		return nil, nil
	}
	if err != nil {
		return nil, s.fail(ctx, "look at lifecycle rules", "", err)
	}
	var rules []Rule
	for _, r := range out.Rules {
		if r.Status != types.ExpirationStatusEnabled {
			continue
		}
		rule := Rule{Prefix: rulePrefix(r)}
		if a := r.AbortIncompleteMultipartUpload; a != nil {
			rule.AbortDays = aws.ToInt32(a.DaysAfterInitiation)
		}
		if e := r.Expiration; e != nil {
			rule.Expires = aws.ToInt32(e.Days) > 0 || e.Date != nil
		}
		if n := r.NoncurrentVersionExpiration; n != nil {
			rule.NoncurrentDays = aws.ToInt32(n.NoncurrentDays)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// rulePrefix is the prefix of a rule. It is in the filter, or in a filter of several
// conditions, or where old configurations have it.
func rulePrefix(r types.LifecycleRule) string {
	prefix := r.Prefix //nolint:staticcheck // deprecated for writing, but still read
	if f := r.Filter; f != nil {
		prefix = f.Prefix
		if f.And != nil {
			prefix = f.And.Prefix
		}
	}
	return aws.ToString(prefix)
}

// Notification says which events of the bucket go where.
type Notification struct {
	Target         string // ARN of a queue, topic or function
	Events         []string
	Prefix, Suffix string
}

// Notifications returns those of the bucket; bridge says whether all of its events
// go to EventBridge too.
func (s *Store) Notifications(ctx context.Context) (all []Notification, bridge bool, err error) {
	out, err := s.client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &s.bucket})
	if err != nil {
		return nil, false, s.fail(ctx, "look at notifications", "", err)
	}
	for _, c := range out.QueueConfigurations {
		all = append(all, notification(c.QueueArn, c.Events, c.Filter))
	}
	for _, c := range out.LambdaFunctionConfigurations {
		all = append(all, notification(c.LambdaFunctionArn, c.Events, c.Filter))
	}
	for _, c := range out.TopicConfigurations {
		all = append(all, notification(c.TopicArn, c.Events, c.Filter))
	}
	return all, out.EventBridgeConfiguration != nil, nil
}

func notification(arn *string, events []types.Event, f *types.NotificationConfigurationFilter) Notification {
	n := Notification{Target: aws.ToString(arn)}
	for _, e := range events {
		n.Events = append(n.Events, string(e))
	}
	if f == nil || f.Key == nil {
		return n
	}
	for _, r := range f.Key.FilterRules {
		// AWS returns the names as "Prefix" and "Suffix", others as they were sent.
		switch types.FilterRuleName(strings.ToLower(string(r.Name))) {
		case types.FilterRuleNamePrefix:
			n.Prefix = aws.ToString(r.Value)
		case types.FilterRuleNameSuffix:
			n.Suffix = aws.ToString(r.Value)
		}
	}
	return n
}

// PutInParts is store.Put by a multipart upload of one part. It shows whether the
// server obeys conditions on CompleteMultipartUpload too.
func (s *Store) PutInParts(ctx context.Context, key string, data []byte, p store.Precondition) (store.Info, error) {
	made, err := s.Create(ctx, key, store.CreateOptions{})
	if err != nil {
		return store.Info{}, err
	}
	w := made.(*writer)
	if _, err := w.Write(data); err != nil {
		w.Abort(ctx) //nolint:errcheck // the error of the write is the one to return
		return store.Info{}, err
	}
	if err := w.start(); err != nil {
		w.Abort(ctx) //nolint:errcheck // nothing was started
		return store.Info{}, s.fail(ctx, "create", key, err)
	}
	return w.Commit(ctx, p)
}

// Begin starts an upload, which is invisible, to see whether that is allowed. End it
// by AbortUpload.
func (s *Store) Begin(ctx context.Context, key string) (store.Upload, error) {
	made, err := s.Create(ctx, key, store.CreateOptions{})
	if err != nil {
		return store.Upload{}, err
	}
	w := made.(*writer)
	defer w.cancel()
	if err := w.start(); err != nil {
		return store.Upload{}, s.fail(ctx, "create", key, err)
	}
	return store.Upload{Key: key, ID: w.upload}, nil
}
