// Package event reads what starts work: notifications of S3, bare or carried
// by SQS, SNS or EventBridge, tasks of S3 Batch Operations, items of a Step
// Functions Distributed Map, and plain objects of a bucket and a key.
//
// An event only says "look at this key". Anyone who may invoke the function or
// send to its queue can say so. Therefore [Allow] checks every key, and nothing
// else in an event (region, ARN, endpoint, identity) has an effect. Version, size
// and order in an event are only for people; content and order come from the
// store.
//
// Each record is decoded on its own: one bad record never fails its
// neighbours. An event of unknown shape is an error, never a success without
// records. docs/events.md has the shapes, with the sources of their rules.
package event

import "fmt"

const (
	// MaxBytes is the size of the largest event that Lambda accepts.
	MaxBytes = 6 << 20
	// MaxRecords bounds the memory for an event full of one-byte records. Real
	// notifications are larger: an event of MaxBytes holds fewer of them.
	MaxRecords = 100_000
	// MaxKeyBytes is the length of the longest key in S3.
	MaxKeyBytes = 1024
)

// Kind is the outermost shape of an event. It decides what answer the sender
// wants.
type Kind string

// The kinds of events. An event with an empty list of records does not show its
// sender; it counts as S3.
const (
	S3          Kind = "s3"
	SQS         Kind = "sqs" // wants the ids of the messages that failed
	SNS         Kind = "sns"
	EventBridge Kind = "eventbridge"
	S3Batch     Kind = "s3batch" // wants a result for each task
	Map         Kind = "map"
	Plain       Kind = "plain"
	Test        Kind = "test" // s3:TestEvent, which S3 sends when notifications are set up
)

// Event is an event and what each of its records asks for.
type Event struct {
	Kind    Kind
	Records []Record
	// Messages are the ids of the messages of an SQS event, in order. A message
	// may have several records or none. A record of an SQS event with action
	// [Error] and no MessageID stands for a message without an id: SQS delivers
	// it again only if the whole batch fails.
	Messages []string
	Batch    Batch // of an event of kind S3Batch
}

// Batch is what the answer to S3 Batch Operations repeats from the event.
type Batch struct {
	SchemaVersion string // invocationSchemaVersion
	InvocationID  string
}

// Object is a key that an event says to look at. VersionID, ETag and Sequencer
// are empty, and Size is -1, where the event does not have them.
type Object struct {
	Bucket    string `json:"bucket"` // empty: the one folder of a local lake
	Key       string `json:"key"`    // decoded
	VersionID string `json:"version_id"`
	ETag      string `json:"etag"`
	Sequencer string `json:"sequencer"`
	Size      int64  `json:"-"` // in bytes; -1: unknown
}

// Record is what to do about one record of an event. Its JSON is one line,
// whatever the key contains, and is part of the command line's contract.
type Record struct {
	Object
	MessageID string `json:"message_id"`        // of the SQS message it came in
	TaskID    string `json:"task_id,omitempty"` // of S3 Batch Operations
	Action    Action `json:"action"`
	Reason    Reason `json:"reason"`           // empty for Process
	Detail    string `json:"detail,omitempty"` // for people: one line; names the bucket or key, and no other value
}

// ParseError says why the whole event cannot be used.
type ParseError struct {
	Reason Reason
	Detail string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("parse event: %s: %s", e.Reason, e.Detail)
}

// Parse reads an event of any kind. Its error is a [*ParseError]. Without an
// error, every record of the event has an action.
func Parse(data []byte, allow Allow) (Event, error) {
	if len(data) > MaxBytes {
		return Event{}, fault(TooLarge, "%d bytes, more than %d", len(data), MaxBytes)
	}
	p := parser{allow: allow}
	if err := p.document(data, top); err != nil {
		return Event{}, err
	}
	return p.event, nil
}

func fault(r Reason, format string, args ...any) error {
	return &ParseError{r, fmt.Sprintf(format, args...)}
}
