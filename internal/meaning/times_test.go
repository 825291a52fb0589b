package meaning

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/zones"
)

// times is what a mapping says of a column of dates or timestamps.
type times struct {
	unit, format, zone, ambiguous string
	truncate                      bool
}

func (t *times) yaml() (s string) {
	for _, key := range [][2]string{{"unit", t.unit}, {"format", t.format}, {"zone", t.zone}, {"ambiguous", t.ambiguous}} {
		if key[1] != "" {
			s += fmt.Sprintf(", %s: %q", key[0], key[1])
		}
	}
	if t.truncate {
		s += ", truncate: true"
	}
	return s
}

var units = map[string]*big.Rat{
	"seconds": big.NewRat(1_000_000, 1), "milliseconds": big.NewRat(1000, 1), "microseconds": big.NewRat(1, 1),
	"nanoseconds": big.NewRat(1, 1000), "days": big.NewRat(86_400_000_000, 1),
}

// timeFault says why the keys of times do not fit the column, or is empty.
func (c *column) timeFault() string {
	from := c.sources()
	if c.kind != "date" && c.kind != "timestamp" {
		if c.times != (times{}) {
			return "times of another type"
		}
		return ""
	}
	counted := from["integer"] || from["number"] || c.format == "epoch"
	words := c.format != "" && c.format != "epoch" && c.format != "rfc2822"
	tokens := formatTokens(c.format)
	has := func(any string) bool {
		return slices.ContainsFunc(tokens, func(t string) bool { return len(t) == 2 && t[0] == '%' && strings.Contains(any, t[1:]) })
	}
	switch {
	case counted != (c.unit != ""):
		return "a unit without numbers, or numbers without a unit"
	case (c.format != "" || c.zone != "") && !from["string"]:
		return "a format or zone without strings"
	case words && formatFault(tokens) != "":
		return formatFault(tokens)
	case c.kind == "date" && !c.truncate && (c.format == "rfc2822" || words && has("HIMSf")):
		return "a time of day in a date"
	case c.zone != "" && (c.kind == "date" || c.format == "epoch" || c.format == "rfc2822" || words && has("zZ")):
		return "a zone beside another"
	case c.ambiguous != "" && c.zone == "":
		return "ambiguous without a zone"
	}
	if c.zone != "" {
		if _, err := zones.Load(c.zone); err != nil {
			return "no zone"
		}
	}
	return ""
}

// formatTokens splits a format: words, blanks, and other single characters. A
// sign of a percentage is "%%".
func formatTokens(format string) []string {
	for short, long := range map[string]string{"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y"} {
		parts := strings.Split(format, "%%")
		for i := range parts {
			parts[i] = strings.ReplaceAll(parts[i], short, long)
		}
		format = strings.Join(parts, "%%")
	}
	return regexp.MustCompile(`(?s)%.|[ \t]+|.`).FindAllString(format, -1)
}

func formatFault(tokens []string) string {
	count := map[string]int{}
	kind := map[string]string{"y": "Y", "b": "m", "B": "m", "e": "d", "A": "a", "I": "H", "Z": "z"}
	seen := map[string]bool{}
	for _, t := range tokens {
		switch {
		case t == "%":
			return "a single percent sign"
		case t[0] != '%' || t == "%%":
			continue
		case !strings.Contains("YymbBdejaAHIpMSfzZ", t[1:]):
			return "an unknown word"
		}
		seen[t[1:]] = true
		if k := kind[t[1:]]; k != "" {
			count[k]++
		} else {
			count[t[1:]]++
		}
	}
	for _, n := range count {
		if n > 1 {
			return "the same twice"
		}
	}
	switch {
	case count["Y"] == 0, count["j"] == 0 && (count["m"] == 0 || count["d"] == 0), count["j"] > 0 && count["m"]+count["d"] > 0:
		return "no day, or two"
	case seen["I"] != seen["p"]:
		return "half of a clock"
	case count["f"] > count["S"], count["S"] > count["M"], count["M"] > count["H"]:
		return "a part of the clock without the one before"
	}
	return ""
}

// written is what a text says.
type written struct {
	at       time.Time // what clocks show, as if that were UTC
	fraction string    // digits of the second
	zoned    bool
	shift    int // seconds east of UTC
}

var (
	monthNames = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
	dayNames   = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
)

func cutAll(names []string) (short []string) {
	for _, n := range names {
		short = append(short, n[:3])
	}
	return short
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// readTime reads a text by the format of the column.
func (c *column) readTime(text string) (r written, ok bool) {
	switch {
	case c.format == "rfc2822":
		return readMail(text)
	case c.format != "":
		return readWords(formatTokens(c.format), text)
	case c.kind == "date" && !c.truncate && !dateText.MatchString(text):
		return r, false
	}
	return readUsual(text)
}

func readUsual(text string) (r written, ok bool) {
	m := timestampText.FindStringSubmatch(text)
	if m == nil {
		return r, false
	}
	day, err := time.Parse(time.DateOnly, m[1])
	hour, minute, second := atoi(m[2]), atoi(m[3]), atoi(m[4])
	if err != nil || hour > 23 || minute > 59 || second > 59 {
		return r, false
	}
	r.at = day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second)
	r.fraction = m[5]
	if m[6] != "" {
		r.zoned = true
		if r.shift, ok = zoneShift(m[6]); !ok {
			return r, false
		}
	}
	return r, day.Year() > 0
}

func zoneShift(zone string) (int, bool) {
	if len(zone) == 1 {
		return 0, true
	}
	digits := strings.ReplaceAll(zone[1:], ":", "") + "00"
	hour, minute := atoi(digits[:2]), atoi(digits[2:4])
	shift := hour*3600 + minute*60
	if zone[0] == '-' {
		shift = -shift
	}
	return shift, hour < 24 && minute < 60
}

var mailText = regexp.MustCompile(`^(?:([A-Za-z]{3}),[ \t]*)?([0-9]{1,2})[ \t]+([A-Za-z]{3})[ \t]+([0-9]{4}|[0-9]{2})[ \t]+([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?[ \t]+([+-][0-9]{4}|[A-Za-z]+)$`)

var mailZones = map[string]int{"ut": 0, "gmt": 0, "utc": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}

func readMail(text string) (r written, ok bool) {
	m := mailText.FindStringSubmatch(text)
	if m == nil {
		return r, false
	}
	month := slices.Index(cutAll(monthNames), strings.ToLower(m[3])) + 1
	year := atoi(m[4])
	if len(m[4]) == 2 {
		year += 1900
		if year < 1950 {
			year += 100
		}
	}
	if r.at, ok = calendar(year, month, atoi(m[2]), atoi(m[5]), atoi(m[6]), atoi(m[7])); !ok {
		return r, false
	}
	if m[1] != "" && !strings.EqualFold(r.at.Weekday().String()[:3], m[1]) {
		return r, false
	}
	r.zoned = true
	if hours, known := mailZones[strings.ToLower(m[8])]; known {
		r.shift = hours * 3600
		return r, true
	}
	if m[8][0] != '+' && m[8][0] != '-' {
		return r, false
	}
	r.shift, ok = zoneShift(m[8])
	return r, ok
}

// calendar is a time that exists.
func calendar(year, month, day, hour, minute, second int) (time.Time, bool) {
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, year > 0 && t.Year() == year && int(t.Month()) == month && t.Day() == day && t.Hour() == hour && t.Minute() == minute && t.Second() == second
}

// wordTexts is what each word takes; where numbers touch each other, they have
// all their digits.
func wordText(tokens []string, i int) *regexp.Regexp {
	digit := func(i int) bool {
		return i >= 0 && i < len(tokens) && (tokens[i][0] >= '0' && tokens[i][0] <= '9' || len(tokens[i]) == 2 && tokens[i][0] == '%' && strings.Contains("YymdejHIMSf", tokens[i][1:]))
	}
	least, three, fraction := "{1,2}", "{1,3}", "+"
	if digit(i-1) || digit(i+1) {
		least, three, fraction = "{2}", "{3}", "{6}"
	}
	text := map[string]string{
		"%Y": "[0-9]{4}", "%y": "[0-9]{2}", "%m": "[0-9]" + least, "%d": "[0-9]" + least, "%e": " [0-9]|[0-9]" + least,
		"%H": "[0-9]" + least, "%I": "[0-9]" + least, "%M": "[0-9]" + least, "%S": "[0-9]" + least, "%j": "[0-9]" + three, "%f": "[0-9]" + fraction,
		"%b": strings.Join(cutAll(monthNames), "|"), "%B": strings.Join(monthNames, "|"), "%a": strings.Join(cutAll(dayNames), "|"), "%A": strings.Join(dayNames, "|"),
		"%p": "am|pm", "%z": "z|[+-][0-9]{2}:[0-9]{2}|[+-][0-9]{4}|[+-][0-9]{2}", "%Z": "utc|gmt|z", "%%": "%",
	}[tokens[i]]
	switch {
	case text != "":
		return regexp.MustCompile("^(?i:" + text + ")")
	case tokens[i][0] == ' ' || tokens[i][0] == '\t':
		return regexp.MustCompile("^[ \t]+")
	}
	return regexp.MustCompile("^" + regexp.QuoteMeta(tokens[i]))
}

func readWords(tokens []string, text string) (r written, ok bool) {
	part := map[string]string{}
	for i, t := range tokens {
		at := wordText(tokens, i).FindStringIndex(text)
		if at == nil {
			return r, false
		}
		part[t] = strings.ToLower(text[:at[1]])
		text = text[at[1]:]
	}
	if text != "" {
		return r, false
	}
	year, month, day := atoi(part["%Y"]), atoi(part["%m"]), atoi(strings.TrimSpace(part["%d"]+part["%e"]))
	if y := part["%y"]; y != "" {
		if year = 2000 + atoi(y); year > 2068 {
			year -= 100
		}
	}
	switch {
	case part["%b"] != "":
		month = slices.Index(cutAll(monthNames), part["%b"]) + 1
	case part["%B"] != "":
		month = slices.Index(monthNames, part["%B"]) + 1
	}
	if j := part["%j"]; j != "" {
		t := time.Date(year, 1, atoi(j), 0, 0, 0, 0, time.UTC)
		if t.Year() != year {
			return r, false
		}
		month, day = int(t.Month()), t.Day()
	}
	hour := atoi(part["%H"])
	if i := part["%I"]; i != "" {
		if hour = atoi(i); hour < 1 || hour > 12 {
			return r, false
		}
		if hour == 12 {
			hour = 0
		}
		if part["%p"] == "pm" {
			hour += 12
		}
	}
	if r.at, ok = calendar(year, month, day, hour, atoi(part["%M"]), atoi(part["%S"])); !ok {
		return r, false
	}
	if name := part["%a"] + part["%A"]; !strings.HasPrefix(strings.ToLower(r.at.Weekday().String()), name) {
		return r, false
	}
	r.fraction = part["%f"]
	if z := part["%z"]; z != "" {
		r.zoned = true
		if r.shift, ok = zoneShift(z); !ok {
			return r, false
		}
	}
	return r, true
}

// time is what a text gives the column.
func (c *column) time(text string) (string, []string) {
	bad := []string{"bad_" + c.kind}
	if c.format == "epoch" {
		if !numberText.MatchString(text) {
			return "", bad
		}
		return c.instant(text)
	}
	r, ok := c.readTime(text)
	switch {
	case !ok:
		return "", bad
	case c.kind == "date":
		return r.at.Format(time.DateOnly), nil
	}
	var codes []string
	at := r.at.Add(-time.Duration(r.shift) * time.Second)
	if c.zone != "" && !r.zoned {
		switch all := localTimes(c.zone, r.at); {
		case len(all) == 0:
			codes = append(codes, "no_such_time")
		case len(all) == 1 || c.ambiguous == "earlier":
			at = all[0]
		case c.ambiguous == "later":
			at = all[1]
		default:
			codes = append(codes, "ambiguous_time")
		}
	}
	if codes == nil && (at.Year() < 1 || at.Year() > 9999) {
		return "", bad
	}
	if len(r.fraction) > 6 && strings.Trim(r.fraction[6:], "0") != "" && !c.truncate {
		codes = append(codes, "timestamp_precision")
	}
	if codes != nil {
		return "", codes
	}
	micros := atoi((r.fraction + "000000")[:6])
	return at.Add(time.Duration(micros) * time.Microsecond).Format(time.RFC3339Nano), nil
}

// localTimes are the moments in which clocks of a zone show a time.
func localTimes(name string, wall time.Time) (all []time.Time) {
	zone, err := zones.Load(name)
	if err != nil {
		panic(err)
	}
	for shift := -26 * time.Hour; shift <= 26*time.Hour; shift += 15 * time.Minute {
		_, east := wall.Add(shift).In(zone).Zone()
		at := wall.Add(-time.Duration(east) * time.Second)
		if _, there := at.In(zone).Zone(); there == east && !slices.ContainsFunc(all, at.Equal) {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// instant reads a number that counts units since 1970.
func (c *column) instant(text string) (string, []string) {
	bad := []string{"bad_" + c.kind}
	digits, power, negative := scientific(text)
	value := new(big.Rat)
	switch {
	case digits == "0":
	case len(digits)+power > 40:
		return "", bad
	case len(digits)+power < -40: // next to nothing
		value.SetFrac64(1, 1<<60)
	default:
		value.SetString(digits + "e" + strconv.Itoa(power))
	}
	if negative {
		value.Neg(value)
	}
	value.Mul(value, units[c.unit])
	micros := new(big.Int).Div(value.Num(), value.Denom()) // toward the past
	if !micros.IsInt64() {
		return "", bad
	}
	at := time.UnixMicro(micros.Int64()).UTC()
	switch {
	case at.Year() < 1 || at.Year() > 9999:
		return "", bad
	case c.kind == "date" && !c.truncate && (!value.IsInt() || !at.Equal(at.Truncate(24*time.Hour))):
		return "", bad
	case c.kind == "date":
		return at.Format(time.DateOnly), nil
	case !value.IsInt() && !c.truncate:
		return "", []string{"timestamp_precision"}
	}
	return at.Format(time.RFC3339Nano), nil
}

var zoneNames = []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "UTC", "Africa/Casablanca"}

// moment draws a time, often one of an hour that some zone has twice or not.
func (g *generator) moment() time.Time {
	t := time.Unix(pick(g, g.Int64N(2e9), g.Int64N(2e9), g.Int64N(315_537_897_600)-62_135_596_800), 0).UTC()
	if g.one(3) {
		t, _ = time.Parse(time.DateTime, pick(g, "2024-03-31 02:00:00", "2024-10-27 02:00:00", "2024-03-10 02:00:00", "2024-11-03 01:00:00", "2024-10-06 02:00:00", "2024-04-07 01:30:00",
			"2011-12-30 12:00:00", "1883-11-18 12:00:00", "0001-01-01 00:00:00", "9999-12-31 23:00:00", "2050-03-27 02:00:00"))
		t = t.Add(time.Duration(g.IntN(3600)) * time.Second)
	}
	return t.Add(time.Duration(g.IntN(1_000_000)) * time.Microsecond)
}

// times draws what a column of dates or timestamps says.
func (g *generator) times(kind string) (t times, from []string) {
	if g.one(2) {
		t.unit = pick(g, "seconds", "milliseconds", "microseconds", "nanoseconds", "days")
		from = pick(g, nil, []string{"integer"}, []string{"number"}, []string{"string", "number"})
	}
	t.truncate = g.one(4)
	if g.one(2) || from != nil && from[0] != "string" {
		return t, from
	}
	t.format = pick(g, "rfc2822", "epoch", "%d/%m/%Y %H:%M", "%a %b %d %H:%M:%S %z %Y", "%m/%d/%y %I:%M %p", "%Y%m%d%H%M%S%f", "%Y-%j", "%D", "", "", g.format(), g.format())
	switch {
	case t.format == "epoch" && t.unit == "":
		t.unit = "seconds"
	case kind == "timestamp" && t.format != "epoch" && t.format != "rfc2822" && !strings.ContainsAny(t.format, "zZ"):
		if t.zone = pick(g, "", zoneNames[g.IntN(len(zoneNames))]); t.zone != "" {
			t.ambiguous = pick(g, "", "earlier", "later")
		}
	case kind == "date" && t.format != "epoch":
		t.truncate = true
	}
	return t, from
}

// format draws one of the words, which often is none.
func (g *generator) format() string {
	parts := []string{pick(g, "%Y", "%y"), pick(g, "%m", "%b", "%B"), pick(g, "%d", "%e"), pick(g, "%H", "%I %p"), "%M", "%S", "%f", pick(g, "%z", "%Z"), pick(g, "%a", "%A")}
	if g.one(8) {
		parts[1], parts[2] = "%j", "%%"
	}
	parts = parts[:pick(g, 3, 3, 4, 5, 6, 7, 8, 9)]
	g.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	text := pick(g, "", "", "", "at ", "é") + parts[0]
	for _, p := range parts[1:] {
		text += pick(g, " ", "/", "-", "T", "", ", ", "\t", "1") + p
	}
	return text
}

// timeText writes a time for a column, mostly one that it can read.
func (g *generator) timeText(c *column) string {
	at := g.moment()
	var text string
	switch c.format {
	case "rfc2822":
		text = at.Format(pick(g, "Mon, 02 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 GMT", "Mon, 2 Jan 06 15:04 EST", "mon,2 jan 2006  15:04:05 +0130", "Mon, 02 Jan 2006 15:04:05 CET", "Mon, 02 Jan 2006 15:04:05"))
	case "epoch":
		return g.epoch(c.unit)
	case "":
		text = at.Format(pick(g, "2006-01-02", "2006-01-02T15:04:05Z", "2006-01-02 15:04:05", "2006-01-02T15:04:05.000000", "2006-01-02T15:04:05.0000001", "2006-01-02T15:04", "2006-01-02T15:04:05+01:00"))
	default:
		for _, t := range formatTokens(c.format) {
			text += g.word(t, at)
		}
	}
	if g.wild && g.one(6) && text != "" {
		i := g.IntN(len(text))
		text = text[:i] + pick(g, "", "0", " ", "x", "9") + text[i+1:]
		if strings.ToValidUTF8(text, "") != text {
			return ""
		}
	}
	return text
}

func (g *generator) word(token string, at time.Time) string {
	layout := map[string]string{
		"%Y": "2006", "%y": "06", "%m": "01", "%b": "Jan", "%B": "January", "%d": "02", "%e": "_2", "%j": "002", "%H": "15", "%I": "03", "%p": "PM", "%M": "04", "%S": "05",
		"%a": "Mon", "%A": "Monday", "%z": "Z07:00", "%Z": "UTC",
	}[token]
	switch {
	case token == "%f":
		return strings.TrimPrefix(at.Format(".000000"), ".") + pick(g, "", "", "0", "1")
	case token == "%%":
		return "%"
	case layout == "":
		return token
	}
	text := at.Format(layout)
	if g.one(12) {
		text = strings.TrimPrefix(text, "0")
	}
	if g.one(12) {
		text = strings.ToUpper(text)
	}
	if token == "%z" && g.one(2) {
		text = pick(g, "+0130", "-08", "+00:00", "-2359")
	}
	return text
}

// epoch writes a time as a number of units.
func (g *generator) epoch(unit string) string {
	if g.one(6) {
		return g.numberText()
	}
	value := new(big.Rat).SetInt64(g.moment().UnixMicro() / pick[int64](g, 1, 1000, 1_000_000) * pick[int64](g, 1, 1000, 1_000_000))
	if g.one(3) {
		value.SetInt64(value.Num().Int64() / 86_400_000_000 * 86_400_000_000)
	}
	value.Quo(value, units[unit])
	text := value.FloatString(pick(g, 0, 3, 6, 9, 20))
	if strings.Contains(text, ".") && g.one(2) {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if whole, fraction, _ := strings.Cut(text, "."); g.one(4) && len(whole) > 3 && whole[0] != '-' {
		text = whole[:1] + "." + whole[1:] + fraction + "E" + strconv.Itoa(len(whole)-1)
	}
	return text
}
