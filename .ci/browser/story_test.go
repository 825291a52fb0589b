package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestStory is what somebody does on the first day: drop a file, see it come, draw
// it, query it, look at the record that did not fit, change the mapping, replay, and
// see the rows.
func TestStory(t *testing.T) {
	l := startLake(t)
	b := open(t, l)
	b.sees("An empty lake")
	b.shoot("story-1-empty")

	var orders strings.Builder
	for i := range 40 {
		price := []string{"25.00", "4.50", "150.25", "19.99"}[i%4]
		if i == 17 {
			price = `"n/a"`
		}
		orders.WriteString(order(i, "2024-01-"+two(1+i%20), "Ada", price))
	}
	b.drop("main", write(t, "orders.ndjson", orders.String()))
	b.until("the object", "document.querySelector('.objects td.key')?.textContent.includes('orders.ndjson')")
	b.until("its outcome, without a reload", "document.querySelector('.objects .chip.warn')?.textContent === 'partial'")
	b.until("its counts", "document.querySelector('.figures')?.innerText.includes('39')")
	b.shoot("story-2-objects")

	b.click(".objects td.key a")
	b.sees("40 read = 39 committed + 1 quarantined + 0 skipped")
	b.sees("bad_decimal")
	b.shoot("story-3-object")

	b.visit("#/tables/order_lines")
	b.until("a chart", "document.querySelector('.picture canvas')")
	b.sees("Sum of product_price by order_date")
	b.button("Show as table")
	b.until("the chart as a table", "document.querySelector('main .card table')?.rows.length === 21")
	b.button("Show as table")
	b.shoot("story-4-chart")

	b.visit("#/sql")
	b.edit("SELECT product_name, sum(product_price) AS total FROM order_lines GROUP BY ALL")
	b.press("\r", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.until("the result", "document.querySelector('.scroll td.right')?.textContent === '1,992.9000'")
	b.button("Chart")
	b.until("bars", "document.querySelector('.bars .value')?.textContent === '1,992.9000'")
	b.shoot("story-5-sql")
	shared := b.js("location.hash")
	b.visit("#/money")
	b.sees("Ledger and tables agree")
	b.shoot("story-6-money")
	b.visit(shared)
	b.until("the result of a shared address", "document.querySelector('.scroll td.right')?.textContent === '1,992.9000'")

	b.visit("#/quarantine")
	b.sees("bad_decimal")
	b.shoot("story-7-quarantine")
	b.click("main table a")
	b.until("the fault, marked", `document.querySelector('mark')?.textContent === '"n/a"'`)
	b.sees("0 of 1 record fit with the mapping in the editor")
	b.shoot("story-8-record")

	mapping := command(t, "mapping", "show", "orders")
	changed := strings.Replace(mapping, `type: "decimal(18,4)", required: true}`, `type: "decimal(18,4)", null_values: ["n/a"]}`, 1)
	if changed == mapping {
		t.Fatal("the mapping orders has no such column any more")
	}
	b.edit(changed)
	b.sees("1 of 1 record fits with the mapping in the editor")
	b.sees("fits with this mapping")
	b.shoot("story-9-preview")
	b.button("Save mapping and replay")
	b.sees("1 record became 1 row")
	b.sees("Nothing of this object is left in quarantine")
	b.sees("No record of this object is in quarantine")
	b.until("no count in the rail", "!document.querySelector('[data-count=records_quarantined]').textContent")
	b.shoot("story-10-replayed")
	if text, err := os.ReadFile(filepath.Join(l.folder, "mapping.yaml")); err != nil || string(text) != changed {
		t.Errorf("mapping.yaml: %v, or it is not what the editor had:\n%s", err, text)
	}
	b.visit("#/tables/order_lines")
	b.until("all rows", "document.querySelector('.figures dd')?.textContent === '40'")
	b.sees("NULL")

	// The same file again is known; another under its name asks first.
	b.visit("#/objects")
	b.drop("main", write(t, "orders.ndjson", order(1, "2024-02-01", "Ben", "1.00")))
	b.sees("Replace orders.ndjson?")
	b.button("Replace")
	b.until("the rows of the new file", "document.querySelector('.figures')?.innerText.includes('\\n1\\n')")
}

// A server that was started again has another token. The page says what to do.
func TestOtherStart(t *testing.T) {
	l := startLake(t)
	b := open(t, l)
	b.sees("An empty lake")
	port := strings.Split(strings.TrimPrefix(b.base, "http://127.0.0.1:"), "/")[0]
	l.stop()
	b.sees("Connection lost")
	l.start(t, "--listen", "127.0.0.1:"+port)
	b.sees("This page is from an earlier start of sluice")
	b.shoot("earlier-start")
	b.do(chromedp.Navigate(l.url))
	b.sees("An empty lake")
}

// A lake without DuckDB says how to get it, and does the rest.
func TestWithoutSQL(t *testing.T) {
	l := &lake{folder: filepath.Join(t.TempDir(), "lake")}
	l.start(t)
	b := open(t, l)
	b.visit("#/sql")
	b.sees("SQL needs DuckDB")
	b.shoot("no-sql")
}

func two(n int) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }
