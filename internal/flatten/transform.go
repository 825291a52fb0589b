package flatten

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
)

// What a mapping may want done to the text of a value. All of it depends on the
// text alone: a memo gives equal texts one entry.

// edited reports whether text may enter the column changed, or not at all. The
// fast paths must leave such text alone.
func (l *leaf) edited() bool {
	return len(l.Transform) > 0 || len(l.NullValues) > 0 || l.Hash != mapping.NoHash || l.Mask != mapping.NoMask
}

// prepare makes the transforms of a string's text. It returns false if what
// comes of it is no value.
func (f *Flattener) prepare(l *leaf, t token) (token, bool) {
	if l.kept != nil && string(t.text) == string(l.kept) {
		return t, true
	}
	raw := t.off
	t = f.transform(l.Transform, t)
	for _, v := range l.NullValues {
		if string(t.text) == v {
			return t, false
		}
	}
	if len(l.Transform) > 0 && t.off == raw {
		l.kept = append(l.kept[:0], t.text...)
	}
	return t, true
}

func (f *Flattener) transform(steps []mapping.Transform, t token) token {
	begin, text := len(f.scratch), t.text
	for _, step := range steps {
		at := len(f.scratch)
		f.scratch = step.Append(f.scratch, text)
		text = f.scratch[at:]
	}
	if bytes.Equal(text, t.text) {
		f.scratch = f.scratch[:begin]
		return t
	}
	return f.replace(t, begin, text)
}

// replace gives t another text, which it puts at the end of the scratch, cut to
// begin before.
func (f *Flattener) replace(t token, begin int, text []byte) token {
	f.scratch = append(append(f.scratch[:begin], text...), 0)
	t.text, t.off, t.scratch = f.scratch[begin:len(f.scratch)-1], begin, true
	t.hash = jsonscan.Hash(t.text)
	return t
}

// addString adds text to a string column, or what the column holds instead.
func (f *Flattener) addString(l *leaf, n *node, t *token) {
	switch {
	case l.Hash != mapping.NoHash:
		f.addHash(l, *t)
	case l.Mask == mapping.Domain:
		i := bytes.LastIndexByte(t.text, '@') + 1
		if i == 0 || i == len(t.text) {
			f.fault(l, n, reason.NoDomain, t.at)
			return
		}
		begin := len(f.scratch)
		f.scratch = mapping.Lower.Append(f.scratch, t.text[i:])
		domain := f.replace(*t, begin, f.scratch[begin:])
		l.addText(&domain)
	default:
		l.addText(t)
	}
}

var forMatch = []mapping.Transform{mapping.Trim, mapping.Lower}

func (f *Flattener) addHash(l *leaf, t token) {
	if l.Hash == mapping.SHA256Match {
		if t = f.transform(forMatch, t); len(t.text) == 0 {
			return
		}
	}
	var sum [sha256.Size]byte
	if l.Hash == mapping.HMAC {
		f.hmac.Reset()
		f.hmac.Write(t.text)
		f.hmac.Sum(sum[:0])
	} else {
		sum = sha256.Sum256(t.text)
	}
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	t = f.replace(t, len(f.scratch), text[:])
	l.addText(&t)
}
