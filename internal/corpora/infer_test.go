//go:build corpora

package corpora

import (
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
