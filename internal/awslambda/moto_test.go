package awslambda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/internal/awslambda/runtimetest"
	"sluice/internal/parquetread"
	"sluice/internal/servertest"
)

// cloud is what stands round the function in AWS: a bucket that notifies a
// queue, the queue's event source mapping, and a crawler; and the function.
type cloud struct {
	t      *testing.T
	server *servertest.Server
	api    *runtimetest.API
	s3     *s3.Client
	bucket string
	queue  string
}

const (
	queueARN    = "arn:aws:sqs:us-east-1:123456789012:sluice"
	crawlerName = "etl-pipeline-orders"
)

func newCloud(t *testing.T, server *servertest.Server, bootstrap string) *cloud {
	c := &cloud{
		t: t, server: server, api: runtimetest.New(t), s3: server.Client(), bucket: server.Bucket(t, true),
	}
	c.queue = servertest.SQS(t, server.Endpoint, "CreateQueue", servertest.Object{"QueueName": "sluice"})["QueueUrl"].(string)
	servertest.Glue(t, server.Endpoint, "CreateCrawler", servertest.Object{
		"Name": crawlerName, "Role": "arn:aws:iam::123456789012:role/crawler",
		"Targets": servertest.Object{"S3Targets": []servertest.Object{{"Path": "s3://" + c.bucket + "/orders_data_parquet/"}}},
	})
	_, err := c.s3.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: &c.bucket,
		NotificationConfiguration: &s3types.NotificationConfiguration{QueueConfigurations: []s3types.QueueConfiguration{{
			QueueArn: aws.String(queueARN), Events: []s3types.Event{"s3:ObjectCreated:*"},
			Filter: &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{
				FilterRules: []s3types.FilterRule{{Name: s3types.FilterRuleNamePrefix, Value: aws.String("raw_orders_data/")}},
			}},
		}}},
	})
	c.must(err)
	// With a crawl after each batch, as one is caught up with here.
	kill, wait := c.api.Start(t, bootstrap, append(server.Env(), "SLUICE_SOURCE=s3://"+c.bucket+"/raw_orders_data/", "SLUICE_CRAWL=always")...)
	t.Cleanup(func() {
		kill()
		if _, out := wait(); strings.Contains(out, "canary") {
			t.Errorf("a value of the data was printed:\n%s", out)
		} else if t.Failed() {
			t.Logf("the function's log:\n%s", out)
		}
	})
	return c
}

func (c *cloud) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cloud) put(key, content string) {
	c.t.Helper()
	_, err := c.s3.PutObject(c.t.Context(), &s3.PutObjectInput{
		Bucket: &c.bucket, Key: aws.String("raw_orders_data/" + key), Body: strings.NewReader(content),
	})
	c.must(err)
}

// received are want messages of the queue, in the form Lambda hands them on.
func (c *cloud) received(want int) []string {
	c.t.Helper()
	var messages []string
	for range 30 {
		out := servertest.SQS(c.t, c.server.Endpoint, "ReceiveMessage", servertest.Object{
			"QueueUrl": c.queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "MessageSystemAttributeNames": []string{"All"},
		})
		all, _ := out["Messages"].([]any)
		for _, one := range all {
			m := one.(map[string]any)
			data, err := json.Marshal(map[string]any{
				"messageId": m["MessageId"], "receiptHandle": m["ReceiptHandle"], "body": m["Body"], "md5OfBody": m["MD5OfBody"],
				"attributes": m["Attributes"], "messageAttributes": map[string]any{},
				"eventSource": "aws:sqs", "eventSourceARN": queueARN, "awsRegion": c.server.Region,
			})
			c.must(err)
			messages = append(messages, string(data))
		}
		if len(messages) >= want {
			break
		}
	}
	if len(messages) != want {
		c.t.Fatalf("%d messages in the queue, want %d: %s", len(messages), want, messages)
	}
	return messages
}

// invoke hands an event to the function, which has to answer it with want.
func (c *cloud) invoke(event, want string) {
	c.t.Helper()
	c.api.Events <- event
	if r := c.api.Reply(c.t); !strings.HasSuffix(r.Path, "/response") || r.Body != want {
		c.t.Fatalf("the answer to %s is %s %s, want %s", event, r.Path, r.Body, want)
	}
}

// deliver hands a batch to the function and takes it off the queue.
func (c *cloud) deliver(messages ...string) {
	c.t.Helper()
	c.invoke(string(records(messages...)), `{"batchItemFailures":[]}`)
	for _, m := range messages {
		var of struct{ ReceiptHandle string }
		c.must(json.Unmarshal([]byte(m), &of))
		servertest.SQS(c.t, c.server.Endpoint, "DeleteMessage", servertest.Object{"QueueUrl": c.queue, "ReceiptHandle": of.ReceiptHandle})
	}
}

// outputs are the objects of the sink, each with its rows, and how often each
// was written.
func (c *cloud) outputs() (rows, versions map[string]int) {
	c.t.Helper()
	rows, versions = map[string]int{}, map[string]int{}
	list, err := c.s3.ListObjectVersions(c.t.Context(), &s3.ListObjectVersionsInput{Bucket: &c.bucket, Prefix: aws.String("orders_data_parquet/")})
	c.must(err)
	for _, v := range list.Versions {
		if strings.Contains(*v.Key, "/_owner_") {
			continue // says whose the sink is
		}
		versions[*v.Key]++
		if !aws.ToBool(v.IsLatest) {
			continue
		}
		got, err := c.s3.GetObject(c.t.Context(), &s3.GetObjectInput{Bucket: &c.bucket, Key: v.Key})
		c.must(err)
		data, err := io.ReadAll(got.Body)
		c.must(err)
		f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
		c.must(err)
		rows[*v.Key] = int(f.NumRows())
	}
	return rows, versions
}

func (c *cloud) crawls() int {
	c.t.Helper()
	out, _ := servertest.Glue(c.t, c.server.Endpoint, "ListCrawls", servertest.Object{"CrawlerName": crawlerName})
	return len(out["Crawls"].([]any))
}

// From a file put into a bucket to a table that the crawler makes known, with
// the notifications, the queue and Glue of moto, and the binary that is deployed.
func TestMoto(t *testing.T) {
	server := servertest.Moto(t)
	c := newCloud(t, server, build(t))
	c.crawlsTake(time.Hour)

	c.deliver(c.received(1)...) // S3's test event
	if rows, _ := c.outputs(); len(rows) != 0 || c.crawls() != 0 {
		t.Fatalf("after the test event: %v, %d crawls", rows, c.crawls())
	}

	c.put("red flower.json", orders(2))
	flower := c.received(1)
	c.deliver(flower...)
	rows, _ := c.outputs()
	name := regexp.MustCompile(`^orders_data_parquet/orders_20\d{6}T\d{6}\.\d{3}Z_[0-9a-f]{12}\.parquet$`)
	var first string
	for key, n := range rows {
		if !name.MatchString(key) || n != 4 {
			t.Errorf("%s of %d rows", key, n)
		}
		first = key
	}
	if len(rows) != 1 || c.crawls() != 1 {
		t.Errorf("%d outputs, %d crawls, want 1 and 1", len(rows), c.crawls())
	}

	// The same event ten times, among those of an overwrite and of another
	// file, in any order and cut into batches anywhere.
	c.put("red flower.json", orders(3))
	c.put("b.json", orders(1))
	batch := append(c.received(2), slices.Repeat(flower, 10)...)
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	for messages := range slices.Chunk(batch, 5) {
		c.deliver(messages...)
	}
	rows, versions := c.outputs()
	if len(rows) != 2 || rows[first] != 6 || versions[first] != 2 {
		t.Errorf("rows %v, versions %v; want two outputs, and %s of 6 rows written twice", rows, versions, first)
	}
	for key, n := range versions {
		if key != first && (n != 1 || rows[key] != 2) {
			t.Errorf("%s has %d rows and was written %d times", key, rows[key], n)
		}
	}

	// The crawl that ran all the time may have missed them: another one begins
	// when it has ended, and then none.
	if n := c.crawls(); n != 1 {
		t.Errorf("%d crawls while the first one runs", n)
	}
	c.crawlsTake(200 * time.Millisecond)
	ended := fmt.Sprintf(`{"version":"0","source":"aws.glue","detail-type":"Glue Crawler State Change","detail":{"crawlerName":%q,"state":"Succeeded"}}`, crawlerName)
	for end := time.Now().Add(30 * time.Second); !c.isClean() && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		c.invoke(ended, "null")
	}
	c.invoke(ended, "null")
	if n := c.crawls(); n != 2 || !c.isClean() {
		t.Errorf("%d crawls in the end, want 2; all seen: %t", n, c.isClean())
	}

	uploads, err := c.s3.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &c.bucket})
	c.must(err)
	if len(uploads.Uploads) != 0 {
		t.Errorf("%d uploads were left open", len(uploads.Uploads))
	}
	c.received(0)
}

// crawlsTake makes the crawls of moto take so long, also those that run.
func (c *cloud) crawlsTake(d time.Duration) {
	c.t.Helper()
	transition := fmt.Sprintf(`{"model_name":"glue::crawl","transition":{"progression":"time","seconds":%v}}`, d.Seconds())
	response, err := http.Post(c.server.Endpoint+"/moto-api/state-manager/set-transition", "application/json", strings.NewReader(transition))
	c.must(err)
	response.Body.Close()
	if response.StatusCode >= 300 {
		c.t.Fatal(response.Status)
	}
}

// isClean reports whether a crawl has seen every committed file.
func (c *cloud) isClean() bool {
	c.t.Helper()
	got, err := c.s3.GetObject(c.t.Context(), &s3.GetObjectInput{Bucket: &c.bucket, Key: aws.String("ledger/_crawler-" + crawlerName + ".json")})
	c.must(err)
	data, err := io.ReadAll(got.Body)
	c.must(err)
	return bytes.Contains(data, []byte(`"state":"clean"`))
}
