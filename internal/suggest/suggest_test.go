package suggest

import "testing"

func TestNear(t *testing.T) {
	known := []string{"shopify", "stripe", "source", "sink", "none"}
	for word, want := range map[string]string{
		"shopfy": "shopify", "shpoify": "shopify", "spotify": "shopify", "sorce": "source", "sinks": "sink", "snik": "sink",
		"nope": "none", "source": "", "hive": "", "x": "", "": "", "warehouse": "", "söurce": "source",
	} {
		if got := Near(word, known); got != want {
			t.Errorf("Near(%q) = %q, want %q", word, got, want)
		}
	}
	if got := OneOf(known[:3]); got != "shopify, stripe or source" {
		t.Errorf("OneOf = %q", got)
	}
	if got := DidYouMean("sorce", known); got != "; did you mean source?" {
		t.Errorf("DidYouMean = %q", got)
	}
}
