package meaning

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice/mapping"
	"sluice/schema"
)

// step is one step of a path: a name, an index, [*], a filter, of kind ?, or .*,
// of kind m.
type step struct {
	kind byte // . [ * m ?
	name string
	i    int
	nth  int // of a name that stands for .*: the place of the member, from 1
	*filter
}

func (s step) wild() bool { return s.kind == '*' || s.kind == 'm' }

type path []step

func (s step) String() string {
	switch s.kind {
	case '*':
		return "[*]"
	case 'm':
		return ".*"
	case '[':
		return "[" + strconv.Itoa(s.i) + "]"
	case '?':
		return "[?" + s.filter.String() + "]"
	}
	plain := s.name != ""
	for i, r := range s.name {
		plain = plain && (r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80 || i > 0 && r >= '0' && r <= '9')
	}
	if plain {
		return "." + s.name
	}
	var b strings.Builder
	for _, r := range s.name {
		switch i := strings.IndexRune("\b\t\n\f\r'\\", r); {
		case i >= 0:
			b.WriteString(`\` + `btnfr'\`[i:i+1])
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return "['" + b.String() + "']"
}

func (p path) String() string {
	s := "$"
	for _, step := range p {
		s += step.String()
	}
	return s
}

func (p path) with(s step) path { return append(slices.Clone(p), s) }

// levels is the number of wildcards, also in what filters compare with.
func (p path) levels() (n int) {
	for _, s := range p {
		if s.wild() {
			n++
		}
	}
	for _, key := range p.keys() {
		n = max(n, key.levels())
	}
	return n
}

// upTo is the path before its level-th wildcard.
func (p path) upTo(level int) path {
	for i, s := range p {
		if s.wild() {
			if level--; level == 0 {
				return p[:i]
			}
		}
	}
	return p
}

// ordinal is an element or a member, from 0, that a wildcard stands for.
type ordinal struct {
	i    int
	name string // of a member
}

// at puts ordinals in place of wildcards.
func (p path) at(ordinals []ordinal) path {
	p = slices.Clone(p)
	all := ordinals
	for i := range p {
		if p[i].kind == '?' {
			p[i] = p[i].at(all)
		}
		if p[i].wild() && len(ordinals) > 0 {
			if o := ordinals[0]; p[i].kind == '*' {
				p[i] = step{kind: '[', i: o.i}
			} else {
				p[i] = step{kind: '.', name: o.name, nth: o.i + 1}
			}
			ordinals = ordinals[1:]
		}
	}
	return p
}

// find is the value at a path without wildcards, or nil.
func (p path) find(v *value) *value {
	if p.filterAt() >= 0 {
		v, _ = p.lookup(v)
		return v
	}
	for _, s := range p {
		switch {
		case v == nil:
			return nil
		case s.nth > len(v.members) && v.kind == '{': // a name before it stands twice, and this is the other object
			return nil
		case s.nth > 0 && v.kind == '{':
			v = v.members[s.nth-1].value
		case s.kind == '.' && v.kind == '{':
			v = v.member(s.name)
		case s.kind == '[' && v.kind == '[':
			i := s.i
			if i < 0 {
				i += len(v.elems)
			}
			if i < 0 || i >= len(v.elems) {
				return nil
			}
			v = v.elems[i]
		default:
			return nil
		}
	}
	return v
}

// spec is a mapping, as this package understands it.
type spec struct {
	records    []path
	tables     []table
	envelope   string // dynamodb, mongodb, or empty
	unknown    string // count, keep, reject
	hold       bool   // on_drift
	drop       []path
	parse      []path // strings that hold JSON
	key        string
	provenance bool

	fieldBytes, recordBytes, recordRows, depth int // 0: the default
	share                                      float64
}

type table struct {
	name    string
	explode path
	zip     []path // beside explode, which is the first
	when    string // empty: the default
	where   []condition
	columns []column
}

type column struct {
	name             string
	path             path
	list             bool
	kind             string // of a list: of its values
	precision, scale int
	from             []string
	required         bool
	texts            texts
	times
	memberName  bool
	key         string // the part of the key that feeds it, in place of a path
	nullOnError bool
	late
	words []string // what a value may be, of a place that only helps to read another
}

func (c *column) typeText() string {
	if c.list {
		return "list<" + c.item().typeText() + ">"
	}
	if c.kind == "decimal" {
		return fmt.Sprintf("decimal(%d,%d)", c.precision, c.scale)
	}
	return c.kind
}

// yaml writes the mapping file.
func (s *spec) yaml() string {
	var b strings.Builder
	if s.records != nil {
		b.WriteString("records:\n")
		for _, p := range s.records {
			fmt.Fprintf(&b, "  - %q\n", p.String())
		}
	}
	if s.envelope != "" {
		fmt.Fprintf(&b, "envelope: %s\n", s.envelope)
	}
	fmt.Fprintf(&b, "unknown_fields: %s\nprovenance: %t\nlimits:\n  quarantine_share: %v\n", s.unknown, s.provenance, s.share)
	for name, n := range map[string]int{"field_bytes": s.fieldBytes, "record_bytes": s.recordBytes, "record_rows": s.recordRows, "depth": s.depth} {
		if n != 0 {
			fmt.Fprintf(&b, "  %s: %d\n", name, n)
		}
	}
	if s.hold {
		b.WriteString("on_drift: hold\n")
	}
	for i, p := range s.drop {
		if i == 0 {
			b.WriteString("drop:\n")
		}
		fmt.Fprintf(&b, "  - %q\n", p.String())
	}
	b.WriteString(s.parseYAML())
	if s.key != "" {
		fmt.Fprintf(&b, "key: %q\n", s.key)
	}
	b.WriteString("tables:\n")
	for _, t := range s.tables {
		fmt.Fprintf(&b, "  - table: %s\n", t.name)
		switch {
		case t.zip != nil:
			b.WriteString(t.zipYAML())
		case t.explode != nil:
			fmt.Fprintf(&b, "    explode: %q\n", t.explode.String())
		}
		if t.when != "" {
			fmt.Fprintf(&b, "    when_empty: %s\n", t.when)
		}
		for i, c := range t.where {
			if i == 0 {
				b.WriteString("    where:\n")
			}
			b.WriteString("      - " + c.yaml() + "\n")
		}
		b.WriteString("    columns:\n")
		for _, c := range t.columns {
			feeds := c.late.yaml(c.path)
			if c.key != "" {
				feeds = c.keyYAML()
				if c.isLate() {
					feeds += c.late.yaml(c.path)
				}
			}
			fmt.Fprintf(&b, "      - {name: %s, type: %q, required: %t%s", c.name, c.typeText(), c.required, feeds)
			if c.from != nil {
				fmt.Fprintf(&b, ", from: [%s]", strings.Join(c.from, ", "))
			}
			if c.memberName {
				b.WriteString(", member_name: true")
			}
			if c.nullOnError {
				b.WriteString(", on_error: null")
			}
			b.WriteString(c.times.yaml() + c.texts.yaml() + "}\n")
		}
	}
	return b.String()
}

var nameText = regexp.MustCompile(`^[a-z][a-z0-9_]{0,254}$`)

// canCome are the JSON types that a column of a kind may come from.
var canCome = map[string][]string{
	"string": {"string", "integer", "number", "boolean"}, "boolean": {"boolean", "string"},
	"int32": {"number", "integer", "string"}, "int64": {"number", "integer", "string"},
	"double": {"number", "integer", "string"}, "decimal": {"number", "integer", "string"},
	"date": {"string", "integer", "number"}, "timestamp": {"string", "integer", "number"},
}

// fault says why the mapping is none, or is empty.
func (s *spec) fault() string {
	for _, p := range s.records {
		if p.levels() > 1 || slices.ContainsFunc(p, func(s step) bool { return s.kind == '[' || s.kind == 'm' || s.kind == '?' }) {
			return "records with an index, .*, a filter or two wildcards"
		}
	}
	if s.share < 0 || s.share > 1 || s.fieldBytes < 0 || s.recordRows < 0 || s.depth < 0 || s.depth > 10000 {
		return "a limit out of range"
	}
	names := map[string]bool{}
	for i := range s.tables {
		t := &s.tables[i]
		if fault := t.fault(); fault != "" {
			return fault
		}
		if names[t.name] {
			return "two tables of one name"
		}
		names[t.name] = true
		for j := range t.columns {
			if fault := t.columns[j].keyFault(s); fault != "" {
				return fault
			}
		}
		for _, p := range t.paths() {
			if fault := s.through(p); fault != "" {
				return fault
			}
		}
	}
	if len(names) == 0 {
		return "no tables"
	}
	for _, p := range s.drop {
		if fault := s.through(p); fault != "" {
			return fault
		}
	}
	return cmp.Or(s.dropFault(), s.keyFault(), s.parseFault())
}

// through says why a path cannot lead anywhere.
func (s *spec) through(p path) string {
	depth := s.depth
	if depth == 0 {
		depth = 64
	}
	if len(p) > depth {
		return "a path longer than depth"
	}
	if fault := s.overMembers(p); fault != "" {
		return fault
	}
	for _, t := range s.tables {
		for _, c := range t.columns {
			for _, q := range c.paths() {
				isKey := !slices.ContainsFunc(c.values(), func(v path) bool { return slices.Equal(v, q) })
				if (c.kind != "json" || isKey) && !c.memberName && p.below(q) && !c.either(q) {
					return "a path through the value of a column"
				}
			}
		}
	}
	return ""
}

func (t *table) paths() (all []path) {
	all = append(all, t.exploded()...)
	for _, c := range t.where {
		all = append(all, withKeys(c.path)...)
	}
	for i := range t.columns {
		all = append(all, t.columns[i].paths()...)
	}
	return all
}

func (t *table) fault() string {
	switch n := len(t.explode); {
	case !nameText.MatchString(t.name):
		return "no name of a table"
	case t.explode == nil && t.when != "":
		return "when_empty without explode"
	case t.explode.filterAt() >= 0:
		return "a filter in explode"
	case t.explode != nil && (n == 0 || !t.explode[n-1].wild() || t.explode.levels() > 2):
		return "explode does not end in a wildcard, or has too many"
	case len(t.columns) == 0:
		return "no columns"
	}
	names := map[string]bool{}
	for i := range t.columns {
		c := &t.columns[i]
		for _, p := range c.paths() {
			if !t.follows(p) {
				return "a wildcard that explode has not"
			}
		}
		switch fault := c.fault(); {
		case fault != "":
			return fault
		case names[c.name]:
			return "two columns of one name"
		}
		names[c.name] = true
	}
	return cmp.Or(t.whereFault(), t.zipFault())
}

func (c *column) fault() string {
	switch {
	case !nameText.MatchString(c.name):
		return "no name of a column"
	case c.kind == "decimal" && (c.precision < 1 || c.precision > 38 || c.scale < 0 || c.scale > c.precision):
		return "no decimal"
	case c.timeFault() != "":
		return c.timeFault()
	case c.late.fault(c) != "":
		return c.late.fault(c)
	case c.kind == "json" && c.list:
		return "a list of json"
	case c.kind == "json" && c.from != nil:
		return "json from some types only"
	}
	for _, p := range c.values() {
		if n := len(p); n > 0 && p[n-1].kind == '?' && c.kind != "json" {
			return "an element for a scalar"
		}
	}
	for _, p := range c.paths() {
		if fault := p.filterFault(); fault != "" {
			return fault
		}
	}
	for _, f := range c.from {
		if !slices.Contains(canCome[c.kind], f) || c.minor.by != "" && f == "number" {
			return "a type that the column cannot come from"
		}
	}
	return cmp.Or(c.textFault(), c.memberFault(), c.errorFault())
}

// build makes the mapping as a program does, without a file.
func (s *spec) build() *mapping.Mapping {
	m := &mapping.Mapping{Key: s.key, Provenance: s.provenance, Limits: mapping.DefaultLimits}
	m.UnknownFields = map[string]mapping.UnknownFields{"count": mapping.Count, "keep": mapping.Rescue, "reject": mapping.Refused}[s.unknown]
	if s.hold {
		m.OnDrift = mapping.DriftHeld
	}
	m.Envelope = map[string]mapping.Envelope{"dynamodb": mapping.DynamoDB, "mongodb": mapping.MongoDB}[s.envelope]
	l := &m.Limits
	l.QuarantineShare = s.share
	l.FieldBytes = cmp.Or(int64(s.fieldBytes), l.FieldBytes)
	l.RecordBytes = cmp.Or(int64(s.recordBytes), l.RecordBytes)
	l.RecordRows = cmp.Or(int64(s.recordRows), l.RecordRows)
	l.Depth = cmp.Or(s.depth, l.Depth)
	for _, p := range s.parse {
		m.ParseJSON = append(m.ParseJSON, p.build())
	}
	for _, p := range s.drop {
		m.Drop = append(m.Drop, p.build())
	}
	records := s.records
	if records == nil {
		records = defaultRecords
	}
	for _, p := range records {
		m.Records = append(m.Records, p.build())
	}
	for i := range s.tables {
		t := &s.tables[i]
		table := mapping.Table{Name: t.name, Explode: t.explode.build()}
		for _, p := range t.zip {
			table.Zip = append(table.Zip, p.build())
		}
		table.WhenEmpty = map[string]mapping.WhenEmpty{"keep": mapping.Keep, "skip": mapping.Skip}[t.when]
		for _, c := range t.where {
			table.Where = append(table.Where, c.build())
		}
		for j := range t.columns {
			table.Columns = append(table.Columns, t.columns[j].build())
		}
		m.Tables = append(m.Tables, table)
	}
	return m
}

func (c *column) build() mapping.Column {
	kinds := map[string]schema.Kind{"string": schema.String, "boolean": schema.Boolean, "int32": schema.Int32, "int64": schema.Int64, "double": schema.Double,
		"decimal": schema.Decimal, "date": schema.Date, "timestamp": schema.Timestamp, "json": schema.JSON}
	col := mapping.Column{Path: c.path.build()}
	c.late.build(&col)
	c.buildKey(&col)
	col.Name, col.Required, col.Type = c.name, c.required, schema.Type{Kind: kinds[c.kind], Precision: c.precision, Scale: c.scale}
	if c.list {
		col.Type.Kind, col.Type.Of = schema.List, col.Type.Kind
	}
	col.Unit = map[string]mapping.Unit{"seconds": mapping.Seconds, "milliseconds": mapping.Milliseconds, "microseconds": mapping.Microseconds, "nanoseconds": mapping.Nanoseconds, "days": mapping.Days}[c.unit]
	col.Format, col.Zone, col.Truncate = c.format, c.zone, c.truncate
	col.Ambiguous = map[string]mapping.Ambiguous{"earlier": mapping.Earlier, "later": mapping.Later}[c.ambiguous]
	for _, word := range c.texts.transform {
		col.Transform = append(col.Transform, map[string]mapping.Transform{"trim": mapping.Trim, "lower": mapping.Lower, "upper": mapping.Upper}[word])
	}
	col.MemberName, col.NullOnError = c.memberName, c.nullOnError
	col.NullValues = c.texts.nullValues
	col.Hash = map[string]mapping.Hash{"sha256": mapping.SHA256, "sha256_match": mapping.SHA256Match, "hmac": mapping.HMAC}[c.texts.hash]
	col.NumberFormat = map[string]mapping.NumberFormat{"1,234.50": mapping.CommaPoint, "1.234,50": mapping.PointComma, "1 234,50": mapping.BlankComma, "1'234.50": mapping.ApostrophePoint}[c.texts.format]
	col.Symbol = c.texts.symbol
	col.Mask = map[string]mapping.Mask{"domain": mapping.Domain}[c.texts.mask]
	for word, from := range map[string]mapping.From{"string": mapping.FromString, "integer": mapping.FromInteger, "number": mapping.FromNumber | mapping.FromInteger, "boolean": mapping.FromBoolean} {
		if c.sources()[word] || c.kind == "json" && c.from == nil {
			col.From |= from
		}
	}
	return col
}

func (p path) build() (built mapping.Path) {
	for _, s := range p {
		if s.kind == '?' {
			built = append(built, s.filter.build())
			continue
		}
		kind := map[byte]mapping.SegmentKind{'.': mapping.Name, '[': mapping.Index, '*': mapping.Wildcard, 'm': mapping.Members}[s.kind]
		built = append(built, mapping.Segment{Kind: kind, Name: s.name, Index: s.i})
	}
	return built
}
