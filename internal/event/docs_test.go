package event

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

func readDocs(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDocsReasons: docs/events.md lists every reason, and no other.
func TestDocsReasons(t *testing.T) {
	code, err := os.ReadFile("action.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`Reason += "([a-z_]+)"`).FindAllSubmatch(code, -1) {
		want = append(want, string(m[1]))
	}
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (?:skip|refuse|error)").FindAllStringSubmatch(readDocs(t), -1) {
		got = append(got, m[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("docs: %q\ncode: %q", got, want)
	}
}

// TestDocsExamples: the examples of docs/events.md are events of the kind
// that the line above each names, and each makes us look at one key.
func TestDocsExamples(t *testing.T) {
	examples := regexp.MustCompile("(?s)Kind `([a-z0-9]+)`[^\n]*\n\n```json\n(.*?)```").FindAllStringSubmatch(readDocs(t), -1)
	kinds := map[Kind]bool{}
	for _, m := range examples {
		e, err := Parse([]byte(m[2]), allowed)
		if err != nil {
			t.Fatalf("%v\n%s", err, m[2])
		}
		if string(e.Kind) != m[1] {
			t.Errorf("kind %s, docs say %s", e.Kind, m[1])
		}
		if e.Kind != Test && (len(e.Records) == 0 || e.Records[0].Action != Process || e.Records[0].Key != "raw/red flower.json") {
			t.Errorf("%s: %+v", e.Kind, e.Records)
		}
		kinds[e.Kind] = true
	}
	for _, k := range []Kind{S3, SQS, SNS, EventBridge, S3Batch, Map, Plain, Test} {
		if !kinds[k] {
			t.Errorf("no example of kind %s", k)
		}
	}
}
