package deploy_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The permissions of the function are held against the calls it can make. The
// calls come from the linker: a function that nothing reaches, such as a method
// of an SDK client, is not in the binary. So a call that is new in the code fails here until the
// template allows it and the table below says where, and a permission for a
// call that is gone fails too.

// needs says which actions a call of the SDK needs, or of a package that uses internal/awsjson:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html,
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
var needs = map[string][]string{
	"s3.GetObject":               {"s3:GetObject", "s3:GetObjectVersion"}, // a version is pinned when more than one range is read
	"s3.HeadObject":              {"s3:GetObject", "s3:ListBucket"},       // without the latter a missing object is a 403
	"s3.PutObject":               {"s3:PutObject", "s3:GetObject"},        // with If-Match both
	"s3.CreateMultipartUpload":   {"s3:PutObject"},
	"s3.UploadPart":              {"s3:PutObject"},
	"s3.CompleteMultipartUpload": {"s3:PutObject", "s3:GetObject"},
	"s3.AbortMultipartUpload":    {"s3:AbortMultipartUpload"},
	"s3.ListObjectsV2":           {"s3:ListBucket"},
	"s3.DeleteObject":            {"s3:DeleteObject"},
	"s3.ListMultipartUploads":    {"s3:ListBucketMultipartUploads"},
	"glue.StartCrawler":          {"glue:StartCrawler"},
	"glue.GetCrawler":            {"glue:GetCrawler"},
	"glue.GetTable":              {"glue:GetTable"},
	"glue.CreateTable":           {"glue:CreateTable"},
	"glue.UpdateTable":           {"glue:UpdateTable"},

	"secretsmanager.GetSecretValue": {"secretsmanager:GetSecretValue"},
	"eventbridge.PutEvents":         {"events:PutEvents"},
	"stepfunctions.StartExecution":  {"states:StartExecution"},
}

// unused are calls in the binary that the function does not make.
var unused = map[string]string{
	"s3.CreateSession": "of the SDK itself, for directory buckets (S3 Express)",
}

// byAWS are actions that AWS uses in the name of the function.
var byAWS = map[string]string{
	"logs:CreateLogStream":   "Lambda writes the log",
	"logs:PutLogEvents":      "Lambda writes the log",
	"sqs:ReceiveMessage":     "Lambda polls the queue",
	"sqs:DeleteMessage":      "Lambda polls the queue",
	"sqs:GetQueueAttributes": "Lambda polls the queue",
	"sqs:SendMessage":        "Lambda keeps events that failed",
	"kms:Decrypt":            "S3 reads with the key",
	"kms:GenerateDataKey":    "S3 writes with the key",
}

// ofCatalog are the actions of each kind of catalog.
var ofCatalog = map[string][]string{
	"crawler": {"glue:StartCrawler", "glue:GetCrawler"},
	"glue":    {"glue:GetTable", "glue:CreateTable", "glue:UpdateTable"},
}

// operation is a call of a client of the SDK.
var operation = regexp.MustCompile(`aws-sdk-go-v2/service/(\w+)\.\(\*Client\)\.([A-Z]\w*)$`)

// calls are the operations in the binary, such as "s3.GetObject". It is built
// as internal/awslambda's tests do, whose work is then there already.
var calls = sync.OnceValues(func() ([]string, error) {
	dir, err := os.MkdirTemp("", "sluice-deploy-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "bootstrap")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", name, "sluice/cmd/sluice-lambda").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	symbols, err := exec.Command("go", "tool", "nm", name).Output()
	if err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for line := range bytes.Lines(symbols) {
		if m := operation.FindSubmatch(bytes.TrimSpace(line)); m != nil && string(m[2]) != "Options" {
			set[string(m[1])+"."+string(m[2])] = true
		}
	}
	binary, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	ours, err := operations()
	for call, function := range ours {
		// The table of functions has a name for each, also for those that the compiler inlined.
		if bytes.Contains(binary, []byte("\x00"+function+"\x00")) {
			set[call] = true
		}
	}
	return slices.Sorted(maps.Keys(set)), err
})

// operations are the calls that packages of the function make through
// internal/awsjson, such as "glue.GetTable", each with the function that makes it.
func operations() (map[string]string, error) {
	const using = `{{range .Imports}}{{if eq . "sluice/internal/awsjson"}}{{$.ImportPath}} {{$.Dir}} {{join $.GoFiles " "}}{{end}}{{end}}`
	out, err := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", "-f", using, "sluice/cmd/sluice-lambda").Output()
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		for _, name := range f[2:] {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(f[1], name), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			for _, d := range file.Decls {
				for n := range ast.Preorder(d) {
					operation := operationOf(n)
					if operation == nil {
						continue
					}
					literal, isLiteral := operation.(*ast.BasicLit)
					function, inFunction := d.(*ast.FuncDecl)
					if !isLiteral || !inFunction {
						return nil, fmt.Errorf("%s: a call whose operation is no literal, or in no function", name)
					}
					all[file.Name.Name+"."+strings.Trim(literal.Value, `"`)] = symbol(f[0], function)
				}
			}
		}
	}
	return all, nil
}

// operationOf is the operation in a call of the method Call, else nil.
func operationOf(n ast.Node) ast.Expr {
	if call, ok := n.(*ast.CallExpr); ok {
		if method, ok := call.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Call" {
			return call.Args[1]
		}
	}
	return nil
}

// symbol is the linker's name of a function.
func symbol(path string, f *ast.FuncDecl) string {
	if f.Recv == nil {
		return path + "." + f.Name.Name
	}
	if pointer, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
		return fmt.Sprintf("%s.(*%s).%s", path, pointer.X, f.Name.Name)
	}
	return fmt.Sprintf("%s.%s.%s", path, f.Recv.List[0].Type, f.Name.Name)
}

func permissionsAndCalls(s *stack) []string {
	var p problems
	made, err := calls()
	if err != nil {
		return []string{err.Error()}
	}
	p.want(slices.Contains(made, "s3.PutObject") && slices.Contains(made, "glue.StartCrawler"), "the calls cannot be read from the binary: %v", made)
	for call := range unused {
		p.want(slices.Contains(made, call), "%s is not in the binary, take it out of the tests", call)
	}
	wanted := map[string]string{} // action, call
	for _, call := range made {
		if unused[call] != "" {
			continue
		}
		if needs[call] == nil {
			p.want(false, "the function calls %s, and no action is known for it", call)
		}
		for _, action := range needs[call] {
			wanted[action] = call
		}
	}
	granted := map[string]bool{}
	for _, st := range statementsOf(s, "FunctionRole") {
		for _, action := range many(at(st, "Action")) {
			granted[action] = true
			p.want(wanted[action] != "" || byAWS[action] != "", "%s is allowed, and no call needs it", action)
		}
	}
	kind := catalogOf(s)
	for action, call := range wanted {
		if action == "secretsmanager:GetSecretValue" && s.params["HashKeySecret"] == "" {
			p.want(!granted[action], "%s is allowed, and there is no secret", action)
			continue
		}
		if action == "s3:DeleteObject" && s.params["TableFormat"] == "" {
			p.want(!granted[action], "%s is allowed, and there are no tables", action)
			continue
		}
		if action == "events:PutEvents" && s.params["EventBus"] == "" {
			p.want(!granted[action], "%s is allowed, and there is no bus", action)
			continue
		}
		if action == "states:StartExecution" && !splits(s) {
			p.want(!granted[action], "%s is allowed, and nothing is split", action)
			continue
		}
		if strings.HasPrefix(action, "glue:") && !slices.Contains(ofCatalog[kind], action) {
			p.want(!granted[action], "%s is allowed, and not needed for the catalog %s", action, kind)
			continue
		}
		p.want(granted[action], "%s needs %s, which is not allowed", call, action)
	}
	return p
}

// splits reports whether a state machine converts huge objects.
func splits(s *stack) bool { return s.params["TableFormat"] != "" && s.params["SplitAbove"] != "0" }

// catalogOf is who makes tables known: of tables that objects share, their own catalog.
func catalogOf(s *stack) string {
	if s.params["TableFormat"] != "" {
		return s.params["TableCatalog"]
	}
	return s.params["CatalogKind"]
}

// maintains says whether the function tidies tables.
func maintains(s *stack) bool {
	return s.params["TableFormat"] != "" && s.params["MaintainSchedule"] != ""
}

// grants are the statements of each role: the actions, and on what.
func grants(s *stack) map[string]map[string][]string {
	in, catalog := bucketARN(s), "arn:aws:glue:eu-central-1:123456789012:"
	glue := func(tables string) []string {
		return []string{catalog + "catalog", catalog + "database/" + s.params["DatabaseName"], catalog + "table/" + s.params["DatabaseName"] + "/" + tables}
	}
	machine := "arn:aws:states:eu-central-1:123456789012:"
	key := s.params["KmsKeyArn"]
	want := map[string]map[string][]string{
		"FunctionRole": {
			"s3:GetObject s3:GetObjectVersion":                            {in + "/" + s.params["SourcePrefix"] + "*"},
			"s3:GetObject s3:PutObject s3:AbortMultipartUpload":           {in + "/" + s.params["SinkPrefix"] + "*"},
			"s3:GetObject s3:PutObject":                                   {in + "/" + s.params["LedgerPrefix"] + "*"},
			"s3:PutObject s3:AbortMultipartUpload":                        {in + "/" + s.params["QuarantinePrefix"] + "*"},
			"s3:ListBucket":                                               {in},
			"logs:CreateLogStream logs:PutLogEvents":                      {"{LogGroup.Arn}"},
			"sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes": {"{Queue.Arn}"},
			"sqs:SendMessage":                                             {"{DeadLetterQueue.Arn}"},
			"glue:StartCrawler glue:GetCrawler":                           {catalog + "crawler/" + s.params["CrawlerName"]},
			"glue:GetTable glue:CreateTable glue:UpdateTable":             glue(s.params["Tables"]),
			"s3:DeleteObject":                                             {in + "/" + s.params["SinkPrefix"] + "*/data/*", in + "/" + s.params["LedgerPrefix"] + "*/staged/*"},
			"s3:AbortMultipartUpload":                                     {in + "/" + s.params["LedgerPrefix"] + "*"},
			"s3:GetObject s3:DeleteObject":                                {in + "/" + s.params["QuarantinePrefix"] + "*.split-*", in + "/" + s.params["LedgerPrefix"] + "split/*"},
			"states:StartExecution":                                       {machine + "stateMachine:" + stackName + "-split"},
			"secretsmanager:GetSecretValue":                               {s.params["HashKeySecret"]},
			"events:PutEvents":                                            {s.params["EventBus"]},
			"kms:Decrypt kms:GenerateDataKey":                             {key},
		},
		"CrawlerRole": {
			"s3:GetObject":                       {in + "/" + s.params["SinkPrefix"] + "*"},
			"s3:ListBucket s3:GetBucketLocation": {in},
			"glue:GetDatabase glue:GetTable glue:GetTables glue:CreateTable glue:UpdateTable glue:GetPartition glue:GetPartitions glue:BatchGetPartition glue:BatchCreatePartition glue:UpdatePartition": glue("*"),
			"logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents": {"arn:aws:logs:eu-central-1:123456789012:log-group:/aws-glue/crawlers:*"},
			"kms:Decrypt": {key},
		},
		"BackfillRole": {
			"s3:ListBucket": {in},
			"s3:PutObject s3:GetObject s3:ListMultipartUploadParts s3:AbortMultipartUpload": {in + "/" + s.params["WorkPrefix"] + "backfill/*"},
			"lambda:InvokeFunction":                         {"{Function.Arn}"},
			"states:StartExecution":                         {machine + "stateMachine:" + stackName + "-backfill"},
			"states:DescribeExecution states:StopExecution": {machine + "execution:" + stackName + "-backfill:*"},
			"states:RedriveExecution":                       {machine + "execution:" + stackName + "-backfill/Objects:*"},
			"kms:Decrypt kms:GenerateDataKey":               {key},
		},
		"SplitRole": {
			"lambda:InvokeFunction":                         {"{Function.Arn}"},
			"states:StartExecution":                         {machine + "stateMachine:" + stackName + "-split"},
			"states:DescribeExecution states:StopExecution": {machine + "execution:" + stackName + "-split:*"},
			"states:RedriveExecution":                       {machine + "execution:" + stackName + "-split/Parts:*"},
		},
		"BatchRole": {
			"lambda:InvokeFunction":            {"{Function.Arn}"},
			"s3:GetObject s3:GetObjectVersion": {in + "/" + s.params["WorkPrefix"] + "batch/*"},
			"s3:PutObject":                     {in + "/" + s.params["WorkPrefix"] + "batch/*"},
			"kms:Decrypt kms:GenerateDataKey":  {key},
		},
	}
	function := want["FunctionRole"]
	if s.params["Trigger"] == "s3" {
		delete(function, "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes")
	} else {
		delete(function, "sqs:SendMessage")
	}
	if s.params["EventBus"] == "" {
		delete(function, "events:PutEvents")
	}
	if s.params["HashKeySecret"] == "" {
		delete(function, "secretsmanager:GetSecretValue")
	}
	if maintains(s) {
		sink, ledger := in+"/"+s.params["SinkPrefix"], in+"/"+s.params["LedgerPrefix"]
		function["s3:DeleteObject"] = append(function["s3:DeleteObject"], sink+"*/metadata/*", sink+"*/clock-*", ledger+"*/root-*", ledger+"*/run-*", ledger+"*/damaged/*", ledger+"*/clock-*", ledger+"split/*")
	}
	if s.params["TableFormat"] == "" {
		delete(function, "s3:DeleteObject")
		delete(function, "s3:AbortMultipartUpload")
	}
	if catalogOf(s) != "crawler" {
		delete(function, "glue:StartCrawler glue:GetCrawler")
	}
	if catalogOf(s) != "glue" {
		delete(function, "glue:GetTable glue:CreateTable glue:UpdateTable")
	}
	if catalogOf(s) != "crawler" || s.params["CreateCrawler"] == "false" {
		delete(want, "CrawlerRole")
	}
	if !splits(s) {
		delete(function, "s3:GetObject s3:DeleteObject")
		delete(function, "states:StartExecution")
		delete(want, "SplitRole")
	}
	if s.params["Backfill"] == "false" {
		delete(want, "BackfillRole")
		delete(want, "BatchRole")
	}
	if key == "" {
		for _, role := range want {
			delete(role, "kms:Decrypt kms:GenerateDataKey")
			delete(role, "kms:Decrypt")
		}
	}
	return want
}

// statements: every role may do what grants says, where it says, and no more.
func statements(s *stack) []string {
	var p problems
	want := grants(s)
	p.want(slices.Equal(s.of("AWS::IAM::Role"), slices.Sorted(maps.Keys(want))), "roles are %v", s.of("AWS::IAM::Role"))
	p.want(len(s.of("AWS::IAM::Policy"))+len(s.of("AWS::IAM::ManagedPolicy"))+len(s.of("AWS::IAM::RolePolicy")) == 0, "there are policies outside of the roles")
	for role, allowed := range want {
		got := map[string][]string{}
		p.want(s.get(role, "ManagedPolicyArns") == nil, "%s has managed policies", role)
		for _, st := range statementsOf(s, role) {
			p.equal(role+": effect", at(st, "Effect"), "Allow")
			p.want(at(st, "NotAction") == nil && at(st, "NotResource") == nil, "%s allows by exclusion", role)
			got[strings.Join(many(at(st, "Action")), " ")] = many(at(st, "Resource"))
			for _, action := range many(at(st, "Action")) {
				p.want(!strings.Contains(action, "*"), "%s may %s", role, action)
			}
			for _, on := range many(at(st, "Resource")) {
				p.want(on != "*", "%s may %v on everything", role, at(st, "Action"))
			}
			if service, _, _ := strings.Cut(text(at(st, "Resource")), "/"); role == "FunctionRole" && strings.HasPrefix(service, "arn:aws:s3") {
				p.equal("account of the bucket", at(st, "Condition", "StringEquals", "aws:ResourceAccount"), account)
			}
			if slices.Contains(many(at(st, "Action")), "kms:Decrypt") {
				p.equal(role+": through", at(st, "Condition", "StringEquals", "kms:ViaService"), "s3.eu-central-1.amazonaws.com")
			}
		}
		for actions, on := range allowed {
			p.want(slices.Equal(got[actions], on), "%s: %s on %v, want %v", role, actions, got[actions], on)
		}
		for actions, on := range got {
			p.want(allowed[actions] != nil, "%s may %s on %v", role, actions, on)
		}
	}
	return p
}

func statementsOf(s *stack, role string) []any {
	var out []any
	for _, policy := range list(s.get(role, "Policies")) {
		out = append(out, list(at(policy, "PolicyDocument", "Statement"))...)
	}
	return out
}
