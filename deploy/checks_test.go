package deploy_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/config"
)

// variants are sets of parameters that together reach every condition of the
// template.
var variants = map[string]map[string]string{
	"defaults":                     {},
	"direct":                       {"Trigger": "s3"},
	"direct, deletes count":        {"Trigger": "s3", "OnDelete": "remove"},
	"EventBridge":                  {"Trigger": "eventbridge"},
	"EventBridge, deletes count":   {"Trigger": "eventbridge", "OnDelete": "remove"},
	"deletes count":                {"OnDelete": "remove"},
	"typed tables":                 {"CatalogKind": "glue"},
	"typed tables of a mapping":    {"CatalogKind": "glue", "MappingFile": "shop.yaml", "Tables": "shop_*"},
	"no catalog":                   {"CatalogKind": "none"},
	"crawls always, and by night":  {"Crawl": "always", "CrawlSchedule": "cron(0 3 * * ? *)"},
	"a bucket that exists":         {"CreateBucket": "false"},
	"direct, a bucket that exists": {"CreateBucket": "false", "Trigger": "s3"},
	"database and crawler exist":   {"CreateDatabase": "false", "CreateCrawler": "false"},
	"a key":                        {"KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1234"},
	"a key of hashes":              {"HashKey": "0123456789abcdef0123456789abcdef"},
	"a bus for drift":              {"EventBus": "arn:aws:events:eu-central-1:123456789012:event-bus/default"},
	"a secret with that key":       {"HashKeySecret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sluice/hash-key-AbCdEf"},
	"the longest timeout":          {"Timeout": "900"},
	"the shortest timeout":         {"Timeout": "60"},
	"tables":                       {"TableFormat": "iceberg", "TablePartition": "day(order_date)"},
	"staged commits":               {"TableFormat": "iceberg", "TableCommit": "staged", "Trigger": "queue", "CatalogKind": "none"},
	"huge objects in parts":        {"TableFormat": "iceberg", "SplitAbove": "1024", "SplitConcurrency": "8", "Backfill": "false"},
	"tables that are maintained":   {"TableFormat": "iceberg", "MaintainSchedule": "rate(1 day)", "LedgerPrefix": "state/"},
	"maintained without tables":    {"MaintainSchedule": "rate(1 day)"},
	"tables in Glue":               {"TableFormat": "iceberg", "TableCatalog": "glue", "Trigger": "eventbridge", "CatalogKind": "none"},
	"alarms by e-mail":             {"AlarmEmail": "somebody@example.com"},
	"no backfill":                  {"Backfill": "false"},
	"other folders":                {"SourcePrefix": "in/raw/", "SinkPrefix": "out/", "LedgerPrefix": "state/", "QuarantinePrefix": "bad/", "WorkPrefix": "tmp/"},
}

// checks are what must hold of every variant. Each returns what is wrong.
var checks = map[string]func(*stack) []string{
	"queue policy":          queuePolicy,
	"service principals":    servicePrincipals,
	"notification":          notification,
	"dead letters":          deadLetters,
	"event source mapping":  eventSourceMapping,
	"visibility":            visibility,
	"function":              function,
	"configuration":         configuration,
	"follow-up":             followUp,
	"bucket":                bucket,
	"statements":            statements,
	"reach":                 reach,
	"permissions and calls": permissionsAndCalls,
	"ledger table":          ledgerTable,
	"alarms":                alarms,
	"backfill":              backfill,
	"split":                 split,
}

func TestTemplate(t *testing.T) {
	doc := translated(t)
	for name, params := range variants {
		t.Run(name, func(t *testing.T) {
			s, err := newStack(doc, params)
			if err != nil {
				t.Fatal(err)
			}
			for check, of := range checks {
				for _, problem := range of(s) {
					t.Errorf("%s: %s", check, problem)
				}
			}
		})
	}
}

// A parameter that becomes a setting takes the words of the configuration, and
// has the same default.
func TestWords(t *testing.T) {
	params := object(translated(t)["Parameters"])
	for name, words := range map[string][]string{"Codec": config.Codecs, "OnDelete": config.OnDelete, "CatalogKind": config.Catalogs, "Crawl": config.Crawls} {
		p := object(params[name])
		if allowed := many(p["AllowedValues"]); !slices.Equal(allowed, words) || text(p["Default"]) != words[0] {
			t.Errorf("%s takes %v, else %v; the configuration has %v", name, allowed, p["Default"], words)
		}
	}
}

// Every condition is true in one variant and false in another, so nothing of
// the template goes unseen.
func TestVariantsReachEverything(t *testing.T) {
	doc := translated(t)
	seen := map[string]map[bool]bool{}
	for _, params := range variants {
		s, err := newStack(doc, params)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range s.conditions {
			if seen[name] == nil {
				seen[name] = map[bool]bool{}
			}
			seen[name][v] = true
		}
	}
	for name, values := range seen {
		if len(values) != 2 {
			t.Errorf("condition %s is always %v", name, slices.Collect(maps.Keys(values)))
		}
	}
}

// problems collects what is wrong.
type problems []string

func (p *problems) want(ok bool, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

func (p *problems) equal(what string, got any, want ...string) {
	p.want(slices.Equal(many(got), want), "%s is %v, want %v", what, got, want)
}

func bucketARN(s *stack) string { return "arn:aws:s3:::" + s.params["BucketName"] }

// queuePolicy: whoever is to send to a queue may, for this bucket or rule of
// this account only, and nobody else.
func queuePolicy(s *stack) []string {
	var p problems
	sends := func(queue, service, source string) {
		for _, name := range s.of("AWS::SQS::QueuePolicy") {
			if !slices.Equal(many(s.get(name, "Queues")), []string{"{" + queue + "}"}) {
				continue
			}
			allowed := 0
			for _, st := range list(s.get(name, "PolicyDocument", "Statement")) {
				if text(at(st, "Effect")) != "Allow" {
					continue
				}
				allowed++
				p.equal("sender to "+queue, at(st, "Principal", "Service"), service)
				p.equal("action on "+queue, at(st, "Action"), "sqs:SendMessage")
				p.equal("resource of the policy of "+queue, at(st, "Resource"), "{"+queue+".Arn}")
				p.equal("aws:SourceArn of "+queue, at(st, "Condition", "ArnEquals", "aws:SourceArn"), source)
				p.equal("aws:SourceAccount of "+queue, at(st, "Condition", "StringEquals", "aws:SourceAccount"), account)
			}
			if service == "" {
				p.want(allowed == 0, "somebody may send to %s", queue)
			} else {
				p.want(allowed == 1, "%d statements let somebody send to %s, want 1", allowed, queue)
			}
			return
		}
		p.want(service == "", "%s has no policy", queue)
	}
	switch s.params["Trigger"] {
	case "queue":
		sends("Queue", "s3.amazonaws.com", bucketARN(s))
		sends("DeadLetterQueue", "", "")
	case "eventbridge":
		sends("Queue", "events.amazonaws.com", "{ObjectRule.Arn}")
		sends("DeadLetterQueue", "events.amazonaws.com", "{ObjectRule.Arn}")
	default:
		p.want(s.of("AWS::SQS::Queue")[0] == "DeadLetterQueue" && len(s.of("AWS::SQS::Queue")) == 1, "there is a queue that nobody uses")
		sends("DeadLetterQueue", "", "")
	}
	return p
}

// withoutSource are roles whose service does not say in its documentation that
// it sets the source of a request: a condition on it might keep the service
// out. A role can only be passed to a service within its account, so nobody
// else can have it used.
var withoutSource = []string{"CrawlerRole", "BatchRole"}

// servicePrincipals: a service acts for a resource of this account only, so
// that it cannot be made to act for somebody else's (confused deputy).
func servicePrincipals(s *stack) []string {
	var p problems
	for name, r := range s.resources {
		if r.kind == "AWS::Lambda::Permission" {
			p.want(text(s.get(name, "SourceArn")) != "", "%s has no SourceArn", name)
			p.equal(name+".SourceAccount", s.get(name, "SourceAccount"), account)
			p.equal(name+".Action", s.get(name, "Action"), "lambda:InvokeFunction")
		}
		for _, property := range []string{"PolicyDocument", "AssumeRolePolicyDocument"} {
			for _, st := range list(s.get(name, property, "Statement")) {
				if at(st, "Principal", "Service") == nil || slices.Contains(withoutSource, name) {
					continue
				}
				arn := slices.Concat(many(at(st, "Condition", "ArnEquals", "aws:SourceArn")), many(at(st, "Condition", "ArnLike", "aws:SourceArn")))
				p.want(len(arn) == 1 && arn[0] != "*", "%s: a service without aws:SourceArn", name)
				p.equal(name+": aws:SourceAccount", at(st, "Condition", "StringEquals", "aws:SourceAccount"), account)
			}
		}
	}
	return p
}

// eventNames are all that S3 knows of those that the template could mean:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
func eventNames(s *stack) []string {
	if s.params["OnDelete"] == "remove" {
		return []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}
	}
	return []string{"s3:ObjectCreated:*"}
}

// notification: all creations under the source prefix, and nothing of what the
// function itself writes, reach the function.
func notification(s *stack) []string {
	var p problems
	target := func(kind, member, want string) {
		got := list(s.get("Bucket", "NotificationConfiguration", kind))
		if want == "" {
			p.want(len(got) == 0, "the bucket has %s", kind)
			return
		}
		var names []string
		for _, n := range got {
			names = append(names, text(at(n, "Event")))
			p.equal("target", at(n, member), want)
			rules := list(at(n, "Filter", "S3Key", "Rules"))
			p.want(len(rules) == 1 && text(at(rules, 0, "Name")) == "prefix", "the filter is %v, want a prefix", rules)
			p.equal("prefix", at(rules, 0, "Value"), s.params["SourcePrefix"])
		}
		p.want(slices.Equal(names, eventNames(s)), "events are %v, want %v", names, eventNames(s))
	}
	if _, made := s.resources["Bucket"]; made {
		queue, direct := "", ""
		switch s.params["Trigger"] {
		case "queue":
			queue = "{Queue.Arn}"
		case "s3":
			direct = "{Function.Arn}"
		}
		target("QueueConfigurations", "Queue", queue)
		target("LambdaConfigurations", "Function", direct)
		on := text(s.get("Bucket", "NotificationConfiguration", "EventBridgeConfiguration", "EventBridgeEnabled"))
		p.want((on == "true") == (s.params["Trigger"] == "eventbridge"), "EventBridge of the bucket: %q", on)
	}
	if s.params["Trigger"] == "eventbridge" {
		pattern := s.get("ObjectRule", "EventPattern")
		p.equal("source of the rule", at(pattern, "source"), "aws.s3")
		want := []string{"Object Created"}
		if s.params["OnDelete"] == "remove" {
			want = append(want, "Object Deleted")
		}
		p.equal("events of the rule", at(pattern, "detail-type"), want...)
		p.equal("bucket of the rule", at(pattern, "detail", "bucket", "name"), s.params["BucketName"])
		p.equal("prefix of the rule", at(pattern, "detail", "object", "key", 0, "prefix"), s.params["SourcePrefix"])
		p.equal("target of the rule", at(s.get("ObjectRule", "Targets"), 0, "Arn"), "{Queue.Arn}")
	}
	if s.params["Trigger"] == "s3" {
		p.equal("who may invoke", s.get("InvokeByS3", "Principal"), "s3.amazonaws.com")
		p.equal("for which bucket", s.get("InvokeByS3", "SourceArn"), bucketARN(s))
	}
	for _, folder := range []string{"SinkPrefix", "LedgerPrefix", "QuarantinePrefix", "WorkPrefix"} {
		p.want(!strings.HasPrefix(s.params[folder], s.params["SourcePrefix"]), "the notification covers %s, which the function writes", folder)
	}
	return p
}

// deadLetters: what fails all retries is kept, longer than anything before it.
func deadLetters(s *stack) []string {
	var p problems
	p.equal("retention of the dead letters", s.get("DeadLetterQueue", "MessageRetentionPeriod"), "1209600")
	if _, made := s.resources["Queue"]; made {
		p.equal("dead-letter queue", s.get("Queue", "RedrivePolicy", "deadLetterTargetArn"), "{DeadLetterQueue.Arn}")
		// At least 5: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
		p.want(number(s.get("Queue", "RedrivePolicy", "maxReceiveCount")) >= 5, "maxReceiveCount is %v", s.get("Queue", "RedrivePolicy", "maxReceiveCount"))
		p.want(number(s.get("Queue", "MessageRetentionPeriod")) < 1209600, "messages are kept as long as dead letters")
	} else {
		p.equal("destination of failed events", s.get("AsynchronousInvocations", "DestinationConfig", "OnFailure", "Destination"), "{DeadLetterQueue.Arn}")
		p.equal("retries of failed events", s.get("AsynchronousInvocations", "MaximumRetryAttempts"), "2")
	}
	for _, rule := range s.of("AWS::Events::Rule") {
		for _, target := range list(s.get(rule, "Targets")) {
			if text(at(target, "Arn")) == "{Queue.Arn}" {
				p.equal("dead letters of "+rule, at(target, "DeadLetterConfig", "Arn"), "{DeadLetterQueue.Arn}")
			}
		}
	}
	return p
}

func eventSourceMapping(s *stack) []string {
	var p problems
	names := s.of("AWS::Lambda::EventSourceMapping")
	if s.params["Trigger"] == "s3" {
		p.want(len(names) == 0, "a queue that is not there is polled")
		return p
	}
	if len(names) != 1 {
		return []string{"the queue is not polled once"}
	}
	m := names[0]
	p.equal("queue", s.get(m, "EventSourceArn"), "{Queue.Arn}")
	p.equal("function", s.get(m, "FunctionName"), "{Function}")
	p.equal("response types", s.get(m, "FunctionResponseTypes"), "ReportBatchItemFailures")
	size, window := "10", "0"
	if s.params["TableFormat"] != "" {
		size, window = "10000", "60"
	}
	p.equal("batch", s.get(m, "BatchSize"), size)
	p.equal("window", s.get(m, "MaximumBatchingWindowInSeconds"), window)
	n := number(s.get(m, "ScalingConfig", "MaximumConcurrency"))
	p.want(n >= 2 && n <= 1000, "maximum concurrency is %d", n)
	p.want(text(s.get(m, "Enabled")) != "false", "it is off")
	return p
}

func visibility(s *stack) []string {
	var p problems
	timeout := number(s.get("Function", "Timeout"))
	p.want(timeout > 0 && timeout <= 900, "the function's timeout is %d", timeout)
	if _, made := s.resources["Queue"]; made {
		v := number(s.get("Queue", "VisibilityTimeout"))
		p.want(v >= 6*timeout && v <= 43200, "the visibility timeout is %d s, the function's timeout %d s", v, timeout)
	}
	return p
}

func number(v any) int {
	n, err := strconv.Atoi(text(v))
	if err != nil {
		return -1
	}
	return n
}
