package flatten

import (
	"encoding/binary"
	"math"
	"strconv"

	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// token is a scalar that feeds columns: the text of a number, true or false,
// or the value of a string.
type token struct {
	text    []byte // followed by a byte that ends a number
	at      int    // position in the input
	hash    uint64 // of text, if it enters a column as it is
	off     int    // of text in the input or the scratch
	scratch bool
}

// scalar reads the string, number, true, false or null at p into the columns of n.
func (f *Flattener) scalar(p int, n *node) int {
	if n.only != nil {
		if end := f.quickValue(p, n.only); end > 0 {
			return end
		}
	}
	b := f.b
	switch c := b[p]; {
	case c == '"':
		end, hash, flags := jsonscan.String(b, p+1)
		if end < 0 {
			return end
		}
		if n.leaves == nil && flags == 0 {
			return end + 1
		}
		t := token{text: b[p+1 : end], at: p, hash: hash, off: p + 1}
		if flags != 0 {
			if flags != jsonscan.Escaped {
				f.skip.FindFlags(flags, p)
				f.found(n)
				return end + 1
			}
			f.unescape(&t)
		}
		f.text(&t, n, p, end+1)
		return end + 1
	case c == '-' || c-'0' <= 9:
		end, num := jsonscan.ScanNumber(b, p)
		if end < 0 {
			return end
		}
		t := token{text: b[p:end], at: p, off: p}
		for i := range n.leaves {
			l := &n.leaves[i]
			switch {
			case !f.takes(l.filter):
			case l.kind == schema.JSON:
				f.raw(l, n, p, end)
			case l.From&mapping.FromNumber == 0 && (l.From&mapping.FromInteger == 0 || !num.Integer()):
				f.fault(l, n, reason.WrongType, p)
			case int64(end-p) > f.limits.FieldBytes:
				f.fault(l, n, reason.FieldTooLarge, p)
			case l.kind == schema.String:
				t.hash = jsonscan.Hash(t.text)
				f.addString(l, n, &t)
			case l.Unit != mapping.NoUnit:
				v, code := l.times.fromNumber(t.text, num)
				f.time(l, n, &t, v, code)
			default:
				f.number(l, n, &t, num)
			}
		}
		return end
	case c == 't':
		return f.literal(n, p, "true")
	case c == 'f':
		return f.literal(n, p, "false")
	case c == 'n':
		return jsonscan.Literal(b, p, "null")
	}
	return -1 - p
}

// unescape gives t the text that its escapes stand for.
func (f *Flattener) unescape(t *token) {
	t.off, t.scratch = len(f.scratch), true
	f.scratch = append(jsonscan.Unescape(f.scratch, t.text), 0)
	t.text = f.scratch[t.off : len(f.scratch)-1]
	t.hash = jsonscan.Hash(t.text)
}

func (f *Flattener) literal(n *node, p int, word string) int {
	end := jsonscan.Literal(f.b, p, word)
	if end < 0 {
		return end
	}
	for i := range n.leaves {
		switch l := &n.leaves[i]; {
		case !f.takes(l.filter):
		case l.kind == schema.JSON:
			f.raw(l, n, p, end)
		case l.From&mapping.FromBoolean == 0:
			f.fault(l, n, reason.WrongType, p)
		case l.kind == schema.String:
			f.addString(l, n, &token{text: f.b[p:end], at: p, hash: jsonscan.Hash(f.b[p:end]), off: p})
		case word == "true":
			l.c.AddFixed(1)
		default:
			l.c.AddFixed(0)
		}
	}
	return end
}

// text gives the string t, which stands at b[p:q], to the columns of n.
func (f *Flattener) text(t *token, n *node, p, q int) {
	for i := range n.leaves {
		switch l := &n.leaves[i]; {
		case !f.takes(l.filter):
		case l.kind == schema.JSON:
			f.raw(l, n, p, q)
		case l.quick.text() && uint64(len(t.text)-1) < uint64(f.limits.FieldBytes):
			l.addText(t)
		default:
			f.fromString(l, n, t)
		}
	}
}

// container gives the array or object b[p:q] to the columns of n: a json column
// takes its text, any other makes the record bad.
func (f *Flattener) container(n *node, p, q int) {
	for i := range n.leaves {
		switch l := &n.leaves[i]; {
		case !f.takes(l.filter):
		case l.kind == schema.JSON:
			f.raw(l, n, p, q)
		default:
			f.fault(l, n, reason.WrongType, p)
		}
	}
}

// raw adds the bytes b[p:q] as they stand.
func (f *Flattener) raw(l *leaf, n *node, p, q int) {
	if int64(q-p) > f.limits.FieldBytes {
		f.fault(l, n, reason.FieldTooLarge, p)
		return
	}
	l.addText(&token{text: f.b[p:q], hash: jsonscan.Hash(f.b[p:q]), off: p})
}

// addText is where text enters a column. The fast paths (plains, quick) add
// only text that would be added here unchanged.
func (l *leaf) addText(t *token) {
	if t.scratch {
		l.c.AddScratch(t.hash, t.off, len(t.text))
		return
	}
	l.c.AddBytes(t.hash, t.off, len(t.text))
}

func (f *Flattener) fromString(l *leaf, n *node, t *token) {
	switch {
	case l.From&mapping.FromString == 0:
		f.fault(l, n, reason.WrongType, t.at)
		return
	case int64(len(t.text)) > f.limits.FieldBytes:
		f.fault(l, n, reason.FieldTooLarge, t.at)
		return
	}
	if l.edited() {
		prepared, ok := f.prepare(l, *t)
		if !ok {
			return
		}
		t = &prepared
	}
	switch l.kind {
	case schema.String:
		if len(t.text) == 0 && l.Required {
			if l.late {
				return
			}
			f.badFor(l.table, l.column, reason.MissingField, n.path, t.at)
			return
		}
		f.addString(l, n, t)
	case schema.Boolean:
		switch string(t.text) {
		case "true":
			l.c.AddFixed(1)
		case "false":
			l.c.AddFixed(0)
		default:
			f.fault(l, n, reason.BadBoolean, t.at)
		}
	case schema.Date, schema.Timestamp:
		v, code := l.times.fromText(t.text)
		f.time(l, n, t, v, code)
	default:
		if l.NumberFormat != mapping.JSONNumber || l.Symbol {
			rewritten := f.jsonNumber(l, *t)
			t = &rewritten
		}
		num, ok := wholeNumber(t.text)
		if !ok {
			f.fault(l, n, notANumber[l.kind], t.at)
			return
		}
		f.number(l, n, t, num)
	}
}

var notANumber = [...]reason.Code{
	schema.Int32: reason.NotInteger, schema.Int64: reason.NotInteger,
	schema.Double: reason.BadDouble, schema.Decimal: reason.BadDecimal,
}

// wholeNumber reads text that must be a JSON number from its first to its last
// byte. In memory, a byte that cannot belong to a number must follow it.
func wholeNumber(text []byte) (jsonscan.Number, bool) {
	if len(text) == 0 {
		return jsonscan.Number{}, false
	}
	end, num := jsonscan.ScanNumber(text[:len(text)+1], 0)
	return num, end == len(text)
}

// number adds the number t to a numeric column.
func (f *Flattener) number(l *leaf, n *node, t *token, num jsonscan.Number) {
	var v int64
	var code reason.Code
	switch l.kind {
	case schema.Int32:
		v, code = toInt(t.text, num, math.MaxInt32)
	case schema.Int64:
		v, code = toInt(t.text, num, math.MaxInt64)
	case schema.Double:
		d, err := strconv.ParseFloat(string(t.text), 64)
		if err != nil {
			code = reason.DoubleRange
		}
		v = int64(math.Float64bits(d))
	case schema.Decimal:
		minor := 0
		if l.minor != nil {
			var ok bool
			if minor, ok = f.fraction(l, n, t, num); !ok {
				return
			}
		}
		var hi, lo uint64
		if hi, lo, code = toDecimal(t.text, num, minor, l.Type.Precision, l.Type.Scale); code == "" && l.Type.Wide() {
			f.addWide(l, hi, lo)
			return
		}
		v = int64(lo)
	}
	if code != "" {
		f.fault(l, n, code, t.at)
		return
	}
	l.c.AddFixed(uint64(v))
}

// addWide adds a wide decimal: 16 bytes, big-endian two's complement.
func (f *Flattener) addWide(l *leaf, hi, lo uint64) {
	off := len(f.scratch)
	f.scratch = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(f.scratch, hi), lo)
	l.c.AddScratch(jsonscan.Hash(f.scratch[off:]), off, len(f.scratch)-off)
}

// time adds a date or timestamp, unless code says why the value is none.
func (f *Flattener) time(l *leaf, n *node, t *token, v int64, code reason.Code) {
	if code != "" {
		f.fault(l, n, code, t.at)
		return
	}
	l.c.AddFixed(uint64(v))
}
