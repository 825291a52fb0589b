package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A check that cannot fail is none. Each mutation breaks the template in one
// place; the check that is named must say so.
func TestMutations(t *testing.T) {
	defaults, direct := variants["defaults"], variants["direct"]
	bridge, tables, key := variants["EventBridge"], variants["typed tables"], variants["a key"]
	shared, maintained := variants["tables"], variants["tables that are maintained"]
	parts := variants["huge objects in parts"]
	secret, bus := variants["a secret with that key"], variants["a bus for drift"]
	for _, m := range []struct {
		name   string
		params map[string]string
		check  string
		mutate func(doc map[string]any)
	}{
		{"no source of the notification", defaults, "queue policy", remove("QueuePolicy", "PolicyDocument", "Statement", 0, "Fn::If", 1, "Condition", "ArnEquals")},
		{"no account of the notification", defaults, "queue policy", remove("QueuePolicy", "PolicyDocument", "Statement", 0, "Fn::If", 1, "Condition", "StringEquals")},
		{"no source of the rule", bridge, "service principals", remove("QueuePolicy", "PolicyDocument", "Statement", 0, "Fn::If", 2, "Condition", "ArnEquals")},
		{"no queue policy", defaults, "queue policy", func(doc map[string]any) {
			delete(object(doc["Resources"]), "QueuePolicy")
			properties(doc, "Bucket")["Tags"] = nil
		}},
		{"no account of S3", direct, "service principals", remove("InvokeByS3", "SourceAccount")},
		{"no source of S3", direct, "service principals", remove("InvokeByS3", "SourceArn")},
		{"no source of the schedule", defaults, "service principals", remove("InvokeBySchedule", "SourceArn")},
		{"anybody may alarm", defaults, "service principals", remove("AlarmTopicPolicy", "PolicyDocument", "Statement", 0, "Condition", "ArnLike")},
		{"a misspelt event", defaults, "notification", set("s3:ObjectCreate:*", "Bucket", "NotificationConfiguration", "QueueConfigurations", "Fn::If", 1, 0, "Event")},
		{"only Put, so no multipart uploads", defaults, "notification", set("s3:ObjectCreated:Put", "Bucket", "NotificationConfiguration", "QueueConfigurations", "Fn::If", 1, 0, "Event")},
		{"a misspelt event, direct", direct, "notification", set("s3:ObjectsCreated:*", "Bucket", "NotificationConfiguration", "LambdaConfigurations", "Fn::If", 1, 0, "Event")},
		{"a misspelt event of EventBridge", bridge, "notification", set([]any{"Object created"}, "ObjectRule", "EventPattern", "detail-type", "Fn::If", 2)},
		{"no filter", defaults, "notification", remove("Bucket", "NotificationConfiguration", "QueueConfigurations", "Fn::If", 1, 0, "Filter")},
		{"the filter of the sink", defaults, "notification", set(map[string]any{"Ref": "SinkPrefix"}, "Bucket", "NotificationConfiguration", "QueueConfigurations", "Fn::If", 1, 0, "Filter", "S3Key", "Rules", 0, "Value")},
		{"EventBridge is off", bridge, "notification", remove("Bucket", "NotificationConfiguration", "EventBridgeConfiguration")},
		{"no dead-letter queue", defaults, "dead letters", remove("Queue", "RedrivePolicy")},
		{"one try", defaults, "dead letters", set("1", "Queue", "RedrivePolicy", "maxReceiveCount")},
		{"dead letters for four days", defaults, "dead letters", set("345600", "DeadLetterQueue", "MessageRetentionPeriod")},
		{"no destination", direct, "dead letters", remove("AsynchronousInvocations", "DestinationConfig")},
		{"no dead letters of the rule", bridge, "dead letters", remove("ObjectRule", "Targets", 0, "DeadLetterConfig")},
		{"no partial batches", defaults, "event source mapping", remove("QueueToFunction", "FunctionResponseTypes")},
		{"no limit", defaults, "event source mapping", remove("QueueToFunction", "ScalingConfig")},
		{"a short visibility timeout", defaults, "visibility", func(doc map[string]any) {
			object(object(object(doc["Mappings"])["Visibility"])["300"])["Seconds"] = "300"
		}},
		{"another handler", defaults, "function", set("main", "Function", "Handler")},
		{"code of another architecture", defaults, "function", set([]any{"x86_64"}, "Function", "Architectures")},
		{"a misspelt variable", defaults, "configuration", func(doc map[string]any) {
			env := object(at(properties(doc, "Function"), "Environment", "Variables"))
			env["SLUICE_LEGDER"] = env["SLUICE_LEDGER"]
			delete(env, "SLUICE_LEDGER")
		}},
		{"the sink under the source", defaults, "configuration", set(map[string]any{"Fn::Sub": "s3://${BucketName}/${SourcePrefix}out/"}, "Function", "Environment", "Variables", "SLUICE_SINK")},
		{"no schedule", defaults, "follow-up", remove("Schedule", "Targets")},
		{"a misspelt event of Glue", defaults, "follow-up", set([]any{"Glue Crawler State Changed"}, "CrawlerFailed", "EventPattern", "detail-type")},
		{"another state of the crawler", defaults, "follow-up", set([]any{"SUCCEEDED"}, "CrawlerSucceeded", "EventPattern", "detail", "state")},
		{"new folders only", defaults, "follow-up", set("CRAWL_NEW_FOLDERS_ONLY", "Crawler", "RecrawlPolicy", "RecrawlBehavior")},
		{"no versions", defaults, "bucket", remove("Bucket", "VersioningConfiguration")},
		{"a public bucket", defaults, "bucket", set("false", "Bucket", "PublicAccessBlockConfiguration", "BlockPublicPolicy")},
		{"no TLS", defaults, "bucket", remove("BucketPolicy", "PolicyDocument", "Statement", 0)},
		{"no encryption with the key", key, "bucket", remove("Bucket", "BucketEncryption")},
		{"the ledger expires", defaults, "bucket", set(map[string]any{"Ref": "LedgerPrefix"}, "Bucket", "LifecycleConfiguration", "Rules", 2, "Prefix")},
		{"uploads stay", defaults, "bucket", remove("Bucket", "LifecycleConfiguration", "Rules", 0, "AbortIncompleteMultipartUpload")},
		{"delete", defaults, "permissions and calls", set([]any{"s3:GetObject", "s3:DeleteObject"}, "FunctionRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Action")},
		{"all of S3", defaults, "statements", set("s3:*", "FunctionRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Action")},
		{"every resource", defaults, "statements", set("*", "FunctionRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Resource")},
		{"every table", tables, "statements", set("*", "FunctionRole", "Policies", 4, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource")},
		{"tables of others", tables, "reach", set(map[string]any{"Fn::Sub": "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:table/${DatabaseName}/*"},
			"FunctionRole", "Policies", 4, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource", 2)},
		{"no table", tables, "reach", remove("FunctionRole", "Policies", 4, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource", 2)},
		{"a crawler that lists everything", defaults, "reach", remove("CrawlerRole", "Policies", 0, "PolicyDocument", "Statement", 1, "Condition")},
		{"a crawler that lists the source", defaults, "reach", set(map[string]any{"Ref": "SourcePrefix"}, "CrawlerRole", "Policies", 0, "PolicyDocument", "Statement", 1, "Condition", "StringLikeIfExists", "s3:prefix", 1)},
		{"a crawler that cannot list", defaults, "reach", remove("CrawlerRole", "Policies", 0, "PolicyDocument", "Statement", 1, "Condition", "StringLikeIfExists", "s3:prefix", 0)},
		{"a schedule of crawls that nobody wants", defaults, "follow-up", set(map[string]any{"ScheduleExpression": "rate(1 hour)"}, "Crawler", "Schedule")},
		{"the key for everybody", key, "statements", remove("FunctionRole", "Policies", 5, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Condition")},
		{"every secret", secret, "statements", set("*", "FunctionRole", "Policies", 6, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource")},
		{"a secret that may not be read", secret, "permissions and calls", set("secretsmanager:DescribeSecret", "FunctionRole", "Policies", 6, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Action")},
		{"secrets without a need", defaults, "permissions and calls", set("secretsmanager:GetSecretValue", "FunctionRole", "Policies", 0, "PolicyDocument", "Statement", 5, "Action", 0)},
		{"a secret that the function does not know of", secret, "configuration", remove("Function", "Environment", "Variables", "SLUICE_HASH_KEY_SECRET")},
		{"every bus", bus, "statements", set("*", "FunctionRole", "Policies", 7, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource")},
		{"a bus that may not be told", bus, "permissions and calls", set("events:DescribeEventBus", "FunctionRole", "Policies", 7, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Action")},
		{"events without a need", defaults, "permissions and calls", set("events:PutEvents", "FunctionRole", "Policies", 0, "PolicyDocument", "Statement", 5, "Action", 0)},
		{"a bus that the function does not know of", bus, "configuration", remove("Function", "Environment", "Variables", "SLUICE_EVENT_BUS")},
		{"a file that is no data is removed", shared, "reach", set(map[string]any{"Fn::Sub": "arn:${AWS::Partition}:s3:::${BucketName}/${SinkPrefix}*"},
			"FunctionRole", "Policies", 8, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource")},
		{"no file is removed", shared, "permissions and calls", set("s3:GetObject", "FunctionRole", "Policies", 8, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Action")},
		{"files are removed without tables", defaults, "permissions and calls", set("HasFiles", "FunctionRole", "Policies", 8, "Fn::If", 0)},
		{"maintenance that removes all of the sink", maintained, "reach", set(map[string]any{"Fn::Sub": "arn:${AWS::Partition}:s3:::${BucketName}/${SinkPrefix}*"},
			"FunctionRole", "Policies", 8, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource", 2, "Fn::If", 1)},
		{"maintenance that cannot remove runs", maintained, "reach", remove("FunctionRole", "Policies", 8, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource", 5)},
		{"metadata is removed without maintenance", shared, "reach", set("UsesTables", "FunctionRole", "Policies", 8, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource", 2, "Fn::If", 0)},
		{"an event of maintenance that is not known", maintained, "follow-up", set(`{"source": "sluice", "detail-type": "Maintenance"}`, "MaintainTables", "Targets", 0, "Input")},
		{"maintenance by the event of the schedule", maintained, "follow-up", remove("MaintainTables", "Targets", 0, "Input")},
		{"maintenance that may not invoke", maintained, "follow-up", set(map[string]any{"Fn::GetAtt": []any{"Schedule", "Arn"}}, "InvokeByMaintainTables", "SourceArn")},
		{"maintenance on another schedule", maintained, "follow-up", set("rate(1 minute)", "MaintainTables", "ScheduleExpression")},
		{"maintenance without tables", variants["maintained without tables"], "follow-up", func(doc map[string]any) {
			for _, name := range []string{"MaintainTables", "InvokeByMaintainTables"} {
				delete(object(object(doc["Resources"])[name]), "Condition")
			}
		}},
		{"small batches for tables", shared, "event source mapping", set("10", "QueueToFunction", "BatchSize", "Fn::If", 1)},
		{"no window for tables", shared, "event source mapping", remove("QueueToFunction", "MaximumBatchingWindowInSeconds")},
		{"tables that the function does not know of", shared, "configuration", set("", "Function", "Environment", "Variables", "SLUICE_TABLE")},
		{"no alarm of rows that are back", shared, "alarms", func(doc map[string]any) { delete(object(doc["Resources"]), "RowsResurrectedAlarm") }},
		{"a ledger of JSON with tables", shared, "ledger table", func(doc map[string]any) { delete(object(object(doc["Resources"])["LedgerTable"]), "Condition") }},
		{"a column less", defaults, "ledger table", remove("LedgerTable", "TableInput", "StorageDescriptor", "Columns", 5)},
		{"no alarm of dead letters", defaults, "alarms", func(doc map[string]any) { delete(object(doc["Resources"]), "DeadLetterAlarm") }},
		{"an alarm nobody hears", defaults, "alarms", remove("RejectedAlarm", "AlarmActions")},
		{"a metric that is not there", defaults, "alarms", set("rejects", "RejectedAlarm", "MetricName")},
		{"a backfill of everything", defaults, "backfill", definition(`"Result": {"prefix": "${SourcePrefix}"}`, `"Result": {}`)},
		{"a batch of another bucket", defaults, "backfill", definition(`"BatchInput": {"Bucket": "${BucketName}"}`, `"BatchInput": {"Bucket": "elsewhere"}`)},
		{"children of five minutes", defaults, "backfill", definition("STANDARD", "EXPRESS")},
		{"a number as text", defaults, "backfill", definition("${BackfillConcurrency}", `"${BackfillConcurrency}"`)},
		{"a stale part that is repeated", parts, "split", ofSplit(`["StaleSplitError"], "MaxAttempts": 0`, `["StaleSplitError"], "MaxAttempts": 2`)},
		{"a stale part that ends all", parts, "split", ofSplit(`"Catch": [{"ErrorEquals": ["StaleSplitError"], "Next": "Stale"}],`, "")},
		{"a stale end that ends all", parts, "split", ofSplit(`"Catch": [{"ErrorEquals": ["StaleSplitError"], "ResultPath": null, "Next": "Again"}],`, `"Catch": [{"ErrorEquals": ["StaleError"], "Next": "Again"}],`)},
		{"a plan of nothing", parts, "split", ofSplit(`"ErrorEquals": ["StaleSplitError"], "ResultPath": null, "Next"`, `"ErrorEquals": ["StaleSplitError"], "Next"`)},
		{"an object that is forgotten", parts, "split", ofSplit(`"Variable": "$.whole", "IsPresent": true, "Next": "Whole"`, `"Variable": "$.whole", "IsPresent": true, "Next": "Done"`)},
		{"answers that are too large together", parts, "split", ofSplit("\"OutputPath\": \"$.Payload\",\n            \"End\"", `"End"`)},
		{"parts instead of an object", parts, "split", ofSplit("\"ResultPath\": null,\n      \"Next\": \"Finish\"", `"Next": "Finish"`)},
		{"parts of five minutes", parts, "split", ofSplit(`"ExecutionType": "STANDARD"`, `"ExecutionType": "EXPRESS"`)},
		{"parts one after another", parts, "split", ofSplit("${SplitConcurrency}", "1")},
		{"a misspelt field", parts, "split", ofSplit(`"ItemSelector"`, `"ItemsSelector"`)},
		{"a plan without end", parts, "split", ofSplit(`"TimeoutSeconds": 259200`, `"TimeoutSeconds": 2592000`)},
		{"a machine that the function does not know of", parts, "split", set("", "Function", "Environment", "Variables", "SLUICE_SPLIT_MACHINE")},
		{"quarantined records that are read", parts, "reach", set(map[string]any{"Fn::Sub": "arn:${AWS::Partition}:s3:::${BucketName}/${QuarantinePrefix}*"},
			"FunctionRole", "Policies", 9, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource", 0)},
		{"executions without a need", defaults, "permissions and calls", set("states:StartExecution", "FunctionRole", "Policies", 0, "PolicyDocument", "Statement", 5, "Action", 0)},
	} {
		t.Run(m.name, func(t *testing.T) {
			doc := translated(t)
			m.mutate(doc)
			s, err := newStack(doc, m.params)
			if err != nil {
				t.Fatal(err)
			}
			found := checks[m.check](s)
			if len(found) == 0 {
				t.Fatalf("the check %q does not see it", m.check)
			}
			t.Log(found[0])
		})
	}
}

// One action less, of any role, in any variant, is seen.
func TestEveryActionCounts(t *testing.T) {
	for name, params := range variants {
		probe, err := newStack(translated(t), params)
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range probe.of("AWS::IAM::Role") {
			for i, st := range statementsOf(probe, role) {
				for _, action := range many(at(st, "Action")) {
					s, err := newStack(translated(t), params)
					if err != nil {
						t.Fatal(err)
					}
					less := object(statementsOf(s, role)[i])
					less["Action"] = slices.DeleteFunc(list(toList(less["Action"])), func(a any) bool { return text(a) == action })
					if len(statements(s)) == 0 {
						t.Errorf("%s: %s without %s: nothing is seen", name, role, action)
					}
				}
			}
		}
	}
}

func toList(v any) any {
	if list(v) == nil {
		return []any{v}
	}
	return v
}

func properties(doc map[string]any, name string) map[string]any {
	return object(at(doc, "Resources", name, "Properties"))
}

// remove takes the member or element at a path of a resource's properties away.
func remove(name string, path ...any) func(map[string]any) {
	return change(name, path, func(parent map[string]any, member string) { delete(parent, member) })
}

// set puts another value at the path.
func set(value any, name string, path ...any) func(map[string]any) {
	return change(name, path, func(parent map[string]any, member string) { parent[member] = value })
}

// definition changes the text of the state machine of backfills.
func definition(old, now string) func(map[string]any) {
	return inDefinition("BackfillMachine", old, now)
}

// ofSplit changes the text of that which splits.
func ofSplit(old, now string) func(map[string]any) { return inDefinition("SplitMachine", old, now) }

func inDefinition(name, old, now string) func(map[string]any) {
	return func(doc map[string]any) {
		sub := object(properties(doc, name)["DefinitionString"])
		if !strings.Contains(text(sub["Fn::Sub"]), old) {
			panic("the definition has no " + old)
		}
		sub["Fn::Sub"] = strings.Replace(text(sub["Fn::Sub"]), old, now, 1)
	}
}

func change(name string, path []any, do func(parent map[string]any, member string)) func(map[string]any) {
	return func(doc map[string]any) {
		whole := properties(doc, name)
		last := len(path) - 1
		parent := at(whole, path[:last]...)
		if at(whole, path...) == nil {
			panic(fmt.Sprintf("%s has nothing at %v", name, path))
		}
		if member, ok := path[last].(string); ok {
			do(object(parent), member)
			return
		}
		// An element: the list is written again, as a value of its parent.
		elements, i := list(parent), path[last].(int)
		box := map[string]any{"": elements[i]}
		do(box, "")
		kept := slices.Clone(elements[:i])
		if v, ok := box[""]; ok {
			kept = append(kept, v)
		}
		kept = append(kept, elements[i+1:]...)
		set(kept, name, path[:last]...)(doc)
	}
}
