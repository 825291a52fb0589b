package mapping

import (
	"errors"
	"slices"
	"strings"
)

// Filter chooses an element of an array: the one that fulfils all of its
// comparisons (RFC 9535 section 2.3.5).
type Filter []Comparison

// Comparison wants that the value at Member, in the element, is that of a
// literal, or the one at Key, in the record.
type Comparison struct {
	Member Path    // relative to the element: names and indexes
	Value  Literal // if there is no Key
	Key    Path    // relative to the record; its wildcards are those of the row
}

// Segment is the step of a path that has the filter.
func (f Filter) Segment() Segment {
	var b strings.Builder
	for i, c := range f {
		if i > 0 {
			b.WriteString("&&")
		}
		b.WriteString("@" + c.Member.String()[len("$"):] + "==")
		switch {
		case c.Key != nil:
			b.WriteString(c.Key.String())
		case c.Value.Type == FromString:
			quote(&b, c.Value.Text)
		default:
			b.WriteString(c.Value.Text)
		}
	}
	return Segment{Kind: Filtered, Name: b.String()}
}

// Filter is the filter of the step, or nil if it has none.
func (s Segment) Filter() Filter {
	if s.Kind != Filtered {
		return nil
	}
	p := pathParser{text: s.Name, nested: true}
	f, err := p.filter()
	if err != nil || p.rest() != "" {
		return nil
	}
	return f
}

// LastFilter is the place of the last step that has a filter, or -1.
func (p Path) LastFilter() int {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].Kind == Filtered {
			return i
		}
	}
	return -1
}

// Keys are the paths from the record that filters of the path compare with.
func (p Path) Keys() (keys []Path) {
	for _, s := range p {
		for _, c := range s.Filter() {
			if c.Key != nil {
				keys = append(keys, c.Key)
			}
		}
	}
	return keys
}

// withKeys are the paths, each with those that its filters compare with.
func withKeys(paths []Path) []Path {
	for _, p := range slices.Clone(paths) {
		paths = append(paths, p.Keys()...)
	}
	return paths
}

// filter reads what stands after the question mark, up to the bracket.
func (p *pathParser) filter() (f Filter, err error) {
	for {
		c, err := p.comparison()
		if err != nil {
			return nil, err
		}
		f = append(f, c)
		switch p.blanks(); {
		case p.take("&&"):
		case p.rest() == "" || p.rest()[0] == ']':
			return f, nil
		default:
			return nil, errors.New("a filter only knows == and &&; choose the element by the value that it has")
		}
	}
}

var errFilter = errors.New("a filter compares a member of the element with a value, as in [?@.name=='color'], [?@.code==7&&@.active==true] or [?@.uid==$.lines[*].tax_uid]")

func (p *pathParser) comparison() (c Comparison, err error) {
	if p.blanks(); !p.take("@") {
		return c, errFilter
	}
	if c.Member, err = p.steps(); err != nil {
		return c, err
	}
	switch {
	case len(c.Member) == 0:
		return c, errFilter
	case slices.ContainsFunc(c.Member, func(s Segment) bool { return s.Kind != Name && s.Kind != Index }):
		return c, errors.New("a filter compares one value of the element; after @ use names and indexes only")
	}
	if p.blanks(); !p.take("==") {
		return c, errors.New("a filter only knows == and &&; choose the element by the value that it has")
	}
	p.blanks()
	switch {
	case p.take("$"):
		if c.Key, err = p.steps(); err != nil {
			return c, err
		}
		if len(c.Key) == 0 {
			err = errFilter
		}
	case p.take("'"):
		c.Value.Type = FromString
		c.Value.Text, err = p.quoted('\'', "'")
	case p.take(`"`):
		c.Value.Type = FromString
		c.Value.Text, err = p.quoted('"', `"`)
	default:
		word := p.rest()[:len(p.rest())-len(strings.TrimLeft(p.rest(), "+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
		c.Value = Literal{FromNumber, word}
		if word == "true" || word == "false" {
			c.Value.Type = FromBoolean
		}
		if !c.Value.valid() {
			return c, errors.New("a filter compares with a string in quotes, a number as JSON writes it, true, false, or a path that begins with $")
		}
		p.pos += len(word)
	}
	return c, err
}
