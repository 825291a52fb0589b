package mapping

import (
	"fmt"
	"strings"
)

// TimeFormat is a format in words of strftime, one after another.
type TimeFormat []TimeWord

// TimeWord is one word of a TimeFormat.
type TimeWord struct {
	// Word is the letter after the %, or ' ' for blanks, or 0 for Literal.
	Word    byte
	Literal string
	Full    bool // a number that must have all its digits, as another stands beside it
}

// timeWords are the letters that may follow a %, each with what it gives.
var timeWords = map[byte]string{
	'Y': "year", 'y': "year", 'm': "month", 'b': "month", 'B': "month", 'd': "day", 'e': "day", 'j': "day of the year",
	'a': "weekday", 'A': "weekday", 'H': "hour", 'I': "hour", 'p': "half of the day", 'M': "minute", 'S': "second", 'f': "fraction",
	'z': "zone", 'Z': "zone",
}

// timeShort are words that stand for others.
var timeShort = map[byte]string{'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'R': "%H:%M", 'D': "%m/%d/%y"}

const (
	knownTimeWords = "%Y %y %m %b %B %d %e %j %a %A %H %I %p %M %S %f %z %Z %F %T %R %D %%"
	numberWords    = "YymdejHIMSf"
)

// ParseTimeFormat reads a format in words of strftime (docs/mapping.md). It
// must give a day, at most one value of a kind, and no part of the clock
// without those before it.
func ParseTimeFormat(s string) (TimeFormat, error) {
	fail := func(format string, args ...any) (TimeFormat, error) {
		return nil, fmt.Errorf("format %q "+format, append([]any{s}, args...)...)
	}
	if !strings.Contains(s, "%") {
		return fail("is neither rfc2822, epoch nor in words of strftime; write it as in \"%%d/%%m/%%Y %%H:%%M\"")
	}
	var f TimeFormat
	gives := map[string]byte{}
	for text := s; len(text) > 0; {
		switch c := text[0]; {
		case c == ' ' || c == '\t':
			text = strings.TrimLeft(text, " \t")
			f = append(f, TimeWord{Word: ' '})
			continue
		case c != '%':
			f = f.literal(c)
			text = text[1:]
			continue
		case len(text) == 1:
			return fail("ends in a single %%; write %%%% for the sign itself")
		}
		c := text[1]
		text = timeShort[c] + text[2:]
		what, known := timeWords[c]
		switch {
		case c == '%':
			f = f.literal('%')
			continue
		case timeShort[c] != "":
			continue
		case c == '-':
			return fail("has %%-; leave out the -: numbers need no leading zero")
		case c == 's':
			return fail("has %%s; for numbers that count from 1970 use format: epoch with a unit")
		case !known:
			return fail("has %%%c, which is not known; use %s", c, knownTimeWords)
		case gives[what] == c:
			return fail("has %%%c twice; keep one", c)
		case gives[what] != 0:
			return fail("gives the %s twice, with %%%c and %%%c; keep one", what, gives[what], c)
		}
		gives[what] = c
		f = append(f, TimeWord{Word: c})
	}
	has := func(what string) bool { return gives[what] != 0 }
	switch {
	case !has("year"):
		return fail("gives no year; add %%Y")
	case has("day of the year") && (has("month") || has("day")):
		return fail("gives the day twice, with %%j and in its month; keep one")
	case !has("day of the year") && !has("month"):
		return fail("gives no month; add %%m")
	case !has("day of the year") && !has("day"):
		return fail("gives no day; add %%d")
	case gives["hour"] == 'I' && !has("half of the day"):
		return fail("has %%I without %%p; add %%p, or use %%H for hours up to 23")
	case gives["hour"] != 'I' && has("half of the day"):
		return fail("has %%p without %%I; use %%I for hours up to 12, or remove %%p")
	case has("minute") && !has("hour"):
		return fail("has %%M without an hour; add %%H, or use %%m for the month")
	case has("second") && !has("minute"):
		return fail("has %%S without a minute; add %%M")
	case has("fraction") && !has("second"):
		return fail("has %%f without a second; add %%S")
	}
	for i := range f {
		f[i].Full = i > 0 && f[i-1].endsInDigit() || i+1 < len(f) && f[i+1].beginsWithDigit()
	}
	return f, nil
}

func (f TimeFormat) literal(c byte) TimeFormat {
	if n := len(f); n > 0 && f[n-1].Word == 0 {
		f[n-1].Literal += string([]byte{c})
		return f
	}
	return append(f, TimeWord{Literal: string([]byte{c})})
}

// first is the first of these words that is there, or nothing.
func (f TimeFormat) first(words string) string {
	for _, w := range f {
		if w.Word != 0 && strings.IndexByte(words, w.Word) >= 0 {
			return "%" + string(w.Word)
		}
	}
	return ""
}

func (w TimeWord) beginsWithDigit() bool {
	return w.isNumber() || w.Word == 0 && isDigit(w.Literal[0])
}

func (w TimeWord) endsInDigit() bool {
	return w.isNumber() || w.Word == 0 && isDigit(w.Literal[len(w.Literal)-1])
}

func (w TimeWord) isNumber() bool { return w.Word != 0 && strings.IndexByte(numberWords, w.Word) >= 0 }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
