package flatten

import (
	"slices"

	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
)

// embedded is a place of a record that parse_json names, or one on the way
// there.
type embedded struct {
	parsed  bool // a string here holds JSON
	bare    bool // the value has no envelope: the record, and what is around it
	members map[string]*embedded
	every   *embedded
	each    *embedded
	index   []indexedEmbedded
	fromEnd bool // an index counts from the end
}

type indexedEmbedded struct {
	i  int
	at *embedded
}

// unfolder writes each record once more, with the JSON that stands in strings
// in place of these. A Flattener reads that text like any other. It is no longer
// than the record, but where null stands for an empty string.
type unfolder struct {
	top      *embedded
	envelope map[string]typeTag
	skip     jsonscan.Skipper

	text    []byte // of the records since the last flush
	scratch []byte // what stands in the strings that are being read

	// About the record that is being read:
	begin  int    // of its text
	at     int    // position of it in the input
	from   int    // what is at b[from:] of the current text is not written yet
	inside int    // strings around it
	spans  []span // of text that stood in strings
	unread []int  // where strings stand that are no JSON; positions in text
}

// span is a part of the unfolded text, and where the string with it begins and
// ends in the input.
type span struct{ from, to, at, end int }

// newUnfolder makes one for records that stand at tail in what holds them, or
// nil if the mapping needs none.
func newUnfolder(m *mapping.Mapping, tail mapping.Path) *unfolder {
	if len(m.ParseJSON) == 0 {
		return nil
	}
	u := &unfolder{top: &embedded{bare: true}, envelope: envelopes[m.Envelope], skip: jsonscan.Skipper{MaxDepth: m.Limits.Depth}}
	record := u.top
	for _, s := range tail {
		record = record.child(s)
		record.bare = true
	}
	for _, p := range m.ParseJSON {
		e := record
		for _, s := range p {
			e = e.child(s)
		}
		e.parsed = true
	}
	return u
}

func (e *embedded) child(s mapping.Segment) *embedded {
	one := func(at **embedded) *embedded {
		if *at == nil {
			*at = &embedded{}
		}
		return *at
	}
	switch s.Kind {
	case mapping.Wildcard:
		return one(&e.each)
	case mapping.Members:
		return one(&e.every)
	case mapping.Index:
		for _, x := range e.index {
			if x.i == s.Index {
				return x.at
			}
		}
		e.fromEnd = e.fromEnd || s.Index < 0
		e.index = append(e.index, indexedEmbedded{s.Index, &embedded{}})
		return e.index[len(e.index)-1].at
	}
	if e.members == nil {
		e.members = map[string]*embedded{}
	}
	at := e.members[s.Name]
	e.members[s.Name] = one(&at)
	return at
}

// member is the place of a member, or nil.
func (e *embedded) member(name []byte) *embedded {
	if e.every != nil {
		return e.every
	}
	return e.members[string(name)]
}

// element is the place of the i-th of count elements, or nil.
func (e *embedded) element(i, count int) *embedded {
	for _, x := range e.index {
		if x.i == i || x.i < 0 && x.i+count == i {
			return x.at
		}
	}
	return e.each
}

// unfolded is Record for a mapping with parse_json.
func (f *Flattener) unfolded(b []byte, p, until int, origin Origin) *Result {
	u := f.unfolder
	begin := len(u.text)
	end := u.record(b, p)
	if end >= 0 && until >= 0 {
		if q := jsonscan.Space(b, end); q < until {
			end = -1 - q
		}
	}
	switch {
	case end < 0:
		u.text = u.text[:begin]
		return &Result{End: end, TooDeep: u.skip.TooDeep}
	case int64(end-p) > f.limits.RecordBytes:
		u.text = u.text[:begin]
		return &Result{End: end, Code: reason.RecordTooLarge, Path: "$", At: p}
	}
	res := f.record(append(u.text, make([]byte, jsonscan.Padding)...), begin, -1, origin)
	if res.End = end; res.Code != "" {
		res.At = u.origin(res.At)
		u.text = u.text[:begin] // nothing of it was kept
	}
	return res
}

// origin is the position in the input of what stands at a position of the
// unfolded text; of what stood in a string, that of the outermost one.
func (u *unfolder) origin(at int) int {
	begin, p := u.begin, u.at // of the text after the last span
	for _, s := range u.spans {
		if at < s.from {
			break
		}
		if at < s.to {
			return s.at
		}
		begin, p = s.to, s.end
	}
	return p + at - begin
}

// record writes the record at b[p], with what holds it. It returns the position
// after it, or a negative number as a Flattener does.
func (u *unfolder) record(b []byte, p int) int {
	u.begin, u.at = len(u.text), p
	u.from, u.inside, u.spans, u.unread, u.scratch = p, 0, u.spans[:0], u.unread[:0], u.scratch[:0]
	u.skip.Reset()
	u.skip.Find(reason.DuplicateKey, p) // the Flattener finds out what is wrong in values: nobody need look here
	end := u.value(b, p, u.top, 0, way{plain: true})
	if end >= 0 {
		u.text = append(u.text, b[u.from:end]...)
	}
	return end
}

// way says how a value is taken.
type way struct {
	text  bool // a string is the value, not JSON
	plain bool // it has no envelope around it
}

// value reads the value at b[p], at the place e.
func (u *unfolder) value(b []byte, p int, e *embedded, depth int, as way) int {
	switch c := b[p]; {
	case c == '"' && e.parsed && !as.text:
		return u.string(b, p, e, depth, as)
	case c == '{' && u.envelope != nil && !as.plain && u.tag(b, p) != tagNone:
		if u.tag(b, p) != tagNull {
			return u.object(b, p, e, depth+1, &as)
		}
	case c == '{' && (e.members != nil || e.every != nil):
		return u.object(b, p, e, depth+1, nil)
	case c == '[' && (e.each != nil || e.index != nil):
		return u.array(b, p, e, depth+1)
	}
	return u.skip.Value(b, p, depth)
}

func (u *unfolder) tag(b []byte, p int) typeTag {
	_, t := openEnvelope(u.envelope, b, p)
	return t
}

// object reads the object at b[p]. If envelope is not nil, it is the envelope of
// a value at the place e, which is taken in that way.
func (u *unfolder) object(b []byte, p int, e *embedded, depth int, envelope *way) int {
	if depth > u.skip.MaxDepth {
		u.skip.TooDeep = true
		return -1 - p
	}
	if p = jsonscan.Space(b, p+1); b[p] == '}' {
		return p + 1
	}
	for first := true; ; first = false {
		name, value := u.key(b, p)
		if value < 0 {
			return value
		}
		switch sub := e.member(name); {
		case envelope != nil && first:
			p = u.value(b, value, e, depth, way{text: envelope.text, plain: true})
		case envelope == nil && sub != nil:
			p = u.value(b, value, sub, depth, way{plain: sub.bare})
		default:
			p = u.skip.Value(b, value, depth)
		}
		if p < 0 {
			return p
		}
		switch p = jsonscan.Space(b, p); b[p] {
		case ',':
			p = jsonscan.Space(b, p+1)
		case '}':
			return p + 1
		default:
			return -1 - p
		}
	}
}

// key reads the name of a member at b[p], and returns the position of its value.
func (u *unfolder) key(b []byte, p int) (name []byte, value int) {
	if b[p] != '"' {
		return nil, -1 - p
	}
	end, flags := jsonscan.SkipString(b, p+1)
	if end < 0 {
		return nil, end
	}
	if name = b[p+1 : end]; flags == jsonscan.Escaped {
		name = jsonscan.Unescape(nil, name)
	}
	if p = jsonscan.Space(b, end+1); b[p] != ':' {
		return nil, -1 - p
	}
	return name, jsonscan.Space(b, p+1)
}

func (u *unfolder) array(b []byte, p int, e *embedded, depth int) int {
	if depth > u.skip.MaxDepth {
		u.skip.TooDeep = true
		return -1 - p
	}
	count := 0
	if e.fromEnd {
		count = elements(b, p, u.skip.MaxDepth)
	}
	if p = jsonscan.Space(b, p+1); b[p] == ']' {
		return p + 1
	}
	for i := 0; ; i++ {
		if sub := e.element(i, count); sub != nil {
			p = u.value(b, p, sub, depth, way{})
		} else {
			p = u.skip.Value(b, p, depth)
		}
		if p < 0 {
			return p
		}
		switch p = jsonscan.Space(b, p); b[p] {
		case ',':
			p = jsonscan.Space(b, p+1)
		case ']':
			return p + 1
		default:
			return -1 - p
		}
	}
}

// string writes what stands in the string at b[p], or notes that it is no JSON.
func (u *unfolder) string(b []byte, p int, e *embedded, depth int, as way) int {
	end, flags := jsonscan.SkipString(b, p+1)
	if end < 0 {
		return end
	}
	if end++; flags&^jsonscan.Escaped != 0 {
		return end // it is no Unicode, as the Flattener will find
	}
	from, begin, unread := u.from, len(u.text), len(u.unread)
	u.text = append(u.text, b[from:p]...)
	start := len(u.text)
	switch ok := u.content(b[p+1:end-1], e, depth, as); {
	case u.skip.TooDeep:
		return -1 - p
	case !ok:
		u.from, u.text, u.unread = from, u.text[:begin], append(u.unread[:unread], start)
		return end
	}
	u.from = end
	if u.inside == 0 {
		u.spans = append(u.spans, span{start, len(u.text), p, end})
	}
	return end
}

// content writes the JSON in a string, and reports whether it is JSON. An empty
// string is no value.
func (u *unfolder) content(raw []byte, e *embedded, depth int, as way) bool {
	if len(raw) == 0 {
		u.text = append(u.text, "null"...)
		return true
	}
	off := len(u.scratch)
	u.scratch = jsonscan.Unescape(u.scratch, raw)
	size := len(u.scratch) - off
	u.scratch = append(u.scratch, make([]byte, jsonscan.Padding)...)
	text := u.scratch[off:]
	u.from = jsonscan.Space(text, 0)
	u.inside++
	end := u.value(text, u.from, e, depth, way{text: true, plain: as.plain})
	u.inside--
	ok := end >= 0 && jsonscan.Space(text, end) == size
	if ok {
		u.text = append(u.text, text[u.from:end]...)
	}
	u.scratch = u.scratch[:off]
	return ok
}

// misread is what is wrong with the value at p of the unfolded text, of which a
// path wants something else: code, unless it is a string that holds no JSON.
func (f *Flattener) misread(p int, code reason.Code) reason.Code {
	if f.unfolder != nil && f.unfolder.isUnread(p) {
		return reason.BadEmbeddedJSON
	}
	return code
}

// isUnread reports whether the string at p of the unfolded text was to hold JSON,
// and holds none.
func (u *unfolder) isUnread(p int) bool {
	_, found := slices.BinarySearch(u.unread, p)
	return found
}

// unread reads the string at p that was to hold JSON, and holds none. Where a
// column, a condition or a path takes it, this is wrong.
func (f *Flattener) unread(p int, n *node) int {
	end := f.skip.Value(f.b, p, 0)
	for i := range n.leaves {
		if l := &n.leaves[i]; f.takes(l.filter) {
			f.fault(l, n, reason.BadEmbeddedJSON, p)
		}
	}
	if n.asked || n.into() && !n.either() && (len(n.leaders) == 0 || f.takesAny(n.leaders)) {
		f.bad(reason.BadEmbeddedJSON, n.path, p)
	}
	return end
}

// embeds notes which nodes at and below n, that of the record, may have a string
// with JSON for a value.
func (n *node) embeds(m *mapping.Mapping) {
	if len(m.ParseJSON) == 0 {
		return
	}
	named := func(path mapping.Path) bool { return slices.ContainsFunc(m.ParseJSON, path.Meets) }
	n.walk(func(n *node) {
		if n.list != nil {
			value := append(slices.Clone(n.path), mapping.Segment{Kind: mapping.Wildcard})
			n.list.value.embedded(named(value))
		}
		n.embedded(named(n.path))
		for _, e := range n.ends {
			for _, c := range e.late {
				for _, v := range c.values {
					v.node.embedded(named(v.node.path))
				}
			}
		}
	})
}

func (n *node) embedded(parsed bool) {
	if parsed {
		n.noting().parsed = true
	}
}
