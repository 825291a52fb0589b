package event

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// keys are keys of S3: any text, with a share of what encodings trip over.
var keys = rapid.Custom(func(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"raw/", "raw/parquet/", " ", "+", "%", "%2B", "%25", "%ZZ", "\n", "\x00", "/", "..", ".", "é", "\U0001f4e6", "\ufffd", `"`, `\`, `\u0041`, "=", "&", ";", "#", "?", strings.Repeat("k", 500)}),
		rapid.StringN(0, 20, 60),
	), 1, 12).Draw(t, "parts")
	return strings.Join(parts, "")
})

// TestKeysComeBack: a key goes through the encoding of each kind of event and
// comes out as it was, and what is done about it does not depend on the kind.
func TestKeysComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key := keys.Draw(rt, "key")
		want := allowed.Check(Object{Bucket: "orders", Key: key})
		text := marshal(rt, key)
		form := marshal(rt, encode(rt, key))
		notification := `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"orders"},"object":{"key":` + form + `}}}]}`
		bridge := `{"version":"0","source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"orders"},"object":{"key":` + text + `}}}`
		for _, in := range []string{
			notification,
			bridge,
			`{"bucket":"orders","key":` + text + `}`,
			`[{"Key":` + text + `}]`,
			`{"Items":[{"Key":` + text + `,"Size":1}],"BatchInput":{"Bucket":"orders"}}`,
			`{"invocationSchemaVersion":"2.0","invocationId":"i","tasks":[{"taskId":"t","s3Bucket":"orders","s3Key":` + form + `}]}`,
			inMessage(rt, notification),
			inMessage(rt, bridge),
			inMessage(rt, `{"Type":"Notification","Message":`+marshal(rt, notification)+`}`),
			`{"Records":[{"Sns":{"Type":"Notification","Message":` + marshal(rt, notification) + `}}]}`,
		} {
			e, err := Parse([]byte(in), allowed)
			if err != nil || len(e.Records) != 1 {
				rt.Fatalf("%s: %v, %d records", in, err, len(e.Records))
			}
			got := e.Records[0]
			if got.Action != want.Action || got.Reason != want.Reason {
				rt.Fatalf("%s: %s %s, want %s %s", in, got.Action, got.Reason, want.Action, want.Reason)
			}
			if got.Key != key && got.Reason != BadKey {
				rt.Fatalf("%s: key %q, want %q", in, got.Key, key)
			}
		}
	})
}

// encode is the form encoding of a key, in one of the ways that servers have.
func encode(t *rapid.T, key string) string {
	s := url.QueryEscape(key)
	if rapid.Bool().Draw(t, "slashes as they are") {
		s = strings.ReplaceAll(s, "%2F", "/")
	}
	if rapid.Bool().Draw(t, "spaces as %20") {
		s = strings.ReplaceAll(s, "+", "%20")
	}
	if rapid.Bool().Draw(t, "small hexadecimal digits") {
		var out strings.Builder
		for i := 0; i < len(s); i++ {
			if s[i] == '%' {
				out.WriteString(strings.ToLower(s[i : i+3]))
				i += 2
				continue
			}
			out.WriteByte(s[i])
		}
		s = out.String()
	}
	return s
}

func marshal(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func inMessage(t *rapid.T, body string) string {
	return `{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":` + marshal(t, body) + `}]}`
}

// TestNeighbours: a record gives the same whatever stands beside it.
func TestNeighbours(t *testing.T) {
	records := []string{
		`{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"orders"},"object":{"key":"raw/a.json"}}}`,
		`{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"orders"},"object":{"key":"raw/%"}}}`,
		`{"eventVersion":"3.0","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"orders"},"object":{"key":"raw/b.json"}}}`,
		`{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"orders"},"object":{"key":"raw/a.json"}}}`,
		`{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"other"},"object":{"key":"raw/a.json"}}}`,
		`{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":7}}`,
		`{"eventVersion":"2.1","s3":{},"s3":{}}`,
		`{}`, `null`, `7`, `"raw/a.json"`, `[[]]`,
	}
	decide := func(t *rapid.T, list string) []string {
		e, err := Parse([]byte(`{"Records":[`+list+`]}`), allowed)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range e.Records {
			out = append(out, fmt.Sprintf("%+v", r))
		}
		return out
	}
	rapid.Check(t, func(rt *rapid.T) {
		// The first record makes the list one of notifications.
		drawn := append([]string{records[0]}, rapid.SliceOfN(rapid.SampledFrom(records), 0, 8).Draw(rt, "records")...)
		var want []string
		for _, r := range drawn {
			want = append(want, decide(rt, records[0]+","+r)[1])
		}
		if got := decide(rt, strings.Join(drawn, " ,\n")); !slices.Equal(got, want) {
			rt.Fatalf("got %q, want %q", got, want)
		}
	})
}
