package browser

import "testing"

// A click on a value leaves its rows, in the chart, the rows and the download; a click on
// the name of a column sorts. Both are on the keyboard too, and filters are in the address.
func TestFilters(t *testing.T) {
	b := filled(t)
	b.visit("#/tables/order_lines")
	b.until("the profile", "document.querySelector('.profile .spread button')")
	all := b.js("document.querySelector('.figures dd').textContent")
	b.js("[...document.querySelectorAll('.profile .spread button')].find(button => button.textContent === 'kitchen').focus()")
	b.press("\r")
	b.until("the filter", "document.querySelector('.filters button')?.textContent.startsWith('product_category is kitchen')")
	b.until("it in view, with the focus", "(e => e.textContent.startsWith('product_category') && e.getBoundingClientRect().top >= 0 && e.querySelector('[aria-hidden=true]'))(document.activeElement)")
	b.until("it in the address", "location.hash.includes('is=product_category%3Dkitchen')")
	b.until("only such rows", "document.querySelector('.pages').innerText.includes(', in a table of ') && document.querySelector('.chart-title').textContent.includes(' of "+all+" rows')")
	rows := b.js("/of (\\d+)/.exec(document.querySelector('.pages').innerText)[1]")
	lines := b.js("(await fetch(document.querySelector('a[download$=csv]').href)).text().then(text => text.split('\\r\\n').length - 2)")
	if rows != lines || rows == all {
		t.Errorf("%s rows on the page, %s in the CSV, %s in the table", rows, lines, all)
	}

	sort := "[...document.querySelectorAll('thead button')].find(button => button.textContent === 'product_price')"
	prices := "(head => JSON.stringify([...head.closest('table').tBodies[0].rows].map(row => Number(row.cells[head.cellIndex].textContent))))(" + sort + ".closest('th'))"
	b.js(sort + ".focus()")
	b.press("\r")
	b.until("ascending order", "document.querySelector('[aria-sort=ascending]')?.innerText.startsWith('product_price') && "+prices+" === JSON.stringify(JSON.parse("+prices+").sort((a, b) => a - b))")
	b.until("the focus where it was, in view", sort+" === document.activeElement && "+sort+".getBoundingClientRect().left < "+sort+".closest('.scroll').getBoundingClientRect().right - 40")
	b.js("document.activeElement.closest('.scroll').scrollLeft = 120")
	b.press("\r")
	b.until("descending order", "document.querySelector('[aria-sort=descending]') && "+prices+" === JSON.stringify(JSON.parse("+prices+").sort((a, b) => b - a))")
	b.until("the table where it was", sort+".closest('.scroll').scrollLeft > 100")
	b.shoot("filtered")
	b.accessible("a filtered and sorted table")

	// A bin of a histogram is a range.
	b.js("document.querySelector('.profile .hit').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
	b.until("the range", "document.querySelectorAll('.filters button').length === 4")
	shared := b.js("location.hash")
	b.visit("#/objects")
	b.visit(shared)
	b.until("the filters of the address", "document.querySelectorAll('.filters button').length === 4")
	b.button("As SQL")
	b.sees("WHERE product_category = 'kitchen'")
	b.until("the result of the statement", "document.querySelector('main .tabs')")
	b.visit(shared)
	b.button("Show all rows")
	b.until("all rows", "!document.querySelector('.filters').firstChild && document.querySelector('.pages').innerText.includes('of "+all+"')")
}
