package flatten

// civil is a time as people write it. The zero value of each part is that of a
// text without it.
type civil struct {
	year, month, day int64
	dayOfYear        int64 // instead of month and day, if it is not 0
	weekday          int64 // from 1, Sunday; 0 if the text has none
	hour             int64
	minute, second   int64
	half             int64 // of the day, for hours up to 12: 1 is AM, 2 is PM, 0 is none
	micros           int64
	finer            bool
	zoned            bool
	east             int64
}

// moment is the time, if there is such a one: no parts are carried over.
func (c *civil) moment() (m moment, ok bool) {
	if c.dayOfYear > 0 {
		c.month, c.day = 1, c.dayOfYear
		for ; c.month <= 12 && c.day > daysIn(c.year, c.month); c.month++ {
			c.day -= daysIn(c.year, c.month)
		}
	}
	if c.half > 0 {
		if c.hour < 1 || c.hour > 12 {
			return m, false
		}
		c.hour = c.hour%12 + 12*(c.half-1)
	}
	if c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 || c.day > daysIn(c.year, c.month) || c.hour > 23 || c.minute > 59 || c.second > 59 {
		return m, false
	}
	days := daysFromCivil(c.year, c.month, c.day)
	if c.weekday > 0 && (days%7+7+4)%7 != c.weekday-1 { // 1970-01-01 was a Thursday
		return m, false
	}
	return moment{
		wall:   days*daySeconds + c.hour*3600 + c.minute*60 + c.second,
		micros: c.micros, finer: c.finer, zoned: c.zoned, east: c.east,
	}, true
}

var (
	months   = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
	weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
)

// words is what is left of a text that is read word by word. Once something is
// missing, it stays failed.
type words struct {
	s      []byte
	failed bool
}

func (w *words) fail() { w.s, w.failed = nil, true }

// literal takes a text that must stand next.
func (w *words) literal(text string) {
	if len(w.s) < len(text) || string(w.s[:len(text)]) != text {
		w.fail()
		return
	}
	w.s = w.s[len(text):]
}

// blanks takes all spaces and tabs that follow, and fails if there are fewer
// than least.
func (w *words) blanks(least int) {
	n := 0
	for n < len(w.s) && (w.s[n] == ' ' || w.s[n] == '\t') {
		n++
	}
	if n < least {
		w.fail()
		return
	}
	w.s = w.s[n:]
}

// number takes the digits that follow, up to most, and fails if there are fewer
// than least.
func (w *words) number(least, most int) (v int64) {
	n := 0
	for n < len(w.s) && n < most && w.s[n]-'0' <= 9 {
		v = v*10 + int64(w.s[n]-'0')
		n++
	}
	if n < least {
		w.fail()
		return 0
	}
	w.s = w.s[n:]
	return v
}

// letters is the number of letters that stand next.
func (w *words) letters() (n int) {
	for n < len(w.s) && w.s[n]|0x20 >= 'a' && w.s[n]|0x20 <= 'z' {
		n++
	}
	return n
}

// name takes one of the names, in any case, or the first letters of it, and
// returns which one, from 1.
func (w *words) name(names []string, letters int) int64 {
	for i, name := range names {
		if name = name[:min(letters, len(name))]; w.hasFold(name) {
			w.s = w.s[len(name):]
			return int64(i + 1)
		}
	}
	w.fail()
	return 0
}

// hasFold reports whether a text of small letters stands next, in any case.
func (w *words) hasFold(text string) bool {
	if len(w.s) < len(text) {
		return false
	}
	for i := range len(text) {
		if w.s[i]|0x20 != text[i] {
			return false
		}
	}
	return true
}

// offset takes a zone of RFC 3339, or one without its colon or minutes.
func (w *words) offset() int64 {
	n := 0
	switch digits := func(from int) bool {
		return len(w.s) >= from+2 && w.s[from]-'0' <= 9 && w.s[from+1]-'0' <= 9
	}; {
	case len(w.s) == 0:
	case w.s[0]|0x20 == 'z':
		n = 1
	case !digits(1):
	case len(w.s) > 3 && w.s[3] == ':' && digits(4):
		n = 6
	case digits(3):
		n = 5
	default:
		n = 3
	}
	east, ok := parseZone(w.s[:n])
	if !ok {
		w.fail()
		return 0
	}
	w.s = w.s[n:]
	return east
}
