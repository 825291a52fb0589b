package event

import "strings"

// notification reads a record of an S3 event notification.
func (p *parser) notification(o object) error {
	version, _ := text(o["eventVersion"])
	if !supported(version) {
		return fault(UnsupportedVersion, "eventVersion is not 2.x")
	}
	name, ok := text(o["eventName"])
	if !ok || name == "" {
		return fault(MissingField, "no eventName")
	}
	obj, err := s3Object(o["s3"], "s3", formEncoded)
	if source, _ := text(o["eventSource"]); !p.allow.hears(source) {
		return p.add(Record{Object: obj, Action: Refuse, Reason: SourceNotAllowed, Detail: "eventSource is not in event_sources"})
	}
	return p.look(obj, "", eventType(name), err)
}

// supported reports whether the fields of an eventVersion mean what this package
// expects. AWS changes the major version when their meaning changes.
func supported(version string) bool {
	major, minor, _ := strings.Cut(version, ".")
	return major == "2" && minor != "" && strings.Trim(minor, "0123456789") == ""
}

// eventType says why a record of this eventName is skipped, if it is. Every
// ObjectCreated is looked at, also if its subtype is new.
func eventType(name string) Reason {
	// Other servers than S3 write the prefix that S3 has in configurations only.
	family, _, _ := strings.Cut(strings.TrimPrefix(name, "s3:"), ":")
	switch family {
	case "ObjectCreated":
		return ""
	case "ObjectRemoved", "LifecycleExpiration":
		return Removed
	case "ObjectRestore":
		return Restored
	}
	return OtherEventType
}

// eventBridge reads an event of S3 as EventBridge sends it.
func (p *parser) eventBridge(o object, in carrier) error {
	p.kind(EventBridge, in)
	if version, _ := text(o["version"]); version != "0" {
		return fault(UnsupportedVersion, "version of the EventBridge event is not 0")
	}
	if source, _ := text(o["source"]); !p.allow.hears(source) {
		return p.add(Record{Object: Object{Size: -1}, Action: Refuse, Reason: SourceNotAllowed, Detail: "source is not in event_sources"})
	}
	name, _ := text(o["detail-type"])
	t, ok := detailType(name)
	if !ok {
		return fault(UnknownShape, "detail-type is not one of S3's own events")
	}
	obj, err := s3Object(o["detail"], "detail", asIs)
	return p.look(obj, "", t, err)
}

// detailType is eventType for EventBridge. It refuses the calls that CloudTrail
// reports under the same source: their detail has another shape.
func detailType(name string) (_ Reason, known bool) {
	switch {
	case name == "Object Created":
		return "", true
	case name == "Object Deleted":
		return Removed, true
	case strings.HasPrefix(name, "Object Restore "):
		return Restored, true
	}
	return OtherEventType, strings.HasPrefix(name, "Object ") || name == "Async Copy Completion"
}

// s3Object reads the member with bucket and object. On an error it returns what
// could be read. Servers spell the members that are only for people differently.
func s3Object(b []byte, path string, decode encoding) (Object, error) {
	obj := Object{Size: -1}
	s3, err := members(b, "bucket", "object")
	if err != nil {
		return obj, err
	}
	bucket, err := members(s3["bucket"], "name")
	if err != nil {
		return obj, err
	}
	o, err := members(s3["object"], "key", "size", "eTag|etag", "versionId|version-id", "sequencer")
	if err != nil {
		return obj, err
	}
	obj.VersionID, obj.ETag, obj.Sequencer = told(o["versionId"]), told(o["eTag"]), told(o["sequencer"])
	obj.Size = size(o["size"])
	if obj.Bucket, err = bucketName(bucket["name"], path+".bucket.name"); err != nil {
		return obj, err
	}
	obj.Key, err = keyName(o["key"], path+".object.key", decode)
	return obj, err
}

// testEvent reads what S3 sends when notifications are set up.
func (p *parser) testEvent(o object, in carrier) error {
	if name, _ := text(o["Event"]); name != "s3:TestEvent" {
		return fault(UnknownShape, "Event is not s3:TestEvent")
	}
	p.kind(Test, in)
	return p.add(Record{Object: Object{Bucket: told(o["bucket"]), Size: -1}, Action: Skip, Reason: TestEvent})
}
