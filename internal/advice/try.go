package advice

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/flatten"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// try is a change of a column that may let it take the values of a group. What is
// advised was tried on each of them: nothing is guessed from the looks of a value.
type try struct {
	says  string // the keys, as the mapping has them
	order int    // a change is advised only if none of a lower order will do
	edit  func(*mapping.Column)
	fits  func(value []byte) bool // what the engine cannot know; nil: any

	unless  string // what another try says: if that will do, this one is not needed
	instead bool   // of the format that the column has: then it does not take what it takes now
}

// tries are the changes that may help a group.
func (c *collector) tries(g *group) []try {
	col := &g.trial
	if col.MinorUnits.By >= mapping.ByCurrency {
		return nil // what an amount is depends on another value
	}
	kind := col.Type.Value().Kind
	isTime := kind == schema.Date || kind == schema.Timestamp
	switch g.code {
	case reason.WrongType:
		if isTime && (g.found == "integer" || g.found == "number") {
			return units(col, g.found, false)
		}
		return froms(col, g.found)
	case reason.BadDecimal, reason.NotInteger, reason.BadDouble:
		if g.found != "string" && g.found != "empty string" {
			return nil
		}
		return slices.Concat(texts(), numberFormats(col), nulls())
	case reason.BadBoolean, reason.NoDomain:
		return slices.Concat(texts(), nulls())
	case reason.BadDate, reason.BadTimestamp:
		switch {
		case g.found == "integer" || g.found == "number":
			return append(units(col, g.found, false), cut())
		}
		formats := append(units(col, "string", true), timeFormats()...)
		if col.Format != "" {
			none := try{says: "no format", order: 3, edit: func(c *mapping.Column) { c.Format = "" }}
			formats = replacing(append([]try{none}, formats...))
		}
		return slices.Concat(texts(), []try{cut()}, formats, nulls())
	case reason.TimestampPrecision:
		return []try{cut()}
	case reason.IntRange:
		return []try{{says: "type: int64", edit: func(c *mapping.Column) { c.Type = retyped(c.Type, schema.Type{Kind: schema.Int64}) }}}
	}
	return nil
}

// sift are the changes with which the column of a group takes a value.
func (c *collector) sift(g *group, tries []try, value []byte) (left []try) {
	for _, t := range tries {
		if t.fits != nil && !t.fits(value) {
			continue
		}
		col := g.fresh(c.m)
		t.edit(&col)
		if flatten.Try(col, c.m.Limits, value) == "" {
			left = append(left, t)
		}
	}
	return left
}

// fresh is the column of the mapping.
func (g *group) fresh(m *mapping.Mapping) mapping.Column { return m.Tables[g.table].Columns[g.column] }

// widen gives the group's column a decimal that has all digits of a value, if that
// is what it lacks. The precision is 0 if there is none.
func (c *collector) widen(g *group, value []byte) {
	const most = 38
	if g.code != reason.DecimalScale && g.code != reason.DecimalRange && (g.code != reason.NotInteger || g.found != "number") {
		return
	}
	t := g.trial.Type.Value()
	switch {
	case t.Kind == schema.Int32:
		t = schema.Type{Kind: schema.Decimal, Precision: 9}
	case t.Kind == schema.Int64:
		t = schema.Type{Kind: schema.Decimal, Precision: 18}
	case g.trial.MinorUnits.By >= mapping.ByCurrency, t.Precision == 0:
		return
	}
	for ; t.Precision <= most; t.Precision++ {
		col := g.trial
		col.Type = retyped(col.Type, t)
		switch flatten.Try(col, c.m.Limits, value) {
		case reason.DecimalScale:
			t.Scale++
			continue
		case reason.DecimalRange:
			continue
		}
		g.trial.Type = col.Type
		return
	}
	g.trial.Type = retyped(g.trial.Type, schema.Type{Kind: schema.Decimal})
}

// retyped is a type with another type of values.
func retyped(old, value schema.Type) schema.Type {
	if old.Kind != schema.List {
		return value
	}
	old.Of, old.Precision, old.Scale = value.Kind, value.Precision, value.Scale
	return old
}

// advised are the changes of the lowest order that are left, as far as the mapping
// permits them.
func (c *collector) advised(g *group) (all []try) {
	for _, t := range g.tries {
		if len(all) > 0 && t.order > all[0].order {
			break
		}
		if slices.ContainsFunc(g.tries, func(o try) bool { return o.says == t.unless }) {
			continue
		}
		col := g.fresh(c.m)
		t.edit(&col)
		if c.permits(g, col) {
			all = append(all, t)
		}
	}
	return all
}

// fixed is the column of a group with what is advised, if that is one change.
func (c *collector) fixed(g *group) *mapping.Column {
	if g.column < 0 {
		return nil
	}
	col := g.fresh(c.m)
	switch advised := c.advised(g); {
	case len(advised) == 1 && !advised[0].instead:
		advised[0].edit(&col)
		return &col
	case len(advised) > 0:
		return nil
	}
	wider := g.trial.Type
	if wider == col.Type || wider.Value().Kind == schema.Decimal && wider.Precision == 0 {
		return nil
	}
	if col.Type = wider; !c.permits(g, col) {
		return nil
	}
	return &col
}

// permits reports whether the mapping may have a column in place of that of the
// group.
func (c *collector) permits(g *group, col mapping.Column) bool {
	m := *c.m
	m.Tables = slices.Clone(m.Tables)
	t := &m.Tables[g.table]
	t.Columns = slices.Clone(t.Columns)
	t.Columns[g.column] = col
	return m.Validate() == nil
}

// froms takes a JSON type more.
func froms(col *mapping.Column, found string) []try {
	add := map[string]mapping.From{
		"string": mapping.FromString, "empty string": mapping.FromString, "boolean": mapping.FromBoolean,
		"integer": mapping.FromInteger, "number": mapping.FromInteger | mapping.FromNumber,
	}[found]
	if add == 0 {
		return nil
	}
	from := col.From | add
	return []try{{says: "from: [" + from.String() + "]", edit: func(c *mapping.Column) { c.From = from }}}
}

// texts changes what is around a text.
func texts() []try {
	with := func(says string, order int, steps ...mapping.Transform) try {
		return try{says: "transform: [" + says + "]", order: order, edit: func(c *mapping.Column) {
			c.Transform = append(slices.Clone(steps), slices.DeleteFunc(slices.Clone(c.Transform), func(t mapping.Transform) bool { return slices.Contains(steps, t) })...)
		}}
	}
	return []try{with("trim", 1, mapping.Trim), with("trim, lower", 2, mapping.Trim, mapping.Lower)}
}

// noValues are texts by which systems say that there is no value.
var noValues = []string{"", "-", "N/A", "n/a", "NA", "null", "NULL", "None", "none", "0000-00-00", "0000-00-00 00:00:00"}

// nulls takes such a text as no value.
func nulls() (all []try) {
	for _, v := range noValues {
		all = append(all, try{says: "null_values: [" + strconv.Quote(v) + "]", order: 9, edit: func(c *mapping.Column) {
			c.NullValues = append(slices.Clone(c.NullValues), v)
		}})
	}
	return all
}

// numberFormats reads a number as people write it.
func numberFormats(col *mapping.Column) (all []try) {
	all = append(all, try{says: "symbol: true", order: 2, edit: func(c *mapping.Column) { c.Symbol = true }})
	for i, pair := range [][]mapping.NumberFormat{{mapping.CommaPoint, mapping.PointComma}, {mapping.BlankComma, mapping.ApostrophePoint}} {
		for _, format := range pair {
			says := "format: " + strconv.Quote(format.String())
			all = append(all,
				try{says: says, order: 3 + i, edit: func(c *mapping.Column) { c.NumberFormat = format }},
				try{says: says + ", symbol: true", order: 5 + i, edit: func(c *mapping.Column) { c.NumberFormat, c.Symbol = format, true }})
		}
	}
	all = append(all, thousandths(col)...)
	slices.SortStableFunc(all, func(a, b try) int { return a.order - b.order })
	if col.NumberFormat != mapping.JSONNumber {
		return append(all[:1:1], replacing(all[1:])...)
	}
	return all
}

// thousandths reads 1,234 as a number with three digits after the point, which a
// column with fewer does not hold: no value says that it is 1234.
func thousandths(col *mapping.Column) []try {
	const digits = 3
	t := col.Type.Value()
	if t.Kind != schema.Decimal || t.Scale >= digits {
		return nil
	}
	t.Precision, t.Scale = t.Precision+digits-t.Scale, digits
	wider := retyped(col.Type, t)
	format := "format: " + strconv.Quote(mapping.PointComma.String())
	return []try{{
		says: format + ", type: " + quoted(wider.String()), order: 3, unless: format,
		edit: func(c *mapping.Column) { c.NumberFormat, c.Type = mapping.PointComma, wider },
	}}
}

// replacing are formats in place of the one that a column has.
func replacing(all []try) []try {
	for i := range all {
		all[i].instead = true
	}
	return all
}

// cut cuts off what a date or timestamp cannot hold.
func cut() try {
	return try{says: "truncate: true", order: 2, edit: func(c *mapping.Column) { c.Truncate = true }}
}

// units reads a number that counts from 1970 on. A unit fits if the times that it
// gives are of our age: no value can say more.
func units(col *mapping.Column, found string, text bool) (all []try) {
	for _, u := range []struct {
		unit        mapping.Unit
		least, most float64
	}{
		{mapping.Seconds, 5e8, 5e9}, {mapping.Milliseconds, 5e11, 5e12}, {mapping.Microseconds, 5e14, 5e15}, {mapping.Nanoseconds, 5e17, 5e18}, {mapping.Days, 6e3, 6e4},
	} {
		from := col.From
		if found == "number" {
			from |= mapping.FromNumber
		}
		from |= mapping.FromInteger
		t := try{order: 3, fits: func(value []byte) bool {
			n, err := strconv.ParseFloat(string(bytes.Trim(value, `"`)), 64)
			return err == nil && u.least <= n && n < u.most
		}}
		if text {
			t.says = "format: epoch, unit: " + u.unit.String()
			t.edit = func(c *mapping.Column) { c.Format, c.Unit = mapping.Epoch, u.unit }
		} else {
			t.says = "unit: " + u.unit.String() + ", from: [" + from.String() + "]"
			t.edit = func(c *mapping.Column) { c.Unit, c.From = u.unit, from }
		}
		finer := try{says: t.says + ", truncate: true", order: 4, fits: t.fits, edit: func(c *mapping.Column) { t.edit(c); c.Truncate = true }}
		all = append(all, t, finer)
	}
	slices.SortStableFunc(all, func(a, b try) int { return a.order - b.order })
	return all
}

// timeFormats reads a date or a time as people and programs write it.
func timeFormats() (all []try) {
	add := func(format string, order int) {
		says := strconv.Quote(format)
		if format == mapping.RFC2822 {
			says = format
		}
		all = append(all, try{says: "format: " + says, order: order, edit: func(c *mapping.Column) { c.Format = format }})
	}
	add(mapping.RFC2822, 5)
	days := []string{
		"%d.%m.%Y", "%m.%d.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d", "%Y%m%d",
		"%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%d. %B %Y", "%A, %B %d, %Y",
	}
	clocks := []string{"", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", ", %H:%M", ", %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %I:%M %p", ", %I:%M:%S %p"}
	for _, clock := range clocks {
		for _, day := range days {
			add(day+clock, 5)
		}
		for _, zone := range []string{"%z", " %z", " %Z"} {
			for _, day := range days {
				if clock != "" {
					add(day+clock+zone, 5)
				}
			}
		}
	}
	for _, format := range []string{"%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%S%z", "%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Z %Y", "%a, %d %b %Y %H:%M:%S"} {
		add(format, 5)
	}
	for _, clock := range clocks {
		for _, day := range days {
			add(strings.Replace(day, "%Y", "%y", 1)+clock, 6)
		}
	}
	return all
}
