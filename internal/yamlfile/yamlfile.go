// Package yamlfile reads the YAML files that people write: mapping, prices and
// configuration. It reports the faults of each in the same way: all at once, as
// file:line, what is wrong, how to fix it.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/suggest"
)

// MaxBytes is the most a file may have.
const MaxBytes = 1 << 20

// maxErrors ends the list of a hopeless file, so that its report stays readable.
const maxErrors = 100

// Reader turns YAML nodes into values. It collects what is wrong with the
// file instead of stopping, so that one run shows all of it.
type Reader struct {
	File     string
	Kind     string // what the file is: "mapping"
	Empty    string // what an empty file lacks; if this is "", the file may be empty
	Built    bool   // built by a program: there are no lines to name
	problems []*Fault
}

// Fault is one thing that is wrong with a file. Err joins them.
type Fault struct {
	Line, Column int    // from 1
	Text         string // what is wrong, how to fix it
	where        string
}

func (f *Fault) Error() string { return f.where + ": " + f.Text }

// Faults are those that an error of [Reader.Err] joins.
func Faults(err error) (all []*Fault) {
	if one := new(Fault); errors.As(err, &one) {
		all = []*Fault{one}
	}
	if joined := interface{ Unwrap() []error }(nil); errors.As(err, &joined) {
		all = nil
		for _, err := range joined.Unwrap() {
			all = append(all, Faults(err)...)
		}
	}
	return all
}

// Fail records a fault at a node.
func (r *Reader) Fail(n *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, r.fault(n.Line, n.Column, fmt.Sprintf(format, args...)))
}

func (r *Reader) fault(line, column int, text string) *Fault {
	f := &Fault{max(line, 1), max(column, 1), text, r.Kind}
	if !r.Built {
		f.where = fmt.Sprintf("%s:%d", r.File, f.Line)
	}
	return f
}

// Failed is the number of faults so far.
func (r *Reader) Failed() int { return len(r.problems) }

// Err joins all faults, in the order of the lines; nil if there is none.
func (r *Reader) Err() error {
	slices.SortStableFunc(r.problems, func(a, b *Fault) int { return a.Line - b.Line })
	var errs []error
	for i, f := range r.problems {
		if i == maxErrors {
			errs = append(errs, r.fault(f.Line, f.Column, fmt.Sprintf("and %d more errors; fix those above first", len(r.problems)-i)))
			break
		}
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// Already says on which line something was seen before.
func (r *Reader) Already(line int) string {
	if r.Built {
		return "twice"
	}
	return fmt.Sprintf("on line %d already", line)
}

var (
	yamlError       = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	yamlParserError = regexp.MustCompile(`^did not find expected (<|key|node content|'-'|',')`)
	yamlNoAnchor    = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// Document is the root node of the only document in data, or nil.
func (r *Reader) Document(data []byte) *yaml.Node {
	if len(data) > MaxBytes {
		r.Fail(&yaml.Node{}, "the file is larger than %d bytes; a %s is a short text: is this a data file?", MaxBytes, r.Kind)
		return nil
	}
	var first, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&first); err == io.EOF {
		if r.Empty != "" {
			r.Fail(&yaml.Node{}, "the file is empty; give %s", r.Empty)
		}
		return nil
	} else if err != nil {
		r.syntax(data, err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		r.Fail(&second, "a second document begins; keep one %s in a file", r.Kind)
	} else if err != io.EOF {
		r.syntax(data, err)
	}
	root := first.Content[0]
	if r.refuseAliases(root); len(r.problems) > 0 {
		return nil
	}
	return root
}

// syntax reports an error of the YAML library and corrects its line: the parser
// counts from 0, and names the start of the block that has the fault.
func (r *Reader) syntax(data []byte, err error) {
	at, what, hint := &yaml.Node{}, err.Error(), "fix the YAML"
	if m := yamlError.FindStringSubmatch(what); m != nil {
		at.Line, _ = strconv.Atoi(m[1])
		what = m[2]
	}
	if yamlParserError.MatchString(what) {
		at.Line++
		hint = "look in the block that begins here"
	}
	if m := yamlNoAnchor.FindStringSubmatch(what); m != nil {
		before, _, _ := bytes.Cut(data, []byte("*"+m[1]))
		at.Line = 1 + bytes.Count(before, []byte("\n"))
	}
	lines := bytes.Split(data, []byte("\n"))
	for i := max(at.Line, 1) - 1; i <= at.Line && i < len(lines); i++ { // or the parser stopped before it
		if indent := lines[i][:len(lines[i])-len(bytes.TrimLeft(lines[i], " \t"))]; bytes.ContainsRune(indent, '\t') {
			at.Line = i + 1
			r.Fail(at, "not YAML: a tab indents this line; use spaces")
			return
		}
	}
	if i := max(at.Line, 1) - 1; i < len(lines) && bytes.ContainsAny(lines[i], "{[") {
		hint = "inside { } and [ ] put paths and types in quotes, as in path: \"$.items[*].price\""
	}
	r.Fail(at, "not YAML: %s; %s", what, hint)
}

// refuseAliases keeps a small file small: an alias can repeat its anchor
// without end.
func (r *Reader) refuseAliases(n *yaml.Node) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		r.Fail(n, "anchors and aliases (& and *) are not supported; write the value out, and put a path that begins with * or & in quotes")
		return
	}
	for _, c := range n.Content {
		r.refuseAliases(c)
	}
}

// Object reads the members of a YAML mapping; what names it in errors. A
// member that is absent has a nil node.
func (r *Reader) Object(n *yaml.Node, what string, keys ...string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		r.Fail(n, "%s must have keys (%s), found %s", what, strings.Join(keys, ", "), KindOf(n))
		return nil
	}
	members := map[string]*yaml.Node{}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(keys, key.Value):
			r.Fail(key, "%s: unknown key %s%s", what, keyText(key), oneOf(key.Value, keys))
		case lines[key.Value] > 0:
			r.Fail(key, "%s: key %s is on line %d already; keep one", what, key.Value, lines[key.Value])
		default:
			members[key.Value], lines[key.Value] = value, key.Line
		}
	}
	return members
}

// List reads the elements of a YAML sequence that must not be empty.
func (r *Reader) List(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.Fail(n, "%s must be a list, found %s; write [a, b] or a line with - for each element", what, KindOf(n))
		return nil
	}
	if len(n.Content) == 0 {
		r.Fail(n, "%s is an empty list; give at least one element", what)
	}
	return n.Content
}

// Text reads one text.
func (r *Reader) Text(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		hint := "give one text"
		if n.Kind == yaml.ScalarNode && KindOf(n) != "nothing" {
			hint = "put it in quotes if it is meant"
		}
		r.Fail(n, "%s must be text, found %s; %s", what, KindOf(n), hint)
		return "", false
	}
	return n.Value, true
}

// Boolean reads true or false; false when the node is absent.
func (r *Reader) Boolean(n *yaml.Node, what string) bool {
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		r.Fail(n, "%s must be true or false, found %s; write true or false without quotes", what, KindOf(n))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// Word reads one of words and returns its index; 0 when the node is absent or wrong.
func (r *Reader) Word(n *yaml.Node, what string, words []string) int {
	if n == nil {
		return 0
	}
	s, ok := r.Text(n, what)
	i := slices.Index(words, s)
	if ok && (i < 0 || s == "") {
		r.Fail(n, "%s: unknown word %q%s", what, s, oneOf(s, words))
	}
	return max(i, 0)
}

// oneOf says which words there are, and which of them may have been meant.
func oneOf(word string, words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	return "; use " + strings.Join(words, ", ") + suggest.DidYouMean(word, words)
}

// KindOf names the kind of a node.
func KindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	}
	return "a value tagged " + n.ShortTag()
}

func keyText(key *yaml.Node) string {
	if key.Kind == yaml.ScalarNode {
		return strconv.Quote(key.Value)
	}
	return "(" + KindOf(key) + ")"
}
