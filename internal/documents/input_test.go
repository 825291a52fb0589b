package documents

import "testing"

func TestBaseName(t *testing.T) {
	for in, want := range map[string]string{
		"-": "stdin", "a/orders.json": "orders", "orders.json.gz": "orders", "orders.ndjson.zst": "orders",
		"orders.jsonl": "orders", "orders.gz": "orders", "orders.txt": "orders.txt", ".json": ".json",
		"a.quarantine.ndjson": "a.quarantine", "a.json.json": "a.json",
	} {
		if got := BaseName(in); got != want {
			t.Errorf("BaseName(%q) = %s, want %s", in, got, want)
		}
	}
}
