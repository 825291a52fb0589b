package infer_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/infer/infertest"
)

// Names are data or not by their look, and by what stands under them.
func TestNamesThatAreData(t *testing.T) {
	same := func(value string, names ...string) string {
		var all []string
		for _, name := range names {
			all = append(all, fmt.Sprintf("%q:%s", name, value))
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	for _, c := range []struct {
		data bool
		text string
	}{
		{true, same(`1`, "2024-01-10", "2024-01-11")},
		{true, same(`1`, "2024-01", "2024-02")},
		{true, same(`{"a":1}`, "17", "18")},
		{true, same(`1`, "-1", "2.5")},
		{true, same(`{"a":1}`, "123e4567-e89b-12d3-a456-426614174000")},
		{true, same(`true`, "a@example.com", "b@example.com")},
		{true, same(`{"a":1}`, "-NqA1b2C3d4E5f6G7h8I")},
		{true, same(`{"get":{"id":"x"}}`, "/orders", "/orders/{id}")},
		{true, same(`{"resolved":"x"}`, "", "node_modules/a")},
		{true, same(`1.5`, "EUR", "USD", "JPY", "GBP", "CHF")},
		{true, same(`{"a":1,"b":2}`, "item_1", "item_2", "item_3")},
		{false, same(`"x"`, "line1", "line2")},
		{false, same(`"x"`, "en", "de", "fr")},
		{false, same(`1`, "EUR", "USD")},
		{false, same(`{"city":"x","zip":"1"}`, "billing", "shipping")},
		{false, same(`"x"`, "id", "2024")},
		{false, same(`{"url":"x"}`, "16x16", "24x24")},
		{false, same(`1`, "sha256", "md5", "utf8")},
		{false, same(`1`, "average_response_time_in_ms", "count")},
	} {
		r := infertest.RoundTrip(t, anywhere, `{"o":`+c.text+`}`)
		if data := strings.Contains(string(r.YAML), `explode: "$.o.*"`); data != c.data {
			t.Errorf("data: %t, not %t\n%s", data, c.data, r.YAML)
		}
	}
}
