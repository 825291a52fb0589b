package event

import (
	"fmt"
	"slices"
	"strings"
)

// Location is the part of a bucket whose keys begin with Prefix.
type Location struct {
	Bucket string // empty: any bucket, and also no bucket, as for a folder
	Prefix string // compared as text, as in S3: "inner/" begins with "in"
}

func (l Location) holdsBucket(bucket string) bool { return l.Bucket == "" || l.Bucket == bucket }

func (l Location) holds(bucket, key string) bool {
	return l.holdsBucket(bucket) && strings.HasPrefix(key, l.Prefix)
}

// Allow says what an event may make us look at. The zero value allows nothing.
type Allow struct {
	Source   []Location
	Suffixes []string   // of keys; none: any
	Deny     []Location // sink, ledger, quarantine: we must not read what we write
	Deletes  bool       // look at removed keys too
	// EventSources are the senders whose events count, as eventSource spells them
	// ("minio:s3"; "aws:s3" is also EventBridge's "aws.s3"). None: aws:s3.
	EventSources []string
}

// hides reports whether a file, or a folder between the prefix and it, has a name
// that begins with a dot. Desktops, editors and tools keep such files beside the
// data, as .DS_Store.
func (l Location) hides(key string) bool {
	for i := range len(key) {
		if i >= len(l.Prefix) && key[i] == '.' && (i == 0 || key[i-1] == '/') {
			return true
		}
	}
	return false
}

// Check says what to do about an object. It holds the rules for names, so that a
// listing of the source and an event give the same answer.
func (a Allow) Check(o Object) Record {
	r := Record{Object: o}
	r.Action, r.Reason, r.Detail = a.decide(o.Bucket, o.Key)
	return r
}

// Listed is Check for an object that was found by listing the source. A listing
// normally has objects with other suffixes: they are skipped. It also has the
// size: an object with content is not the marker of a folder. Any object that is
// neither processed nor skipped is left out, and a person must be told.
func (a Allow) Listed(o Object) Record {
	r := a.Check(o)
	switch {
	case r.Reason == KeyNotAllowed && !a.hasSuffix(o.Key):
		r.Action, r.Reason, r.Detail = Skip, OtherSuffix, ""
	case r.Reason == FolderMarker && o.Size > 0:
		r.Action, r.Reason, r.Detail = Refuse, KeyNotAllowed, fmt.Sprintf("key %s ends like the marker of a folder, but has content", quote(o.Key))
	}
	return r
}

func (a Allow) hasSuffix(key string) bool {
	ends := func(suffix string) bool { return strings.HasSuffix(key, suffix) }
	return len(a.Suffixes) == 0 || slices.ContainsFunc(a.Suffixes, ends)
}

func (a Allow) decide(bucket, key string) (Action, Reason, string) {
	ofBucket := func(l Location) bool { return l.holdsBucket(bucket) }
	ofKey := func(l Location) bool { return l.holds(bucket, key) }
	shows := func(l Location) bool { return l.holds(bucket, key) && !l.hides(key) }
	switch {
	case bucket != "" && !validBucket(bucket):
		return Error, BadBucket, fmt.Sprintf("%s is not the name of a bucket", quote(bucket))
	case badKey(key) != "":
		return Error, BadKey, badKey(key)
	case slices.ContainsFunc(a.Deny, ofKey):
		return Refuse, Loop, fmt.Sprintf("key %s of bucket %s is where sluice writes", quote(key), quote(bucket))
	case !slices.ContainsFunc(a.Source, ofBucket):
		return Refuse, BucketNotAllowed, fmt.Sprintf("bucket %s is not that of the source", quote(bucket))
	case hasDots(key):
		// A valid key in S3, but in a folder it is another file or none. Both
		// stores must give the same table, so both refuse it.
		return Refuse, KeyNotAllowed, fmt.Sprintf("key %s has a segment \".\" or \"..\"", quote(key))
	case strings.ContainsRune(key, 0):
		return Refuse, KeyNotAllowed, fmt.Sprintf("key %s has a NUL", quote(key))
	case !slices.ContainsFunc(a.Source, ofKey):
		return Refuse, KeyNotAllowed, fmt.Sprintf("key %s does not begin with a prefix of the source", quote(key))
	case !slices.ContainsFunc(a.Source, shows):
		return Skip, Hidden, ""
	case strings.HasSuffix(key, "/"):
		return Skip, FolderMarker, ""
	case !a.hasSuffix(key):
		return Refuse, KeyNotAllowed, fmt.Sprintf("key %s does not end with a suffix of the source", quote(key))
	}
	return Process, "", ""
}

// hears reports whether events of a sender count.
func (a Allow) hears(source string) bool {
	source = strings.Replace(source, ".", ":", 1)
	if len(a.EventSources) == 0 {
		return source == "aws:s3"
	}
	return slices.Contains(a.EventSources, source)
}

// onlyBucket is the bucket of the source, if there is only one. It is used where
// an event names a key without a bucket.
func (a Allow) onlyBucket() (string, bool) {
	if len(a.Source) == 0 {
		return "", false
	}
	for _, l := range a.Source[1:] {
		if l.Bucket != a.Source[0].Bucket {
			return "", false
		}
	}
	return a.Source[0].Bucket, true
}
