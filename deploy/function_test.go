package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/config"
	"sluice/internal/ledger"
)

func function(s *stack) []string {
	var p problems
	p.equal("runtime", s.get("Function", "Runtime"), "provided.al2023")
	p.equal("handler", s.get("Function", "Handler"), "bootstrap")
	archs := many(s.get("Function", "Architectures"))
	archive := map[string]string{"arm64": "sluice-lambda-arm64.zip", "x86_64": "sluice-lambda-amd64.zip"}
	p.want(len(archs) == 1 && archive[archs[0]] == text(s.get("Function", "Code", "S3Key")), "code %v for %v", s.get("Function", "Code", "S3Key"), archs)
	p.equal("role", s.get("Function", "Role"), "{FunctionRole.Arn}")
	p.equal("log group", s.get("Function", "LoggingConfig", "LogGroup"), "{LogGroup}")
	p.want(number(s.get("LogGroup", "RetentionInDays")) > 0, "logs are kept for ever")
	return p
}

var variable = regexp.MustCompile(`"(SLUICE_[A-Z0-9_]+)"`)

// variables are the names that the code reads from the environment.
func variables() ([]string, error) {
	var names []string
	for _, dir := range []string{"../internal/config", "../internal/awslambda"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			for _, m := range variable.FindAllSubmatch(data, -1) {
				names = append(names, string(m[1]))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// left are variables that the template does not set.
var left = map[string]string{
	"SLUICE_CONFIG":        "the environment says all",
	"SLUICE_THREADS":       "one row group at a time fits the memory of a function",
	"SLUICE_WORKERS":       "as many as the function has CPUs",
	"SLUICE_S3_ENDPOINT":   "not for AWS",
	"SLUICE_S3_PATH_STYLE": "not for AWS",
	"SLUICE_S3_REGION":     "the function's own",
	"SLUICE_S3_TIMEOUT":    "the default is for AWS",
	"SLUICE_EVENT_SOURCES": "not for AWS",

	"SLUICE_TABLE_NAMESPACE": noREST,
	"SLUICE_TABLE_SIGNING":   noREST,
	"SLUICE_TABLE_TOKEN":     noREST,
	"SLUICE_TABLE_URI":       noREST,
	"SLUICE_TABLE_WAREHOUSE": noREST,
}

const noREST = "the template sets up tables in their folder or in Glue, not in a REST catalog"

// configuration: the code reads the environment that the template sets, and
// understands it as the parameters mean it.
func configuration(s *stack) []string {
	var p problems
	known, err := variables()
	if err != nil {
		return []string{err.Error()}
	}
	env := object(s.get("Function", "Environment", "Variables"))
	for name := range env {
		p.want(slices.Contains(known, name), "the code does not read %s", name)
	}
	for _, name := range known {
		_, set := env[name]
		p.want(set != (left[name] != ""), "%s is set: %v; the tests say: left out %q", name, set, left[name])
	}
	c, err := config.Load("", func(name string) string { return text(env[name]) })
	if err != nil {
		return append(p, err.Error())
	}
	for folder, at := range map[string]config.Location{"SourcePrefix": c.Source, "SinkPrefix": c.Sink, "LedgerPrefix": c.Ledger, "QuarantinePrefix": c.Quarantine} {
		p.want(at == config.Location{Bucket: s.params["BucketName"], Prefix: s.params[folder]}, "%s is %s for the code", folder, at)
	}
	p.equal("key of hashes", c.HashKey.Text, s.params["HashKey"])
	p.equal("bus for drift", c.EventBus, s.params["EventBus"])
	p.equal("secret with the key of hashes", c.HashKey.Secret, s.params["HashKeySecret"])
	p.equal("mapping", c.Mapping, s.params["MappingFile"])
	p.equal("on_delete", c.OnDelete, s.params["OnDelete"])
	p.equal("codec", c.Codec, s.params["Codec"])
	p.equal("table", c.Table.Format, s.params["TableFormat"])
	if s.params["TableFormat"] != "" {
		p.equal("catalog of tables", c.Table.Catalog, s.params["TableCatalog"])
		p.want(c.Table.Staged == (s.params["TableCommit"] == "staged"), "staged commits are %v", c.Table.Staged)
		p.want(len(c.Table.Partition) == len(strings.FieldsFunc(s.params["TablePartition"], func(r rune) bool { return r == ',' })), "partitions are %v", c.Table.Partition)
	}
	kind := s.params["CatalogKind"]
	if s.params["TableFormat"] != "" {
		kind = "none" // tables have a catalog of their own
	}
	p.equal("catalog", c.Catalog.Kind, kind)
	p.equal("crawler", c.Catalog.Crawler, s.params["CrawlerName"])
	p.equal("crawl", c.Catalog.Crawl, s.params["Crawl"])
	p.equal("database", c.Catalog.Database, s.params["DatabaseName"])
	return p
}

// followUp: a schedule, and for a crawler its end, invoke the function with
// events that it knows by these names.
func followUp(s *stack) []string {
	var p problems
	code, err := os.ReadFile("../internal/awslambda/notice.go")
	if err != nil {
		return []string{err.Error()}
	}
	knows := func(rule string, event any) {
		for _, name := range slices.Concat(many(at(event, "source")), many(at(event, "detail-type"))) {
			p.want(strings.Contains(string(code), `"`+name+`"`), "%s: the code does not know %q", rule, name)
		}
	}
	invokes := func(rule string) {
		targets := list(s.get(rule, "Targets"))
		p.want(len(targets) == 1 && text(at(targets, 0, "Arn")) == "{Function.Arn}", "%s does not invoke the function", rule)
		p.want((at(targets, 0, "Input") != nil) == (rule == "MaintainTables"), "%s changes the event, which the function then does not know", rule)
		p.want(slices.ContainsFunc(s.of("AWS::Lambda::Permission"), func(name string) bool {
			return text(s.get(name, "SourceArn")) == "{"+rule+".Arn}" && text(s.get(name, "Principal")) == "events.amazonaws.com"
		}), "%s may not invoke the function", rule)
	}
	p.want(text(s.get("Schedule", "ScheduleExpression")) != "", "there is no schedule")
	invokes("Schedule")
	if _, made := s.resources["MaintainTables"]; made || maintains(s) {
		p.want(maintains(s), "tables are maintained that are not there")
		p.equal("schedule of the maintenance", s.get("MaintainTables", "ScheduleExpression"), s.params["MaintainSchedule"])
		invokes("MaintainTables")
		var event map[string]any
		input := text(at(s.get("MaintainTables", "Targets"), 0, "Input"))
		p.want(json.Unmarshal([]byte(input), &event) == nil && len(event) == 2, "the event of the maintenance is %q", input)
		knows("MaintainTables", event)
	}
	if catalogOf(s) != "crawler" {
		return p
	}
	for rule, state := range map[string]string{"CrawlerSucceeded": "Succeeded", "CrawlerFailed": "Failed"} {
		pattern := s.get(rule, "EventPattern")
		knows(rule, pattern)
		p.equal("source of "+rule, at(pattern, "source"), "aws.glue")
		// https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
		p.equal("event of "+rule, at(pattern, "detail-type"), "Glue Crawler State Change")
		p.equal("state of "+rule, at(pattern, "detail", "state"), state)
		p.equal("crawler of "+rule, at(pattern, "detail", "crawlerName"), s.params["CrawlerName"])
		invokes(rule)
	}
	if _, made := s.resources["Crawler"]; made {
		p.equal("name of the crawler", s.get("Crawler", "Name"), s.params["CrawlerName"])
		p.want(text(s.get("Crawler", "Schedule", "ScheduleExpression")) == s.params["CrawlSchedule"], "the crawler's schedule is %v", s.get("Crawler", "Schedule"))
		p.equal("what it crawls", at(s.get("Crawler", "Targets", "S3Targets"), 0, "Path"), "s3://"+s.params["BucketName"]+"/"+s.params["SinkPrefix"])
		p.equal("what it crawls again", s.get("Crawler", "RecrawlPolicy", "RecrawlBehavior"), "CRAWL_EVERYTHING") // docs/catalog.md
	}
	return p
}

// bucket: versions (else two writes of one key at once can be one event),
// encryption, TLS, no public access, and nothing expires that is needed.
func bucket(s *stack) []string {
	var p problems
	if _, made := s.resources["Bucket"]; !made {
		p.want(len(s.of("AWS::S3::BucketPolicy")) == 0, "a policy over somebody else's")
		return p
	}
	p.equal("name", s.get("Bucket", "BucketName"), s.params["BucketName"])
	p.equal("versioning", s.get("Bucket", "VersioningConfiguration", "Status"), "Enabled")
	for _, setting := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		p.equal(setting, s.get("Bucket", "PublicAccessBlockConfiguration", setting), "true")
	}
	p.equal("ownership", at(s.get("Bucket", "OwnershipControls", "Rules"), 0, "ObjectOwnership"), "BucketOwnerEnforced")
	encryption := at(s.get("Bucket", "BucketEncryption", "ServerSideEncryptionConfiguration"), 0, "ServerSideEncryptionByDefault")
	if key := s.params["KmsKeyArn"]; key != "" {
		p.equal("encryption", at(encryption, "SSEAlgorithm"), "aws:kms")
		p.equal("key", at(encryption, "KMSMasterKeyID"), key)
	} else {
		p.equal("encryption", at(encryption, "SSEAlgorithm"), "AES256")
	}
	insecure := false
	for _, st := range list(s.get("BucketPolicy", "PolicyDocument", "Statement")) {
		p.equal("effect of the bucket policy", at(st, "Effect"), "Deny")
		insecure = insecure || text(at(st, "Condition", "Bool", "aws:SecureTransport")) == "false"
	}
	p.want(insecure, "requests without TLS are not denied")
	abort, noncurrent := false, false
	for _, rule := range list(s.get("Bucket", "LifecycleConfiguration", "Rules")) {
		p.equal("status of a rule", at(rule, "Status"), "Enabled")
		whole := at(rule, "Prefix") == nil
		abort = abort || whole && number(at(rule, "AbortIncompleteMultipartUpload", "DaysAfterInitiation")) > 0
		noncurrent = noncurrent || whole && number(at(rule, "NoncurrentVersionExpiration", "NoncurrentDays")) > 0
		if at(rule, "ExpirationInDays") != nil {
			prefix := text(at(rule, "Prefix"))
			p.want(prefix == s.params["QuarantinePrefix"] || prefix == s.params["WorkPrefix"], "what is under %q expires", prefix)
		}
	}
	p.want(abort, "abandoned uploads stay for ever")
	p.want(noncurrent, "older versions stay for ever")
	return p
}

// ledgerTable: the columns of the table are the members of an entry.
func ledgerTable(s *stack) []string {
	var p problems
	if s.params["TableFormat"] != "" {
		p.want(!slices.Contains(s.of("AWS::Glue::Table"), "LedgerTable"), "the ledger of tables is no JSON")
		return p
	}
	table := s.get("LedgerTable", "TableInput")
	p.equal("location", at(table, "StorageDescriptor", "Location"), "s3://"+s.params["BucketName"]+"/"+s.params["LedgerPrefix"])
	var got []string
	for _, c := range list(at(table, "StorageDescriptor", "Columns")) {
		got = append(got, text(at(c, "Name"))+":"+text(at(c, "Type")))
	}
	want := fields(reflect.TypeFor[ledger.Entry]())
	p.want(slices.Equal(got, want), "columns are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	return p
}

// fields are the members of the JSON of a type, with their types in Athena.
func fields(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			out = append(out, fields(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name+":"+athenaType(f.Type))
	}
	return out
}

func athenaType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return athenaType(t.Elem())
	case reflect.Slice:
		return "array<" + athenaType(t.Elem()) + ">"
	case reflect.Map:
		return "map<" + athenaType(t.Key()) + "," + athenaType(t.Elem()) + ">"
	case reflect.Int:
		return "int"
	case reflect.Int64:
		return "bigint"
	case reflect.Struct:
		if t.Name() != "Time" {
			return "struct<" + strings.Join(fields(t), ",") + ">"
		}
	}
	return "string"
}
