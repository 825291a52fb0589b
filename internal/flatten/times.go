package flatten

import (
	"sluice/internal/jsonscan"
	"sluice/internal/zones"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// times is how a column reads dates or timestamps.
type times struct {
	date     bool
	truncate bool
	bad      reason.Code                      // a value that is no such time
	read     func(text []byte) (moment, bool) // nil: a text is a number
	zone     *zone                            // of texts without one; nil: UTC
	unit     unit
}

func newTimes(c *mapping.Column) *times {
	t := &times{date: c.Type.Kind == schema.Date, truncate: c.Truncate, bad: reason.BadTimestamp, unit: units[c.Unit]}
	if t.date {
		t.bad = reason.BadDate
	}
	switch {
	case c.Format == mapping.Epoch:
	case c.Format == mapping.RFC2822:
		t.read = parseRFC2822
	case c.Format != "":
		// Validate has found the format and the zone to be right.
		format, _ := mapping.ParseTimeFormat(c.Format)
		t.read = timeFormat(format).parse
	case t.date && !t.truncate:
		t.read = parseDay
	default:
		t.read = parseTimestamp
	}
	if c.Zone != "" {
		location, _ := zones.Load(c.Zone)
		t.zone = newZone(location, c.Ambiguous)
	}
	return t
}

func parseDay(s []byte) (moment, bool) {
	days, ok := parseDate(s)
	return moment{wall: days * daySeconds}, ok
}

// fromText is the value of a text: days or microseconds since 1970-01-01.
func (t *times) fromText(text []byte) (int64, reason.Code) {
	if t.read == nil {
		num, ok := wholeNumber(text)
		if !ok {
			return 0, t.bad
		}
		return t.fromNumber(text, num)
	}
	m, ok := t.read(text)
	switch {
	case !ok:
		return 0, t.bad
	case t.date: // as it stands in the text, whatever its zone
		return floorDiv(m.wall, daySeconds), ""
	}
	second := m.wall - m.east
	if t.zone != nil && !m.zoned {
		var code reason.Code
		if second, code = t.zone.utc(m.wall); code != "" {
			return 0, code
		}
	}
	switch {
	case second < minSecond || second > maxSecond:
		return 0, t.bad
	case m.finer && !t.truncate:
		return 0, reason.TimestampPrecision
	}
	return second*1e6 + m.micros, ""
}

// fromNumber is the value of a number that counts units since
// 1970-01-01T00:00:00Z.
func (t *times) fromNumber(text []byte, num jsonscan.Number) (int64, reason.Code) {
	micros, finer, ok := t.unit.count(text, num)
	switch {
	case !ok || micros < minSecond*1e6 || micros >= (maxSecond+1)*1e6:
		return 0, t.bad
	case t.date:
		days := floorDiv(micros, daySeconds*1e6)
		if (finer || days*daySeconds*1e6 != micros) && !t.truncate {
			return 0, t.bad // it is not a date: a time of day would be lost
		}
		return days, ""
	case finer && !t.truncate:
		return 0, reason.TimestampPrecision
	}
	return micros, ""
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
