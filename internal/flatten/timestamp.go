package flatten

import "encoding/binary"

const (
	daySeconds = 24 * 60 * 60
	// The first and the last second of the years 0001 to 9999, which is what
	// RFC 3339 can write and Athena, Spark and Redshift can read.
	minSecond = -62135596800
	maxSecond = 253402300799
)

// parseDate reads YYYY-MM-DD and returns the days since 1970-01-01.
func parseDate(s []byte) (days int64, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y, ok1 := decimalDigits(s[:4])
	m, ok2 := decimalDigits(s[5:7])
	d, ok3 := decimalDigits(s[8:])
	if !ok1 || !ok2 || !ok3 || y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	return daysFromCivil(y, m, d), true
}

func decimalDigits(s []byte) (int64, bool) {
	var v int64
	for _, c := range s {
		if c-'0' > 9 {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, true
}

func daysIn(y, m int64) int64 {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysFromCivil counts the days of the proleptic Gregorian calendar, with
// years that begin in March so that the leap day is the last of its year.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468
}

// moment is what a text says of a time.
type moment struct {
	wall   int64 // seconds that clocks there show, since 1970-01-01T00:00:00
	micros int64
	finer  bool  // a microsecond cannot hold the fraction; micros is cut off
	zoned  bool  // the text has a zone
	east   int64 // seconds of that zone east of UTC
}

// parseTimestamp reads an RFC 3339 date-time. Beyond the RFC it takes what
// shops export: a blank for the T, no zone, a zone without colon or minutes, no
// seconds, and a date alone (midnight).
func parseTimestamp(s []byte) (m moment, ok bool) {
	if len(s) < 10 {
		return m, false
	}
	days, ok := parseDate(s[:10])
	if !ok {
		return m, false
	}
	m.wall = days * daySeconds
	if s = s[10:]; len(s) == 0 {
		return m, true
	}
	if len(s) < 6 || s[0] != 'T' && s[0] != 't' && s[0] != ' ' || s[3] != ':' {
		return m, false
	}
	hour, ok1 := decimalDigits(s[1:3])
	minute, ok2 := decimalDigits(s[4:6])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return m, false
	}
	m.wall += hour*3600 + minute*60
	s = s[6:]
	if len(s) > 0 && s[0] == ':' {
		if len(s) < 3 {
			return m, false
		}
		second, ok := decimalDigits(s[1:3])
		if !ok || second > 59 {
			return m, false
		}
		m.wall += second
		if s = s[3:]; len(s) > 0 && s[0] == '.' {
			n := 0
			if m.micros, m.finer, n = parseFraction(s[1:]); n == 0 {
				return m, false
			}
			s = s[1+n:]
		}
	}
	if len(s) > 0 {
		m.zoned = true
		m.east, ok = parseZone(s)
		return m, ok
	}
	return m, true
}

// clock reads times, many of which fall on the same day.
type clock struct {
	day   [10]byte // day of the last time
	start int64    // of that day, in seconds since 1970-01-01T00:00:00Z
}

func newClock() clock { return clock{day: [10]byte([]byte("1970-01-01"))} }

// seconds reads YYYY-MM-DDThh:mm:ss in UTC, as parseTimestamp does.
func (c *clock) seconds(s *[19]byte) (int64, bool) {
	day := [10]byte(s[:])
	if day != c.day {
		days, ok := parseDate(day[:])
		if !ok {
			return 0, false
		}
		c.day, c.start = day, days*daySeconds
	}
	// hh:mm:ss, the digits as their values.
	t := binary.LittleEndian.Uint64(s[11:]) ^ 0x30303a30303a3030
	const limits = 0x767a7f767a7f767c // adding this lifts a byte above 9, 5, 0, 9, 5, 0, 9 or 3 to 128
	if s[10] != 'T' || (t|(t+limits))&0x8080808080808080 != 0 {
		return 0, false
	}
	at := func(i int) int64 { return int64(t >> (8 * i) & 0xff) }
	hour, minute, second := at(0)*10+at(1), at(3)*10+at(4), at(6)*10+at(7)
	if hour > 23 {
		return 0, false
	}
	return c.start + hour*3600 + minute*60 + second, true
}

// parseFraction reads the n digits at the start of s as those of a second after
// its point, and says whether they are finer than a microsecond.
func parseFraction(s []byte) (micros int64, finer bool, n int) {
	for ; n < len(s) && s[n]-'0' <= 9; n++ {
		switch {
		case n < 6:
			micros = micros*10 + int64(s[n]-'0')
		case s[n] != '0':
			finer = true
		}
	}
	for i := n; i < 6; i++ {
		micros *= 10
	}
	return micros, finer, n
}

// parseZone reads Z, ±hh:mm, ±hhmm or ±hh and returns its seconds east of UTC.
func parseZone(s []byte) (int64, bool) {
	if len(s) == 1 && (s[0] == 'Z' || s[0] == 'z') {
		return 0, true
	}
	if len(s) == 0 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	var hh, mm []byte
	switch rest := s[1:]; {
	case len(rest) == 5 && rest[2] == ':':
		hh, mm = rest[:2], rest[3:]
	case len(rest) == 4:
		hh, mm = rest[:2], rest[2:]
	case len(rest) == 2:
		hh = rest
	default:
		return 0, false
	}
	h, ok1 := decimalDigits(hh)
	m, ok2 := decimalDigits(mm)
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	zone := h*3600 + m*60
	if s[0] == '-' {
		zone = -zone
	}
	return zone, true
}
