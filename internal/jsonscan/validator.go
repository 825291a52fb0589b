package jsonscan

// Validator reads a JSON value that is too large to be held, byte by byte and
// across any cuts. It checks the syntax only, not UTF-8 and not duplicates.
type Validator struct {
	MaxDepth int
	// Name, if not nil, is called with the raw name of every member of each
	// object at that depth (1: the outermost).
	Name func(depth int, raw []byte)
	// TooDeep is set when Feed gave up because of MaxDepth.
	TooDeep bool

	stack []byte // '{' or '['
	state vstate
	word  string // rest of a literal
	hex   int    // hexadecimal digits still to come
	name  []byte // raw member name, cut at maxName
	inKey bool
}

// maxName bounds how much of a member name is kept for Name. Longer names are
// passed on cut, which is enough to see that they are not ours.
const maxName = 4 << 10

type vstate uint8

const (
	vValue     vstate = iota // a value must follow
	vFirst                   // a value or ] must follow
	vFirstKey                // a name or } must follow
	vKey                     // a name must follow
	vColon                   // : must follow
	vAfter                   // , or the end of the container must follow
	vString                  // inside a string
	vEscape                  // after a backslash
	vHex                     // inside \uXXXX
	vWord                    // inside true, false, null
	vMinus                   // after - of a number
	vZero                    // after a leading 0
	vInt                     // inside the digits
	vPoint                   // after the point
	vFrac                    // inside the fraction
	vExp                     // after e
	vExpSign                 // after the sign of the exponent
	vExpDigits               // inside the exponent
	vDone
)

// Inside makes the validator start inside depth open objects, after a value.
func (v *Validator) Inside(depth int) {
	v.stack = v.stack[:0]
	for range depth {
		v.stack = append(v.stack, '{')
	}
	v.state = vAfter
}

// Feed reads b, which goes on where the last call ended. It returns the number
// of bytes that belong to the value and whether the value is complete; ok is
// false at a byte that does not fit, which is then at n. A number at top level
// is complete only with the byte after it.
func (v *Validator) Feed(b []byte) (n int, done, ok bool) {
	for i := 0; i < len(b); i++ {
		if v.state == vString {
			// The bulk of a large value is text.
			for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
				v.keep(b[i])
				i++
			}
			if i == len(b) {
				break
			}
		}
		again, good := v.step(b[i])
		if !good {
			return i, false, false
		}
		if again {
			i-- // the byte ended a number and is read again
		}
		if v.state == vDone {
			return i + 1, true, true
		}
	}
	return len(b), false, true
}

func (v *Validator) keep(c byte) {
	if v.inKey && v.Name != nil && len(v.name) < maxName {
		v.name = append(v.name, c)
	}
}

// step takes one byte. again says that c is not part of the token it ended.
func (v *Validator) step(c byte) (again, ok bool) {
	space := c == ' ' || c == '\n' || c == '\r' || c == '\t'
	switch v.state {
	case vValue, vFirst:
		switch {
		case space:
			return false, true
		case c == ']' && v.state == vFirst:
			return false, v.pop('[')
		}
		return false, v.begin(c)
	case vFirstKey, vKey:
		switch {
		case space:
			return false, true
		case c == '}' && v.state == vFirstKey:
			return false, v.pop('{')
		case c == '"':
			v.inKey, v.name, v.state = true, v.name[:0], vString
			return false, true
		}
		return false, false
	case vColon:
		if c == ':' {
			v.state = vValue
		}
		return false, c == ':' || space
	case vAfter:
		top := v.stack[len(v.stack)-1]
		switch {
		case space:
			return false, true
		case c == ',' && top == '[':
			v.state = vValue
			return false, true
		case c == ',':
			v.state = vKey
			return false, true
		case c == '}' || c == ']':
			return false, v.pop(c - 2) // ']'-'[' and '}'-'{' are both 2
		}
		return false, false
	case vString:
		return false, v.inString(c)
	case vEscape:
		v.keep(c)
		switch c {
		case 'u':
			v.hex, v.state = 4, vHex
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			v.state = vString
		default:
			return false, false
		}
		return false, true
	case vHex:
		v.keep(c)
		if v.hex--; v.hex == 0 {
			v.state = vString
		}
		return false, c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'f'
	case vWord:
		if c != v.word[0] {
			return false, false
		}
		if v.word = v.word[1:]; v.word == "" {
			v.end()
		}
		return false, true
	}
	return v.number(c)
}

func (v *Validator) begin(c byte) bool {
	switch c {
	case '{', '[':
		if len(v.stack) >= v.MaxDepth {
			v.TooDeep = true
			return false
		}
		v.stack = append(v.stack, c)
		v.state = vFirst
		if c == '{' {
			v.state = vFirstKey
		}
	case '"':
		v.inKey, v.state = false, vString
	case 't':
		v.word, v.state = "rue", vWord
	case 'f':
		v.word, v.state = "alse", vWord
	case 'n':
		v.word, v.state = "ull", vWord
	case '-':
		v.state = vMinus
	case '0':
		v.state = vZero
	default:
		if c-'0' > 9 {
			return false
		}
		v.state = vInt
	}
	return true
}

func (v *Validator) inString(c byte) bool {
	switch {
	case c == '\\':
		v.keep(c)
		v.state = vEscape
	case c < ' ':
		return false
	case c != '"':
		v.keep(c)
	case v.inKey:
		v.inKey, v.state = false, vColon
		if v.Name != nil {
			v.Name(len(v.stack), v.name)
		}
	default:
		v.end()
	}
	return true
}

func (v *Validator) number(c byte) (again, ok bool) {
	digit := c-'0' <= 9
	switch v.state {
	case vMinus:
		v.state = vInt
		if c == '0' {
			v.state = vZero
		}
		return false, digit
	case vPoint:
		v.state = vFrac
		return false, digit
	case vExp:
		v.state = vExpSign
		if digit {
			v.state = vExpDigits
		}
		return false, digit || c == '+' || c == '-'
	case vExpSign:
		v.state = vExpDigits
		return false, digit
	case vZero, vInt:
		switch {
		case digit:
			return false, v.state == vInt
		case c == '.':
			v.state = vPoint
			return false, true
		}
	}
	switch { // vZero, vInt, vFrac, vExpDigits
	case digit:
		return false, true
	case c|0x20 == 'e' && v.state != vExpDigits:
		v.state = vExp
		return false, true
	}
	v.end()
	return true, true
}

func (v *Validator) pop(open byte) bool {
	if v.stack[len(v.stack)-1] != open {
		return false
	}
	v.stack = v.stack[:len(v.stack)-1]
	v.end()
	return true
}

func (v *Validator) end() {
	v.state = vAfter
	if len(v.stack) == 0 {
		v.state = vDone
	}
}
