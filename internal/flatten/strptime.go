package flatten

import "sluice/mapping"

// timeFormat reads times as a format in words of strftime says.
type timeFormat mapping.TimeFormat

// parse reads a text, all of it.
func (f timeFormat) parse(text []byte) (moment, bool) {
	w := words{s: text}
	var c civil
	for i := range f {
		word := &f[i]
		least := 1
		if word.Full {
			least = 2
		}
		switch word.Word {
		case 0:
			w.literal(word.Literal)
		case ' ':
			w.blanks(1)
		case 'Y':
			c.year = w.number(4, 4)
		case 'y':
			// As POSIX has it: 69 to 99 are of the 20th century, 00 to 68 of the 21st.
			if c.year = w.number(2, 2) + 1900; c.year < 1969 {
				c.year += 100
			}
		case 'm':
			c.month = w.number(least, 2)
		case 'b':
			c.month = w.name(months[:], 3)
		case 'B':
			c.month = w.name(months[:], maxName)
		case 'e':
			if len(w.s) > 1 && w.s[0] == ' ' { // in place of a zero
				w.s = w.s[1:]
				c.day = w.number(1, 1)
				break
			}
			c.day = w.number(least, 2)
		case 'd':
			c.day = w.number(least, 2)
		case 'j':
			if word.Full {
				least = 3
			}
			if c.dayOfYear = w.number(least, 3); c.dayOfYear == 0 {
				w.fail()
			}
		case 'a':
			c.weekday = w.name(weekdays[:], 3)
		case 'A':
			c.weekday = w.name(weekdays[:], maxName)
		case 'H', 'I':
			c.hour = w.number(least, 2)
		case 'p':
			c.half = w.name(halves[:], maxName)
		case 'M':
			c.minute = w.number(least, 2)
		case 'S':
			c.second = w.number(least, 2)
		case 'f':
			s := w.s
			if word.Full {
				s = s[:min(6, len(s))]
				least = 6
			}
			var n int
			if c.micros, c.finer, n = parseFraction(s); n < least {
				w.fail()
				break
			}
			w.s = w.s[n:]
		case 'z':
			c.zoned, c.east = true, w.offset()
		case 'Z':
			c.zoned = true
			w.name(utcNames[:], maxName)
		}
	}
	if w.failed || len(w.s) > 0 {
		return moment{}, false
	}
	return c.moment()
}

// maxName is the length of a name that is not cut.
const maxName = 16

var (
	halves   = [...]string{"am", "pm"}
	utcNames = [...]string{"utc", "gmt", "z"}
)
