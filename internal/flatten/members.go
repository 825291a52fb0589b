package flatten

import (
	"slices"

	"sluice/internal/jsonscan"
	"sluice/mapping"
)

// every reads the members of the object at p, all of them for the same node.
// Their names are data: they are not learned.
func (f *Flattener) every(p int, n *node, depth int) int {
	b, e := f.b, n.every
	keys := f.skip.Keys()
	if p = jsonscan.Space(b, p+1); b[p] == '}' {
		return p + 1
	}
	for i, more := 0, true; more; i++ {
		key := p
		if b[p] != '"' {
			return -1 - p
		}
		end, hash, flags := jsonscan.String(b, p+1)
		if end < 0 {
			return end
		}
		if p = jsonscan.Space(b, end+1); b[p] != ':' {
			return -1 - p
		}
		p = jsonscan.Space(b, p+1)
		f.skip.Push(hash, key+1, end, flags)
		f.found(n)
		if n == f.top && jsonscan.SameName(b[key+1:end], jsonscan.Entry) {
			f.stop(key)
		}
		if f.code == "" {
			f.ord[e.wild], f.names[e.wild] = i, key
			f.name(e, p, token{text: b[key+1 : end], at: key, hash: hash, off: key + 1}, flags)
		}
		switch {
		case f.code != "":
			p = f.skip.Value(b, p, depth)
			f.found(n)
		case b[p] == '{' && f.recalls(e) && e.memo.on():
			p = f.line(p, e, depth+1)
		default:
			p = f.element(p, e, depth)
		}
		if p < 0 {
			return p
		}
		if p = jsonscan.Space(b, p); b[p] == ',' {
			p = jsonscan.Space(b, p+1)
		} else {
			more = false
		}
	}
	if b[p] != '}' {
		return -1 - p
	}
	f.skip.EndKeys(b, keys)
	f.found(n)
	return p + 1
}

// name gives the name of the member that e will read at p to the columns that
// hold such names.
func (f *Flattener) name(e *node, p int, t token, flags jsonscan.Flags) {
	if e.names == nil {
		return
	}
	if flags != 0 {
		f.unescape(&t)
	}
	if e.notes != nil {
		e.notes.begin(p)
	}
	for i := range e.names {
		if l := &e.names[i]; f.takes(l.filter) {
			f.fromString(l, e, &t)
		}
	}
}

// nameAt is the name that begins at b[p].
func (f *Flattener) nameAt(p int) mapping.Segment {
	end, _, _ := jsonscan.String(f.b, p+1)
	return mapping.Segment{Kind: mapping.Name, Name: string(jsonscan.Unescape(nil, f.b[p+1:end]))}
}

// named is a path with the names of the current members in place of .*
func (f *Flattener) named(path mapping.Path) mapping.Path {
	path = slices.Clone(path)
	wild := 0
	for i, s := range path {
		if s.Wild() {
			wild++
		}
		if s.Kind == mapping.Members {
			path[i] = f.nameAt(f.names[wild])
		}
	}
	return path
}
