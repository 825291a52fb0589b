package awslambda

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"sluice/internal/pipeline"
)

// namespace of the metrics in CloudWatch.
const namespace = "Sluice"

// metric is a value and its unit, as CloudWatch names it.
type metric struct {
	name, unit string
	value      int64
}

func (in *invocation) values() []metric {
	s, objects := in.sum.Stats, in.sum.Objects
	values := []metric{
		{"committed", "Count", objects[pipeline.DidCommit]},
		{"duplicates", "Count", objects[pipeline.DidDuplicate]},
		{"rejected", "Count", objects[pipeline.DidReject]},
		{"failed", "Count", objects[pipeline.DidFail]},
		{"skipped", "Count", objects[pipeline.DidSkip]},
		{"records", "Count", s.RecordsRead},
		{"quarantined", "Count", s.RecordsQuarantined},
		{"rows", "Count", s.RowsWritten},
		{"bytes_read", "Bytes", s.BytesRead},
		{"bytes_written", "Bytes", s.BytesWritten},
		{"drifted", "Count", in.sum.Drifted},
		{"new_paths", "Count", in.sum.NewPaths},
		{"catalog_failed", "Count", in.sum.CatalogFailed},
	}
	if c := in.sum.Commits; in.setup.Config.Table.Format != "" {
		values = append(values,
			metric{"snapshots", "Count", c.Snapshots},
			metric{"commit_conflicts", "Count", c.Conflicts},
			metric{"rows_missing", "Count", c.Missing},
			metric{"rows_resurrected", "Count", c.Resurrected},
		)
	}
	if in.committed { // what others have staged, or would have
		values = append(values, metric{"freshness", "Seconds", int64(in.freshness.Seconds())})
	}
	if t, ok := in.setup.Target.(*pipeline.Tables); ok && t.HandOver != nil {
		values = append(values, metric{"split", "Count", objects[pipeline.DidHandOver]})
	}
	return values
}

// writeMetrics writes one line in the Embedded Metric Format. CloudWatch makes
// metrics of it, without a call or a permission:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
// Memory and duration are what Lambda charges for.
func (in *invocation) writeMetrics() {
	if in.Handler.metrics == nil {
		return
	}
	function := lambdacontext.FunctionName
	if function == "" {
		function = "sluice"
	}
	type definition struct{ Name, Unit string }
	definitions := []definition{}
	line := map[string]any{
		"function": function, "requestId": in.requestID, "memory_limit_mb": lambdacontext.MemoryLimitInMB,
	}
	// These are no metrics, each of which costs. That of the objects is the sum of others,
	// and Lambda has one of the duration.
	line["objects"], line["value_errors"] = total(in.sum.Objects), total(in.sum.Stats.ValueErrors)
	line["untold"], line["duration"] = in.sum.Untold, time.Since(in.began).Milliseconds()
	for _, m := range in.values() {
		// A zero is no metric either: CloudWatch charges for a metric by the hours in which
		// it comes (https://aws.amazon.com/cloudwatch/pricing/), and most of these count
		// what seldom is.
		if line[m.name] = m.value; m.value != 0 {
			definitions = append(definitions, definition{m.name, m.unit})
		}
	}
	line["_aws"] = map[string]any{
		"Timestamp": time.Now().UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": namespace, "Dimensions": [][]string{{"function"}}, "Metrics": definitions,
		}},
	}
	data, err := json.Marshal(line)
	if err == nil {
		_, err = in.Handler.metrics.Write(append(data, '\n'))
	}
	if err != nil {
		in.log.Error("write metrics", "error", err.Error())
	}
}

func total[K comparable](counts map[K]int64) (n int64) {
	for _, count := range counts {
		n += count
	}
	return n
}
