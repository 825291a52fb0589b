package profile

import "slices"

// Form is what a string looks like. A string can have several forms.
type Form uint8

// The forms of strings. Each is what a column reads without other keys, or with
// the key that the comment names.
const (
	Decimal         Form = iota // a JSON number without exponent, such as "12.50"; no superfluous zero in front
	Fractional                  // a Decimal with a point
	LeadingZero                 // digits with a superfluous zero in front, such as "007"
	Exponential                 // a JSON number with an exponent
	TrueFalse                   // "true" or "false"
	Date                        // YYYY-MM-DD
	Timestamp                   // what a timestamp takes, dates too
	Local                       // a Timestamp with a time, but without a zone
	FineTimestamp               // what it takes only with truncate: digits below a microsecond
	RFC2822                     // format: rfc2822, and no Timestamp
	Twitter                     // format: "%a %b %d %H:%M:%S %z %Y"
	Email                       // one @, a dot after it, no blank
	URL                         // http:// or https://
	UUID                        // 8-4-4-4-12 hexadecimal digits
	Currency                    // three capital letters that are a code of ISO 4217
	JSONText                    // a sound JSON object or array
	Blanks                      // white space at one of its ends
	CommaPoint                  // format: "1,234.50" with symbol: true, and no JSON number
	PointComma                  // the same of "1.234,50"
	BlankComma                  // of "1 234,50"
	ApostrophePoint             // of "1'234.50"
	Symbol                      // one of these with the symbol or code of a currency

	Forms // the number of forms
)

// FormCounts counts strings of the forms that were seen, sorted. Most paths have
// few of them, or none.
type FormCounts []FormSeen

// FormSeen counts strings of one form.
type FormSeen struct {
	Form Form
	Seen
}

// Of counts the strings of a form.
func (c FormCounts) Of(f Form) Seen {
	for i := range c {
		if c[i].Form == f {
			return c[i].Seen
		}
	}
	return Seen{}
}

// Add adds strings of a form.
func (c *FormCounts) Add(f Form, s Seen) {
	i := 0
	for i < len(*c) && (*c)[i].Form < f {
		i++
	}
	if i == len(*c) || (*c)[i].Form != f {
		*c = slices.Insert(*c, i, FormSeen{Form: f})
	}
	(*c)[i].Seen.Merge(s)
}

var formWords = [Forms]string{
	Decimal: "decimal", Fractional: "fractional", LeadingZero: "leading_zero", Exponential: "exponential", TrueFalse: "true_false",
	Date: "date", Timestamp: "timestamp", Local: "local", FineTimestamp: "fine_timestamp", RFC2822: "rfc2822", Twitter: "twitter",
	Email: "email", URL: "url", UUID: "uuid", Currency: "currency", JSONText: "json", Blanks: "blanks",
	CommaPoint: "comma_point", PointComma: "point_comma", BlankComma: "blank_comma", ApostrophePoint: "apostrophe_point", Symbol: "symbol",
}

func (f Form) String() string { return formWords[f] }
