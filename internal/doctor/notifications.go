package doctor

import (
	"context"
	"slices"
	"strings"

	"sluice/internal/store/s3store"
)

const runHint = "until then only sluice run and the function's schedule find objects"

// notifications checks that somebody is notified of every new object.
func (d *doctor) notifications(ctx context.Context) Check {
	const name = "notifications"
	p := d.place("source")
	b := p.bucket()
	if b == nil {
		return notChecked(name, "a folder sends none; sluice run lists it instead")
	}
	all, bridge, err := b.Notifications(ctx)
	if err != nil {
		return unseen(name, err, "s3:GetBucketNotification")
	}
	var mine []s3store.Notification
	for _, n := range all {
		if overlap(n.Prefix, p.at.Prefix) && slices.ContainsFunc(n.Events, isCreated) {
			mine = append(mine, n)
		}
	}
	if len(mine) == 0 && !bridge {
		return warn(name, "send s3:ObjectCreated:* of the prefix to the queue or function; "+runHint, "%s notifies nobody of new objects under %s", b, p.at.Prefix)
	}
	for _, n := range mine {
		if c := d.narrow(n); c != nil {
			return *c
		}
	}
	if missing := d.missingSuffix(mine); missing != "" && !bridge {
		return warn(name, "add a notification for it, or one without a suffix; "+runHint, "no notification covers keys that end in %q", missing)
	}
	if d.s.Config.OnDelete == "remove" && !bridge && !slices.ContainsFunc(all, func(n s3store.Notification) bool {
		return overlap(n.Prefix, p.at.Prefix) && slices.ContainsFunc(n.Events, func(e string) bool { return strings.HasPrefix(e, "s3:ObjectRemoved:") })
	}) {
		return warn(name, "add s3:ObjectRemoved:*; until then only sluice run finds deleted objects", "on_delete is remove, and %s notifies nobody of removed objects", b)
	}
	var to []string
	for _, n := range mine {
		to = append(to, n.Target)
	}
	if bridge {
		to = append(to, "EventBridge, whose rules are not checked")
	}
	return ok(name, "new objects under %s are sent to %s", p.at.Prefix, strings.Join(to, ", "))
}

func isCreated(event string) bool { return strings.HasPrefix(event, "s3:ObjectCreated:") }

// narrow says what a notification leaves out, if anything.
func (d *doctor) narrow(n s3store.Notification) *Check {
	const name = "notifications"
	var c Check
	source := d.place("source").at
	switch {
	case !slices.Contains(n.Events, "s3:ObjectCreated:*"):
		c = warn(name, "use s3:ObjectCreated:*: Put covers neither copies nor large files, which are uploaded in parts", "%s is only notified of %s", n.Target, strings.Join(n.Events, ", "))
		return &c
	case !strings.HasPrefix(source.Prefix, n.Prefix):
		c = warn(name, "set the prefix of the notification to "+source.Prefix+"; "+runHint, "%s is only notified of keys under %s", n.Target, n.Prefix)
		return &c
	}
	for _, p := range d.places[1:] {
		if p.at.Bucket == source.Bucket && strings.HasPrefix(p.at.Prefix, n.Prefix) && n.Suffix == "" {
			c = warn(name, "set the prefix of the notification to "+source.Prefix, "%s is also notified of objects in the %s: each such event is refused as a loop, and fails", n.Target, p.name)
			return &c
		}
	}
	return nil
}

// missingSuffix is an ending of source keys that no notification covers.
func (d *doctor) missingSuffix(all []s3store.Notification) string {
	wanted := d.s.Config.Suffixes
	if len(wanted) == 0 {
		wanted = []string{""}
	}
	for _, suffix := range wanted {
		if !slices.ContainsFunc(all, func(n s3store.Notification) bool { return strings.HasSuffix(suffix, n.Suffix) }) {
			if suffix == "" {
				return "anything but " + all[0].Suffix
			}
			return suffix
		}
	}
	return ""
}
