package s3store_test

import (
	"testing"
	"time"

	"sluice/internal/servertest"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
	"sluice/internal/store/storetest"
)

func TestVersitygw(t *testing.T) {
	conformance(t, servertest.Versitygw(t), false, storetest.Traits{FilePaths: true, TornHead: true})
}

func TestVersitygwVersioning(t *testing.T) {
	conformance(t, servertest.Versitygw(t), true, storetest.Traits{FilePaths: true, TornHead: true, DeleteMarkers: true})
}

// Moto takes a minute; without versioning it is the same code.
func TestMotoVersioning(t *testing.T) {
	conformance(t, servertest.Moto(t), true, storetest.Traits{IfMatchIgnored: true, RacyPreconditions: true, LateMeta: true, NoNewline: true, BegunLongAgo: true})
}

// conformance uses the smallest parts that S3 takes, so that tests need less.
func conformance(t *testing.T, server *servertest.Server, versioning bool, traits storetest.Traits) {
	traits.LargeUpload = 5<<20 + 1
	storetest.Run(t, traits, func(t *testing.T) store.Store {
		return server.Store(t, server.Bucket(t, versioning), s3store.Config{PartSize: 5 << 20, MaxBackoff: 50 * time.Millisecond})
	})
}
