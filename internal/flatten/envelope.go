package flatten

import (
	"strconv"
	"time"

	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
)

// An envelope is an object with one member, whose name says the type of the
// value in it: {"S":"text"}, {"$oid":"0123"}. Each value of a record may have
// one; the record has none.

// typeTag is what the name of the member says.
type typeTag uint8

const (
	tagNone   typeTag = iota // it is no envelope
	tagInside                // the value stands inside
	tagNull                  // it is null
	tagDate                  // a time: text, or milliseconds
	tagNumber                // a number as text
)

var envelopes = [...]map[string]typeTag{
	// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
	mapping.DynamoDB: {
		"S": tagInside, "N": tagNumber, "B": tagInside, "BOOL": tagInside, "NULL": tagNull,
		"M": tagInside, "L": tagInside, "SS": tagInside, "NS": tagInside, "BS": tagInside,
	},
	// https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/
	mapping.MongoDB: {
		"$oid": tagInside, "$symbol": tagInside, "$uuid": tagInside, "$undefined": tagNull, "$date": tagDate,
		"$numberInt": tagNumber, "$numberLong": tagNumber, "$numberDouble": tagNumber, "$numberDecimal": tagNumber,
	},
}

// open looks into the envelope at p, if one is there: it returns the position
// of the value in it.
func (f *Flattener) open(p int) (value int, t typeTag) { return openEnvelope(f.envelope, f.b, p) }

func openEnvelope(tags map[string]typeTag, b []byte, p int) (value int, t typeTag) {
	if b[p] != '{' {
		return p, tagNone
	}
	name, value := memberName(b, jsonscan.Space(b, p+1))
	if value < 0 {
		return p, tagNone
	}
	if t = tags[string(name)]; t == tagNone {
		return p, tagNone
	}
	return value, t
}

// peel is the position of the value at p, without its envelope.
func (f *Flattener) peel(p int) int {
	if f.envelope == nil {
		return p
	}
	value, _ := f.open(p)
	return value
}

// composite reports whether the value at p, without its envelope, is an array or
// an object.
func (f *Flattener) composite(p int) bool {
	t := tagNone
	if f.envelope != nil {
		p, t = f.open(p)
	}
	if t == tagDate {
		if _, ok := f.inMillis(p); ok {
			return false
		}
	}
	return t != tagNull && (f.b[p] == '{' || f.b[p] == '[')
}

// inMillis reports whether the date at p counts milliseconds, as a number or in
// an envelope of one, and where the number stands.
func (f *Flattener) inMillis(p int) (number int, ok bool) {
	number, t := f.open(p)
	return number, t == tagNumber || f.b[p] == '-' || f.b[p]-'0' <= 9
}

// wrapped is value for the object at p, which may be an envelope.
func (f *Flattener) wrapped(start int, n *node, depth int) (end int, given set) {
	b := f.b
	p, t := f.open(start)
	if t == tagNone {
		return f.braces(start, n, depth)
	}
	if depth++; depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - start, 0
	}
	number, inMillis := f.inMillis(p)
	switch {
	case t == tagNull:
		end = f.null(p, n, depth)
	case t == tagDate && inMillis:
		end = f.millis(p, number, n, depth)
	case b[p] == '{': // it has one envelope, and no other inside
		end, given = f.braces(p, n, depth)
	default:
		end, given = f.value(p, n, depth)
		if n.notes != nil {
			n.notes.note(start) // a look-up must know the envelope
		}
	}
	if end < 0 {
		return end, 0
	}
	switch end = jsonscan.Space(b, end); b[end] {
	case '}':
		return end + 1, given
	case ',': // an envelope has one member
		f.noEnvelope(start, n)
		end = f.skip.Value(b, start, depth-1)
		f.found(n)
		return end, 0
	}
	return -1 - end, 0
}

// noEnvelope notes that what looks like an envelope at p holds no value that it
// can, if a path leads to it.
func (f *Flattener) noEnvelope(p int, n *node) {
	if n.asked || (n.leaves != nil || n.into() || n.noted()) && (n.users == nil || f.takesAny(n.users)) {
		f.bad(reason.WrongType, n.path, p)
	}
}

// braces is value for an object that is no envelope.
func (f *Flattener) braces(p int, n *node, depth int) (end int, given set) {
	if n.object {
		end, given = f.object(p, n, depth+1)
	} else if end = f.skip.Value(f.b, p, depth); end >= 0 {
		f.found(n)
		if n.into() {
			f.misfit(n, p)
		}
	}
	if end >= 0 && n.leaves != nil {
		f.container(n, p, end)
	}
	return end, given
}

// wrapElements gives a record that may be an array of anything a node for its
// elements: they have envelopes, and the record has none.
func (n *node) wrapElements() {
	if n.record && n.any && n.others == nil {
		n.others = &node{any: true, path: n.path}
		n.others.finish(n.owners, n.silent)
	}
}

// null reads the value at p, whatever it is, as null.
func (f *Flattener) null(p int, n *node, depth int) int {
	end := f.skip.Value(f.b, p, depth)
	f.found(n)
	if end >= 0 && !n.nullable() {
		f.misfit(n, p)
	}
	return end
}

// millis reads a date at p that counts milliseconds since
// 1970-01-01T00:00:00Z: a number, or an envelope with one as text at digits. It
// becomes the text that the relaxed form has.
func (f *Flattener) millis(p, digits int, n *node, depth int) int {
	b := f.b
	end := f.skip.Value(b, p, depth)
	f.found(n)
	if end < 0 {
		return end
	}
	s, last := scalarText(b, digits)
	if last < 0 {
		f.noEnvelope(p, n)
		return end
	}
	if digits != p && b[jsonscan.Space(b, last)] != '}' {
		f.noEnvelope(p, n)
	}
	t := f.date(s)
	t.at = p
	f.text(&t, n, p, end)
	if n.into() && !n.either() {
		f.misfit(n, p)
	}
	return end
}

// date is the text of a time that counts milliseconds since
// 1970-01-01T00:00:00Z.
func (f *Flattener) date(s []byte) token {
	off := len(f.scratch)
	if ms, err := strconv.ParseInt(string(s), 10, 64); err == nil && ms >= minSecond*1000 && ms < (maxSecond+1)*1000 {
		f.scratch = time.UnixMilli(ms).UTC().AppendFormat(f.scratch, "2006-01-02T15:04:05.999Z07:00")
	} else {
		f.scratch = append(f.scratch, s...) // which is no time
	}
	return f.replace(token{}, off, f.scratch[off:])
}
