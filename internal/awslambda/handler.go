// Package awslambda is the Lambda function, a shell around the pipeline: it reads
// the event, has the pipeline look at each key, refreshes the catalog, and answers
// in the form that the sender expects. It never acknowledges what is not committed
// and accounted for. docs/lambda.md says the same for users.
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
	// HashKeys keeps object keys, and error texts that may contain one, out of
	// the log and the errors: a key can name a person.
	HashKeys bool
	// SplitPart is the number of bytes of a part of an object that is split.
	SplitPart int64

	setup   *setup.Setup
	log     *slog.Logger
	metrics io.Writer
}

// New makes a handler over what s has opened. It writes one line of metrics for
// each invocation to metrics; nil: none.
func New(s *setup.Setup, log *slog.Logger, metrics io.Writer) *Handler {
	return &Handler{SplitPart: pipeline.DefaultPart, setup: s, log: log, metrics: metrics}
}

// Summary counts what an invocation did. Each key that was looked at counts once
// as an object; further records of the same key count as duplicates. A skipped
// record of the event counts as skipped; a refused or unreadable one as failed.
type Summary struct {
	pipeline.Summary
	CatalogFailed int64 // refreshes that failed; no object fails with them
}

// Handle answers an invocation; it is the handler for lambda.Start. For SQS the
// answer names the messages that come back to the queue; for S3 Batch Operations
// it has a result for each task. Other senders only know success and failure, so
// for them one failed or refused record is an error.
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
	err := pipeline.Contain(func() (err error) {
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
	work      context.Context // for the objects: ends before the time limit
	rest      context.Context // for catalog and answer: ends between work and the time limit
	sum       Summary

	committed bool // what was staged
	// freshness is the longest time that a batch waited for that, or waits still.
	freshness time.Duration
}

func (in *invocation) answer(raw json.RawMessage) (any, error) {
	if err := in.setup.Own(in.work); err != nil {
		return nil, fmt.Errorf("find the owner of ledger and sink: %w", err)
	}
	switch noticeOf(raw) {
	case crawlerEnded:
		return nil, in.followUp()
	case scheduled:
		return nil, in.reconcile()
	case splitStep:
		return in.split(raw)
	case maintenance:
		return nil, in.maintain()
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
