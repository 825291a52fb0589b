// Package event reads what starts work: notifications of S3, bare or carried
// by SQS, SNS or EventBridge, tasks of S3 Batch Operations, items of a Step
// Functions Distributed Map, and plain objects of a bucket and a key.
//
// An event only says "look at this key". Anyone who may invoke the function
// or send to its queue can say so, therefore every key passes [Allow], and
// nothing else of an event (region, ARN, endpoint, identity) has an effect.
// What an event tells of version, size and order is for people; content and
// order come from the store.
//
// Each record is decoded on its own: one bad record never fails its
// neighbours. An event of unknown shape is an error, never a success without
// records. docs/events.md has the shapes, with the sources of their rules.
package event

import "fmt"

const (
	// MaxBytes is the size of the largest event, which is what Lambda accepts.
	MaxBytes = 6 << 20
	// MaxRecords bounds the memory that an event of nothing but records of one
	// byte would take. An event that fits MaxBytes does not hold as many
	// notifications.
	MaxRecords = 100_000
	// MaxKeyBytes is the length of the longest key in S3.
	MaxKeyBytes = 1024
)

// Kind is the outermost shape of an event. It decides what the sender wants
// for an answer.
type Kind string

// The kinds of events. An event with an empty list of records, which tells
// nothing of its sender, is of kind S3.
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

// Event is an event with all that its records ask for.
type Event struct {
	Kind    Kind
	Records []Record
	// Messages are the ids of the messages of an SQS event, in order. A message
	// may have several records or none. A record of an SQS event with action
	// [Error] and no MessageID stands for a message that cannot be named: only
	// the failure of the whole batch brings it back.
	Messages []string
	Batch    Batch // of an event of kind S3Batch
}

// Batch is what the answer to S3 Batch Operations repeats from the event.
type Batch struct {
	SchemaVersion string // invocationSchemaVersion
	InvocationID  string
}

// Object is a key that an event says to look at. VersionID, ETag, Sequencer
// and Size are empty where the event does not tell them.
type Object struct {
	Bucket    string `json:"bucket"` // empty: the one folder of a local lake
	Key       string `json:"key"`    // decoded
	VersionID string `json:"version_id"`
	ETag      string `json:"etag"`
	Sequencer string `json:"sequencer"`
	Size      int64  `json:"-"` // in bytes; -1: not told
}

// Record is what to do about one record of an event. Its JSON is one line
// whatever the key holds, and is part of the contract of the command line.
type Record struct {
	Object
	MessageID string `json:"message_id"`        // of the SQS message it came in
	TaskID    string `json:"task_id,omitempty"` // of S3 Batch Operations
	Action    Action `json:"action"`
	Reason    Reason `json:"reason"`           // empty for Process
	Detail    string `json:"detail,omitempty"` // for people: one line; names the bucket or key, and no other value
}

// ParseError says why nothing of an event can be used.
type ParseError struct {
	Reason Reason
	Detail string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("parse event: %s: %s", e.Reason, e.Detail)
}

// Parse reads an event of any kind. Its error is a [*ParseError]; where there
// is none, every record of the event has an action.
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
