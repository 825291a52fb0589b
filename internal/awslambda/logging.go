package awslambda

import (
	"errors"
	"log/slog"

	"sluice/internal/catalog"
	"sluice/internal/event"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
)

// maxRecordLines bounds the lines about refused and unreadable records: an
// event may hold a hundred thousand, and each line is paid for.
const maxRecordLines = 100

// presentable is err, or only its cause in one word if keys are to be hidden.
func (in *invocation) presentable(err error) error {
	if !in.HashKeys {
		return err
	}
	if errors.Is(err, errTimeLimit) {
		return errTimeLimit
	}
	return errors.New(causeOf(err))
}

// failure are the attributes of an error.
func (in *invocation) failure(err error) []any {
	attrs := []any{"cause", causeOf(err), "error", in.presentable(err).Error()}
	var panicked *pipeline.PanicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, "stack", panicked.Stack)
	}
	return attrs
}

// name are the attributes that name a key.
func (in *invocation) name(o event.Object) []any {
	attrs := []any{"object", ledger.IDOf(o.Bucket, o.Key).Short().String(), "bucket", o.Bucket}
	if !in.HashKeys {
		attrs = append(attrs, "key", o.Key)
	}
	return attrs
}

func (in *invocation) logObject(o *object) {
	attrs := append(in.name(o.at), "duration_ms", o.result.Took.Milliseconds(), "attempts", o.result.Attempts)
	if o.err != nil {
		in.log.Error("object failed", append(append(attrs, "outcome", "failed"), in.failure(o.err)...)...)
		return
	}
	r, s := o.result, o.result.Stats
	if r.Untold != nil {
		in.log.Error("drift not announced", append(in.name(o.at), in.failure(r.Untold)...)...)
	}
	attrs = append(attrs, "outcome", string(r.Disposition),
		"records_read", s.RecordsRead, "records_committed", s.RecordsCommitted, "records_quarantined", s.RecordsQuarantined,
		"records_skipped", s.RecordsSkipped, "rows_written", s.RowsWritten, "bytes_read", s.BytesRead, "bytes_written", s.BytesWritten)
	if s.Reason != "" {
		attrs = append(attrs, "reason", s.Reason, "detail", r.Detail)
	}
	if r.Report != "" {
		in.log.Warn("object processed", append(attrs, "report", r.Report)...)
		return
	}
	in.log.Info("object processed", attrs...)
}

// logCommits logs what became visible in tables. Rows that are back, or that somebody
// else took or wrote, are for a person to look at.
func (in *invocation) logCommits() {
	c := in.sum.Commits
	attrs := []any{
		"snapshots", c.Snapshots, "objects", c.Objects, "data_files", c.Files, "commit_conflicts", c.Conflicts,
		"rows_missing", c.Missing, "rows_resurrected", c.Resurrected,
	}
	switch {
	case c == pipeline.Commits{}:
	case c.Missing > 0 || c.Resurrected > 0:
		in.log.Error("tables committed, and others changed their rows", attrs...)
	default:
		in.log.Info("tables committed", attrs...)
	}
}

// logRecords logs the records of an event that lead to no object.
func (in *invocation) logRecords(outcomes []outcome) {
	skipped, failed := map[string]int{}, 0
	for _, o := range outcomes {
		switch {
		case o.Action == event.Skip:
			skipped[string(o.Reason)]++
		case o.err != nil:
			if failed++; failed > maxRecordLines {
				continue
			}
			attrs := append(in.name(o.Record.Object), "action", string(o.Action), "reason", string(o.Reason), "message_id", o.MessageID)
			if !in.HashKeys {
				attrs = append(attrs, "detail", o.Detail)
			}
			in.log.Error("event record failed", attrs...)
		}
	}
	if len(skipped) > 0 {
		in.log.Info("event records skipped", "reasons", skipped)
	}
	if failed > maxRecordLines {
		in.log.Error("event records failed", "more", failed-maxRecordLines)
	}
}

func (in *invocation) logCatalog(message string, r catalog.Result, err error) {
	attrs := []any{
		slog.Any("created", r.Created), slog.Any("updated", r.Updated),
		slog.Bool("started", r.Started), slog.Bool("pending", r.Pending),
	}
	if err == nil {
		in.log.Info(message, attrs...)
		return
	}
	in.sum.CatalogFailed++
	in.log.Error("catalog failed", append(append(attrs, "reason", string(catalog.ReasonOf(err))), in.failure(err)...)...)
}
