package flatten

// parseRFC2822 reads a date-time of RFC 2822 section 3.3, which is also that of
// RFC 1123 and of HTTP, with the zones and years of two digits of section 4.3,
// without comments and line breaks.
func parseRFC2822(text []byte) (moment, bool) {
	w := words{s: text}
	var c civil
	if w.letters() > 0 {
		c.weekday = w.name(weekdays[:], 3)
		w.literal(",")
		w.blanks(0)
	}
	c.day = w.number(1, 2)
	w.blanks(1)
	c.month = w.name(months[:], 3)
	w.blanks(1)
	left := len(w.s)
	c.year = w.number(2, 4)
	switch digits := left - len(w.s); {
	case digits == 3:
		w.fail() // the RFC adds 1900, but what writes 119 or 019 may mean something else
	case digits == 2 && c.year < 50:
		c.year += 2000
	case digits == 2:
		c.year += 1900
	}
	w.blanks(1)
	c.hour = w.number(2, 2)
	w.literal(":")
	c.minute = w.number(2, 2)
	if len(w.s) > 0 && w.s[0] == ':' {
		w.literal(":")
		c.second = w.number(2, 2)
	}
	w.blanks(1)
	c.zoned, c.east = true, w.zone2822()
	if w.failed || len(w.s) > 0 {
		return moment{}, false
	}
	return c.moment()
}

// names2822 are the zones that RFC 2822 gives a meaning, by their seconds east
// of UTC, and UTC itself. It says that nothing is known of other names.
var names2822 = map[string]int64{
	"ut": 0, "gmt": 0, "utc": 0, "z": 0,
	"est": -5 * 3600, "edt": -4 * 3600, "cst": -6 * 3600, "cdt": -5 * 3600,
	"mst": -7 * 3600, "mdt": -6 * 3600, "pst": -8 * 3600, "pdt": -7 * 3600,
}

// zone2822 takes ±hhmm or a name.
func (w *words) zone2822() int64 {
	n := w.letters()
	if n == 0 {
		if len(w.s) != len("+0000") || w.s[3] == ':' {
			w.fail()
			return 0
		}
		return w.offset()
	}
	var name [3]byte
	for i := range min(n, len(name)) {
		name[i] = w.s[i] | 0x20
	}
	east, known := names2822[string(name[:min(n, len(name))])]
	if n > len(name) || !known {
		w.fail()
		return 0
	}
	w.s = w.s[n:]
	return east
}
