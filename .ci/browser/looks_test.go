package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// filled is a lake with the sample orders, and one object that was rejected.
func filled(t *testing.T) *tab {
	t.Helper()
	b := open(t, startLake(t))
	b.button("Load sample orders")
	b.until("the samples", "document.querySelectorAll('.objects tbody tr').length > 1")
	bad := order(1, "2024-01-01", "Ada", "1.00") + order(2, "2024-01-02", "Ben", `"n/a"`) + order(3, "11.01.2024 ", "Cleo", "4.00")
	b.drop("main", write(t, "mixed.ndjson", bad), write(t, "half.json", `[{"order_id":1,`))
	b.until("the rejected one", "document.querySelector('.objects .chip.bad')")
	b.until("all of them", "!document.querySelector('.objects .chip.busy') && document.querySelector('.objects .chip.warn')")
	b.js("document.getElementById('messages').replaceChildren()")
	return b
}

// views are all places of a filled lake: name, hash, and what shows that it is there.
func views(b *tab) [][3]string {
	b.t.Helper()
	b.visit("#/quarantine")
	held := b.js("[...document.querySelectorAll('main tr')].find(row => row.textContent.includes('mixed')).querySelector('a').hash")
	rejected := b.js("[...document.querySelectorAll('main tr')].find(row => row.textContent.includes('half')).querySelector('a').hash")
	b.visit("#/tables")
	table := b.js("document.querySelector('.cards a').hash")
	return [][3]string{
		{"objects", "#/objects", ".objects tbody tr"},
		{"object", strings.Replace(held, "quarantine", "objects", 1), ".panel .facts"},
		{"tables", "#/tables", ".cards .card"},
		{"table", table, ".picture canvas, .picture .bars"},
		{"money", "#/money", ".verdict"},
		{"quarantine", "#/quarantine", "main .bars"},
		{"held", held, "mark"},
		{"rejected", rejected, "main .problem"},
		{"mapping", "#/mapping", ".editor"},
		{"sql", "#/sql?q=" + "FROM%20" + strings.TrimPrefix(table, "#/tables/") + "%20LIMIT%2020", "main td"},
	}
}

// TestEveryView opens each view in both colours, wide and narrow: nothing is wider
// than the window, and axe-core finds nothing that keeps anybody out.
func TestEveryView(t *testing.T) {
	b := filled(t)
	all := views(b)
	for _, width := range []int64{1440, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.look(width, 900, scheme)
			for _, view := range all {
				name := fmt.Sprintf("%s-%s-%d", view[0], scheme, width)
				b.visit("#/help") // an unknown view opens the first one, so the next is built anew
				b.visit(view[1])
				b.until(name, "document.querySelector("+quote(view[2])+") && !document.querySelector('main .loading')")
				time.Sleep(300 * time.Millisecond) // charts are drawn and colours settled, for the picture
				if at := b.js("scrollY"); at != "0" {
					t.Errorf("%s opens scrolled down by %s", name, at)
				}
				b.shoot(name)
				b.fits(name, width)
				b.accessible(name)
			}
		}
	}
	b.look(1440, 900, "light")
	b.press("?")
	b.sees("Keyboard shortcuts")
	b.accessible("help")
	b.shoot("help")
}

// fits fails the test if the page is wider than the window: it would scroll sideways.
func (b *tab) fits(name string, width int64) {
	b.t.Helper()
	if got := b.js("document.documentElement.scrollWidth"); got != fmt.Sprint(width) {
		b.t.Errorf("%s: the page is %s pixels wide in a window of %d", name, got, width)
	}
}

// accessible fails the test for each violation that axe-core finds.
func (b *tab) accessible(name string) {
	b.t.Helper()
	if b.js("window.axe === undefined") == "true" {
		axe, err := os.ReadFile(need(b.t, "AXE"))
		if err != nil {
			b.t.Fatal(err)
		}
		b.do(chromedp.Evaluate[chromedp.Void](string(axe) + "\n;0"))
	}
	var found []struct {
		ID, Help string
		Nodes    []struct {
			Target         []any
			FailureSummary string
		}
	}
	if err := json.Unmarshal([]byte(b.js("axe.run({resultTypes: ['violations']}).then(result => JSON.stringify(result.violations))")), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range found {
		for _, n := range v.Nodes {
			b.t.Errorf("%s: %s: %s: %v: %s", name, v.ID, v.Help, n.Target, n.FailureSummary)
		}
	}
}

// The switch in the rail is kept, and wins over the system.
func TestColours(t *testing.T) {
	b := open(t, startLake(t))
	b.look(1440, 900, "light")
	ground := func() string { return b.js("getComputedStyle(document.body).backgroundColor") }
	light := ground()
	b.look(1440, 900, "dark")
	if ground() == light {
		t.Error("the page does not follow the system's colours")
	}
	b.click("#theme") // light
	if ground() != light {
		t.Error("the switch does not win over the system")
	}
	b.do(chromedp.Reload())
	b.sees("An empty lake")
	if ground() != light {
		t.Error("the choice is not kept")
	}
}

// TestFirstPaint: what comes before the first view is there. The time is printed, as
// machines differ.
func TestFirstPaint(t *testing.T) {
	b := open(t, startLake(t))
	b.sees("An empty lake")
	b.until("the first paint", "performance.getEntriesByName('first-contentful-paint')[0]")
	b.mu.Lock()
	sum, requests := b.bytes, len(b.requests)
	b.mu.Unlock()
	t.Logf("%.0f bytes in %d requests; first paint after %s ms, whole view after %s ms", sum, requests,
		b.js("Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime)"),
		b.js("Math.round(Math.max(...performance.getEntriesByType('resource').map(entry => entry.responseEnd)))"))
	if sum > 300_000 {
		t.Errorf("%.0f bytes came before the first view, at most 300,000 should", sum)
	}
}
