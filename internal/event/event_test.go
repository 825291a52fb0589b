package event

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata")

// allowed is what the cases allow if they say nothing else.
var allowed = Allow{
	Source: []Location{{Bucket: "orders", Prefix: "raw/"}},
	Deny:   []Location{{Bucket: "orders", Prefix: "raw/parquet/"}, {Bucket: "orders-ledger"}},
}

// TestCases runs testdata/*.txtar. Each NAME.json of a file is an event, and
// NAME.want the result: its kind and a line for each record, or the error.
// allow.json applies to the events after it. -update writes the actual result
// as the expected one.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			allow := allowed
			var got []txtar.File
			for _, f := range a.Files {
				name, isEvent := strings.CutSuffix(f.Name, ".json")
				if !isEvent {
					continue
				}
				got = append(got, f)
				if name == "allow" {
					allow = Allow{}
					if err := json.Unmarshal(f.Data, &allow); err != nil {
						t.Fatal(err)
					}
					continue
				}
				got = append(got, txtar.File{Name: name + ".want", Data: []byte(describe(t, f.Data, allow))})
			}
			text := txtar.Format(&txtar.Archive{Comment: a.Comment, Files: got})
			if *update {
				if err := os.WriteFile(file, text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(a)), string(text)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func describe(t *testing.T, data []byte, allow Allow) string {
	t.Helper()
	e, err := Parse(data, allow)
	if err != nil {
		return err.Error() + "\n"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "kind: %s\n", e.Kind)
	if len(e.Messages) > 0 {
		fmt.Fprintf(&out, "messages: %s\n", strings.Join(e.Messages, " "))
	}
	if e.Batch != (Batch{}) {
		fmt.Fprintf(&out, "batch: schema %s, invocation %s\n", e.Batch.SchemaVersion, e.Batch.InvocationID)
	}
	for _, r := range e.Records {
		fmt.Fprintln(&out, line(t, r))
	}
	return out.String()
}

// line is the JSON of a record, without the members that are empty.
func line(t testing.TB, r Record) string {
	t.Helper()
	var escaped strings.Builder
	enc := json.NewEncoder(&escaped)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		t.Fatal(err)
	}
	s := strings.TrimSuffix(escaped.String(), "\n")
	for _, name := range []string{"bucket", "key", "version_id", "etag", "sequencer", "message_id", "reason"} {
		s = strings.Replace(s, fmt.Sprintf("%q:\"\"", name), "", 1)
	}
	for strings.Contains(s, ",,") {
		s = strings.ReplaceAll(s, ",,", ",")
	}
	return strings.NewReplacer("{,", "{", ",}", "}").Replace(s)
}

// TestRecordJSON: the names of a record are part of the command's contract.
func TestRecordJSON(t *testing.T) {
	r := Record{
		Object:    Object{Bucket: "b", Key: "k\n", VersionID: "v", ETag: "e", Sequencer: "s", Size: 7},
		MessageID: "m", Action: Refuse, Reason: Loop, Detail: "d",
	}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"bucket":"b","key":"k\n","version_id":"v","etag":"e","sequencer":"s","message_id":"m","action":"refuse","reason":"loop","detail":"d"}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestSize: the size is told where the event has it as a number of bytes.
func TestSize(t *testing.T) {
	for in, want := range map[string]int64{
		`12`: 12, `"12"`: 12, `0`: 0, `9223372036854775807`: 9223372036854775807,
		`null`: -1, `-1`: -1, `1.5`: -1, `1e3`: -1, `"x"`: -1, `{}`: -1, `9223372036854775808`: -1, `99999999999999999999999999`: -1,
	} {
		e, err := Parse([]byte(`{"bucket":"orders","key":"raw/a.json","size":`+in+`}`), allowed)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Records[0].Size; got != want {
			t.Errorf("size %s: got %d, want %d", in, got, want)
		}
	}
	e, err := Parse([]byte(`{"bucket":"orders","key":"raw/a.json"}`), allowed)
	if err != nil || e.Records[0].Size != -1 {
		t.Errorf("no size: got %+v, %v; want -1", e, err)
	}
}

// TestLimits: events that are large, deep, or of many records.
func TestLimits(t *testing.T) {
	many := strings.Repeat("0,", MaxRecords+1) + "0"
	message := func(id, body string) string {
		return fmt.Sprintf(`{"messageId":%q,"body":%q}`, id, body)
	}
	for name, c := range map[string]struct {
		in   string
		want Reason
	}{
		"bytes":    {`{"Records":[]}` + strings.Repeat(" ", MaxBytes), TooLarge},
		"records":  {`{"Records":[{"s3":1},` + many + `]}`, TooManyRecords},
		"items":    {`{"Items":[` + many + `]}`, TooManyRecords},
		"messages": {`{"Records":[` + strings.Repeat(message("m", "")+",", MaxRecords) + message("m", "") + `]}`, TooManyRecords},
		"depth":    {strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), BadJSON},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.in), allowed)
			var e *ParseError
			if !errors.As(err, &e) || e.Reason != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}

	good := `{"bucket":"orders","key":"raw/a.json"}`
	e, err := Parse([]byte(`{"Records":[`+message("full", `[`+good+","+many+`]`)+","+message("good", good)+`]}`), allowed)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range e.Records {
		got = append(got, fmt.Sprint(r.MessageID, " ", r.Action, " ", r.Reason))
	}
	if want := []string{"full error too_many_records", "good process "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestZeroAllow: an empty list of sources allows nothing.
func TestZeroAllow(t *testing.T) {
	for _, in := range []string{`{"bucket":"orders","key":"raw/a.json"}`, `{"key":"raw/a.json"}`, `[{"Key":"k"}]`} {
		e, err := Parse([]byte(in), Allow{})
		if err != nil {
			t.Fatal(err)
		}
		if a := e.Records[0].Action; a != Refuse && a != Error {
			t.Errorf("%s: %s", in, a)
		}
	}
}
