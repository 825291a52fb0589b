//go:build corpora

package corpora

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/awslambda"
	"sluice/internal/config"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/setup"
)

// eventCase is what the function must make of an event of the hostile
// catalogue, as events.json says in words.
type eventCase struct {
	keys       []string // whose outputs stand afterwards
	duplicates int64    // further records of the same keys
	skipped    int64
	failed     int64 // records that are refused, unreadable or name a missing object
	response   string
	fails      bool // the invocation, since the sender knows no other answer
}

const a = "in/a.json"

var allDone = `{"batchItemFailures":[]}`

// reported is the answer to SQS that one message comes back.
func reported(id string) string { return `{"batchItemFailures":[{"itemIdentifier":"` + id + `"}]}` }

var eventCases = map[string]eventCase{
	"e01_put.json":                       {keys: []string{a}},
	"e03_copy.json":                      {keys: []string{a}},
	"e04_mpu.json":                       {keys: []string{a}},
	"e05_unknown_created.json":           {keys: []string{a}},
	"e06_removed.json":                   {skipped: 1},
	"e07_restore.json":                   {skipped: 1},
	"e08_test_event_direct.json":         {skipped: 1},
	"e10_zero_records.json":              {},
	"e11_empty_object.json":              {failed: 1, fails: true},
	"e13_records_null.json":              {failed: 1, fails: true},
	"e14_key_plus_is_space.json":         {keys: []string{"in/red flower.json"}},
	"e15_key_pct2B.json":                 {keys: []string{"in/a+b.json"}},
	"e17_key_pct_slash.json":             {keys: []string{a}},
	"e19_key_bad_utf8.json":              {failed: 1, fails: true},
	"e20_key_double_encoded.json":        {keys: []string{"in/a%2Bb.json"}},
	"e21_key_dotdot.json":                {failed: 1, fails: true},
	"e23_key_newline.json":               {keys: []string{"in/a\nINFO fake.json"}},
	"e24_key_hive.json":                  {keys: []string{"in/dt=2030-01-01/x.json"}},
	"e25_key_1024.json":                  {keys: []string{"in/" + strings.Repeat("k", 1016) + ".json"}},
	"e29_other_bucket.json":              {failed: 1, fails: true},
	"e30_other_prefix.json":              {failed: 1, fails: true},
	"e32_size_lies_small.json":           {keys: []string{a}},
	"e33_no_version.json":                {keys: []string{a}},
	"e36_sequencers_diff_len.json":       {keys: []string{a}, duplicates: 1},
	"e38_out_of_order.json":              {keys: []string{a}, duplicates: 1},
	"e41_event_source_minio.json":        {failed: 1, fails: true}, // not allowed by the settings
	"e43_sqs_one_poison.json":            {keys: []string{a, "in/c.json"}, failed: 1, response: reported("m1")},
	"e44_sqs_two_records_one_fails.json": {keys: []string{a}, failed: 1, response: reported("m0")},
	"e45_sqs_sns.json":                   {keys: []string{a}, response: allDone},
	"e46_sns_direct.json":                {keys: []string{a}},
	"e47_eventbridge.json":               {keys: []string{"in/red flower+1.json"}},
	"e48_eventbridge_mpu.json":           {keys: []string{a}},
	"e49_eventbridge_deleted.json":       {skipped: 1},
	"e50_sqs_eventbridge.json":           {keys: []string{a}, response: allDone},
	"e51_sqs_empty_body.json":            {failed: 1, response: reported("m0")},
	"e52_10_duplicates.json":             {keys: []string{a}, duplicates: 9, response: allDone},
}

// Every event of the hostile catalogue goes through the handler, on a bucket
// that holds all objects the events name, and others that a wrong decoding
// would name. A second delivery changes nothing.
func TestHostileEvents(t *testing.T) {
	names := list(t, len(eventCases), "fixtures/hostile/events", "*.json")
	moto := newEventBucket(t, servertest.Moto(t))
	versitygw := newEventBucket(t, servertest.Versitygw(t))
	for _, key := range []string{"in/red+flower.json", "in/a%252Bb.json", "in/a b.json", "in%2Fa.json", "in/red flower 1.json"} {
		moto.put(t, key)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			want, ok := eventCases[name]
			if !ok {
				t.Fatal("an event nobody knows")
			}
			b := moto
			if name == "e23_key_newline.json" {
				b = versitygw // moto has no such keys, and versitygw no long ones
			}
			for _, key := range want.keys {
				b.put(t, key)
			}
			b.clear(t)
			var log bytes.Buffer
			h := b.handler(t, &log)
			event := read(t, "fixtures/hostile/events", name)
			committed := int64(len(want.keys))
			b.invoke(t, h, event, want, map[pipeline.Disposition]int64{pipeline.DidCommit: committed, pipeline.DidDuplicate: want.duplicates})
			outputs := b.outputs(t)
			if int64(len(outputs)) != committed {
				t.Errorf("outputs %v, want %d", outputs, committed)
			}
			for _, key := range want.keys {
				b.accounted(t, key)
			}
			b.invoke(t, h, event, want, map[pipeline.Disposition]int64{pipeline.DidDuplicate: committed + want.duplicates})
			if diff := cmp.Diff(outputs, b.outputs(t)); diff != "" {
				t.Errorf("the second delivery changed outputs: %s", diff)
			}
			for line := range strings.Lines(log.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("a line of the log is not one JSON object: %q", line)
				}
			}
		})
	}
}

// eventBucket is the bucket of the events on a server.
type eventBucket struct {
	server *servertest.Server
	client *s3.Client
	name   string
}

func newEventBucket(t *testing.T, server *servertest.Server) *eventBucket {
	t.Helper()
	b := &eventBucket{server: server, client: server.Client(), name: "raw-bucket"} // as the events say
	if _, err := b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.name}); err != nil {
		t.Fatal(err)
	}
	return b
}

// put stores an object of four rows.
func (b *eventBucket) put(t *testing.T, key string) {
	t.Helper()
	if _, err := b.client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(read(t, "fixtures/hostile/files/c01_ok_array.json")),
	}); err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

// handler is the function's, on a server.
func (b *eventBucket) handler(t *testing.T, log *bytes.Buffer) *awslambda.Handler {
	settings := map[string]string{
		"SLUICE_SOURCE": "s3://" + b.name + "/in/", "SLUICE_SINK": "s3://" + b.name + "/out/", "SLUICE_CATALOG": "none",
	}
	c, err := config.Load("", func(name string) string { return settings[name] })
	if err != nil {
		t.Fatal(err)
	}
	s, err := setup.New(t.Context(), c, "", func(context.Context) (aws.Config, error) {
		return aws.Config{Region: b.server.Region, Credentials: b.server.Credentials(), BaseEndpoint: &b.server.Endpoint}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return awslambda.New(s, slog.New(slog.NewJSONHandler(log, nil)), nil)
}

// invoke delivers an event, of which the counts of what was processed are
// given, and the rest stands in want.
func (b *eventBucket) invoke(t *testing.T, h *awslambda.Handler, event []byte, want eventCase, objects map[pipeline.Disposition]int64) {
	t.Helper()
	sum, response, err := h.Invoke(t.Context(), event)
	if (err != nil) != want.fails {
		t.Errorf("the invocation failed: %v", err)
	}
	objects[pipeline.DidSkip], objects[pipeline.DidFail] = want.skipped, want.failed
	for did, n := range objects {
		if sum.Objects[did] != n {
			t.Errorf("%d objects are %s, want %d", sum.Objects[did], did, n)
		}
	}
	answer, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	if want.response == "" {
		want.response = "null"
	}
	if string(answer) != want.response {
		t.Errorf("answer %s, want %s", answer, want.response)
	}
}

// list gives the ETags of the objects under a prefix.
func (b *eventBucket) list(t *testing.T, prefix string) map[string]string {
	t.Helper()
	out, err := b.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, o := range out.Contents {
		found[*o.Key] = *o.ETag
	}
	return found
}

// outputs are those of the sink. Nothing but the time and a hash of the key may
// stand in their names.
func (b *eventBucket) outputs(t *testing.T) map[string]string {
	t.Helper()
	name := regexp.MustCompile(`^out/orders_\d{8}T\d{6}\.\d{3}Z_[0-9a-f]{12}\.parquet$`)
	found := b.list(t, "out/")
	maps.DeleteFunc(found, func(key, _ string) bool { return strings.HasPrefix(key, "out/"+ledger.MarkPrefix) })
	for key := range found {
		if !name.MatchString(key) {
			t.Errorf("an output is called %q", key)
		}
	}
	return found
}

// accounted fails unless an entry of the ledger describes the key.
func (b *eventBucket) accounted(t *testing.T, key string) {
	t.Helper()
	for name := range b.list(t, "ledger/") {
		got, err := b.client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.name, Key: &name})
		if err != nil {
			t.Fatal(err)
		}
		var entry struct{ Key string }
		if err := json.NewDecoder(got.Body).Decode(&entry); err != nil {
			t.Fatal(err)
		}
		if entry.Key == key {
			return
		}
	}
	t.Errorf("the ledger does not know %q", key)
}

// clear leaves the sources alone.
func (b *eventBucket) clear(t *testing.T) {
	t.Helper()
	for _, prefix := range []string{"out/", "ledger/", "quarantine/"} {
		for key := range b.list(t, prefix) {
			if _, err := b.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b.name, Key: &key}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
