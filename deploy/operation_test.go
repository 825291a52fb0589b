package deploy_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/internal/config"
	"sluice/internal/event"
	"sluice/internal/setup"
)

// alarms: each reaches the topic, counts something that exists, and has its
// section in docs/deploy.md.
func alarms(s *stack) []string {
	var p problems
	metrics, err := os.ReadFile("../internal/awslambda/metrics.go")
	if err != nil {
		return []string{err.Error()}
	}
	runbook, err := os.ReadFile("../docs/deploy.md")
	if err != nil {
		return []string{err.Error()}
	}
	var got []string
	for _, name := range s.of("AWS::CloudWatch::Alarm") {
		metric := text(s.get(name, "Namespace")) + " " + text(s.get(name, "MetricName")) + " " +
			text(at(s.get(name, "Dimensions"), 0, "Name")) + "=" + text(at(s.get(name, "Dimensions"), 0, "Value"))
		got = append(got, metric)
		p.equal(name+": actions", s.get(name, "AlarmActions"), "{AlarmTopic}")
		p.equal(name+": missing data", s.get(name, "TreatMissingData"), "notBreaching")
		if text(s.get(name, "Namespace")) == "Sluice" {
			p.want(strings.Contains(string(metrics), `{"`+text(s.get(name, "MetricName"))+`", "`), "the function has no metric %v", s.get(name, "MetricName"))
		}
		p.want(strings.Contains(string(runbook), "\n### "+name+"\n"), "docs/deploy.md does not say what to do at %s", name)
	}
	want := []string{
		"AWS/Lambda Errors FunctionName={Function}",
		"AWS/Lambda Throttles FunctionName={Function}",
		"AWS/SQS ApproximateNumberOfMessagesVisible QueueName={DeadLetterQueue.QueueName}",
		"Sluice catalog_failed function={Function}",
		"Sluice quarantined function={Function}",
		"Sluice rejected function={Function}",
	}
	if s.params["Trigger"] != "s3" {
		want = append(want, "AWS/SQS ApproximateAgeOfOldestMessage QueueName={Queue.QueueName}")
	}
	if s.params["TableFormat"] != "" {
		want = append(want, "Sluice commit_conflicts function={Function}", "Sluice rows_missing function={Function}", "Sluice rows_resurrected function={Function}")
	}
	if s.params["TableFormat"] != "" && s.params["TableCommit"] == "staged" {
		want = append(want, "Sluice freshness function={Function}")
		p.equal("FreshnessAlarm: threshold", s.get("FreshnessAlarm", "Threshold"), s.params["FreshnessSeconds"])
	}
	if splits(s) {
		want = append(want, "AWS/States ExecutionsFailed StateMachineArn={SplitMachine}")
	}
	if catalogOf(s) == "crawler" {
		want = append(want, "AWS/Events Invocations RuleName={CrawlerFailed}")
	}
	slices.Sort(got)
	slices.Sort(want)
	p.want(slices.Equal(got, want), "alarms are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	p.want((len(s.of("AWS::SNS::Subscription")) == 1) == (s.params["AlarmEmail"] != ""), "subscriptions: %v", s.of("AWS::SNS::Subscription"))
	p.want(json.Valid([]byte(text(s.get("Dashboard", "DashboardBody")))), "the dashboard is no JSON: %v", s.get("Dashboard", "DashboardBody"))
	return p
}

// backfill: the state machine reads the source and nothing else, and sends
// batches that the function understands.
func backfill(s *stack) []string {
	var p problems
	if s.params["Backfill"] == "false" {
		p.want(!slices.Contains(s.of("AWS::StepFunctions::StateMachine"), "BackfillMachine"), "there is a state machine")
		return p
	}
	var definition any
	numbers := json.NewDecoder(strings.NewReader(text(s.get("BackfillMachine", "DefinitionString"))))
	numbers.UseNumber()
	if err := numbers.Decode(&definition); err != nil {
		return []string{"the definition is no JSON: " + err.Error()}
	}
	objects := at(definition, "States", "Objects")
	p.equal("prefix", at(definition, "States", "WholeSource", "Result", "prefix"), s.params["SourcePrefix"])
	p.equal("first state", at(definition, "StartAt"), "WhichPrefix")
	p.equal("state without input", at(definition, "States", "WhichPrefix", "Default"), "WholeSource")
	p.equal("reader", at(objects, "ItemReader", "Resource"), "arn:aws:states:::s3:listObjectsV2")
	p.equal("bucket", at(objects, "ItemReader", "Parameters", "Bucket"), s.params["BucketName"])
	p.equal("mode", at(objects, "ItemProcessor", "ProcessorConfig", "Mode"), "DISTRIBUTED")
	// A child of type EXPRESS ends after five minutes, the function may need 15:
	// https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
	p.equal("type", at(objects, "ItemProcessor", "ProcessorConfig", "ExecutionType"), "STANDARD")
	task := at(objects, "ItemProcessor", "States", "Process")
	p.equal("task", at(task, "Resource"), "arn:aws:states:::lambda:invoke")
	p.equal("function", at(task, "Parameters", "FunctionName"), "{Function.Arn}")
	p.equal("payload", at(task, "Parameters", "Payload.$"), "$")
	p.want(number(at(task, "TimeoutSeconds")) > number(s.get("Function", "Timeout")), "the task ends before the function")
	for _, name := range []string{"MaxConcurrency", "ToleratedFailurePercentage"} {
		_, ok := at(objects, name).(json.Number)
		p.want(ok, "%s is %v, and no number", name, at(objects, name))
	}
	p.equal("results", at(objects, "ResultWriter", "Parameters", "Bucket"), s.params["BucketName"])
	p.want(strings.HasPrefix(text(at(objects, "ResultWriter", "Parameters", "Prefix")), s.params["WorkPrefix"]), "results outside of %s", s.params["WorkPrefix"])

	// What Step Functions makes of a listing:
	// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
	batch, err := json.Marshal(map[string]any{
		"BatchInput": at(objects, "ItemBatcher", "BatchInput"),
		"Items": []any{
			map[string]any{"Etag": `"d8e8fca2dc0f896fd7cb4cb0031ba249"`, "Key": s.params["SourcePrefix"] + "a b+c%20.json", "LastModified": 1704875400.0, "Size": 5, "StorageClass": "STANDARD"},
			map[string]any{"Etag": `"d41d8cd98f00b204e9800998ecf8427e"`, "Key": s.params["SourcePrefix"], "LastModified": 1704875400.0, "Size": 0, "StorageClass": "STANDARD"},
		},
	})
	if err != nil {
		return append(p, err.Error())
	}
	p.sees(s, batch, event.Map)
	p.want(number(at(objects, "ItemBatcher", "MaxInputBytesPerBatch")) <= 256<<10, "a batch is larger than an input may be")

	// S3 Batch Operations, whose keys are encoded:
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html
	job, err := json.Marshal(map[string]any{
		"invocationSchemaVersion": "1.0", "invocationId": "YXNkbGZqYWRmaiBhc2RmdW9hZHNmZGpmaGFzbGtkaGZza2RmaAo", "job": map[string]any{"id": "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"},
		"tasks": []any{
			map[string]any{"taskId": "1", "s3Key": s.params["SourcePrefix"] + "a%20b%2Bc%2520.json", "s3VersionId": nil, "s3BucketArn": bucketARN(s)},
			map[string]any{"taskId": "2", "s3Key": s.params["SourcePrefix"], "s3VersionId": nil, "s3BucketArn": bucketARN(s)},
		},
	})
	if err != nil {
		return append(p, err.Error())
	}
	p.sees(s, job, event.S3Batch)
	return p
}

// sees: the handler finds in the event one object to process and a folder
// marker to skip.
func (p *problems) sees(s *stack, raw []byte, kind event.Kind) {
	env := object(s.get("Function", "Environment", "Variables"))
	c, err := config.Load("", func(name string) string { return text(env[name]) })
	if err != nil {
		p.want(false, "%v", err)
		return
	}
	ev, err := event.Parse(raw, setup.Allow(c))
	if err != nil || ev.Kind != kind || len(ev.Records) != 2 {
		p.want(false, "the handler takes %s for %s with %d records: %v", raw, ev.Kind, len(ev.Records), err)
		return
	}
	r := ev.Records[0]
	p.want(r.Action == event.Process && r.Key == s.params["SourcePrefix"]+"a b+c%20.json" && r.Bucket == s.params["BucketName"], "%s of %s: %s %q in %q: %s", r.Action, kind, r.Reason, r.Key, r.Bucket, r.Detail)
	p.want(ev.Records[1].Action == event.Skip, "a folder marker is not skipped but %s", ev.Records[1].Action)
}

var policyBlock = regexp.MustCompile("(?s)```json\n(\\{\n  \"Version\".*?)```")

// The policy for who deploys is JSON, and knows each service of the template.
func TestDeployerPolicy(t *testing.T) {
	docs, err := os.ReadFile("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	m := policyBlock.FindSubmatch(docs)
	if m == nil {
		t.Fatal("docs/deploy.md has no policy")
	}
	var policy struct{ Statement []map[string]any }
	if err := json.Unmarshal(m[1], &policy); err != nil {
		t.Fatal(err)
	}
	services := map[string]bool{}
	for _, st := range policy.Statement {
		for _, action := range many(st["Action"]) {
			service, name, ok := strings.Cut(action, ":")
			services[service] = true
			if !ok || name == "*" && slices.Contains(many(st["Resource"]), "*") {
				t.Errorf("%s on everything", action)
			}
		}
	}
	prefix := map[string]string{"StepFunctions": "states", "CloudWatch": "cloudwatch"}
	for _, params := range variants {
		s, err := newStack(translated(t), params)
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range s.resources {
			service := strings.Split(r.kind, "::")[1]
			if p := prefix[service]; p != "" {
				service = p
			}
			if !services[strings.ToLower(service)] {
				t.Errorf("nothing is allowed for %s, a %s", name, r.kind)
			}
		}
	}
}
