package doctor_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/internal/awsconfig"
	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/doctor"
	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

// examine runs the doctor over a configuration.
func examine(t *testing.T, yaml, lake string) map[string]doctor.Check {
	t.Helper()
	s := open(t, yaml, lake)
	checks := map[string]doctor.Check{}
	doctor.Examine(t.Context(), s, func(c doctor.Check) {
		if _, again := checks[c.Name]; again {
			t.Errorf("%s was checked twice", c.Name)
		}
		if c.Status == doctor.Failed && c.Hint == "" && !strings.Contains(c.Detail, "check the name of the bucket") {
			t.Errorf("no hint: %+v", c)
		}
		checks[c.Name] = c
	})
	return checks
}

func open(t *testing.T, yaml, lake string) *setup.Setup {
	t.Helper()
	c, err := config.Parse("sluice.yaml", []byte(yaml), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	s, err := setup.New(t.Context(), c, lake, awsconfig.Load)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// want checks the status of a check, and a part of what it says.
func want(t *testing.T, checks map[string]doctor.Check, name string, status doctor.Status, part string) {
	t.Helper()
	c, ok := checks[name]
	if !ok || c.Status != status || !strings.Contains(c.Detail+" "+c.Hint, part) {
		t.Errorf("%s: %+v, want %s with %q", name, c, status, part)
	}
}

const order = `[{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[{"product_id":1,"price":1,"quantity":1}]}]`

func put(t *testing.T, st store.Store, key, text string) {
	t.Helper()
	if _, err := store.Put(t.Context(), st, key, []byte(text), store.CreateOptions{}, store.Unconditional()); err != nil {
		t.Fatal(err)
	}
}

// noProbes checks that nothing but what was there is there.
func noProbes(t *testing.T, st store.Store) {
	t.Helper()
	if err := st.List(t.Context(), "", func(i store.Info) error {
		if strings.Contains(i.Key, "_doctor") {
			t.Errorf("left behind: %s", i.Key)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if uploads, err := st.PendingUploads(t.Context(), ""); err != nil || len(uploads) > 0 {
		t.Errorf("pending uploads: %v %v", uploads, err)
	}
}

func TestFolder(t *testing.T) {
	lake := t.TempDir()
	if err := os.MkdirAll(filepath.Join(lake, "b", "raw"), 0o777); err != nil {
		t.Fatal(err)
	}
	const yaml = "source: s3://b/raw/\n"
	s := open(t, yaml, lake)
	sink := s.Pipeline.Sink
	got := examine(t, yaml, lake)
	want(t, got, "mapping", doctor.OK, "orders: 1 table, 12 columns")
	want(t, got, "source", doctor.OK, "no object to read yet")
	for _, name := range []string{"sink", "quarantine", "conditional writes", "uploads", "backlog", "outputs"} {
		want(t, got, name, doctor.OK, "")
	}
	want(t, got, "catalog", doctor.OK, "does not exist yet")
	for _, name := range []string{"multipart conditions", "bucket", "notifications"} {
		want(t, got, name, doctor.NotChecked, "folder")
	}
	noProbes(t, sink)

	put(t, sink, "raw/a.json", order)
	put(t, sink, "raw/b.json", order)
	got = examine(t, yaml, lake)
	want(t, got, "source", doctor.OK, "listed and read")
	want(t, got, "backlog", doctor.Warning, "2 of 2 objects")
	if _, err := s.Pipeline.Process(t.Context(), "b", "raw/a.json"); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, yaml, lake), "backlog", doctor.Warning, "1 of 2 objects")
	if _, err := s.Pipeline.Run(t.Context(), s.Run()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Catalog.Refresh(t.Context(), s.Tables); err != nil {
		t.Fatal(err)
	}
	got = examine(t, yaml, lake)
	want(t, got, "backlog", doctor.OK, "none of the 2 objects of the source")
	want(t, got, "outputs", doctor.OK, "")
	want(t, got, "catalog", doctor.OK, "has the columns")

	// What somebody did, and what a worker left.
	if err := sink.Delete(t.Context(), "ledger/"+ledger.IDOf("b", "raw/a.json").String()+".json"); err != nil {
		t.Fatal(err)
	}
	put(t, sink, "catalog/lake/order_lines.json", `{"sluice_table":9}`)
	w, err := sink.Create(t.Context(), "orders_data_parquet/x", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("seven b")); err != nil {
		t.Fatal(err)
	}
	got = examine(t, yaml, lake)
	want(t, got, "backlog", doctor.Warning, "1 of 2 objects")
	want(t, got, "outputs", doctor.Warning, "1 output that no ledger entry names")
	want(t, got, "catalog", doctor.Failed, "sluice_table is 9")
	want(t, got, "uploads", doctor.OK, "1 pending, begun up to")
	want(t, got, "uploads", doctor.OK, "7 bytes in 1 of them")
	files, err := filepath.Glob(filepath.Join(lake, "b", ".sluice", "uploads", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Chtimes(files[0], time.Time{}, time.Now().Add(-72*time.Hour)); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, yaml, lake), "uploads", doctor.Warning, "begun up to 3 days ago")

	// A place that is taken by a file.
	put(t, sink, "taken", "")
	got = examine(t, "source: s3://b/raw/\nledger: s3://b/taken/\n", lake)
	want(t, got, "conditional writes", doctor.Failed, "object")
}

// bucketYAML is a configuration of a bucket of a server.
func bucketYAML(endpoint, bucket, more string) string {
	return "source: s3://" + bucket + "/raw/\ns3: {endpoint: " + endpoint + ", region: us-east-1, path_style: true}\n" + more
}

func TestVersitygw(t *testing.T) {
	server := servertest.Versitygw(t)
	server.Setenv(t)
	bucket := server.Bucket(t, true)
	st := server.Store(t, bucket, s3store.Config{})
	put(t, st, "raw/a.json", order)
	got := examine(t, bucketYAML(server.Endpoint, bucket, "catalog: {kind: none}"), "")
	for _, name := range []string{"source", "sink", "quarantine", "conditional writes", "multipart conditions", "clock", "uploads", "outputs"} {
		want(t, got, name, doctor.OK, "")
	}
	want(t, got, "versioning", doctor.OK, "on in")
	want(t, got, "backlog", doctor.Warning, "1 of 1 object")
	want(t, got, "notifications", doctor.NotChecked, "")
	want(t, got, "catalog", doctor.NotChecked, "none")
	noProbes(t, st)

	u, err := st.Begin(t.Context(), "orders_data_parquet/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Client().UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &bucket, Key: &u.Key, UploadId: &u.ID, PartNumber: aws.Int32(1), Body: strings.NewReader("seven b"),
	}); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, bucketYAML(server.Endpoint, bucket, "catalog: {kind: none}"), ""), "uploads", doctor.OK, "7 bytes in 1 of them")
	if err := st.AbortUpload(t.Context(), u); err != nil {
		t.Fatal(err)
	}

	plain := server.Bucket(t, false)
	got = examine(t, bucketYAML(server.Endpoint, plain, "catalog: {kind: none}"), "")
	want(t, got, "versioning", doctor.Warning, "off in")
	got = examine(t, bucketYAML(server.Endpoint, "no-such-bucket", "catalog: {kind: none}"), "")
	for _, name := range []string{"source", "sink", "quarantine", "ledger", "multipart conditions"} {
		want(t, got, name, doctor.Failed, "NoSuchBucket")
	}
}

func TestMoto(t *testing.T) {
	server := servertest.Moto(t)
	server.Setenv(t)
	bucket := server.Bucket(t, true)
	client := server.Client()
	yaml := bucketYAML(server.Endpoint, bucket, "")

	got := examine(t, yaml, "")
	want(t, got, "conditional writes", doctor.OK, "")
	want(t, got, "multipart conditions", doctor.Failed, "does not obey") // moto 5.2.1 ignores If-Match there
	want(t, got, "crawler", doctor.Failed, "create the crawler")
	want(t, got, "public access", doctor.Warning, "not blocked")
	want(t, got, "lifecycle", doctor.Warning, "no rule of")
	want(t, got, "notifications", doctor.Warning, "notifies nobody")
	noProbes(t, server.Store(t, bucket, s3store.Config{}))

	rules := func(rules ...types.LifecycleRule) {
		t.Helper()
		if _, err := client.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
		}); err != nil {
			t.Fatal(err)
		}
	}
	abort := types.LifecycleRule{
		ID: aws.String("a"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(3)},
	}
	rules(abort)
	if _, err := client.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{
		Bucket: &bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
		},
	}); err != nil {
		t.Fatal(err)
	}
	got = examine(t, yaml, "")
	want(t, got, "lifecycle", doctor.OK, "after 3 days")
	want(t, got, "public access", doctor.OK, "")
	rules(abort, types.LifecycleRule{
		ID: aws.String("b"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("ledger/")},
		Expiration: &types.LifecycleExpiration{Days: aws.Int32(30)},
	})
	want(t, examine(t, yaml, ""), "lifecycle", doctor.Failed, "expires objects of the ledger")

	queue := makeQueue(t, server.Endpoint)
	for _, c := range []struct {
		events         []types.Event
		prefix, suffix string
		more           string
		status         doctor.Status
		part           string
	}{
		{[]types.Event{"s3:ObjectCreated:*"}, "raw/", "", "", doctor.OK, "are sent to " + queue},
		{[]types.Event{"s3:ObjectCreated:Put"}, "raw/", "", "", doctor.Warning, "only notified of s3:ObjectCreated:Put"},
		{[]types.Event{"s3:ObjectCreated:*"}, "raw/2024/", "", "", doctor.Warning, "only notified of keys under raw/2024/"},
		{[]types.Event{"s3:ObjectCreated:*"}, "other/", "", "", doctor.Warning, "notifies nobody"},
		{[]types.Event{"s3:ObjectCreated:*"}, "", "", "", doctor.Warning, "objects in the sink"},
		{[]types.Event{"s3:ObjectCreated:*"}, "raw/", ".json", "", doctor.Warning, "anything but .json"},
		{[]types.Event{"s3:ObjectCreated:*"}, "raw/", ".json", "suffixes: [.json, .json.gz]", doctor.Warning, ".json.gz"},
		{[]types.Event{"s3:ObjectCreated:*"}, "raw/", ".json", "suffixes: [.json]", doctor.OK, ""},
		{[]types.Event{"s3:ObjectCreated:*"}, "raw/", "", "on_delete: remove", doctor.Warning, "removed objects"},
		{[]types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}, "raw/", "", "on_delete: remove", doctor.OK, ""},
	} {
		var filter *types.NotificationConfigurationFilter // moto 5.2.1 takes no empty prefix
		if c.prefix != "" {
			filter = &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{{Name: types.FilterRuleNamePrefix, Value: &c.prefix}}}}
		}
		if c.suffix != "" {
			filter.Key.FilterRules = append(filter.Key.FilterRules, types.FilterRule{Name: types.FilterRuleNameSuffix, Value: &c.suffix})
		}
		if _, err := client.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
			Bucket: &bucket, NotificationConfiguration: &types.NotificationConfiguration{
				QueueConfigurations: []types.QueueConfiguration{{QueueArn: &queue, Events: c.events, Filter: filter}},
			},
		}); err != nil {
			t.Fatal(err)
		}
		want(t, examine(t, bucketYAML(server.Endpoint, bucket, c.more), ""), "notifications", c.status, c.part)
	}
	crawlers(t, server, yaml, bucket)
	tables(t, server, bucket)
}

// makeQueue makes a queue by the API's own words: one call needs no client.
func makeQueue(t *testing.T, endpoint string) (arn string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader("Action=CreateQueue&Version=2012-11-05&QueueName=orders"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20240101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=x")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("create queue: %s", res.Status)
	}
	return "arn:aws:sqs:us-east-1:123456789012:orders"
}

func crawlers(t *testing.T, server *servertest.Server, yaml, bucket string) {
	name := "etl-pipeline-orders"
	create := func(path string, schedule any) {
		t.Helper()
		servertest.Glue(t, server.Endpoint, "DeleteCrawler", servertest.Object{"Name": name}, "EntityNotFoundException")
		servertest.Glue(t, server.Endpoint, "CreateCrawler", servertest.Object{
			"Name": name, "Role": "arn:aws:iam::123456789012:role/crawler", "DatabaseName": "sales", "Schedule": schedule,
			"Targets": servertest.Object{"S3Targets": []servertest.Object{{"Path": path}}},
		})
	}
	create("s3://"+bucket+"/elsewhere/", nil)
	want(t, examine(t, yaml, ""), "crawler", doctor.Failed, "does not look at s3://"+bucket+"/orders_data_parquet/")
	create("s3://"+bucket+"/orders_data_parquet/", "cron(0 12 * * ? *)")
	want(t, examine(t, yaml, ""), "crawler", doctor.OK, "is ready, schedule cron(0 12 * * ? *)")
	create("s3://"+bucket+"/orders_data_parquet", nil)
	want(t, examine(t, yaml, ""), "crawler", doctor.OK, "no schedule")
	put(t, server.Store(t, bucket, s3store.Config{}), "ledger/_crawler-"+name+".json", `{"crawler":"`+name+`","state":"dirty","write":"x"}`)
	want(t, examine(t, yaml, ""), "crawler", doctor.Warning, "may not have seen all files")
}

func tables(t *testing.T, server *servertest.Server, bucket string) {
	yaml := bucketYAML(server.Endpoint, bucket, "catalog: {kind: glue, database: sales}")
	servertest.Glue(t, server.Endpoint, "CreateDatabase", servertest.Object{"DatabaseInput": servertest.Object{"Name": "sales"}})
	want(t, examine(t, yaml, ""), "catalog", doctor.OK, "does not exist yet")
	s := open(t, yaml, "")
	if _, err := s.Catalog.Refresh(t.Context(), s.Tables); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, yaml, ""), "catalog", doctor.OK, "has the columns")
	moved := bucketYAML(server.Endpoint, bucket, "sink: s3://"+bucket+"/moved/\ncatalog: {kind: glue, database: sales}")
	want(t, examine(t, moved, ""), "catalog", doctor.Failed, "the files are at")
}

// What the role may not do, a clock that is wrong, a server that drops the
// conditions: by a proxy before a real server.
func TestBehindProxy(t *testing.T) {
	server := servertest.Moto(t)
	server.Setenv(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	proxy := func(change func(w http.ResponseWriter, r *http.Request) bool) string {
		p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !change(w, r) {
				forward.ServeHTTP(w, r)
			}
		}))
		t.Cleanup(p.Close)
		return p.URL
	}
	deny := func(w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"))
		return true
	}
	bucket := server.Bucket(t, true)
	at := func(change func(w http.ResponseWriter, r *http.Request) bool) map[string]doctor.Check {
		return examine(t, bucketYAML(proxy(change), bucket, "catalog: {kind: none}"), "")
	}

	got := at(func(w http.ResponseWriter, r *http.Request) bool {
		return (r.Method == http.MethodDelete || r.URL.Query().Has("versioning") || r.URL.Query().Has("lifecycle")) && !r.URL.Query().Has("uploadId") && deny(w)
	})
	want(t, got, "conditional writes", doctor.OK, "the probe could not be removed")
	want(t, got, "quarantine", doctor.OK, "the probe could not be removed")
	want(t, got, "versioning", doctor.NotChecked, "s3:GetBucketVersioning")
	want(t, got, "lifecycle", doctor.NotChecked, "s3:GetLifecycleConfiguration")

	got = at(func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("If-None-Match")
		r.Header.Del("If-Match")
		return false
	})
	want(t, got, "conditional writes", doctor.Failed, "does not obey the condition If-None-Match")

	got = at(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/quarantine/") && deny(w)
	})
	want(t, got, "quarantine", doctor.Failed, "the role needs s3:GetObject, s3:PutObject")
	got = at(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/orders_data_parquet/") && deny(w)
	})
	want(t, got, "sink", doctor.Failed, "AccessDenied")
	got = at(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/raw/_doctor") && deny(w)
	})
	want(t, got, "source", doctor.Failed, "without s3:ListBucket")

	got = at(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodHead || strings.Count(strings.Trim(r.URL.Path, "/"), "/") > 0 {
			return false
		}
		w.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusOK)
		return true
	})
	want(t, got, "clock", doctor.Warning, "10m")
}

// Who declares the tables, if we do not, may give a column with a bloom filter
// another width.
func TestMappingMayHarm(t *testing.T) {
	name := filepath.Join(t.TempDir(), "m.yaml")
	if err := os.WriteFile(name, []byte("table: t\ncolumns:\n  - {name: id, path: $.id, type: int64, bloom: true}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	yaml := "source: s3://b/raw/\nmapping: " + name + "\n"
	want(t, examine(t, yaml, t.TempDir()), "mapping", doctor.OK, "1 column")
	s := open(t, yaml, t.TempDir())
	s.Catalog = catalog.None{}
	checks := map[string]doctor.Check{}
	doctor.Examine(t.Context(), s, func(c doctor.Check) { checks[c.Name] = c })
	want(t, checks, "mapping", doctor.Warning, "column id: bloom on int64")
}

// A pattern of keys that the source cannot have rejects all that comes.
func TestKeyOfAnotherPlace(t *testing.T) {
	for pattern, status := range map[string]doctor.Status{"raw/{shop}/*": doctor.Failed, "raw_orders_data/{shop}/*": doctor.OK, "**/{shop}/*": doctor.OK} {
		name := filepath.Join(t.TempDir(), "m.yaml")
		if err := os.WriteFile(name, []byte("table: t\nkey: \""+pattern+"\"\ncolumns:\n  - {name: shop, key: shop, type: string}\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		part := "1 column"
		if status == doctor.Failed {
			part = `no key under raw_orders_data/ matches key "raw/{shop}/*", so every object is rejected (key_mismatch) a key has the prefix of the source: begin the pattern with raw_orders_data/`
		}
		want(t, examine(t, "source: s3://b/raw_orders_data/\nmapping: "+name+"\n", t.TempDir()), "mapping", status, part)
	}
}

// Tables that objects share: their state, ledger, rows and files, each with what others
// may have done to them.
func TestTables(t *testing.T) {
	lake := t.TempDir()
	const yaml = "source: s3://b/raw/\ntable: {format: iceberg}\n"
	s := open(t, yaml, lake)
	shared := s.Target.(*pipeline.Tables).Tables[0]
	put(t, s.Pipeline.Sink, "raw/a.json", order)
	put(t, s.Pipeline.Sink, "raw/b.json", order)
	got := examine(t, yaml, lake)
	want(t, got, "table", doctor.OK, "order_lines does not exist yet")
	want(t, got, "backlog", doctor.Warning, "2 of 2 objects")
	for _, name := range []string{"catalog", "outputs"} {
		if c, ok := got[name]; ok {
			t.Errorf("%s was checked: %+v", name, c)
		}
	}
	run := func() {
		t.Helper()
		if sum, err := s.Target.Run(t.Context(), s.Run()); err != nil || sum.Objects[pipeline.DidFail] > 0 {
			t.Fatal(err, sum.Objects)
		}
	}
	run()
	got = examine(t, yaml, lake)
	want(t, got, "table", doctor.OK, "has the columns of the mapping; its last snapshot (append) is ")
	want(t, got, "table partition", doctor.OK, "the rows of table order_lines are divided by nothing")
	divided := strings.Replace(yaml, "iceberg", "iceberg, partition: [order_date, 'bucket(4, customer_id)']", 1)
	want(t, examine(t, divided, lake), "table partition", doctor.OK, "divided by nothing, and those that come next by bucket(4, customer_id), order_date")
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(lake)); err != nil {
		t.Fatal(err)
	}
	if c := examine(t, yaml, copied)["table"]; c.Status != doctor.Failed || !strings.Contains(c.Detail, "cannot be moved or copied") || !strings.HasPrefix(c.Hint, "move it back;") {
		t.Errorf("of a copy: %+v", c)
	}
	want(t, got, "table ledger", doctor.OK, "2 keys of table order_lines, with 2 rows")
	want(t, got, "table rows", doctor.OK, "the 2 rows of its ledger")
	want(t, got, "table files", doctor.OK, "1 data file, 1 of them below 16 MiB, and 0 files with deletes; ")
	want(t, got, "table metadata", doctor.OK, " bytes, 1 snapshot, the oldest ")
	want(t, got, "backlog", doctor.OK, "none of the 2 objects")

	// Quarantined records that are gone, of an object whose rows are there.
	put(t, s.Pipeline.Sink, "raw/c.json", "["+strings.Trim(order, "[]\n")+`,{"order_id":2}]`)
	run()
	if err := os.RemoveAll(filepath.Join(lake, "b", "quarantine")); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, yaml, lake), "quarantined", doctor.Warning, "1 object whose quarantined records")

	// What others do to the table.
	load := func() *iceberg.Table {
		t.Helper()
		at, err := shared.Catalog.Load(t.Context(), shared.Name)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	other := func(rows iceberg.Rows) {
		t.Helper()
		at := load()
		snapshot, err := shared.Files.Snapshot(t.Context(), at.Metadata, rows, shared.Folder+"metadata/", rand.Text(), time.Now())
		if err == nil {
			_, err = shared.Catalog.Commit(t.Context(), at, iceberg.Change{Snapshot: snapshot})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	at, files := load(), []iceberg.SpecFile{}
	lines, err := shared.Files.Manifests(t.Context(), at.Metadata.Head())
	for i := range lines {
		if err == nil {
			err = shared.Files.Entries(t.Context(), at.Metadata, &lines[i], func(e *iceberg.Entry) error {
				files = append(files, iceberg.SpecFile{DataFile: e.File})
				return nil
			})
		}
	}
	if err != nil || len(files) != 2 {
		t.Fatal(len(files), err)
	}
	other(iceberg.Rows{Drop: map[string]struct{}{files[0].Path: {}}})
	fewer := files[0].Rows
	want(t, examine(t, yaml, lake), "table rows", doctor.Warning, fmt.Sprintf("has %d row", fewer))
	want(t, examine(t, yaml, lake), "table rows", doctor.Warning, "fewer than its ledger")
	other(iceberg.Rows{Add: files[:1]})
	want(t, examine(t, yaml, lake), "table rows", doctor.OK, "the 3 rows of its ledger")
	again := files[0]
	again.Path += ".again"
	other(iceberg.Rows{Add: []iceberg.SpecFile{again}})
	want(t, examine(t, yaml, lake), "table rows", doctor.Warning, "more than its ledger")

	// Another mapping, and damage.
	changed := filepath.Join(lake, "other.yaml")
	for column, status := range map[string]doctor.Status{"{name: city, path: $.city, type: string}": doctor.OK, "{name: order_id, path: $.order_id, type: int64}": doctor.Failed} {
		if err := os.WriteFile(changed, []byte("table: order_lines\ncolumns: ["+column+"]\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		says := "gets the columns of the mapping with the next commit of rows: city string is new;"
		if status == doctor.Failed {
			says = "order_id is string in the table and int64 in the mapping"
		}
		want(t, examine(t, yaml+"mapping: "+changed+"\n", lake), "table", status, says)
	}
	runs, err := filepath.Glob(filepath.Join(lake, "b", "ledger", "*", "run-*.parquet"))
	if err != nil || len(runs) == 0 {
		t.Fatal(err)
	}
	for _, name := range runs {
		if err := os.Truncate(name, 10); err != nil {
			t.Fatal(err)
		}
	}
	want(t, examine(t, yaml, lake), "table ledger", doctor.Failed, "read ledger run")
	if err := os.RemoveAll(filepath.Join(lake, "b", "ledger")); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, yaml, lake), "table", doctor.Failed, "read ledger root")
}

// Batches that wait for a commit are a warning when they are old, and those that were set aside.
func TestStaged(t *testing.T) {
	lake := t.TempDir()
	const yaml = "source: s3://b/raw/\ntable: {format: iceberg, commit: staged}\n"
	s := open(t, yaml, lake)
	target := s.Target.(*pipeline.Tables)
	put(t, s.Pipeline.Sink, "raw/a.json", order)
	if sum, err := target.Run(t.Context(), s.Run()); err != nil || sum.Commits.Staged != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	none := func(names ...string) {
		t.Helper()
		got := examine(t, yaml, lake)
		for _, name := range names {
			if c, ok := got[name]; ok {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
	none("table staged", "table damaged")
	table := target.Tables[0]
	h, err := table.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	staged, err := table.Staged(t.Context(), h, 0)
	if err != nil || len(staged) != 1 {
		t.Fatal(staged, err)
	}
	old := time.Now().Add(-16 * time.Minute)
	if err := os.Chtimes(filepath.Join(lake, "b", staged[0].Key), old, old); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, yaml, lake), "table staged", doctor.Warning, "batches that wait for a commit to table order_lines: 1, the oldest since "+old.UTC().Format(time.RFC3339)+" make them visible: sluice table commit")
	if _, err := table.SetAside(t.Context(), h, staged[0]); err != nil {
		t.Fatal(err)
	}
	none("table staged")
	want(t, examine(t, yaml, lake), "table damaged", doctor.Warning, "in "+h.DamagedFolder()+": 1 convert their objects again: sluice run")
}
