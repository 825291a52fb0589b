package mapping

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"sluice/internal/zones"
	"sluice/schema"
)

// Times says how a date or timestamp column reads its values.
type Times struct {
	Format    string    // of a string: RFC2822, Epoch or what ParseTimeFormat reads; empty: the usual forms
	Zone      string    // IANA name of the zone of strings that have none; empty: UTC
	Ambiguous Ambiguous // which of two times a local time is that Zone has twice
	Truncate  bool      // what is finer than the column is cut off, toward the past
}

// Formats that are not written in words of strftime.
const (
	RFC2822 = "rfc2822" // Tue, 05 Mar 2019 21:40:11 +0000
	Epoch   = "epoch"   // a string is a number that counts units
)

// TwitterTime is the format in words of strftime with which Twitter writes times.
const TwitterTime = "%a %b %d %H:%M:%S %z %Y" // Tue Mar 05 21:40:11 +0000 2019

// Ambiguous says what a local time means that occurs twice, as it does when
// clocks are turned back.
type Ambiguous uint8

const (
	AmbiguousRefused Ambiguous = iota // the record is quarantined
	Earlier                           // before the clocks were turned back
	Later                             // after
)

// timeKeys are the keys of dates and timestamps alone; numbers have a format too.
var timeKeys = []string{"unit", "zone", "ambiguous", "truncate"}

// times reads the keys of a date or timestamp column. From must be known.
func (r *reader) times(f map[string]*yaml.Node, c *Column, what string) {
	if c.Type.Value().Kind != schema.Date && c.Type.Value().Kind != schema.Timestamp {
		for _, key := range timeKeys {
			if f[key] != nil {
				r.Fail(f[key], "%s: %s is for date and timestamp, the type is %s; remove %s", what, key, c.Type, key)
			}
		}
		return
	}
	c.Ambiguous = Ambiguous(r.Word(f["ambiguous"], what+": ambiguous", ambiguousWords[:]))
	c.Truncate = r.Boolean(f["truncate"], what+": truncate")
	zoned := r.format(f["format"], c, what)
	if zone := f["zone"]; zone != nil {
		r.zone(zone, c, zoned, what)
	} else if f["ambiguous"] != nil {
		r.Fail(f["ambiguous"], "%s: ambiguous says which local time is meant, but there is no zone; add one, as in zone: Europe/Berlin, or remove ambiguous", what)
	}
	r.unit(f, c, what)
}

// unit checks that numbers have a unit, and a unit numbers.
func (r *reader) unit(f map[string]*yaml.Node, c *Column, what string) {
	numbers := c.From&FromInteger != 0 || c.Format == Epoch
	switch {
	case f["unit"] != nil && !numbers:
		r.Fail(f["unit"], "%s: unit says what a number counts, but from has neither integer nor number; add one, remove unit, or add format: epoch if a string is the number", what)
	case f["unit"] == nil && c.Format == Epoch:
		r.Fail(f["format"], "%s: format epoch needs a unit; add unit: %s", what, oneUnit)
	case f["unit"] == nil && numbers:
		r.Fail(f["from"], "%s: from %s needs a unit; add unit: %s", what, (c.From &^ FromString), oneUnit)
	}
}

const oneUnit = "seconds, milliseconds, microseconds, nanoseconds or days"

// format reads the format of strings, and says which words of it give a zone.
func (r *reader) format(n *yaml.Node, c *Column, what string) (zoned string) {
	if n == nil {
		return ""
	}
	var ok bool
	if c.Format, ok = r.Text(n, what+": format"); !ok {
		return ""
	}
	r.ofString(n, c, what, "format")
	clock := ""
	switch c.Format {
	case Epoch:
		return "format epoch"
	case RFC2822:
		zoned, clock = "format rfc2822", "format rfc2822"
	default:
		words, err := ParseTimeFormat(c.Format)
		if err != nil {
			r.Fail(n, "%s: %v", what, err)
			return ""
		}
		zoned, clock = words.first("zZ"), words.first("HIMSf")
	}
	if c.Type.Value().Kind == schema.Date && clock != "" && !c.Truncate {
		r.Fail(n, "%s: a date cannot hold the time of day of %s; add truncate: true to cut it off, or use type timestamp", what, clock)
	}
	return zoned
}

// zone reads the zone of strings that have none. zoned is what in the format
// gives them one.
func (r *reader) zone(n *yaml.Node, c *Column, zoned, what string) {
	name, ok := r.Text(n, what+": zone")
	if !ok {
		return
	}
	c.Zone = name
	switch {
	case c.Type.Value().Kind == schema.Date:
		r.Fail(n, "%s: a date is taken as it stands in the text, whatever its zone; remove zone", what)
	case c.From&FromString == 0:
		r.ofString(n, c, what, "zone")
	case zoned != "":
		r.Fail(n, "%s: zone is for texts without a zone, but %s has one; remove zone", what, zoned)
	default:
		if _, err := zones.Load(name); err != nil {
			r.Fail(n, "%s: %v", what, err)
		}
	}
}

// appendCanonical writes the keys that are used: hashes older than they must
// stay the same.
func (t *Times) appendCanonical(b []byte) []byte {
	if t.Format != "" {
		b = strconv.AppendQuote(append(b, ", format: "...), t.Format)
	}
	if t.Zone != "" {
		b = strconv.AppendQuote(append(b, ", zone: "...), t.Zone)
	}
	if t.Ambiguous != AmbiguousRefused {
		b = append(append(b, ", ambiguous: "...), t.Ambiguous.String()...)
	}
	if t.Truncate {
		b = append(b, ", truncate: true"...)
	}
	return b
}

var ambiguousWords = [...]string{AmbiguousRefused: "", Earlier: "earlier", Later: "later"}

func (a Ambiguous) String() string { return word(ambiguousWords[:], uint8(a)) }
