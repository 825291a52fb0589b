package pipeline

import "testing"

func TestHidden(t *testing.T) {
	for name, want := range map[string]bool{
		"": true, "t/": true, "_SUCCESS": true, ".sluice/meta/x": true, "t/.x.crc": true, "t/_temporary/0/x.parquet": true,
		"x.csv": false, "t/x_.y": false, "t/x.parquet": false,
	} {
		if hidden(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
