package mapping

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
)

// maxErrors ends the list of a hopeless file, so that its report stays readable.
const maxErrors = 100

// reader turns YAML nodes into values. It collects what is wrong with the
// file instead of stopping, so that one run shows all of it.
type reader struct {
	file     string
	built    bool // by a program: there are no lines to name
	problems []problem
}

type problem struct {
	line int
	text string
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, problem{max(n.Line, 1), fmt.Sprintf(format, args...)})
}

func (r *reader) err() error {
	slices.SortStableFunc(r.problems, func(a, b problem) int { return a.line - b.line })
	var errs []error
	for i, p := range r.problems {
		where := fmt.Sprintf("%s:%d", r.file, p.line)
		if r.built {
			where = "mapping"
		}
		if i == maxErrors {
			errs = append(errs, fmt.Errorf("%s: and %d more errors; mend those above first", where, len(r.problems)-i))
			break
		}
		errs = append(errs, fmt.Errorf("%s: %s", where, p.text))
	}
	return errors.Join(errs...)
}

// already says that something stands on a line, too.
func (r *reader) already(line int) string {
	if r.built {
		return "twice"
	}
	return fmt.Sprintf("on line %d already", line)
}

var (
	yamlError       = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	yamlParserError = regexp.MustCompile(`^did not find expected (<|key|node content|'-'|',')`)
	yamlNoAnchor    = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// document is the root node of the only document in data, or nil.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > maxFileBytes {
		r.fail(&yaml.Node{}, "the file is larger than %d bytes; a mapping is a short text, is this a data file?", maxFileBytes)
		return nil
	}
	var first, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&first); err == io.EOF {
		r.fail(&yaml.Node{}, "the file is empty; give table and columns")
		return nil
	} else if err != nil {
		r.syntax(data, err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		r.fail(&second, "a second document begins; keep one mapping in a file")
	} else if err != io.EOF {
		r.syntax(data, err)
	}
	root := first.Content[0]
	if r.refuseAliases(root); len(r.problems) > 0 {
		return nil
	}
	return root
}

// syntax reports an error of the YAML library, whose lines need mending: those
// of its parser count from 0 and name the start of the block the trouble is in.
func (r *reader) syntax(data []byte, err error) {
	at, what, hint := &yaml.Node{}, err.Error(), "mend the YAML"
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
	if i := max(at.Line, 1) - 1; i < len(lines) && bytes.ContainsAny(lines[i], "{[") {
		hint = "inside { } and [ ] put paths and types in quotes, as in path: \"$.items[*].price\""
	}
	r.fail(at, "not YAML: %s; %s", what, hint)
}

// refuseAliases keeps a small file small: an alias can repeat its anchor
// without end.
func (r *reader) refuseAliases(n *yaml.Node) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		r.fail(n, "anchors and aliases (& and *) are not supported; write the value out, and put a path that begins with * or & in quotes")
		return
	}
	for _, c := range n.Content {
		r.refuseAliases(c)
	}
}

// object reads the members of a YAML mapping; what names it in errors. A
// member that is absent has a nil node.
func (r *reader) object(n *yaml.Node, what string, keys ...string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s must have keys (%s), found %s", what, strings.Join(keys, ", "), kindOf(n))
		return nil
	}
	members := map[string]*yaml.Node{}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(keys, key.Value):
			r.fail(key, "%s: unknown key %s; use %s", what, keyText(key), strings.Join(keys, ", "))
		case lines[key.Value] > 0:
			r.fail(key, "%s: key %s stands on line %d already; keep one", what, key.Value, lines[key.Value])
		default:
			members[key.Value], lines[key.Value] = value, key.Line
		}
	}
	return members
}

// list reads the elements of a YAML sequence that must not be empty.
func (r *reader) list(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "%s must be a list, found %s; write [a, b] or a line with - for each element", what, kindOf(n))
		return nil
	}
	if len(n.Content) == 0 {
		r.fail(n, "%s is an empty list; give at least one element", what)
	}
	return n.Content
}

func (r *reader) text(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		hint := "give one text"
		if n.Kind == yaml.ScalarNode && kindOf(n) != "nothing" {
			hint = "put it in quotes if it is meant"
		}
		r.fail(n, "%s must be text, found %s; %s", what, kindOf(n), hint)
		return "", false
	}
	return n.Value, true
}

func (r *reader) boolean(n *yaml.Node, what string) bool {
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		r.fail(n, "%s must be true or false, found %s; write true or false without quotes", what, kindOf(n))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// word reads one of words and returns its index; 0 when the node is absent or wrong.
func (r *reader) word(n *yaml.Node, what string, words []string) int {
	if n == nil {
		return 0
	}
	s, ok := r.text(n, what)
	i := slices.Index(words, s)
	if ok && (i < 0 || s == "") {
		r.fail(n, "%s: unknown word %q; use %s", what, s, strings.Join(slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" }), ", "))
	}
	return max(i, 0)
}

func (r *reader) path(n *yaml.Node, what string) (Path, bool) {
	s, ok := r.text(n, what+": path")
	if !ok {
		return nil, false
	}
	p, err := ParsePath(s)
	if err != nil {
		r.fail(n, "%s: %v", what, err)
	}
	return p, err == nil
}

func kindOf(n *yaml.Node) string {
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
	return "(" + kindOf(key) + ")"
}
