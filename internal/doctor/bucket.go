package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/store/s3store"
)

// buckets looks at the settings of each bucket once.
func (d *doctor) buckets(ctx context.Context) []Check {
	var checks []Check
	var seen []string
	for _, p := range d.places {
		b := p.bucket()
		if b == nil || slices.Contains(seen, p.at.Bucket) {
			continue
		}
		seen = append(seen, p.at.Bucket)
		checks = append(checks, versioning(ctx, b), public(ctx, b), d.lifecycle(ctx, b, p.at.Bucket))
		if len(seen) == 1 {
			checks = append(checks, clock(ctx, b))
		}
	}
	if len(seen) == 0 {
		return []Check{notChecked("bucket", "the places are folders: no versions, lifecycle rules or clock of their own")}
	}
	return checks
}

func versioning(ctx context.Context, b *s3store.Store) Check {
	const name = "versioning"
	on, err := b.Versioning(ctx)
	switch {
	case err != nil:
		return unseen(name, err, "s3:GetBucketVersioning")
	case !on:
		return warn(name, "turn versioning on: without it S3 may send only one event for two writes of a key at the same time, and older outputs cannot be restored", "off in %s", b)
	}
	return ok(name, "on in %s", b)
}

func public(ctx context.Context, b *s3store.Store) Check {
	const name = "public access"
	blocked, err := b.PublicAccessBlocked(ctx)
	switch {
	case err != nil:
		return unseen(name, err, "s3:GetBucketPublicAccessBlock")
	case !blocked:
		return warn(name, "turn on all four settings of Block Public Access, unless they are on for the whole account", "not blocked by %s", b)
	}
	return ok(name, "blocked by %s", b)
}

// clock compares our clock with the server's: S3 refuses requests that are 15
// minutes off (RequestTimeTooSkewed).
func clock(ctx context.Context, b *s3store.Store) Check {
	const name = "clock"
	before := time.Now()
	at, err := b.Clock(ctx)
	if err != nil {
		return unseen(name, err, "s3:ListBucket")
	}
	skew := before.Add(time.Since(before) / 2).Sub(at).Round(time.Second)
	if skew.Abs() > time.Minute {
		return warn(name, "set the clock of this machine; requests that are 15 minutes off are refused", "it differs by %s from the server's clock", skew)
	}
	return ok(name, "within a minute of the server's clock")
}

// lifecycle looks for rules that are needed, and for rules that destroy data.
func (d *doctor) lifecycle(ctx context.Context, b *s3store.Store, bucket string) Check {
	const name = "lifecycle"
	rules, err := b.Lifecycle(ctx)
	if err != nil {
		return unseen(name, err, "s3:GetLifecycleConfiguration")
	}
	var days int32
	for _, r := range rules {
		for _, p := range d.places {
			mine := p.at.Bucket == bucket
			if mine && r.Expires && (p.name == "ledger" || p.name == "sink") && overlap(r.Prefix, p.at.Prefix) {
				return Check{
					Name: name, Status: Failed, Detail: fmt.Sprintf("a rule of %s for %q expires objects of the %s", b, r.Prefix, p.name),
					Hint: "take the " + p.name + " out of the rule: without its ledger entry an object looks new, and rows that expire are gone",
				}
			}
			if mine && p.name == "sink" && r.AbortDays > 0 && strings.HasPrefix(p.at.Prefix, r.Prefix) {
				days = r.AbortDays
			}
		}
	}
	switch {
	case days > 0:
		return ok(name, "incomplete uploads of the sink are removed after %s", plural(int(days), "day"))
	case bucket != d.place("sink").at.Bucket:
		return ok(name, "no rule of %s touches ledger or sink", b)
	}
	return warn(name, "add a lifecycle rule with AbortIncompleteMultipartUpload after some days: uploaded parts of dead workers cost money, and no listing shows them",
		"no rule of %s removes incomplete uploads of %s", b, d.place("sink").at.Prefix)
}

// overlap reports whether keys can begin with both.
func overlap(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
