// Package storetest is the contract of package store as tests: one suite that
// every implementation passes, and a wrapper that makes a store fail or die at
// a chosen call.
package storetest

import (
	"strings"
	"testing"

	"sluice/internal/store"
)

// Traits are differences between stores that the contract allows, and known faults of
// test servers. Each says what it means for the pipeline.
type Traits struct {
	// LargeUpload is the size in bytes from which PendingUploads lists an upload
	// that is not committed.
	LargeUpload int

	// FilePaths: keys are paths of a file system, which cannot hold all keys of
	// S3. Only plain paths of printable names are tried.
	FilePaths bool

	// DeleteMarkers: for preconditions, a deleted object still counts as one. S3
	// does not do so ("Conditional writes" in its User Guide); versitygw v1.8.0
	// does in buckets with versioning. It does not matter to a pipeline that never
	// creates again what it deleted.
	DeleteMarkers bool

	// TornHead: while an object is replaced, Head can give the size of one
	// state with the ETag and metadata of another. versitygw v1.8.0 does so,
	// for some microseconds.
	TornHead bool

	// IfMatchIgnored: IfMatch has no effect on an object of several parts. moto
	// 5.2.1 does so; tests of races of large outputs need another server.
	IfMatchIgnored bool

	// RacyPreconditions: several conditional writes at the same moment can all
	// succeed. moto 5.2.1 does so, since it has no locks.
	RacyPreconditions bool

	// LateMeta: while an object is replaced, its new content can be there
	// without any metadata. moto 5.2.1 does so: put_object in its s3/responses.py
	// stores the object and sets its metadata afterwards.
	LateMeta bool

	// NoNewline: keys with a line end get 404. moto 5.2.1 does so.
	NoNewline bool

	// BegunLongAgo: the server says that all uploads began in 2010. moto 5.2.1 does
	// so; Sweep then takes uploads without parts for dead.
	BegunLongAgo bool
}

// Run tests a store. open returns an empty one for each test.
func Run(t *testing.T, traits Traits, open func(t *testing.T) store.Store) {
	s := suite{traits: traits, open: open}
	for _, test := range []struct {
		name string
		run  func(suite, *testing.T)
	}{
		{"what is committed is read", suite.roundTrip},
		{"what is absent is not found", suite.absent},
		{"preconditions", suite.preconditions},
		{"identity changes with the content", suite.identity},
		{"invisible until commit", suite.invisible},
		{"abort leaves nothing", suite.abort},
		{"pending uploads", suite.pending},
		{"delete and create again", suite.recreate},
		{"metadata", suite.meta},
		{"keys", suite.keys},
		{"list", suite.list},
		{"read is pinned", suite.pinned},
		{"parts are of one state", suite.ranges},
		{"versions", suite.versions},
		{"large object", suite.large},
		{"cancelled context", suite.cancelled},
		{"errors", suite.errors},
		{"race of creations", suite.raceCreate},
		{"race of updates", suite.raceUpdate},
		{"readers during replacement", suite.raceRead},
		{"random operations", suite.model},
	} {
		if traits.RacyPreconditions && strings.HasPrefix(test.name, "race of") {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(s, t)
		})
	}
}

type suite struct {
	traits Traits
	open   func(t *testing.T) store.Store
}
