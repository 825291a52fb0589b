package event

import (
	"encoding/json"
	"fmt"
	"unicode"
)

// MarshalJSON writes the record as encoding/json does. It also escapes the
// control characters that JSON leaves as they are (DEL and U+0080 to U+009F): a
// line of a dry run must not control a terminal, whatever the key contains.
func (r Record) MarshalJSON() ([]byte, error) {
	type plain Record
	b, err := json.Marshal(plain(r))
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(b))
	for _, c := range string(b) {
		if unicode.IsControl(c) {
			out = fmt.Appendf(out, `\u%04x`, c)
		} else {
			out = append(out, string(c)...)
		}
	}
	return out, nil
}
