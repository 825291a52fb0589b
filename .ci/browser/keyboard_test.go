package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const focused = "(() => { let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement; return e })()"

// tabTo presses Tab until something has the focus, and makes sure that it is seen.
func (b *tab) tabTo(what, test string) {
	b.t.Helper()
	for range 80 {
		b.press("\t")
		if b.js("getComputedStyle("+focused+").outlineStyle !== 'none' || getComputedStyle("+focused+", '::after').outlineStyle !== 'none' || "+
			"Boolean("+focused+".closest('.cm-editor')) || "+focused+".matches('body, h1, h2, main')") != "true" {
			b.t.Errorf("the focus is not seen on %s", b.js(focused+".outerHTML.slice(0, 120)"))
		}
		if b.js("(e => Boolean("+test+"))("+focused+")") == "true" {
			return
		}
	}
	b.t.Fatalf("Tab does not come to %s", what)
}

// TestKeyboard does without a mouse what a person does with one.
func TestKeyboard(t *testing.T) {
	b := open(t, startLake(t))
	b.sees("An empty lake")
	b.tabTo("the skip link", "e.id === 'skip'")
	b.press("\r")
	b.tabTo("the samples", "e.textContent === 'Load sample orders'")
	b.press("\r")
	b.until("the samples", "document.querySelectorAll('.objects .chip.good, .objects .chip.warn').length > 1")

	b.press("/")
	b.until("the focus in the field", "document.activeElement.type === 'search'")
	b.press("zzz")
	b.sees("No object matches")
	b.until("the field kept the focus", "document.activeElement.type === 'search'")
	b.press("\b\b\b")
	b.until("all objects", "document.querySelectorAll('.objects tbody tr').length > 1")

	b.tabTo("the list", "e.closest('.objects a')")
	b.press(kb.ArrowDown)
	b.press("\r")
	b.until("the story", "document.querySelector('.panel .facts')")
	b.press(kb.Escape) // escape
	b.until("the list again, with the focus", "!document.querySelector('.panel .facts') && document.activeElement.closest('.objects a')")

	goTo := func(key, title string) {
		b.js("document.activeElement.blur()")
		b.press("g")
		b.press(key)
		b.until(title+", with the focus on its title", "document.querySelector('main h1')?.textContent === "+quote(title)+" && document.activeElement.tagName === 'H1'")
	}
	goTo("o", "Objects") // from there itself
	for key, title := range map[string]string{"t": "Tables", "m": "Money", "q": "Quarantine", "a": "Mapping", "s": "SQL", "o": "Objects"} {
		goTo(key, title)
	}

	b.press("g")
	b.press("t")
	b.tabTo("a table", "e.closest('.cards a')")
	b.press("\r")
	b.until("a chart", "document.querySelector('.picture [role=img], .picture .bars')")
	b.tabTo("the kind of chart", "e.matches('.choices select')")
	b.press("l") // line
	b.until("another chart", "location.hash.includes('form=line')")
	b.tabTo("the chart", "e.matches('.picture [role=img]')")
	b.press(kb.ArrowRight)
	b.until("the first point", "document.querySelector('.tip:not([hidden])')?.textContent.length > 4")

	// An editor does not keep the keyboard: Tab leaves it.
	b.visit("#/sql")
	b.tabTo("the editor", "e.matches('.cm-content')")
	b.tabTo("the button after it", "e.textContent === 'Run'")

	b.js("document.activeElement.blur()")
	b.press("?")
	b.until("the shortcuts", "document.querySelector('dialog[open]')")
	b.press(kb.Escape)
	b.until("no dialog", "!document.querySelector('dialog')")
}
