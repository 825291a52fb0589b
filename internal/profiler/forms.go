package profiler

import (
	"bytes"

	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/profile"
	"sluice/mapping"
)

// forms are the forms of a text that is not empty, as a set of bits, and its
// digits if it is a Decimal. A byte that cannot belong to a number must follow
// the text. What a column would take of it is asked of the code that reads it.
func (w *walker) forms(s []byte) (set uint32, num jsonscan.Number) {
	add := func(f profile.Form) { set |= 1 << f }
	c, last := s[0], s[len(s)-1]
	if c <= ' ' || c >= 0x80 || last <= ' ' || last >= 0x80 {
		if len(bytes.TrimSpace(s)) != len(s) {
			add(profile.Blanks)
		}
	}
	switch letter := c | 0x20; {
	case c-'0' <= 9 || c == '-':
		set, num = numeric(s, set)
		if set != 0 {
			break // nothing else looks like a number
		}
		if len(s) >= 10 && s[4] == '-' {
			if takes, finer := flatten.TakesTimestamp(s); finer {
				add(profile.FineTimestamp)
			} else if takes {
				add(profile.Timestamp)
				if len(s) > 10 && !bytes.ContainsAny(s[10:], "Zz+-") {
					add(profile.Local)
				}
				if len(s) == 10 && flatten.TakesDate(s) {
					add(profile.Date)
				}
			}
		} else if len(s) >= shortRFC2822 && flatten.TakesRFC2822(s) {
			add(profile.RFC2822)
		} else {
			set |= amount(s)
		}
	case letter >= 'a' && letter <= 'z':
		switch {
		case len(s) == 3:
			if c < 'a' && flatten.TakesCurrency(s) {
				add(profile.Currency)
			}
		case len(s) > 3 && len(s) < shortTwitter && c < 'a' && last-'0' <= 9: // EUR 7
			set |= amount(s)
		case len(s) <= 5:
			if string(s) == "true" || string(s) == "false" {
				add(profile.TrueFalse)
			}
		case letter == 'h' && isURL(s):
			add(profile.URL)
		case len(s) >= shortRFC2822 && s[3] == ',' && flatten.TakesRFC2822(s):
			add(profile.RFC2822)
		case len(s) >= shortTwitter && s[3] == ' ' && flatten.TakesTwitterTime(s):
			add(profile.Twitter)
		}
	case c == '$' || c >= 0x80:
		set |= amount(s)
	case c == '{' || c == '[':
		if w.isJSON(s) {
			add(profile.JSONText)
		}
	}
	switch {
	case set&^(1<<profile.Blanks) != 0:
	case len(s) == 36 && isUUID(s):
		add(profile.UUID)
	case isEmail(s):
		add(profile.Email)
	}
	return set, num
}

const (
	shortRFC2822 = len("1 Jan 70 00:00 Z")
	shortTwitter = len("Sat Jan 1 0:0:0 Z 1970")
)

var amountForms = [...]profile.Form{
	mapping.CommaPoint: profile.CommaPoint, mapping.PointComma: profile.PointComma, mapping.BlankComma: profile.BlankComma, mapping.ApostrophePoint: profile.ApostrophePoint,
}

// amount are the forms of a number as people write it.
func amount(s []byte) (set uint32) {
	for _, c := range s {
		if c >= 'a' && c < 0x80 || c == ':' || c == '/' || c == '_' {
			return 0 // as most texts
		}
	}
	symbol := flatten.TakesAmount(s, func(f mapping.NumberFormat) { set |= 1 << amountForms[f] })
	if symbol && set != 0 {
		set |= 1 << profile.Symbol
	}
	return set
}

// numeric adds the form of a number to set.
func numeric(s []byte, set uint32) (uint32, jsonscan.Number) {
	num, ok := flatten.TakesNumber(s)
	switch {
	case ok && num.Exponent:
		set |= 1 << profile.Exponential
	case ok:
		set |= 1 << profile.Decimal
		if num.Fraction > 0 {
			set |= 1 << profile.Fractional
		}
	case s[0] == '0' && len(s) > 1 && allDigits(s):
		set |= 1 << profile.LeadingZero
	}
	return set, num
}

func allDigits(s []byte) bool {
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

func isURL(s []byte) bool {
	return bytes.HasPrefix(s, []byte("https://")) || bytes.HasPrefix(s, []byte("http://"))
}

func isUUID(s []byte) bool {
	for i, c := range s {
		switch dash := i == 8 || i == 13 || i == 18 || i == 23; {
		case dash && c != '-':
			return false
		case !dash && c-'0' > 9 && (c|0x20 < 'a' || c|0x20 > 'f'):
			return false
		}
	}
	return true
}

// maxEmail is how long an address can be: RFC 5321 section 4.5.3.1.3.
const maxEmail = 254

func isEmail(s []byte) bool {
	if len(s) < len("a@b.c") || len(s) > maxEmail {
		return false
	}
	at := bytes.IndexByte(s, '@')
	if at <= 0 {
		return false
	}
	domain := s[at+1:]
	dot := bytes.LastIndexByte(domain, '.')
	return dot > 0 && dot < len(domain)-1 && bytes.IndexByte(domain, '@') < 0 && !bytes.ContainsAny(s, " \t\r\n<>,;")
}

// isJSON reports whether the text is an object or array that a reader of JSON
// takes.
func (w *walker) isJSON(s []byte) bool {
	last := s[len(s)-1]
	if last != '}' && last != ']' && last > ' ' {
		return false
	}
	w.padded = append(append(w.padded[:0], s...), make([]byte, jsonscan.Padding)...)
	w.skip.Reset()
	end := w.skip.Value(w.padded, 0, 0)
	return end >= 0 && jsonscan.Space(w.padded, end) == len(s) && w.skip.Found == ""
}
