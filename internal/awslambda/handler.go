// Package awslambda is the shell that is a Lambda function: it reads what
// invokes it, has the pipeline look at each key, makes the tables known, and
// answers in the way the sender understands. What is not committed and
// accounted for is never acknowledged. docs/lambda.md tells users the same.
package awslambda

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"sluice/internal/event"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
)

// Handler answers invocations, one after another or several at once.
type Handler struct {
	// HashKeys keeps bucket keys, and error texts that may hold one, out of the
	// log and the errors: a key can name a person.
	HashKeys bool

	setup   *setup.Setup
	log     *slog.Logger
	metrics io.Writer
}

// New hands events to what s has opened. A line of metrics for each invocation
// is written to metrics; nil: none.
func New(s *setup.Setup, log *slog.Logger, metrics io.Writer) *Handler {
	return &Handler{setup: s, log: log, metrics: metrics}
}

// Summary counts what an invocation did. Its objects are the keys that were
// looked at, each once; further records of a key count as duplicates. A record
// of the event that is skipped, refused or unreadable counts as one skipped or
// failed.
type Summary struct {
	pipeline.Summary
	CatalogFailed int64 // refreshes that failed; no object failed by it
}

// Handle answers an invocation; it is the handler for lambda.Start. For SQS the
// answer names the messages that come back to the queue, for S3 Batch
// Operations it has a result for each task. Any other sender knows success and
// failure only, so one record that failed or was refused is an error.
func (h *Handler) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	_, answer, err := h.Invoke(ctx, raw)
	return answer, err
}

// Invoke is Handle for callers who want the counts too.
func (h *Handler) Invoke(ctx context.Context, raw json.RawMessage) (Summary, any, error) {
	in := &invocation{Handler: h, began: time.Now(), log: h.log, sum: Summary{Summary: *pipeline.NewSummary()}}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		in.requestID = lc.AwsRequestID
		in.log = h.log.With("requestId", in.requestID)
	}
	var stop func()
	in.work, in.rest, stop = limit(ctx)
	defer stop()
	var answer any
	err := contain(func() (err error) {
		answer, err = in.answer(raw)
		return err
	})
	if err != nil {
		in.log.Error("invocation failed", in.failure(err)...)
	}
	in.writeMetrics()
	return in.sum, answer, err
}

// invocation is one call of the handler.
type invocation struct {
	*Handler
	log       *slog.Logger
	requestID string
	began     time.Time
	work      context.Context // of the objects: ends before the time limit
	rest      context.Context // of catalog and answer: ends between work and the time limit
	sum       Summary
}

func (in *invocation) answer(raw json.RawMessage) (any, error) {
	if err := in.setup.Own(in.work); err != nil {
		return nil, fmt.Errorf("look whose ledger and sink are: %w", err)
	}
	switch noticeOf(raw) {
	case crawlerEnded:
		return nil, in.followUp()
	case scheduled:
		return nil, in.reconcile()
	}
	ev, err := event.Parse(raw, in.setup.Allow)
	if err != nil {
		in.sum.Objects[pipeline.DidFail]++
		return nil, err
	}
	outcomes := in.look(ev.Records)
	kept := in.refresh(outcomes)
	switch {
	case ev.Kind == event.S3Batch:
		return batchAnswer(ev, outcomes, kept), nil
	case kept != nil:
		return nil, kept
	case ev.Kind == event.SQS:
		return queueAnswer(outcomes)
	}
	return nil, in.firstFailure(outcomes)
}
