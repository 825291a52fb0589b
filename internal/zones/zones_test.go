package zones

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestChanges: no zone is as much as 16 hours from UTC, nor changes how much
// twice in three days. Who looks for the moment that clocks show a time needs to
// look at two offsets only.
func TestChanges(t *testing.T) {
	names, err := Names()
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	for _, name := range names {
		zone, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
		_, east := at.In(zone).Zone()
		last := at
		for at.Year() < 2110 { // after 2037 there are rules alone, and the same in each 28 years of a century
			_, end := at.In(zone).ZoneBounds()
			switch {
			case end.IsZero():
				at = at.AddDate(2110, 0, 0)
				continue
			case !end.After(at): // ZoneBounds ends years of 366 days too early
				end = at.AddDate(0, 0, 1)
			}
			at = end
			_, now := at.In(zone).Zone()
			if now == east {
				continue
			}
			changes++
			if apart := at.Sub(last); apart < 72*time.Hour {
				t.Errorf("%s changes %v after its last change, at %v", name, apart, at)
			}
			if max(now, -now) >= 16*3600 {
				t.Errorf("%s is %d seconds from UTC at %v", name, now, at)
			}
			east, last = now, at
		}
	}
	if len(names) < 590 || changes < 60_000 {
		t.Errorf("%d zones with %d changes: some are missing", len(names), changes)
	}
}

// TestKnown are moments and zones that everybody knows.
func TestKnown(t *testing.T) {
	for _, c := range []struct{ zone, utc, local string }{
		{"Europe/Berlin", "2024-03-31T00:59:59Z", "2024-03-31T01:59:59+01:00"},
		{"Europe/Berlin", "2024-03-31T01:00:00Z", "2024-03-31T03:00:00+02:00"},
		{"America/New_York", "2024-11-03T05:59:59Z", "2024-11-03T01:59:59-04:00"},
		{"America/New_York", "2024-11-03T06:00:00Z", "2024-11-03T01:00:00-05:00"},
		{"America/New_York", "2099-07-01T12:00:00Z", "2099-07-01T08:00:00-04:00"},
		{"Australia/Lord_Howe", "2024-10-05T15:30:00Z", "2024-10-06T02:30:00+11:00"},
		{"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00+14:00"}, // it left out the 30th
		{"Asia/Kolkata", "2024-01-01T00:00:00Z", "2024-01-01T05:30:00+05:30"},
		{"UTC", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"},
	} {
		zone, err := Load(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := at.In(zone).Format(time.RFC3339); got != c.local {
			t.Errorf("%s in %s: got %s, want %s", c.utc, c.zone, got, c.local)
		}
	}
}

// TestNames: nothing but the exact name of a zone gives one. What the machine
// calls local is none.
func TestNames(t *testing.T) {
	for _, name := range []string{"", "Local", "europe/berlin", "Europe/Berlin ", "Factory", "../UTC", "CEST", "+01:00"} {
		if _, err := Load(name); err == nil {
			t.Errorf("%q is a zone", name)
		}
	}
}

// TestDocumented: docs/mapping.md names the release that is in use.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "release "+Release) {
		t.Errorf("docs/mapping.md does not name release %s of the time zones", Release)
	}
}
