package glue_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/fakeglue"
	"sluice/internal/glue"
	"sluice/internal/servertest"
)

type object = map[string]any

func config(endpoint string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint, // of moto
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
}

// input is a table with all that others may have put into it.
const input = `{
	"Name": "t", "Description": "by hand <&>", "Owner": "owner", "LastAccessTime": 1700000000.25, "LastAnalyzedTime": 1700000001, "Retention": 7,
	"PartitionKeys": [{"Name": "day", "Type": "date", "Comment": "", "Parameters": {}}],
	"TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "parquet", "empty": ""},
	"TargetTable": {"CatalogId": "123456789012", "DatabaseName": "other", "Name": "t", "Region": "eu-west-1"},
	"ViewOriginalText": "original", "ViewExpandedText": "expanded",
	"StorageDescriptor": {
		"Columns": [
			{"Name": "a", "Type": "struct<b:int>", "Comment": "mine", "Parameters": {"k": "v"}},
			{"Name": "b", "Comment": "", "Parameters": {}}
		],
		"Location": "s3://bucket/t", "AdditionalLocations": ["s3://bucket/u"], "InputFormat": "in", "OutputFormat": "",
		"Compressed": true, "NumberOfBuckets": -1, "BucketColumns": ["a"], "SortColumns": [{"Column": "a", "SortOrder": 1}],
		"SerdeInfo": {"Name": "serde", "SerializationLibrary": "lib", "Parameters": {"serialization.format": "1"}},
		"Parameters": {"averageRecordSize": "8"},
		"SkewedInfo": {"SkewedColumnNames": ["a"], "SkewedColumnValues": ["1"], "SkewedColumnValueLocationMaps": {"1": "s3://bucket/t/1"}},
		"StoredAsSubDirectories": false,
		"SchemaReference": {"SchemaId": {"SchemaName": "s", "RegistryName": "r"}, "SchemaVersionNumber": 9007199254740991}
	}
}`

func decode(t *testing.T, text string) (o object) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// change is what a test does to a table, and the same to what is wanted.
func change(table *glue.Table, want object) {
	storage := table.StorageDescriptor
	storage.Columns = append(storage.Columns, glue.Column{Name: "c", Type: "int"})
	storage.Columns[0].Comment = "new"
	table.Parameters["new"] = "yes"
	columns := want["StorageDescriptor"].(object)["Columns"].([]any)
	columns[0].(object)["Comment"] = "new"
	want["StorageDescriptor"].(object)["Columns"] = append(columns, object{"Name": "c", "Type": "int"})
	want["Parameters"].(object)["new"] = "yes"
}

// UpdateTable removes what it is not given, and does not take what is Glue's own.
func TestUpdateKeepsWhatOthersWrote(t *testing.T) {
	f := fakeglue.New("sales")
	there := decode(t, input)
	storage := there["StorageDescriptor"].(object)
	for _, o := range []object{storage, storage["SerdeInfo"].(object), storage["Columns"].([]any)[0].(object)} {
		o["Since2027"] = object{"deep": []any{"down", nil, 1.5}} // what the API may have by then
	}
	want := decode(t, string(encode(t, there)))
	maps.Copy(there, object{
		"CatalogId": "123456789012", "CreateTime": 1700000000.0, "UpdateTime": 1700000000.0, "CreatedBy": "arn:aws:iam::123456789012:user/a",
		"IsRegisteredWithLakeFormation": true, "IsMultiDialectView": false, "FederatedTable": object{"Identifier": "x"}, "Status": object{"State": "SUCCESS"},
	})
	f.Put("sales", there)
	var got object
	f.Before = func(operation string, in fakeglue.Object) string {
		if operation == "UpdateTable" {
			got = in
		}
		return ""
	}
	server := httptest.NewServer(f)
	defer server.Close()
	client := glue.New(config(server.URL), 0)
	table, err := client.GetTable(t.Context(), "sales", "t")
	if err != nil {
		t.Fatal(err)
	}
	change(table, want)
	if err := client.UpdateTable(t.Context(), "sales", table); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object{"DatabaseName": "sales", "VersionId": "1", "SkipArchive": true, "TableInput": want}, got); diff != "" {
		t.Error(diff)
	}
	if err := client.UpdateTable(t.Context(), "sales", table); codeOf(err) != "ConcurrentModificationException" {
		t.Errorf("with the version before: %v", err)
	}
}

// The same with moto: the table is otherwise as it was.
func TestMoto(t *testing.T) {
	server := servertest.Moto(t)
	servertest.Glue(t, server.Endpoint, "CreateDatabase", object{"DatabaseInput": object{"Name": "sales"}})
	client := glue.New(config(server.Endpoint), 0)
	if _, err := client.GetTable(t.Context(), "sales", "t"); codeOf(err) != "EntityNotFoundException" {
		t.Errorf("no table: %v", err)
	}
	read := func() object {
		answer, _ := servertest.Glue(t, server.Endpoint, "GetTable", object{"DatabaseName": "sales", "Name": "t"})
		return answer["Table"].(object)
	}
	servertest.Glue(t, server.Endpoint, "CreateTable", object{"DatabaseName": "sales", "TableInput": decode(t, input)})
	want := read()
	table, err := client.GetTable(t.Context(), "sales", "t")
	if err != nil {
		t.Fatal(err)
	}
	change(table, want)
	if err := client.UpdateTable(t.Context(), "sales", table); err != nil {
		t.Fatal(err)
	}
	got := read()
	for _, its := range []string{"VersionId", "UpdateTime"} {
		if cmp.Equal(want[its], got[its]) {
			t.Errorf("%s stays %v", its, got[its])
		}
		delete(want, its)
		delete(got, its)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := client.CreateTable(t.Context(), "sales", &table.TableInput); codeOf(err) != "AlreadyExistsException" {
		t.Errorf("a table that exists: %v", err)
	}
	if err := client.StartCrawler(t.Context(), "c"); codeOf(err) != "EntityNotFoundException" {
		t.Errorf("no crawler: %v", err)
	}
}

func TestCrawler(t *testing.T) {
	server := servertest.Moto(t)
	servertest.Glue(t, server.Endpoint, "CreateCrawler", object{
		"Name": "c", "Role": "arn:aws:iam::123456789012:role/crawler", "Schedule": "cron(0 12 * * ? *)",
		"Targets": object{"S3Targets": []object{{"Path": "s3://bucket/a/"}, {"Path": "s3://bucket/b/"}}}, "RecrawlPolicy": object{"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
	})
	client := glue.New(config(server.Endpoint), 0)
	c, err := client.GetCrawler(t.Context(), "c")
	if err != nil || c.State != "READY" || c.LastCrawl != nil || c.Schedule.ScheduleExpression != "cron(0 12 * * ? *)" || len(c.Targets.S3Targets) != 2 ||
		c.Targets.S3Targets[1].Path != "s3://bucket/b/" || c.RecrawlPolicy.RecrawlBehavior != "CRAWL_NEW_FOLDERS_ONLY" {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := client.StartCrawler(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if err := client.StartCrawler(t.Context(), "c"); codeOf(err) != "CrawlerRunningException" {
		t.Errorf("a second start: %v", err)
	}
	if c, err := client.GetCrawler(t.Context(), "c"); err != nil || c.State != "RUNNING" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestLastCrawl(t *testing.T) {
	const answer = `{"Crawler":{"State":"READY","LastCrawl":{"Status":"FAILED","ErrorMessage":"no","StartTime":1.700000000123E9},"Targets":null,"LakeFormationConfiguration":{}}}`
	c, err := glue.New(config(answers(t, answer)), 0).GetCrawler(t.Context(), "c")
	if err != nil || c.LastCrawl == nil || c.LastCrawl.Status != "FAILED" || c.LastCrawl.ErrorMessage != "no" ||
		!c.LastCrawl.Began().Equal(time.Unix(1_700_000_000, 123e6)) {
		t.Errorf("%+v, %v", c, err)
	}
}

// Answers that the API does not rule out, or that come from elsewhere.
func TestOtherAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		`{}`: "the answer of Glue has no ", `null`: "the answer of Glue has no ", `<html>`: "the answer of Glue is not JSON of a ",
		`{"Table":[],"Crawler":[]}`: "the answer of Glue is not JSON of a ", `{"Table":{"StorageDescriptor":{"Columns":[7]}},"Crawler":7}`: "the answer of Glue is not JSON of a ",
	} {
		client := glue.New(config(answers(t, answer)), 0)
		_, table := client.GetTable(t.Context(), "sales", "t")
		_, crawler := client.GetCrawler(t.Context(), "c")
		for _, err := range []error{table, crawler} {
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", answer, err, want)
			}
		}
	}
}

// Who asks for Once does it for changes: none is sent twice, whatever happens.
func TestOnce(t *testing.T) {
	f := fakeglue.New("sales")
	f.Before = func(string, fakeglue.Object) string { return "ThrottlingException" }
	server := httptest.NewServer(f)
	defer server.Close()
	once := glue.New(config(server.URL), 0).Once()
	for operation, call := range map[string]func(context.Context) error{
		"CreateTable": func(ctx context.Context) error { return once.CreateTable(ctx, "sales", &glue.TableInput{Name: "t"}) },
		"UpdateTable": func(ctx context.Context) error { return once.UpdateTable(ctx, "sales", &glue.Table{}) },
	} {
		if err := call(t.Context()); codeOf(err) != "ThrottlingException" || f.Count(operation) != 1 {
			t.Errorf("%s was sent %d times: %v", operation, f.Count(operation), err)
		}
	}
}

// The endpoint of Glue alone is that of AWS_ENDPOINT_URL_GLUE.
func TestEndpoint(t *testing.T) {
	c := config("http://127.0.0.1:1")
	c.ConfigSources = []any{endpoints{"Glue": answers(t, `{"Table":{"Name":"t"}}`)}}
	if table, err := glue.New(c, 0).GetTable(t.Context(), "sales", "t"); err != nil || table.Name != "t" {
		t.Errorf("%+v, %v", table, err)
	}
}

type endpoints map[string]string

func (e endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	return e[service], e[service] != "", nil
}

// A table is what it was, however often it is read and written.
func FuzzTable(f *testing.F) {
	f.Add(input)
	f.Add(`{"name":"t","storagedescriptor":{"Columns":[{"NAME":"a"}]},"Parameters":null,"Retention":null}`)
	f.Add(`{"StorageDescriptor":{"Columns":[]},"PartitionKeys":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var first, second glue.TableInput
		if json.Unmarshal([]byte(text), &first) != nil {
			return
		}
		data := encode(t, first)
		if err := json.Unmarshal(data, &second); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if again := encode(t, second); string(again) != string(data) {
			t.Errorf("%s\n%s", data, again)
		}
	})
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func answers(t *testing.T, answer string) (endpoint string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) }))
	t.Cleanup(server.Close)
	return server.URL
}

func codeOf(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
