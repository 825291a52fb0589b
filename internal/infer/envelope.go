package infer

import (
	"maps"
	"slices"

	"sluice/internal/profile"
	"sluice/mapping"
)

// tag is what the name of an envelope's one member says of the value in it.
type tag uint8

const (
	inside  tag = iota + 1 // it is a value of the kind below
	asNull                 // it is null
	asText                 // a number, written as text
	asTexts                // an array of them
	asTime                 // a time: text, or milliseconds
)

// tags are those of the envelopes that a mapping can name, and the JSON types
// that may stand in them.
var tags = map[mapping.Envelope]map[string]struct {
	tag
	holds kinds
}{
	mapping.DynamoDB: {
		"S": {inside, stringKind}, "B": {inside, stringKind}, "BOOL": {inside, booleanKind}, "NULL": {asNull, booleanKind},
		"N": {asText, stringKind}, "NS": {asTexts, arrayKind}, "SS": {inside, arrayKind}, "BS": {inside, arrayKind},
		"M": {inside, objectKind}, "L": {inside, arrayKind},
	},
	mapping.MongoDB: {
		"$oid": {inside, stringKind}, "$uuid": {inside, stringKind}, "$symbol": {inside, stringKind}, "$undefined": {asNull, booleanKind},
		"$numberInt": {asText, stringKind}, "$numberLong": {asText, stringKind}, "$numberDouble": {asText, stringKind}, "$numberDecimal": {asText, stringKind},
		"$date": {asTime, stringKind | integerKind | objectKind},
	},
}

// kinds is a set of JSON types.
type kinds uint8

const (
	nullKind kinds = 1 << iota
	booleanKind
	integerKind
	numberKind
	stringKind
	arrayKind
	objectKind
)

func kindsOf(n *profile.Node) (k kinds) {
	for i, s := range []profile.Seen{n.Null, n.Boolean, n.Integer, n.Number, n.String, n.Array, n.Object} {
		if s.Count > 0 {
			k |= 1 << i
		}
	}
	return k
}

// kindsInside are the JSON types of the values in the envelopes of a path.
func kindsInside(n *profile.Node, e mapping.Envelope) kinds {
	k := kindsOf(n)
	if !isEnvelope(n, e) {
		return k
	}
	k &^= objectKind
	for name, m := range n.Members {
		switch tags[e][name].tag {
		case asNull:
			k |= nullKind
		case asText:
			k |= numberKind
		case asTime:
			k |= stringKind
		default:
			k |= kindsOf(m)
		}
	}
	return k
}

// envelopeOf finds the envelope of the values of a record.
func envelopeOf(root *profile.Node) mapping.Envelope {
	wrapped := func(e mapping.Envelope, everywhere bool) bool {
		f := finder{e: e, everywhere: everywhere}
		f.inside(root)
		return f.found && !f.denied
	}
	switch {
	case wrapped(mapping.DynamoDB, true):
		return mapping.DynamoDB
	case wrapped(mapping.MongoDB, false):
		return mapping.MongoDB
	}
	return mapping.NoEnvelope
}

// finder looks for envelopes.
type finder struct {
	e             mapping.Envelope
	everywhere    bool // each value has one
	found, denied bool
}

// inside looks at what is in arrays and objects.
func (f *finder) inside(n *profile.Node) {
	for _, m := range n.Members {
		f.value(m)
	}
	if n.Map != nil {
		f.value(n.Map)
	}
	if n.Element != nil {
		f.value(n.Element)
	}
}

func (f *finder) value(n *profile.Node) {
	if f.denied {
		return
	}
	if !isEnvelope(n, f.e) {
		// An object with the name of an envelope that is none would be an error.
		for name := range n.Members {
			f.denied = f.denied || tags[f.e][name].tag != 0
		}
		f.denied = f.denied || f.everywhere && kindsOf(n)&^nullKind != 0
		f.inside(n)
		return
	}
	f.found = true
	f.denied = f.denied || f.everywhere && kindsOf(n)&^nullKind != objectKind
	for name, m := range n.Members {
		switch {
		case tags[f.e][name].tag == asTime:
			f.denied = f.denied || kindsOf(m)&objectKind != 0 && !isEnvelope(m, f.e)
		case name == "M" || name == "L":
			f.inside(m)
		}
	}
}

// isEnvelope reports whether all objects at a path are envelopes with the right
// type in them.
func isEnvelope(n *profile.Node, e mapping.Envelope) bool {
	count := int64(0)
	for name, m := range n.Members {
		t := tags[e][name]
		if t.tag == 0 || kindsOf(m)&^t.holds != 0 {
			return false
		}
		count += m.Values()
	}
	return count > 0 && count == n.Object.Count
}

// opened is what the envelopes of a path say beside their values.
type opened struct {
	digits       bool // all strings are numbers
	digitsInside bool // those in arrays are
}

// open takes the values at a path out of their envelopes. What is in arrays and
// objects keeps its own.
func open(n *profile.Node, e mapping.Envelope) (*profile.Node, opened) {
	if e == mapping.NoEnvelope || !isEnvelope(n, e) {
		return n, opened{}
	}
	members := n.Members
	n.Object, n.Members = profile.Seen{}, nil
	texts := n.String.Count // those that no envelope calls a number
	o := opened{digits: true, digitsInside: true}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		m := members[name]
		switch tags[e][name].tag {
		case asNull:
			m = &profile.Node{Null: profile.Seen{Count: m.Values(), First: m.First()}}
		case asTime:
			m = timeText(m)
			texts += m.String.Count
		case inside:
			texts += m.String.Count
			o.digitsInside = o.digitsInside && m.Array.Count == 0
		}
		n.Merge(m)
	}
	o.digits = texts == 0 && n.String.Count > 0
	o.digitsInside = o.digitsInside && n.Array.Count > 0
	return n, o
}

// timeText is a time as it is read: milliseconds become text.
func timeText(n *profile.Node) *profile.Node {
	const years = 253402300799999 // the last millisecond of 9999
	texts := &profile.Node{}
	add := func(s profile.Seen, isTime bool) {
		one := &profile.Node{String: s}
		one.Strings.Length = profile.Extent{Least: 1, Greatest: 32}
		if isTime {
			one.Strings.Forms.Add(profile.Timestamp, s)
		}
		texts.Merge(one)
	}
	if n.Integer.Count > 0 {
		add(n.Integer, n.Numbers.Fits == n.Integer.Count && n.Numbers.Least >= -62135596800000 && n.Numbers.Greatest <= years)
	}
	for _, m := range n.Members {
		forms := &m.Strings.Forms
		whole := forms.Of(profile.Decimal).Count == m.String.Count && forms.Of(profile.Fractional).Count == 0 // 1.0 is no number of milliseconds
		add(m.String, whole && m.Strings.Digits <= 13)
	}
	n.Integer, n.Object, n.Numbers, n.Members = profile.Seen{}, profile.Seen{}, profile.Numbers{}, nil
	n.Merge(texts)
	return n
}
