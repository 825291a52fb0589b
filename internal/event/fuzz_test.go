package event

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse: whatever comes in, there is an error or a decision about every
// record, and nothing gets by the allow-list.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range a.Files {
			if strings.HasSuffix(s.Name, ".json") {
				f.Add(s.Data, false)
				f.Add(s.Data, true)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, open bool) {
		allow := allowed
		if open {
			allow = Allow{Source: []Location{{}}, Deletes: true, EventSources: []string{"aws:s3", "minio:s3"}}
		}
		e, err := Parse(data, allow)
		if err != nil {
			var parse *ParseError
			if !errors.As(err, &parse) || parse.Reason == "" || len(e.Records) != 0 {
				t.Fatalf("error %v with %d records", err, len(e.Records))
			}
			oneLine(t, err.Error())
			return
		}
		if e.Kind == "" || !json.Valid(data) {
			t.Fatalf("success of kind %q", e.Kind)
		}
		for _, r := range e.Records {
			checkRecord(t, e, r, allow)
		}
		checkCount(t, data, e)
	})
}

func checkRecord(t *testing.T, e Event, r Record, allow Allow) {
	t.Helper()
	oneLine(t, r.Detail)
	oneLine(t, line(t, r))
	if !slices.Contains([]Action{Process, Skip, Refuse, Error}, r.Action) || (r.Action == Process) != (r.Reason == "") {
		t.Fatalf("action %q, reason %q", r.Action, r.Reason)
	}
	if r.MessageID != "" && !slices.Contains(e.Messages, r.MessageID) {
		t.Fatalf("message %q is none of %q", r.MessageID, e.Messages)
	}
	if r.Key != "" && badKey(r.Key) != "" {
		t.Fatalf("key %q is shown: %s", r.Key, badKey(r.Key))
	}
	if r.Action != Process {
		return
	}
	inSource := func(l Location) bool {
		return (l.Bucket == "" || l.Bucket == r.Bucket) && strings.HasPrefix(r.Key, l.Prefix)
	}
	if !slices.ContainsFunc(allow.Source, inSource) || slices.ContainsFunc(allow.Deny, inSource) {
		t.Fatalf("not allowed: %q of %q", r.Key, r.Bucket)
	}
	if r.Key == "" || strings.HasSuffix(r.Key, "/") || slices.Contains(strings.Split(r.Key, "/"), "..") ||
		strings.ContainsAny(r.Bucket, `/\`) || r.Bucket == ".." {
		t.Fatalf("processed: %q of %q", r.Key, r.Bucket)
	}
}

// checkCount counts the records in another way: none may get lost.
func checkCount(t *testing.T, data []byte, e Event) {
	t.Helper()
	var doc map[string]json.RawMessage
	if json.Unmarshal(data, &doc) != nil {
		return // a list
	}
	count := func(name string) int {
		var list []json.RawMessage
		if err := json.Unmarshal(doc[name], &list); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return len(list)
	}
	var want int
	switch e.Kind {
	case S3:
		want = count("Records")
	case S3Batch:
		want = count("tasks")
	case Map:
		want = count("Items")
	case EventBridge, Test:
		want = 1
	default:
		return
	}
	if len(e.Records) != want {
		t.Fatalf("%d records of %d", len(e.Records), want)
	}
}

func oneLine(t *testing.T, s string) {
	t.Helper()
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		t.Fatalf("control character in %q", s)
	}
}
