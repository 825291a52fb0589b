package servertest

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/internal/store/s3store"
)

// Client is a plain S3 client of the server, for what a Store does not do.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		Region: s.Region, Credentials: s.Credentials(), BaseEndpoint: &s.Endpoint, UsePathStyle: true,
	})
}

// Bucket makes a bucket of the server with a name of its own.
func (s *Server) Bucket(t testing.TB, versioning bool) string {
	t.Helper()
	name := "test-" + strings.ToLower(rand.Text())
	client := s.Client()
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	if versioning {
		if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket:                  &name,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		}); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// Store is the store of a bucket of the server. Config needs nothing but what
// the test wants to be different.
func (s *Server) Store(t testing.TB, bucket string, cfg s3store.Config) *s3store.Store {
	t.Helper()
	cfg.Bucket, cfg.Region, cfg.Endpoint, cfg.Credentials = bucket, s.Region, s.Endpoint, s.Credentials()
	st, err := s3store.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return st
}
