package browser

import "testing"

// Values that would be scripts, if anything read them as HTML, are shown as text:
// in names, rows, charts, held records and errors.
func TestHostileValues(t *testing.T) {
	const hostile = `<img src=x onerror="window.hit=1"><script>window.hit=1</script>`
	b := open(t, startLake(t))
	b.sees("An empty lake")
	text := order(1, "2024-01-01", hostile, "1.00") + order(2, "2024-01-02", `=cmd|' /C calc'!A0`, "2.00") +
		order(3, "2024-01-03", hostile, quote(hostile)) + order(4, "2024-01-04", "\u202eevil\x01\U0001F4A3", "3.00")
	b.drop("main", write(t, "<img src=x onerror=window.hit=1>.ndjson", text))
	b.until("the key", "document.querySelector('.objects td.key')?.textContent.includes('<img src=x onerror=window.hit=1>.ndjson')")
	b.until("the outcome", "document.querySelector('.objects .chip.warn')")
	b.click(".objects td.key a")
	b.sees("bad_decimal")

	b.visit("#/tables/order_lines")
	b.until("the value in a row", "[...document.querySelectorAll('td')].some(cell => cell.textContent === "+quote(hostile)+")")
	b.visit("#/tables/order_lines?form=bar&x=customer_name&of=count")
	b.until("the value in a chart", "[...document.querySelectorAll('.bars .name')].some(name => name.textContent === "+quote(hostile)+")")
	b.visit("#/tables/order_lines?form=bar&x=order_date&of=count&split=customer_name")
	b.until("the value in a legend", "[...document.querySelectorAll('.legend li')].some(name => name.textContent === "+quote(hostile)+")")

	b.visit("#/sql")
	b.edit("SELECT customer_name, '<b id=hit>' FROM order_lines")
	b.button("Run")
	b.until("the value in a result", "[...document.querySelectorAll('td')].some(cell => cell.textContent === "+quote(hostile)+")")
	b.edit("SELECT \"<img src=x onerror=window.hit=1>\" FROM order_lines")
	b.button("Run")
	b.until("the value in an error", "document.querySelector('.problem')?.textContent.includes('<img src=x onerror=window.hit=1>')")

	b.visit("#/quarantine")
	b.click("main table a")
	b.until("the value in a held record", "document.querySelector('mark')?.textContent.includes('<script>window.hit=1')")
	if hit := b.js("window.hit"); hit != "undefined" {
		t.Error("a value ran as a script")
	}
	if n := b.js("document.querySelectorAll('main img, main script, #hit').length"); n != "0" {
		t.Errorf("values became %s elements", n)
	}
}
