package profiler

import (
	"strings"

	"sluice/internal/jsonscan"
)

// outline is what a document looks like from far: its members, some levels
// deep, and how many elements its arrays have.
type outline struct {
	name    string
	kind    byte   // first byte of the value
	text    []byte // a scalar, if it is short
	bytes   int    // so far, if the text ends inside
	members []*outline

	// Of an array:
	elements, objects int // how many there are, and how many are objects
}

const (
	outlineDepth = 6   // levels whose members are known
	outlineWidth = 512 // members of an object that are known
	outlineText  = 512 // bytes of a scalar that are kept
)

// outliner reads outlines. It has no error: where the text ends or is no JSON,
// the outline ends.
type outliner struct {
	b    []byte
	skip jsonscan.Skipper
}

// value outlines the value at p into o, and returns the position after it or
// one below 0, as the scanner does.
func (r *outliner) value(p, depth int, o *outline) (end int) {
	start := p
	o.kind = r.b[p]
	defer func() {
		last := end
		if end < 0 {
			last = -1 - end
		}
		o.bytes = last - start
		if end >= 0 && o.bytes <= outlineText && o.kind != '{' && o.kind != '[' {
			o.text = r.b[start:end:end]
		}
	}()
	switch {
	case o.kind == '{' && depth < outlineDepth:
		return r.object(p, depth, o)
	case o.kind == '[' && depth < outlineDepth:
		return r.array(p, depth, o)
	}
	return r.pass(p, depth)
}

func (r *outliner) pass(p, depth int) int {
	r.skip.Reset()
	return r.skip.Value(r.b, p, depth)
}

func (r *outliner) object(p, depth int, o *outline) int {
	return r.each(p, func(name []byte, q int) int {
		if len(o.members) == outlineWidth {
			return r.pass(q, depth+1)
		}
		m := &outline{name: strings.ToValidUTF8(string(name), "\uFFFD")} // a profile is JSON
		o.members = append(o.members, m)
		return r.value(q, depth+1, m)
	})
}

// each calls value for each member of the object at p; value returns the
// position after the member.
func (r *outliner) each(p int, value func(name []byte, q int) int) int {
	b := r.b
	p = jsonscan.Space(b, p+1)
	if b[p] == '}' {
		return p + 1
	}
	for {
		if b[p] != '"' {
			return -1 - p
		}
		end, flags := jsonscan.SkipString(b, p+1)
		if end < 0 {
			return end
		}
		name := b[p+1 : end]
		if flags&jsonscan.Escaped != 0 {
			name = jsonscan.Unescape(nil, name)
		}
		q := jsonscan.Space(b, end+1)
		if b[q] != ':' {
			return -1 - q
		}
		if p = value(name, jsonscan.Space(b, q+1)); p < 0 {
			return p
		}
		switch p = jsonscan.Space(b, p); b[p] {
		case '}':
			return p + 1
		case ',':
			p = jsonscan.Space(b, p+1)
		default:
			return -1 - p
		}
	}
}

func (r *outliner) array(p, depth int, o *outline) int {
	b := r.b
	p = jsonscan.Space(b, p+1)
	if b[p] == ']' {
		return p + 1
	}
	for {
		end := r.pass(p, depth+1)
		if end < 0 && o.elements > 0 {
			return end // the element that is cut off is not counted
		}
		o.elements++
		if b[p] == '{' {
			o.objects++
		}
		if end < 0 {
			return end
		}
		switch p = jsonscan.Space(b, end); b[p] {
		case ']':
			return p + 1
		case ',':
			p = jsonscan.Space(b, p+1)
		default:
			return -1 - p
		}
	}
}

// find is the outline under some names, or nil.
func (o *outline) find(names []string) *outline {
	for _, name := range names {
		var next *outline
		for _, m := range o.members {
			if m.name == name {
				next = m
				break
			}
		}
		if next == nil {
			return nil
		}
		o = next
	}
	return o
}
