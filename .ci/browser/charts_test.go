package browser

import (
	"os"
	"path/filepath"
	"testing"
)

// Every form of chart draws the columns that suit it, and has the same as a table.
func TestCharts(t *testing.T) {
	b := filled(t)
	for _, c := range []struct{ hash, title, drawn string }{
		{"#/tables/order_lines", "Sum of product_price by order_date", "canvas"},
		{"#/tables/order_lines?form=bar&x=product_category&of=count", "Rows by product_category", ".bars li"},
		{"#/tables/order_lines?form=bar&x=product_category&y=product_price&of=avg", "Average of product_price by product_category", ".bars li"},
		{"#/tables/order_lines?form=bar&x=product_category&y=product_price&of=max&split=product_name", "Largest product_price by product_category, split by product_name", ".bars.grouped li"},
		{"#/tables/order_lines?form=line&x=order_date&y=total_amount&of=min", "Smallest total_amount by order_date", "canvas"},
		{"#/tables/order_lines?form=area&x=order_date&y=product_price&of=sum&split=product_category", "Sum of product_price by order_date, split by product_category", "canvas"},
		{"#/tables/order_lines?form=histogram&x=product_price", "Rows by product_price", "canvas"},
		{"#/tables/order_lines?form=histogram&x=order_date", "Rows by order_date", "canvas"},
		{"#/tables/order_lines?form=scatter&x=product_price&y=total_amount", "total_amount over product_price", "canvas"},
	} {
		b.visit("#/tables")
		b.visit(c.hash)
		b.until(c.title, "document.querySelector('.chart-title')?.textContent.startsWith("+quote(c.title)+")")
		b.until("a drawing of "+c.title, "document.querySelector('.picture "+c.drawn+"')")
		b.button("Show as table")
		b.until("the table of "+c.title, "document.querySelectorAll('.card table')[0]?.rows.length > 2")
		b.button("Show as table")
	}

	// What is chosen is in the address, so it can be kept and shared.
	b.visit("#/tables/order_lines")
	b.until("the choices", "document.querySelector('.choices select')")
	b.js("(() => { const list = document.querySelectorAll('.choices select')[4]; list.value = 'product_category'; list.dispatchEvent(new Event('change')) })()")
	b.until("the choice in the address", "location.hash.includes('split=product_category')")
	b.until("a legend", "document.querySelectorAll('.legend li').length > 2")
	b.shoot("chart-split")
	b.accessible("a chart with a legend")

	// The profile of the columns is drawn, and is there as numbers.
	b.until("the profile", "document.querySelector('.profile svg')")
	b.button("Show values as table")
	b.until("it as numbers", "!document.querySelector('.profile svg') && document.querySelectorAll('.profile .spread li').length > 10")
}

// Files that the page offers are those that their names say.
func TestDownloads(t *testing.T) {
	b := filled(t)
	b.visit("#/tables/order_lines")
	b.until("the links", "document.querySelectorAll('a[download]').length === 2")
	begins := func(href string) string {
		return b.js("(await fetch(" + href + ")).arrayBuffer().then(data => new TextDecoder('latin1').decode(data.slice(0, 200)))")
	}
	for selector, want := range map[string]string{"order_lines.csv": "order_id,order_date,", "order_lines.zip": "PK\x03\x04"} {
		if got := begins("document.querySelector('a[download=\"" + selector + "\"]').href"); len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%s begins with %.40q, want %q", selector, got, want)
		}
	}
	b.visit("#/sql?q=SELECT%20product_name%2C%20product_price%20FROM%20order_lines")
	b.until("the links", "document.querySelectorAll('a[download]').length === 2")
	for selector, want := range map[string]string{"result.csv": "product_name,product_price", "result.parquet": "PAR1"} {
		if got := begins("document.querySelector('a[download=\"" + selector + "\"]').href"); len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%s begins with %.40q, want %q", selector, got, want)
		}
	}
}

// A statement can be ended, and the next one runs.
func TestCancel(t *testing.T) {
	b := filled(t)
	b.visit("#/sql")
	b.edit("SELECT count(*) FROM range(3000000) a, range(3000000) b WHERE a.range + b.range = 7")
	b.button("Run")
	b.sees("Running …")
	b.button("Cancel")
	b.sees("Cancelled")
	b.edit("SELECT 40 + 2 AS answer")
	b.button("Run")
	b.until("the result of the next one", "document.querySelector('main td')?.textContent === '42'")
	b.until("both in the history", "document.querySelectorAll('.history li').length === 2")

	b.edit("SELECT nothing FROM order_lines")
	b.button("Run")
	b.until("what is wrong", "document.querySelector('main .problem')?.textContent.includes('nothing')")
}

// A chart leads to the statement that draws it.
func TestChartAsSQL(t *testing.T) {
	b := filled(t)
	for _, place := range []string{"", "?form=bar&x=product_category&y=product_price&of=avg&split=product_name", "?form=histogram&x=product_price", "?form=scatter&x=product_price&y=total_amount"} {
		b.visit("#/tables")
		b.visit("#/tables/order_lines" + place)
		b.button("As SQL")
		b.until("the result of "+place, "document.querySelector('main td') && location.hash.startsWith('#/sql')")
		b.button("Chart")
		b.until("its chart", "document.querySelector('.picture canvas, .picture .bars li')")
	}
}

// A published file that somebody removed is a difference of sums, and the page says
// what that means.
func TestMoneyDiffers(t *testing.T) {
	l := startLake(t)
	b := open(t, l)
	b.button("Load sample orders")
	b.until("the samples", "document.querySelectorAll('.objects .chip.good').length > 5")
	b.visit("#/money")
	b.sees("Ledger and tables agree")
	files, err := filepath.Glob(filepath.Join(l.folder, "orders_data_parquet", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no files: %v", err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	b.button("Check again")
	b.until("the difference", "document.querySelector('.verdict.bad')")
	b.sees("file is missing")
	b.sees("sluice run makes what is missing or damaged again")
	b.accessible("a difference")
	b.shoot("money-differs")
}
