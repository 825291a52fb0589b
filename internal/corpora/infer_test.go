//go:build corpora

package corpora

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sluice/internal/infer/infertest"
)

// The vendors' examples convert with the mapping that is made of them, and all
// that stands in them stands in the tables.
func TestInferredPlatforms(t *testing.T) {
	places := map[string][]string{
		"shopify-order.json": {"$.order"}, "shopify-order-with-transaction.json": {"$.order"},
		"square-create-order.json": {"$.order"}, "square-retrieve-order.json": {"$.order"},
		"amazon-spapi-2026-01-01-getOrder.json": {"$.order"},
	}
	for _, file := range list(t, 11, "fixtures/platforms", "*.json") {
		t.Run(file, func(t *testing.T) {
			text := string(read(t, "fixtures/platforms", file))
			infertest.RoundTrip(t, []string{"$[*]", "$"}, text)
			if places[file] != nil {
				infertest.RoundTrip(t, places[file], text)
			}
		})
	}
}

// So does each file of the corpora that holds sound JSON.
func TestInferredFixtures(t *testing.T) {
	sound := 0
	err := filepath.WalkDir(filepath.Join(shared, "fixtures"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || !isJSON(data) {
			return err
		}
		anywhere := []string{"$[*]", "$"}
		p, err := infertest.Profile(t, anywhere, string(data))
		if err != nil || p.Broken > 0 || p.Records == 0 {
			return nil // a name that stands twice, or half a surrogate pair
		}
		sound++
		t.Run(path, func(t *testing.T) { infertest.RoundTrip(t, anywhere, string(data)) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if sound < 130 {
		t.Errorf("%d files are sound", sound)
	}
	t.Logf("mappings of %d files", sound)
}

// FuzzInfer begins with the files of the corpora that are small enough to be
// changed often.
func FuzzInfer(f *testing.F) {
	const small = 8 << 10
	err := filepath.WalkDir(filepath.Join(shared, "fixtures"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && len(data) <= small {
			f.Add(data)
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, doc []byte) { infertest.Takes(t, doc) })
}

// isJSON reports whether a reader of JSON takes all of it.
func isJSON(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return err == io.EOF
		}
	}
}
