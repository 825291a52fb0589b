package event

import "testing"

// What a listing of the source finds is processed, skipped by a rule, or left
// out, and nothing of it in silence.
func TestListed(t *testing.T) {
	allow := Allow{
		Source:   []Location{{Bucket: "orders", Prefix: "raw/.in/"}},
		Suffixes: []string{".json", "/"},
		Deny:     []Location{{Bucket: "orders", Prefix: "raw/.in/out/"}},
	}
	for _, test := range []struct {
		key    string
		size   int64
		action Action
		reason Reason
	}{
		{"raw/.in/a.json", 1, Process, ""},
		{"raw/.in/empty.json", 0, Process, ""}, // it is rejected, which is told
		{"raw/.in/.DS_Store", 9, Skip, Hidden},
		{"raw/.in/._a.json", 9, Skip, Hidden},
		{"raw/.in/.git/a.json", 9, Skip, Hidden},
		{"raw/.in/day/.tmp/a.json", 9, Skip, Hidden},
		{"raw/.in/day/a.json.swp", 9, Skip, OtherSuffix},
		{"raw/.in/day/", 0, Skip, FolderMarker},
		{"raw/.in/day/", 9, Refuse, KeyNotAllowed},
		{"raw/.in/../a.json", 9, Refuse, KeyNotAllowed},
		{"raw/.in/a\x00.json", 9, Refuse, KeyNotAllowed},
		{"raw/.in/out/a.json", 9, Refuse, Loop},
		{"raw/.in/\xff.json", 9, Error, BadKey},
	} {
		r := allow.Listed(Object{Bucket: "orders", Key: test.key, Size: test.size})
		if r.Action != test.action || r.Reason != test.reason {
			t.Errorf("%q of %d bytes: %s %s, want %s %s", test.key, test.size, r.Action, r.Reason, test.action, test.reason)
		}
	}
}
