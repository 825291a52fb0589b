package flatten

import (
	"strconv"

	"sluice/internal/jsonscan"
	"sluice/reason"
)

// fault notes that the value at p, or the name of a member there, is none that
// column l of n takes. The record is quarantined, or with on_error: null the
// column gets no value and the row has it in _errors.
//
// A memo gives no row an error: it does not remember a line that has one.
func (f *Flattener) fault(l *leaf, n *node, code reason.Code, p int) {
	if !l.NullOnError || f.code != "" {
		f.badFor(l.table, l.column, code, n.path, p)
		return
	}
	f.ahead.MaxDepth = f.skip.MaxDepth
	f.ahead.Reset()
	end := f.ahead.Value(f.b, p, 0)
	if end < 0 {
		return // a late column looked ahead: the record does not parse
	}
	f.faults, f.faulty = append(f.faults, code), append(f.faulty, n.path)
	t := &f.tables[l.table]
	g := &t.errors
	from := len(g.text)
	g.text = append(jsonscan.AppendQuoted(g.text, l.Name), `:{"reason":`...)
	g.text = append(jsonscan.AppendQuoted(g.text, string(code)), `,"path":`...)
	g.text = jsonscan.AppendQuoted(g.text, f.rendered(f.within(n.path), f.ord, f.names))
	if size := end - p; int64(size) > f.limits.FieldBytes {
		g.text = strconv.AppendInt(append(g.text, `,"bytes":`...), int64(size), 10)
	} else {
		g.text = append(append(g.text, `,"value":`...), f.b[p:end]...)
	}
	g.text = append(g.text, '}')
	level := l.Level()
	g.add(level, t.b.Elements(level), from)
	if int64(len(g.text)) > f.limits.RecordBytes {
		f.tooLarge(g, p)
	}
}
