package awslambda

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/catalog"
	"sluice/internal/event"
	"sluice/internal/pipeline"
	"sluice/internal/store"
)

// QueueAnswer is the answer to SQS: the messages to deliver again
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
type QueueAnswer struct {
	BatchItemFailures []BatchItemFailure `json:"batchItemFailures"`
}

// BatchItemFailure is a message that was not acknowledged.
type BatchItemFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// queueAnswer lists each message with a record that failed or was refused. A
// failure that belongs to no message must fail the whole batch: a list of messages
// would acknowledge it.
func queueAnswer(outcomes []outcome) (any, error) {
	answer := QueueAnswer{BatchItemFailures: []BatchItemFailure{}}
	reported := map[string]bool{}
	for _, o := range outcomes {
		switch {
		case o.err == nil || reported[o.MessageID]:
		case o.MessageID == "":
			return nil, errors.New("answer SQS: a message without an id failed, so the batch fails as a whole")
		default:
			reported[o.MessageID] = true
			answer.BatchItemFailures = append(answer.BatchItemFailures, BatchItemFailure{o.MessageID})
		}
	}
	return answer, nil
}

// BatchAnswer is the answer to S3 Batch Operations
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html).
type BatchAnswer struct {
	InvocationSchemaVersion string        `json:"invocationSchemaVersion"`
	TreatMissingKeysAs      string        `json:"treatMissingKeysAs"`
	InvocationID            string        `json:"invocationId"`
	Results                 []BatchResult `json:"results"`
}

// BatchResult is what became of a task.
type BatchResult struct {
	TaskID       string `json:"taskId"`
	ResultCode   string `json:"resultCode"` // Succeeded, TemporaryFailure, PermanentFailure
	ResultString string `json:"resultString"`
}

const (
	succeeded        = "Succeeded"
	temporaryFailure = "TemporaryFailure"
	permanentFailure = "PermanentFailure"
)

// batchAnswer has a result for each task. kept says why commits cannot be
// acknowledged yet; S3 then sends those tasks again.
func batchAnswer(ev event.Event, outcomes []outcome, kept error) BatchAnswer {
	answer := BatchAnswer{
		InvocationSchemaVersion: ev.Batch.SchemaVersion, TreatMissingKeysAs: permanentFailure,
		InvocationID: ev.Batch.InvocationID, Results: []BatchResult{},
	}
	for _, o := range outcomes {
		if o.TaskID == "" {
			continue // it has no id to answer with: TreatMissingKeysAs is its result
		}
		r := BatchResult{TaskID: o.TaskID, ResultCode: succeeded}
		switch {
		case o.err != nil && isTemporary(o.err):
			r.ResultCode, r.ResultString = temporaryFailure, causeOf(o.err)
		case o.err != nil:
			r.ResultCode, r.ResultString = permanentFailure, causeOf(o.err)
		case o.object == nil:
			r.ResultString = string(o.Reason)
		case kept != nil && o.published():
			r.ResultCode, r.ResultString = temporaryFailure, "catalog_"+string(catalog.ReasonOf(kept))
		case o.result.Disposition == pipeline.DidReject:
			r.ResultString = "rejected: " + string(o.result.Stats.Reason)
		default:
			r.ResultString = string(o.result.Disposition)
		}
		answer.Results = append(answer.Results, r)
	}
	return answer
}

// firstFailure is the error for senders that do not know partial failure.
func (in *invocation) firstFailure(outcomes []outcome) error {
	failed := 0
	var first error
	for _, o := range outcomes {
		if o.err != nil {
			failed++
			if first == nil {
				first = in.presentable(o.err)
			}
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%d of %d records of the event failed: %w", failed, len(outcomes), first)
}

func isTemporary(err error) bool {
	return store.IsTransient(err) || store.IsRace(err) || errors.Is(err, errTimeLimit) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// causeOf is the cause of a failure in one word, for logs and results that must
// not contain a key.
func causeOf(err error) string {
	var record *recordError
	var parse *event.ParseError
	var panicked *pipeline.PanicError
	switch {
	case errors.As(err, &record):
		return string(record.Reason)
	case errors.As(err, &parse):
		return string(parse.Reason)
	case errors.As(err, &panicked):
		return "panic"
	case errors.Is(err, errTimeLimit):
		return "time_limit"
	case errors.Is(err, store.ErrNotFound):
		return "not_found"
	case errors.Is(err, store.ErrArchived):
		return "archived"
	case catalog.CodeOf(err) != "":
		return catalog.CodeOf(err)
	case isTemporary(err):
		return "transient"
	}
	return "failed"
}
