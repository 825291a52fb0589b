package jsonscan

import "math/bits"

// Skim finds the end of the value at p, of which maxDepth containers may lie in
// each other, but checks little: what is wrong with the text is found by whoever
// reads it. It returns the position after the value, or a negative number if it
// comes upon what is no JSON. It notices where the next record begins in the
// middle of a value: a broken record is not skimmed to the end of the input.
func Skim(b []byte, p, maxDepth int) int {
	depth, value := 0, true // a value may begin here
	for {
		switch c := b[p]; {
		case c == '"':
			if p, _ = SkimString(b, p+1); p < 0 {
				return p
			}
			if p++; b[p] == ':' {
				p++
				value = true
				continue
			}
		case c == ',' || c == ':':
			p++
			value = true
			continue
		case c == '{' || c == '[':
			if depth++; depth > maxDepth || !value {
				return -1 - p
			}
			p++
			continue
		case c == '}' || c == ']':
			depth--
			p++
		case c > ' ':
			for p++; b[p] > ' ' && b[p] != ',' && b[p] != '}' && b[p] != ']'; {
				p++
			}
		case c == 0:
			return -1 - p
		default:
			p++
			continue
		}
		if value = false; depth <= 0 {
			return p
		}
	}
}

// SkimString is [Skim] for the string whose first byte after the opening quote
// is at p. It returns the position of the closing quote, and whether the string
// has escapes.
func SkimString(b []byte, p int) (end int, escaped bool) {
	for {
		stop := stops(Word(b, p))
		if stop == 0 {
			p += 8
			continue
		}
		switch p += bits.TrailingZeros64(stop) >> 3; b[p] {
		case '"':
			return p, escaped
		case '\\':
			p += len(`\n`)
			escaped = true
		default:
			return -1 - p, escaped
		}
	}
}
