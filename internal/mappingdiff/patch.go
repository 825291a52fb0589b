package mappingdiff

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"sluice/mapping"
)

// Patch is the text of a mapping file, changed to say what another mapping does:
// one that has the same tables and columns, with others after them. Lines of what
// is not changed stay as they are.
func Patch(text []byte, old, next *mapping.Mapping, notes map[string]string) ([]byte, error) {
	crlf := bytes.Contains(text, []byte("\r\n"))
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	e, err := edits(text)
	if err == nil && len(next.Tables) > len(old.Tables) && get(e.root, "tables") == nil {
		e, err = edits([]byte(e.nested()))
	}
	if err != nil {
		return nil, err
	}
	e.notes = notes
	was, err := document([]byte(old.Canonical()))
	if err != nil {
		return nil, err
	}
	is, err := document([]byte(next.Canonical()))
	if err != nil {
		return nil, err
	}
	e.top(was, is)
	e.tables(get(was, "tables"), get(is, "tables"))
	out := []byte(e.text())
	written, err := mapping.Parse("mapping", out)
	if err != nil {
		return nil, fmt.Errorf("change mapping: this should not happen, please report it: %w", err)
	}
	if written.Canonical() != next.Canonical() {
		return nil, errors.New("change mapping: the file is written in a way that cannot be changed; write each column on a line of its own")
	}
	if crlf {
		out = bytes.ReplaceAll(out, []byte("\n"), []byte("\r\n"))
	}
	return out, nil
}

func document(text []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("change mapping: %w", err)
	}
	if doc.Kind != yaml.DocumentNode || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("change mapping: the file has no keys")
	}
	return doc.Content[0], nil
}

// get is the value of a key; nil if there is none.
func get(n *yaml.Node, key string) *yaml.Node {
	if i := find(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

func find(n *yaml.Node, key string) int {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// set gives a key a value; nil takes the key away.
func set(n *yaml.Node, key string, value *yaml.Node) {
	i := find(n, key)
	switch {
	case i >= 0 && value != nil:
		value.LineComment = n.Content[i+1].LineComment
		n.Content[i+1] = value
	case i >= 0:
		n.Content = slices.Delete(n.Content, i, i+2)
	case value != nil:
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	}
}

// editor changes lines of a file.
type editor struct {
	root    *yaml.Node
	lines   []string
	notes   map[string]string
	splices []splice
}

// edits is an editor of a file.
func edits(text []byte) (e *editor, err error) {
	e = &editor{lines: strings.Split(strings.TrimRight(string(text), "\n"), "\n")}
	e.root, err = document(text)
	return e, err
}

// splice replaces the lines from, up to but without to, which count from 0.
type splice struct {
	from, to int
	lines    []string
}

func (e *editor) replace(from, to int, lines ...string) {
	e.splices = append(e.splices, splice{from, to, lines})
}

// text is the file with all edits.
func (e *editor) text() string {
	slices.SortStableFunc(e.splices, func(a, b splice) int { return b.from - a.from })
	lines := e.lines
	for i := 0; i < len(e.splices); i++ {
		// Of several at one line, which are in order, the last is made first.
		j := i
		for j+1 < len(e.splices) && e.splices[j+1].from == e.splices[i].from {
			j++
		}
		for k := j; k >= i; k-- {
			lines = slices.Replace(slices.Clone(lines), e.splices[k].from, e.splices[k].to, e.splices[k].lines...)
		}
		i = j
	}
	return strings.Join(lines, "\n") + "\n"
}

// last is the last line of a node, counted from 1.
func last(n *yaml.Node) int {
	line := n.Line
	if n.Kind == yaml.ScalarNode && (n.Style == yaml.LiteralStyle || n.Style == yaml.FoldedStyle || strings.Contains(n.Value, "\n")) {
		line += strings.Count(n.Value, "\n") + 1
	}
	for _, c := range n.Content {
		line = max(line, last(c))
	}
	return line
}

// close is the last line of a node with its closing bracket.
func (e *editor) close(n *yaml.Node) (line, after int) {
	line = last(n)
	if n.Style&yaml.FlowStyle == 0 || n.Kind == yaml.ScalarNode {
		return line, len(e.lines[line-1])
	}
	row, col := n.Line-1, byteColumn(e.lines[n.Line-1], n.Column)
	depth, quote := 0, byte(0)
	for ; row < len(e.lines); row, col = row+1, 0 {
		for text := e.lines[row]; col < len(text); col++ {
			switch c := text[col]; {
			case quote == '"' && c == '\\':
				col++
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '#' && col > 0 && (text[col-1] == ' ' || text[col-1] == '\t'):
				col = len(text)
			case (c == '"' || c == '\'') && strings.ContainsRune(" {[,:", rune(text[max(col-1, 0)])):
				quote = c
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth == 0 {
					return row + 1, col + 1
				}
			}
		}
	}
	return line, len(e.lines[line-1])
}

// tail is what follows a node that ends in a line, such as a comment, after other
// text: at the column where it is, if there is room.
func (e *editor) tail(line, after int, text string) string {
	tail := e.lines[line-1][after:]
	comment := strings.TrimLeft(tail, " ")
	if !strings.HasPrefix(comment, "#") {
		return tail
	}
	column := utf8.RuneCountInString(e.lines[line-1]) - utf8.RuneCountInString(comment)
	return strings.Repeat(" ", max(1, column-utf8.RuneCountInString(text))) + comment
}

// byteColumn is where a column begins, which YAML counts in characters from 1.
func byteColumn(line string, column int) int {
	for i := range line {
		if column--; column == 0 {
			return i
		}
	}
	return len(line)
}

// top changes keys of the file itself.
func (e *editor) top(was, is *yaml.Node) {
	for _, key := range []string{"records", "envelope", "unknown_fields", "parse_json"} {
		if plainText(get(was, key)) == plainText(get(is, key)) {
			continue
		}
		e.key(e.root, key, get(is, key), e.begin())
	}
}

// begin is the line before which a key of the file can be put.
func (e *editor) begin() int {
	if i := find(e.root, "tables"); i >= 0 {
		return e.root.Content[i].Line - 1 - e.above(e.root.Content[i])
	}
	if i := find(e.root, "columns"); i >= 0 {
		return e.root.Content[i].Line - 1
	}
	return 0
}

// above is how many lines of comments stand right above a node.
func (e *editor) above(n *yaml.Node) int {
	k := 0
	for n.Line-2-k >= 0 && strings.HasPrefix(strings.TrimSpace(e.lines[n.Line-2-k]), "#") {
		k++
	}
	return k
}

// key replaces a key of a block, adds it before a line, or takes it away if the
// value is nil.
func (e *editor) key(in *yaml.Node, key string, value *yaml.Node, before int) {
	i := find(in, key)
	if i < 0 {
		if value != nil {
			e.replace(before, before, strings.Repeat(" ", in.Column-1)+key+": "+plainText(value))
		}
		return
	}
	k, v := in.Content[i], in.Content[i+1]
	from := k.Line - 1
	to, after := e.close(v)
	tail := ""
	if v.Style&yaml.FlowStyle != 0 {
		tail = e.tail(to, after, e.lines[from][:byteColumn(e.lines[from], k.Column)]+key+": "+plainText(value))
	} else if v.LineComment != "" {
		tail = " " + v.LineComment
	}
	begin := e.lines[from][:byteColumn(e.lines[from], k.Column)]
	if value == nil {
		if strings.TrimSpace(begin) != "" { // - explode: …
			e.replace(from, to+1, begin+strings.TrimLeft(e.lines[min(to, len(e.lines)-1)], " "))
			return
		}
		e.replace(from, to)
		return
	}
	e.replace(from, to, begin+key+": "+plainText(value)+tail)
}

// plainText is a value on one line.
func plainText(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	if n.Kind == yaml.ScalarNode {
		return flow(n)
	}
	flat := bare(n)
	return flow(flat)
}

// bare is a node without comments, on one line.
func bare(n *yaml.Node) *yaml.Node {
	c := *n
	c.HeadComment, c.LineComment, c.FootComment = "", "", ""
	if c.Kind != yaml.ScalarNode {
		c.Style = yaml.FlowStyle
	}
	c.Content = nil
	for _, child := range n.Content {
		c.Content = append(c.Content, bare(child))
	}
	return &c
}

// flow writes a node as it can stand inside { }: texts have quotes where they need
// them, or had them.
func flow(n *yaml.Node) string {
	var parts []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, flow(n.Content[i])+": "+flow(n.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		for _, c := range n.Content {
			parts = append(parts, flow(c))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	isText := n.ShortTag() == "!!str"
	switch plain := strings.IndexFunc(n.Value, func(r rune) bool {
		return !(r == '$' || r == '.' || r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	}) < 0 && n.Value != ""; {
	case !isText, n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && plain:
		return n.Value
	case n.Style&yaml.SingleQuotedStyle != 0 && !strings.Contains(n.Value, "\n"):
		return "'" + strings.ReplaceAll(n.Value, "'", "''") + "'"
	case n.Style&yaml.DoubleQuotedStyle == 0 && plain:
		return n.Value
	}
	return strconv.Quote(n.Value)
}

// tables changes tables, and adds others.
func (e *editor) tables(was, is *yaml.Node) {
	var own []*yaml.Node
	list := get(e.root, "tables")
	if list != nil {
		own = list.Content
	} else {
		own = []*yaml.Node{e.root}
	}
	for i, t := range own {
		e.table(t, was.Content[i], is.Content[i])
	}
	if len(is.Content) == len(own) {
		return
	}
	indent := "  "
	end := len(e.lines)
	if list.Style&yaml.FlowStyle == 0 {
		indent = strings.Repeat(" ", list.Column-1)
		end, _ = e.close(own[len(own)-1])
	}
	var lines []string
	for _, t := range is.Content[len(own):] {
		name := get(t, "table").Value
		lines = append(lines, "")
		if note := e.notes[name]; note != "" {
			lines = append(lines, indent+"# "+note)
		}
		lines = append(lines, indent+"- table: "+name)
		for _, key := range []string{"explode", "when_empty", "where"} {
			if v := get(t, key); v != nil {
				lines = append(lines, indent+"  "+key+": "+brief(v))
			}
		}
		lines = append(lines, indent+"  columns:")
		for _, c := range get(t, "columns").Content {
			lines = append(lines, indent+"    - "+e.fresh(name, c))
		}
	}
	e.replace(end, end, lines...)
}

// brief is a value as people write it: in quotes only where it needs them.
func brief(n *yaml.Node) string {
	c := bare(n)
	var unquote func(*yaml.Node)
	unquote = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && !slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}, n.Value) && strings.Trim(n.Value, "0123456789._") != "" {
			n.Style = 0
		}
		for _, c := range n.Content {
			unquote(c)
		}
	}
	unquote(c)
	return flow(c)
}

// nested is the file with its one table moved into a list of tables.
func (e *editor) nested() string {
	keys := []string{"table", "explode", "zip", "when_empty", "where", "columns"}
	isMoved := make([]bool, len(e.lines))
	for i := 0; i+1 < len(e.root.Content); i += 2 {
		k, v := e.root.Content[i], e.root.Content[i+1]
		if !slices.Contains(keys, k.Value) {
			continue
		}
		from := k.Line - 1 - e.above(k)
		if from == 0 { // the comment of the file
			from = k.Line - 1
		}
		to, _ := e.close(v)
		for line := from; line < to; line++ {
			isMoved[line] = true
		}
	}
	var stay, moved []string
	begun := false
	for i, line := range e.lines {
		switch comment := strings.HasPrefix(line, "#"); {
		case !isMoved[i] && line == "" && len(stay) > 0 && stay[len(stay)-1] == "":
		case !isMoved[i]:
			stay = append(stay, line)
		case strings.TrimSpace(line) == "":
			moved = append(moved, "")
		case !begun && !comment:
			moved, begun = append(moved, "  - "+line), true
		case !begun:
			moved = append(moved, "  "+line)
		default:
			moved = append(moved, "    "+line)
		}
	}
	return strings.Join(slices.Concat(stay, []string{"tables:"}, moved), "\n") + "\n"
}

// table changes a table and its columns.
func (e *editor) table(t, was, is *yaml.Node) {
	columns := get(t, "columns")
	at := find(t, "columns")
	before := t.Content[at].Line - 1 - e.above(t.Content[at])
	for _, key := range []string{"explode", "when_empty", "where"} {
		old, next := get(was, key), get(is, key)
		if plainText(old) == plainText(next) {
			continue
		}
		if next != nil && key == "when_empty" && next.Value == "quarantine" && find(t, key) < 0 {
			continue
		}
		if next == nil {
			e.key(t, key, nil, before)
			continue
		}
		value := bare(next)
		e.key(t, key, value, before)
	}
	name := get(is, "table").Value
	own := get(was, "columns").Content
	all := get(is, "columns").Content
	for i := range own {
		if plainText(own[i]) != plainText(all[i]) {
			e.column(columns, columns.Content[i], own[i], all[i])
		}
	}
	if len(all) == len(own) {
		return
	}
	end, _ := e.close(columns.Content[len(columns.Content)-1])
	lead := strings.Repeat(" ", columns.Column-1) + "- "
	var lines []string
	for _, c := range all[len(own):] {
		lines = append(lines, lead+e.fresh(name, c))
	}
	e.replace(end, end, lines...)
}

// fresh is a new column.
func (e *editor) fresh(table string, c *yaml.Node) string {
	c = minimal(c)
	text := brief(c)
	if note := e.notes[table+"."+get(c, "name").Value]; note != "" {
		text += " # " + note
	}
	return text
}

// minimal is a canonical column without what need not be said.
func minimal(c *yaml.Node) *yaml.Node {
	c = bare(c)
	for _, key := range []string{"required", "bloom"} {
		if v := get(c, key); v != nil && v.Value == "false" {
			set(c, key, nil)
		}
	}
	if from := get(c, "from"); from != nil {
		without := bare(c)
		set(without, "from", nil)
		if meaning(without) == meaning(c) {
			return without
		}
	}
	return c
}

// meaning is the canonical form of a column; empty if it is none.
func meaning(c *yaml.Node) string {
	m, err := mapping.Parse("column", []byte("table: t\ncolumns: ["+flow(stripped(c))+"]\n"))
	if err != nil {
		return ""
	}
	return m.Canonical()
}

// stripped is a column whose paths have no wildcards, which need a table around.
func stripped(c *yaml.Node) *yaml.Node {
	c = bare(c)
	for _, key := range []string{"path", "coalesce", "minor_units", "key", "member_name"} {
		set(c, key, nil)
	}
	set(c, "path", &yaml.Node{Kind: yaml.ScalarNode, Value: "$.a"})
	return c
}

// column changes the keys of a column that differ.
func (e *editor) column(list, c, was, is *yaml.Node) {
	edited := *c
	edited.Content = slices.Clone(c.Content)
	for i := 0; i+1 < len(was.Content); i += 2 {
		if key := was.Content[i].Value; get(is, key) == nil && (key != "path" || get(is, "coalesce") == nil) {
			set(&edited, key, nil)
		}
	}
	for i := 0; i+1 < len(is.Content); i += 2 {
		key, value := is.Content[i].Value, is.Content[i+1]
		retyped := key == "from" && plainText(get(was, "type")) != plainText(get(is, "type"))
		if old := get(was, key); !retyped && old != nil && plainText(old) == plainText(value) {
			continue
		}
		if (key == "required" || key == "bloom") && value.Value == "false" {
			value = nil
		}
		if key == "coalesce" {
			if at := find(&edited, "path"); at >= 0 { // where the path was
				name := *edited.Content[at]
				name.Value = key
				edited.Content[at], edited.Content[at+1] = &name, unquoted(value)
				continue
			}
		}
		if value != nil {
			value = unquoted(value)
		}
		set(&edited, key, value)
		if at := find(&edited, "type"); key == "from" && at >= 0 && find(c, "from") < 0 { // beside it
			last := len(edited.Content) - 2
			pair := slices.Clone(edited.Content[last:])
			edited.Content = slices.Insert(edited.Content[:last], at+2, pair...)
		}
	}
	if i := find(&edited, "from"); i >= 0 && find(c, "from") < 0 {
		without := bare(&edited)
		set(without, "from", nil)
		if meaning(without) == meaning(bare(&edited)) {
			set(&edited, "from", nil)
		}
	}
	from := c.Line - 1
	to, after := e.close(c)
	begin := e.lines[from][:byteColumn(e.lines[from], c.Column)]
	if c.Style&yaml.FlowStyle != 0 {
		e.replace(from, to, begin+flow(bare(&edited))+e.tail(to, after, begin+flow(bare(&edited))))
		return
	}
	var lines []string
	for i := 0; i+1 < len(edited.Content); i += 2 {
		k, v := edited.Content[i], edited.Content[i+1]
		for _, comment := range strings.Split(k.HeadComment, "\n") {
			if comment != "" && i > 0 {
				lines = append(lines, comment)
			}
		}
		line := k.Value + ": " + plainText(v)
		for _, comment := range []string{k.LineComment, v.LineComment} {
			if comment != "" {
				line += " " + comment
			}
		}
		lines = append(lines, line)
	}
	for i := range lines {
		if i == 0 {
			lines[i] = begin + lines[i]
		} else {
			lines[i] = strings.Repeat(" ", c.Column-1) + lines[i]
		}
	}
	e.replace(from, to, lines...)
}

// unquoted is a value of the canonical form, which has quotes around all texts.
func unquoted(n *yaml.Node) *yaml.Node {
	var out yaml.Node
	if err := yaml.Unmarshal([]byte(brief(n)), &out); err != nil || len(out.Content) == 0 {
		return bare(n)
	}
	return bare(out.Content[0])
}
