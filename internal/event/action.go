package event

// Action is what to do about a record.
type Action string

// The actions. An event with a Refuse or an Error is not a success.
const (
	Process Action = "process" // look at the key
	Skip    Action = "skip"    // nothing to do; counted
	Refuse  Action = "refuse"  // not allowed; do not touch the store
	Error   Action = "error"   // cannot be read
)

// Reason is a code of docs/events.md.
type Reason string

// Reasons to skip a record.
const (
	TestEvent      Reason = "test_event"
	Removed        Reason = "removed"
	Restored       Reason = "restored"
	OtherEventType Reason = "other_event_type"
	FolderMarker   Reason = "folder_marker"
	Hidden         Reason = "hidden"
	OtherSuffix    Reason = "other_suffix" // of a listing; an event is refused
)

// Reasons to refuse a record.
const (
	BucketNotAllowed Reason = "bucket_not_allowed"
	KeyNotAllowed    Reason = "key_not_allowed"
	Loop             Reason = "loop"
	SourceNotAllowed Reason = "source_not_allowed"
)

// Reasons for the error of a record or, but for the first two, of an event.
const (
	BadKey             Reason = "bad_key"
	BadBucket          Reason = "bad_bucket"
	BadJSON            Reason = "bad_json"
	UnknownShape       Reason = "unknown_shape"
	UnsupportedVersion Reason = "unsupported_version"
	MissingField       Reason = "missing_field"
	DuplicateKey       Reason = "duplicate_key"
	TooManyRecords     Reason = "too_many_records"
	TooLarge           Reason = "too_large"
)
