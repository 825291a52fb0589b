package browser

import "testing"

// Completion knows where in a mapping the cursor is, in both styles of YAML.
func TestCompletion(t *testing.T) {
	b := open(t, startLake(t))
	b.sees("An empty lake")
	for _, c := range []struct{ text, want string }{
		{"", "table explode zip"},
		{"table: x\nwhen_empty: ", "quarantine keep skip"},
		{"table: x\ncolumns:\n  - {na", "name path coalesce"},
		{"table: x\ncolumns:\n  - {name: a, path: $.a, type: ", "string boolean int32"},
		{"columns:\n  - {name: a, from: [string, in", "string integer number"},
		{"table: x\ncolumns:\n  - name: a\n    ty", "name path coalesce"},
		{"tables:\n  - table: a\n    columns:\n    - name: q\n      on_error: ", "quarantine null"},
		{"tables:\n  - table: a\n    when_empty: ", "quarantine keep skip"},
		{"limits:\n  de", "record_bytes field_bytes"},
		{"table: x\ncolumns:\n  - {name: a, type: int64}\nunk", "table explode zip"},
		{"# a comment wh", ""},
		{`table: "a text wh`, ""},
	} {
		got := b.js(`(async () => {
			const {completions} = await import('/complete.js')
			const source = completions(await (await fetch('/api/mapping/schema')).json())
			const text = ` + quote(c.text) + `
			const from = text.lastIndexOf('\n') + 1
			const doc = {lineAt: () => ({from, text: text.slice(from), number: text.split('\n').length}), sliceString: (a, b) => text.slice(a, b)}
			const found = source({state: {doc}, pos: text.length, explicit: true})
			return found ? found.options.map(option => option.label).join(' ') : ''
		})()`)
		if len(got) < len(c.want) || got[:len(c.want)] != c.want || c.want == "" && got != "" {
			t.Errorf("after %q: %q, want %q", c.text, got, c.want)
		}
	}
}

// Sums are compared and shown digit by digit, also where a float would round.
func TestExact(t *testing.T) {
	b := open(t, startLake(t))
	b.sees("An empty lake")
	for _, c := range []struct{ code, want string }{
		{"(await import('/format.js')).exact('12345678901234567890.12345678')", "12,345,678,901,234,567,890.12345678"},
		{"(await import('/format.js')).exact('-0.0010')", "−0.0010"},
		{"(await import('/format.js')).exact('n/a')", "n/a"},
		{"(await import('/views/money.js')).difference('90071992547409931.01', '90071992547409930.99')", "-0.02"},
		{"(await import('/views/money.js')).difference('-1.5', '2')", "+3.5"},
		{"(await import('/views/money.js')).difference('-0.5', '0.5')", "+1.0"},
		{"(await import('/raw.js')).indexOfByte('é€💣x', 9)", "4"},
	} {
		if got := b.js(c.code); got != c.want {
			t.Errorf("%s: %q, want %q", c.code, got, c.want)
		}
	}
}
