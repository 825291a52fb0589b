// Package storetest is the contract of package store as tests: one suite that
// every implementation passes, and a wrapper that makes a store fail or die at
// a chosen call.
package storetest

import (
	"strings"
	"testing"

	"sluice/internal/store"
)

// Traits are the differences that the contract allows, and the known faults of
// servers that are used for tests, each with what it means for the pipeline.
type Traits struct {
	// LargeUpload is a size in bytes from which an upload that is not
	// committed shows in PendingUploads.
	LargeUpload int

	// FilePaths: keys are paths of a file system, which cannot hold some that
	// S3 can. Only those are tried that are plain paths of printable names.
	FilePaths bool

	// DeleteMarkers: what was deleted counts as an object for preconditions.
	// S3 does not do so ("Conditional writes" in its User Guide); versitygw
	// v1.8.0 does in buckets with versioning. It means nothing to a pipeline
	// that never creates again what it deleted.
	DeleteMarkers bool

	// TornHead: while an object is replaced, Head can give the size of one
	// state with the ETag and metadata of another. versitygw v1.8.0 does so,
	// for some microseconds.
	TornHead bool

	// IfMatchIgnored: an object of several parts is published whatever IfMatch
	// asks for. moto 5.2.1 does so; races of large outputs need another server.
	IfMatchIgnored bool

	// RacyPreconditions: of several conditional writes at the same moment more
	// than one can succeed. moto 5.2.1 does so: it has no locks.
	RacyPreconditions bool

	// LateMeta: while an object is replaced, its new content can be there
	// without any metadata. moto 5.2.1 does so: put_object in its s3/responses.py
	// stores the object and sets its metadata afterwards.
	LateMeta bool

	// NoNewline: keys with a line end get 404. moto 5.2.1 does so.
	NoNewline bool

	// BegunLongAgo: all uploads are said to have begun in 2010. moto 5.2.1 does
	// so, and Sweep then takes those that have no part yet for dead.
	BegunLongAgo bool
}

// Run tests a store. open gives an empty one for each test.
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
