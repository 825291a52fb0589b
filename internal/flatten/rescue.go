package flatten

import "sluice/internal/jsonscan"

// rescueField keeps the member whose name begins at key and whose value is
// b[p:q], for the tables that do not get it by another path.
func (f *Flattener) rescueField(n *node, key, p, q int) {
	path := append(f.named(f.within(n.path)), f.nameAt(key)).String()
	if n.around {
		path = "$" + path
	}
	for _, o := range n.owners {
		if n.has(o) {
			continue
		}
		t := &f.tables[o.table]
		r := &t.rescued
		from := len(r.text)
		r.text = jsonscan.AppendQuoted(r.text, path)
		r.text = append(r.text, ':')
		r.text = append(r.text, f.b[p:q]...)
		element := t.b.Elements(o.level)
		if n.around && f.seen {
			element-- // the record has ended
		}
		r.add(o.level, element, from)
	}
}
