package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Somebody's own JSON: a mapping is inferred from a dropped file, looked at, saved, and
// the same file then becomes rows.
func TestInfer(t *testing.T) {
	l := startLake(t)
	b := open(t, l)
	b.sees("An empty lake")
	text := strings.Repeat(`{"ticket":1,"opened":"2024-03-01T08:00:00Z","fee":"12.50","tags":[{"word":"late"},{"word":"paid"}]}`+"\n", 20)
	name := write(t, "tickets.ndjson", text)

	b.visit("#/mapping")
	b.until("the editor", "document.querySelector('.editor')")
	b.drop(".well", name)
	b.sees("A mapping for tickets.ndjson is in the editor")
	b.sees("First rows of")
	b.until("what changes, as it breaks the table of orders", "document.querySelector('.changes .chip.bad')")
	b.shoot("infer")
	for _, width := range []int64{390, 1440} {
		b.look(width, 900, "dark")
		b.fits("infer", width)
	}
	b.button("Save mapping")
	b.sees("Mapping saved")
	saved, err := os.ReadFile(filepath.Join(l.folder, "mapping.yaml"))
	if err != nil || !strings.Contains(string(saved), "$.ticket") {
		t.Fatalf("mapping.yaml: %v\n%s", err, saved)
	}
	b.until("nothing to save any more", "[...document.querySelectorAll('button')].find(e => e.textContent === 'Save mapping').disabled")

	b.visit("#/objects")
	b.drop("main", name)
	b.until("its rows", "document.querySelector('.objects .chip.good')")
	b.visit("#/tables")
	b.sees("fee")
}

// A folder is dropped whole. Of an object that the mapping cannot read, the way leads to
// a mapping that can.
func TestOwnFolder(t *testing.T) {
	l := startLake(t)
	b := open(t, l)
	b.sees("An empty lake")
	folder := t.TempDir()
	for name, text := range map[string]string{"shop/a.json": `{"rows":[{"sum":"1.50"},{"sum":"2.50"}]}`, "shop/deep/b.json": `{"rows":[{"sum":"3.00"}]}`, "shop/.hidden": "x"} {
		name = filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	b.drop("main", filepath.Join(folder, "shop"))
	b.until("both files", "document.querySelectorAll('.objects .chip:is(.bad, .warn)').length === 2")
	if got := b.js("[...document.querySelectorAll('.objects td.key a')].map(a => a.title).sort().join(' ')"); got != "raw_orders_data/shop/a.json raw_orders_data/shop/deep/b.json" {
		t.Errorf("the folder became %s", got)
	}
	b.click(".objects td.key a")
	b.button("Infer a mapping from it")
	b.sees("is in the editor")
	b.button("Save mapping")
	b.sees("Make the other objects again?")
	b.button("Make again")
	b.visit("#/objects")
	b.until("rows of both", "document.querySelectorAll('.objects .chip.good').length === 2")
}

// A fault of the mapping is at its line; nothing can be saved until it is gone.
func TestFaultsOfMapping(t *testing.T) {
	b := open(t, startLake(t))
	b.sees("An empty lake")
	b.visit("#/mapping")
	b.edit("table: x\ncolums: []\n")
	b.until("the fault at its line", "document.querySelector('.faults')?.innerText.includes('Line 2 mapping: unknown key')")
	b.sees("columns")
	b.until("the fault in the text", "document.querySelector('.editor').shadowRoot.querySelector('.cm-lintRange-error')")
	if b.js("[...document.querySelectorAll('button')].find(e => e.textContent === 'Save mapping').disabled") != "true" {
		t.Error("a mapping with a fault can be saved")
	}
	b.shoot("mapping-fault")
	b.accessible("a mapping with a fault")
	b.edit("table: x\ncolumns:\n  - {name: a, path: $.a, type: string}\n")
	b.until("no fault", "!document.querySelector('.faults').firstChild")
	b.until("a way to save", "![...document.querySelectorAll('button')].find(e => e.textContent === 'Save mapping').disabled")

	// Somebody else changed the file meanwhile: it is not overwritten.
	l := b.js("document.querySelector('.note code').textContent")
	if err := os.WriteFile(l, []byte("table: y\ncolumns:\n  - {name: b, path: $.b, type: string}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	b.button("Save mapping")
	b.sees("it was changed since it was read")
	if text, _ := os.ReadFile(l); !strings.HasPrefix(string(text), "table: y") {
		t.Errorf("the mapping of somebody else was overwritten:\n%s", text)
	}
}
