package event

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// object holds members of a JSON object by name, each as its JSON text.
//
// encoding/json would accept "KEY" for "key", and use the last of two. Another
// reader of the event may use the first, and would look at another key. So names
// are compared exactly here, and a duplicate is an error. Members that nobody
// asks for are ignored, since AWS adds some.
type object map[string][]byte

func (o object) has(name string) bool { return o[name] != nil }

func (o object) isArray(name string) bool { return o.has(name) && o[name][0] == '[' }

// members returns the members of b with these names; "a|b" is one member with
// two spellings, returned as "a". If b is not an object it has no members. b has
// to be valid JSON, as for elements.
func members(b []byte, names ...string) (object, error) {
	if len(b) == 0 || b[0] != '{' {
		return nil, nil
	}
	o := make(object, len(names))
	for i := space(b, 1); b[i] != '}'; {
		end := value(b, i)
		name := nameOf(b[i:end])
		i = space(b, space(b, end)+1) // after the colon
		end = value(b, i)
		for _, spellings := range names {
			first, _, _ := strings.Cut(spellings, "|")
			for s := range strings.SplitSeq(spellings, "|") {
				if s != name {
					continue
				}
				if o.has(first) {
					return nil, fault(DuplicateKey, "member %q occurs twice", first)
				}
				o[first] = b[i:end]
			}
		}
		if i = space(b, end); b[i] == ',' {
			i = space(b, i+1)
		}
	}
	return o, nil
}

// nameOf is the name of a member. A name that is not valid text is none of ours.
func nameOf(b []byte) string {
	name, _ := text(b)
	return name
}

// elements gives the elements of an array.
func elements(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := space(b, 1); b[i] != ']'; {
			end := value(b, i)
			if !yield(b[i:end]) {
				return
			}
			if i = space(b, end); b[i] == ',' {
				i = space(b, i+1)
			}
		}
	}
}

// space is the index of the first byte from i on that is not white space.
func space(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// value is the index after the value that begins at i.
func value(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // the end of a number or word before a bracket
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// text is the string that b holds. It is false if b holds no string, or one with
// invalid UTF-8 or half a surrogate pair: encoding/json would replace those by
// U+FFFD.
func text(b []byte) (s string, ok bool) {
	if len(b) == 0 || b[0] != '"' || !utf8.Valid(b) {
		return "", false
	}
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1]), true
	}
	return s, !halfSurrogate(b) && json.Unmarshal(b, &s) == nil
}

// halfSurrogate reports whether a \u escape of a JSON string is half of a
// surrogate pair.
func halfSurrogate(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		if i++; b[i] != 'u' {
			continue
		}
		r := escaped(b[i+1:])
		i += 4
		if !utf16.IsSurrogate(r) {
			continue
		}
		if b[i+1] != '\\' || b[i+2] != 'u' || utf16.DecodeRune(r, escaped(b[i+3:])) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escaped is the code unit of a \u escape with these digits.
func escaped(digits []byte) rune {
	r, _ := strconv.ParseUint(string(digits[:4]), 16, 32)
	return rune(r)
}

// told is a text that is only for people. It is empty if it is not one that S3
// would send.
func told(b []byte) string {
	if len(b) > 1024 {
		return ""
	}
	s, _ := text(b)
	return s
}

// size is a number of bytes, or -1. The rows of an S3 inventory have it as text.
func size(b []byte) int64 {
	if len(b) > 20 {
		return -1
	}
	n, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}
