package flatten

import (
	"encoding/binary"

	"sluice/internal/reason"
)

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

// parseTimestamp reads an RFC 3339 date-time and returns microseconds since
// 1970-01-01T00:00:00Z. Beyond the RFC it takes what shops export: a blank
// for the T, no zone (UTC), a zone without colon or minutes, no seconds, and
// a date alone (midnight UTC).
func parseTimestamp(s []byte) (int64, reason.Code) {
	if len(s) < 10 {
		return 0, reason.BadTimestamp
	}
	days, ok := parseDate(s[:10])
	if !ok {
		return 0, reason.BadTimestamp
	}
	sec := days * daySeconds
	if s = s[10:]; len(s) == 0 {
		return sec * 1e6, ""
	}
	if len(s) < 6 || s[0] != 'T' && s[0] != 't' && s[0] != ' ' || s[3] != ':' {
		return 0, reason.BadTimestamp
	}
	h, ok1 := decimalDigits(s[1:3])
	m, ok2 := decimalDigits(s[4:6])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, reason.BadTimestamp
	}
	sec += h*3600 + m*60
	s = s[6:]
	var micros int64
	if len(s) > 0 && s[0] == ':' {
		if len(s) < 3 {
			return 0, reason.BadTimestamp
		}
		secs, ok := decimalDigits(s[1:3])
		if !ok || secs > 59 {
			return 0, reason.BadTimestamp
		}
		sec += secs
		var code reason.Code
		if micros, s, code = parseFraction(s[3:]); code != "" {
			return 0, code
		}
	}
	zone, ok := parseZone(s)
	if !ok {
		return 0, reason.BadTimestamp
	}
	if sec -= zone; sec < minSecond || sec > maxSecond {
		return 0, reason.BadTimestamp
	}
	return sec*1e6 + micros, ""
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

// parseFraction reads the fraction of a second at the start of s, if there is
// one. A fraction finer than a microsecond is an error, not rounded.
func parseFraction(s []byte) (micros int64, rest []byte, code reason.Code) {
	if len(s) == 0 || s[0] != '.' {
		return 0, s, ""
	}
	i := 1
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		switch {
		case i <= 6:
			micros = micros*10 + int64(s[i]-'0')
		case s[i] != '0':
			code = reason.TimestampPrecision
		}
	}
	if i == 1 {
		return 0, s, reason.BadTimestamp
	}
	for n := i; n <= 6; n++ {
		micros *= 10
	}
	return micros, s[i:], code
}

// parseZone reads Z, ±hh:mm, ±hhmm, ±hh or nothing and returns its seconds
// east of UTC.
func parseZone(s []byte) (int64, bool) {
	if len(s) == 0 || len(s) == 1 && (s[0] == 'Z' || s[0] == 'z') {
		return 0, true
	}
	if s[0] != '+' && s[0] != '-' {
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
