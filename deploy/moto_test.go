//go:build dist

package deploy_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/internal/awslambda/runtimetest"
	"sluice/internal/servertest"
)

// The tests of what `make lambda` built, in ../dist; `make deploy-check` runs
// them. moto's CloudFormation leaves out without a word what it does not know
// (notification, queue policies, tables, alarms …), so what is said here of the
// deployment is asked of the services themselves, and no more is said.

const archive = "sluice-lambda-amd64.zip" // this machine's

// deployment is a stack in moto.
type deployment struct {
	*stack
	t      *testing.T
	server *servertest.Server
	s3     *s3.Client
	ids    map[string]string // of resources that moto made, by name in the template
}

func deploy(t *testing.T, params map[string]string) *deployment {
	s, err := newStack(translated(t), params)
	if err != nil {
		t.Fatal(err)
	}
	server := servertest.Moto(t)
	server.Region = region
	d := &deployment{stack: s, t: t, server: server, s3: server.Client(), ids: map[string]string{}}
	code, err := os.ReadFile("../dist/" + archive)
	if err != nil {
		t.Fatal(err)
	}
	d.createBucket("packages")
	d.put("packages", text(s.get("Function", "Code", "S3Key")), code)

	resources := map[string]any{}
	for name, r := range s.resources {
		resources[name] = map[string]any{"Type": r.kind, "Properties": asReferences(r.properties)}
	}
	body, err := json.Marshal(map[string]any{"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
	if err != nil {
		t.Fatal(err)
	}
	d.query("cloudformation", url.Values{"Action": {"CreateStack"}, "StackName": {stackName}, "TemplateBody": {string(body)}})
	described := d.query("cloudformation", url.Values{"Action": {"DescribeStackResources"}, "StackName": {stackName}})
	var answer struct {
		Resources []struct {
			Name string `xml:"LogicalResourceId"`
			ID   string `xml:"PhysicalResourceId"`
		} `xml:"DescribeStackResourcesResult>StackResources>member"`
	}
	if err := xml.Unmarshal(described, &answer); err != nil {
		t.Fatal(err)
	}
	for _, r := range answer.Resources {
		d.ids[r.Name] = r.ID
	}
	return d
}

var reference = regexp.MustCompile(`\{(\w+)(\.\w+)?\}`)

// asReferences turns the tests' spelling of references into CloudFormation's.
func asReferences(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			out[name] = asReferences(member)
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, asReferences(e))
		}
		return out
	case string:
		if m := reference.FindStringSubmatch(v); m != nil && !strings.Contains(v, "${") {
			return map[string]any{"Fn::Sub": reference.ReplaceAllString(v, `$${$1$2}`)}
		}
	}
	return v
}

// query calls a service by the query protocol. moto finds the service by the
// scope of the credentials, and checks no signature.
func (d *deployment) query(service string, values url.Values) []byte {
	d.t.Helper()
	return d.call(http.MethodPost, service, "/", "application/x-www-form-urlencoded", values.Encode())
}

func (d *deployment) call(method, service, path, contentType, body string, header ...string) []byte {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.server.Endpoint+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=sluice-test/20240110/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=none")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		d.t.Fatalf("%s %s: %s %v\n%s", service, path, res.Status, err, data)
	}
	return data
}

func (d *deployment) createBucket(name string) {
	d.t.Helper()
	if _, err := d.s3.CreateBucket(d.t.Context(), &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *deployment) put(bucket, key string, data []byte) {
	d.t.Helper()
	if _, err := d.s3.PutObject(d.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data)}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *deployment) keys(prefix string) []string {
	d.t.Helper()
	out, err := d.s3.ListObjectsV2(d.t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(d.params["BucketName"]), Prefix: &prefix})
	if err != nil {
		d.t.Fatal(err)
	}
	var keys []string
	for _, o := range out.Contents {
		if !strings.HasPrefix(path.Base(*o.Key), "_") { // owner and index of the ledger
			keys = append(keys, *o.Key)
		}
	}
	return keys
}

// What moto made of the template is as the template says.
func TestMotoStack(t *testing.T) {
	d := deploy(t, variants["defaults"])
	attributes := func(queue string) map[string]string {
		answer := d.query("sqs", url.Values{"Action": {"GetQueueAttributes"}, "QueueUrl": {d.ids[queue]}, "AttributeName.1": {"All"}})
		var a struct {
			Attributes []struct{ Name, Value string } `xml:"GetQueueAttributesResult>Attribute"`
		}
		if err := xml.Unmarshal(answer, &a); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, x := range a.Attributes {
			out[x.Name] = x.Value
		}
		return out
	}
	queue, dead := attributes("Queue"), attributes("DeadLetterQueue")
	if queue["VisibilityTimeout"] != "1800" || dead["MessageRetentionPeriod"] != "1209600" || !strings.Contains(queue["RedrivePolicy"], dead["QueueArn"]) {
		t.Errorf("queue %v, dead letters %v", queue, dead)
	}
	var function struct {
		Configuration struct {
			Handler, Runtime string
			Timeout          any
			Environment      struct{ Variables map[string]string }
		}
	}
	if err := json.Unmarshal(d.call(http.MethodGet, "lambda", "/2015-03-31/functions/"+d.ids["Function"], "", ""), &function); err != nil {
		t.Fatal(err)
	}
	c := function.Configuration
	if c.Handler != "bootstrap" || c.Runtime != "provided.al2023" || text(c.Timeout) != "300" || c.Environment.Variables["SLUICE_SOURCE"] != "s3://orders-bucket/raw_orders_data/" {
		t.Errorf("function: %+v", c)
	}
	var mappings struct {
		EventSourceMappings []struct {
			EventSourceArn, FunctionArn string
			BatchSize                   int
		}
	}
	if err := json.Unmarshal(d.call(http.MethodGet, "lambda", "/2015-03-31/event-source-mappings/", "", ""), &mappings); err != nil {
		t.Fatal(err)
	}
	if m := mappings.EventSourceMappings; len(m) != 1 || m[0].EventSourceArn != queue["QueueArn"] || m[0].BatchSize != 10 {
		t.Errorf("event source mappings: %+v", m)
	}
}

const sample = `[{"order_id":1,"order_date":"2024-01-10","total_amount":200.50,
 "customer":{"customer_id":101,"name":"a","email":"a@example.com","address":"b"},
 "products":[{"product_id":1,"name":"c","category":"d","price":25.00,"quantity":2},{"product_id":2,"name":"e","category":"f","price":150.50,"quantity":1}]},
 {"order_id":2,"order_date":"no date","products":[]}]`

// An upload goes the whole way: by the notification of the template to the
// queue of the template, and from there to the bootstrap of the archive with
// the environment of the template. Then history, by all three ways.
func TestMotoEndToEnd(t *testing.T) {
	d := deploy(t, variants["typed tables"])
	d.glue("CreateDatabase", map[string]any{"DatabaseInput": d.get("Database", "DatabaseInput")})
	d.glue("CreateTable", map[string]any{"DatabaseName": d.params["DatabaseName"], "TableInput": d.get("LedgerTable", "TableInput")})
	d.version()
	d.notify()
	api := runtimetest.New(t)
	kill, wait := api.Start(t, unpack(t), d.environment(d.server.Env())...)
	defer func() {
		kill()
		if _, out := wait(); t.Failed() {
			t.Log(out)
		}
	}()

	d.upload("2024/01/first+one.json")
	for {
		event, n := d.messages()
		if n == 0 {
			break
		}
		api.Events <- event
		if r := api.Reply(t); r.Body != `{"batchItemFailures":[]}` {
			t.Fatalf("%s: %s, to %s", r.Path, r.Body, event)
		}
	}
	d.settled(1)

	var table struct {
		Table struct {
			StorageDescriptor struct {
				Location string
				Columns  []struct{ Name, Type string }
			}
		}
	}
	if err := json.Unmarshal(d.glue("GetTable", map[string]any{"DatabaseName": "sluice", "Name": "order_lines"}), &table); err != nil {
		t.Fatal(err)
	}
	if s := table.Table.StorageDescriptor; s.Location != "s3://orders-bucket/orders_data_parquet/" || len(s.Columns) != 12 {
		t.Errorf("table: %+v", s)
	}

	// The queue is not asked any more: these uploads are history.
	d.upload("second one.json")
	api.Events <- `{"BatchInput":{"Bucket":"orders-bucket"},"Items":[{"Etag":"\"x\"","Key":"raw_orders_data/2024/01/first+one.json","LastModified":1704875400,"Size":1,"StorageClass":"STANDARD"},
		{"Etag":"\"x\"","Key":"raw_orders_data/second one.json","LastModified":1704875400,"Size":1,"StorageClass":"STANDARD"}]}`
	if r := api.Reply(t); !strings.HasSuffix(r.Path, "/response") || r.Body != "null" {
		t.Errorf("Distributed Map: %s %s", r.Path, r.Body)
	}
	d.settled(2)
	d.upload("third%20one.json")
	api.Events <- `{"invocationSchemaVersion":"1.0","invocationId":"i","job":{"id":"j"},"tasks":[{"taskId":"t","s3Key":"raw_orders_data/third%2520one.json","s3VersionId":null,"s3BucketArn":"arn:aws:s3:::orders-bucket"}]}`
	if r := api.Reply(t); !strings.Contains(r.Body, `"resultCode":"Succeeded","resultString":"committed"`) {
		t.Errorf("S3 Batch Operations: %s %s", r.Path, r.Body)
	}
	d.settled(3)
	d.upload("fourth.json")
	api.Events <- `{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`
	if r := api.Reply(t); !strings.HasSuffix(r.Path, "/response") {
		t.Errorf("schedule: %s %s", r.Path, r.Body)
	}
	d.settled(4)
}

// With tables, what the queue hands over becomes visible in one snapshot of a table of
// Glue, and what events did not bring in the next one, of the schedule.
func TestMotoTables(t *testing.T) {
	d := deploy(t, map[string]string{"TableFormat": "iceberg", "TableCatalog": "glue", "TablePartition": "day(order_date)"})
	d.glue("CreateDatabase", map[string]any{"DatabaseInput": d.get("Database", "DatabaseInput")})
	d.version()
	d.notify()
	api := runtimetest.New(t)
	kill, wait := api.Start(t, unpack(t), d.environment(d.server.Env())...)
	defer func() {
		kill()
		if _, out := wait(); t.Failed() {
			t.Log(out)
		}
	}()
	snapshots := func(want int) {
		t.Helper()
		var table struct {
			Table struct{ Parameters map[string]string }
		}
		if err := json.Unmarshal(d.glue("GetTable", map[string]any{"DatabaseName": "sluice", "Name": "order_lines"}), &table); err != nil {
			t.Fatal(err)
		}
		p := table.Table.Parameters
		_, key, ok := strings.Cut(p["metadata_location"], "s3://orders-bucket/")
		if !ok || p["table_type"] != "ICEBERG" {
			t.Fatalf("parameters of the table: %v", p)
		}
		file, err := d.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("orders-bucket"), Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		defer file.Body.Close()
		var metadata struct{ Snapshots []any }
		if err := json.NewDecoder(file.Body).Decode(&metadata); err != nil || len(metadata.Snapshots) != want {
			t.Errorf("%d snapshots, want %d: %v", len(metadata.Snapshots), want, err)
		}
	}
	for _, name := range []string{"first+one.json", "second one.json", "third%20one.json"} {
		d.upload(name)
	}
	for {
		event, n := d.messages()
		if n == 0 {
			break
		}
		api.Events <- event
		if r := api.Reply(t); r.Body != `{"batchItemFailures":[]}` {
			t.Fatalf("%s: %s, to %s", r.Path, r.Body, event)
		}
	}
	snapshots(1)
	d.upload("fourth.json")
	for range 2 { // the second time nothing is left
		api.Events <- `{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`
		if r := api.Reply(t); !strings.HasSuffix(r.Path, "/response") {
			t.Errorf("schedule: %s %s", r.Path, r.Body)
		}
		snapshots(2)
	}
}

// glue calls Glue.
func (d *deployment) glue(operation string, in any) []byte {
	d.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.call(http.MethodPost, "glue", "/", "application/x-amz-json-1.1", string(body), "X-Amz-Target", "AWSGlue."+operation)
}

func (d *deployment) upload(name string) {
	d.t.Helper()
	d.put(d.params["BucketName"], d.params["SourcePrefix"]+name, []byte(sample))
}

// settled checks the outcome of n uploads of the sample: one order is
// committed, the other is in quarantine.
func (d *deployment) settled(n int) {
	d.t.Helper()
	for prefix, want := range map[string]int{d.params["SinkPrefix"]: n, d.params["LedgerPrefix"]: n, d.params["QuarantinePrefix"]: 2 * n} {
		if keys := d.keys(prefix); len(keys) != want {
			d.t.Errorf("%d uploads: %s has %v, want %d", n, prefix, keys, want)
		}
	}
	for _, key := range d.keys(d.params["LedgerPrefix"]) {
		out, err := d.s3.GetObject(d.t.Context(), &s3.GetObjectInput{Bucket: aws.String(d.params["BucketName"]), Key: &key})
		if err != nil {
			d.t.Fatal(err)
		}
		var entry struct {
			State struct {
				Committed   int `json:"records_committed"`
				Quarantined int `json:"records_quarantined"`
				Sums        map[string]string
			}
		}
		err = json.NewDecoder(out.Body).Decode(&entry)
		out.Body.Close()
		if s := entry.State; err != nil || s.Committed != 1 || s.Quarantined != 1 || s.Sums["order_lines.product_price"] != "175.5000" {
			d.t.Errorf("%s: %+v, %v", key, s, err)
		}
	}
}

// version gives the bucket what the template says of versions, which moto's
// CloudFormation leaves out.
func (d *deployment) version() {
	d.t.Helper()
	status := types.BucketVersioningStatus(text(d.get("Bucket", "VersioningConfiguration", "Status")))
	if _, err := d.s3.PutBucketVersioning(d.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: aws.String(d.params["BucketName"]), VersioningConfiguration: &types.VersioningConfiguration{Status: status},
	}); err != nil {
		d.t.Fatal(err)
	}
}

// notify sets the notification that moto's CloudFormation leaves out.
func (d *deployment) notify() {
	d.t.Helper()
	var configurations []types.QueueConfiguration
	for _, c := range list(d.get("Bucket", "NotificationConfiguration", "QueueConfigurations")) {
		rule := at(c, "Filter", "S3Key", "Rules", 0)
		configurations = append(configurations, types.QueueConfiguration{
			Events:   []types.Event{types.Event(text(at(c, "Event")))},
			QueueArn: aws.String("arn:aws:sqs:" + region + ":" + account + ":" + filepath.Base(d.ids["Queue"])),
			Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
				{Name: types.FilterRuleName(text(at(rule, "Name"))), Value: aws.String(text(at(rule, "Value")))},
			}}},
		})
	}
	if _, err := d.s3.PutBucketNotificationConfiguration(d.t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket:                    aws.String(d.params["BucketName"]),
		NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: configurations},
	}); err != nil {
		d.t.Fatal(err)
	}
}

// messages takes what is in the queue, as Lambda's poller hands it over.
func (d *deployment) messages() (event string, n int) {
	d.t.Helper()
	answer := d.query("sqs", url.Values{"Action": {"ReceiveMessage"}, "QueueUrl": {d.ids["Queue"]}, "MaxNumberOfMessages": {"10"}, "WaitTimeSeconds": {"1"}})
	var a struct {
		Messages []struct {
			ID   string `xml:"MessageId"`
			Body string
		} `xml:"ReceiveMessageResult>Message"`
	}
	if err := xml.Unmarshal(answer, &a); err != nil {
		d.t.Fatal(err)
	}
	records := []any{}
	for _, m := range a.Messages {
		records = append(records, map[string]any{"messageId": m.ID, "eventSource": "aws:sqs", "body": m.Body})
	}
	data, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data), len(records)
}

// unpack writes the bootstrap of the archive to a folder.
func unpack(t *testing.T) string {
	t.Helper()
	r, err := zip.OpenReader("../dist/" + archive)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := r.Open("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := filepath.Join(t.TempDir(), "bootstrap")
	out, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, r.File[0].Mode())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, f); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// environment is what the function's process gets: the template's variables,
// and a server in the place of AWS.
func (d *deployment) environment(server []string) []string {
	env := slices.Clone(server)
	for name, value := range object(d.get("Function", "Environment", "Variables")) {
		env = append(env, name+"="+text(value))
	}
	return env
}
