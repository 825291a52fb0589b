package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxIndex is the largest index of RFC 9535 section 2.1: what I-JSON holds exactly.
const maxIndex = 1<<53 - 1

// ParsePath reads a JSONPath of RFC 9535: the singular queries (names and
// indexes, section 2.3.5.1), the wildcards [*] and .*, and a [Filter].
func ParsePath(s string) (Path, error) {
	p := pathParser{text: s}
	path, err := p.path()
	if err != nil {
		return nil, fmt.Errorf("path %q: %w", s, err)
	}
	return path, nil
}

// String is the path in one spelling: .name where RFC 9535 allows the
// shorthand, else ['name'] escaped as in a normalized path (section 2.7).
func (p Path) String() string {
	var b strings.Builder
	b.Grow(64) // most are shorter
	b.WriteByte('$')
	for _, s := range p {
		switch {
		case s.Kind == Wildcard:
			b.WriteString("[*]")
		case s.Kind == Members:
			b.WriteString(".*")
		case s.Kind == Index:
			fmt.Fprintf(&b, "[%d]", s.Index)
		case s.Kind == Filtered:
			b.WriteString("[?" + s.Name + "]")
		case shorthand(s.Name) == len(s.Name) && s.Name != "":
			b.WriteByte('.')
			b.WriteString(s.Name)
		default:
			b.WriteByte('[')
			quote(&b, s.Name)
			b.WriteByte(']')
		}
	}
	return b.String()
}

// quote writes a name or text in quotes, escaped as in a normalized path.
func quote(b *strings.Builder, text string) {
	b.WriteByte('\'')
	for _, r := range text {
		if i := strings.IndexRune("\b\t\n\f\r'\\", r); i >= 0 {
			b.WriteString(`\` + `btnfr'\`[i:i+1])
		} else if r < ' ' {
			fmt.Fprintf(b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
}

// HasPrefix reports whether the path begins with the steps of prefix.
func (p Path) HasPrefix(prefix Path) bool {
	return len(p) >= len(prefix) && slices.Equal(p[:len(prefix)], prefix)
}

// lastWildcard is the path up to and including its last wildcard; empty without one.
func (p Path) lastWildcard() Path {
	for i := len(p); i > 0; i-- {
		if p[i-1].Wild() {
			return p[:i]
		}
	}
	return nil
}

// shorthand is the length of the member-name-shorthand (RFC 9535 section
// 2.5.1.1) that s begins with.
func shorthand(s string) int {
	for i, r := range s {
		first := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80
		if !first && (i == 0 || r < '0' || r > '9') {
			return i
		}
	}
	return len(s)
}

type pathParser struct {
	text   string
	pos    int
	nested bool // in a filter
}

func (p *pathParser) rest() string { return p.text[p.pos:] }

func (p *pathParser) take(s string) bool {
	if strings.HasPrefix(p.rest(), s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *pathParser) blanks() {
	p.pos += len(p.rest()) - len(strings.TrimLeft(p.rest(), " \t\n\r"))
}

func (p *pathParser) path() (Path, error) {
	if !utf8.ValidString(p.text) {
		return nil, errors.New("not valid UTF-8")
	}
	if !p.take("$") {
		return nil, errors.New("a path begins with $; write $.name or $['name']")
	}
	path, err := p.steps()
	if err == nil && p.rest() != "" {
		err = fmt.Errorf("at byte %d: a step begins with . or [, as in $.name, $['name'], $[0], $[*] or $.*", p.pos)
		at := p.pos
		if p.blanks(); p.rest() == "" {
			err = fmt.Errorf("at byte %d: blanks at the end; remove them", at)
		}
	}
	return path, err
}

// steps reads the steps that follow.
func (p *pathParser) steps() (path Path, err error) {
	for {
		at := p.pos
		p.blanks()
		var s Segment
		switch {
		case strings.HasPrefix(p.rest(), ".."):
			err = errors.New("the descendant step .. is not supported; name every step, as in $.a.b")
		case p.take(".*"):
			s = Segment{Kind: Members}
		case p.take("."):
			s, err = p.shorthandName()
		case p.take("["):
			p.blanks()
			if s, err = p.selector(); err == nil {
				p.blanks()
				err = p.closeBracket()
			}
		default:
			p.pos = at
			return path, nil
		}
		if err == nil && s.Wild() && path.LastFilter() >= 0 {
			err = errors.New("after a filter, which chooses one element, a path has no wildcard; use an index or type json, or explode the array and choose its rows with where")
		}
		if err != nil {
			if !p.nested { // the path around says where
				err = fmt.Errorf("at byte %d: %w", at, err)
			}
			return nil, err
		}
		path = append(path, s)
	}
}

func (p *pathParser) shorthandName() (Segment, error) {
	name := p.rest()[:shorthand(p.rest())]
	p.pos += len(name)
	next := p.rest()
	follow := ".[ \t\n\r"
	if p.nested {
		follow += "=]&!<>|)"
	}
	if name == "" || next != "" && !strings.ContainsRune(follow, rune(next[0])) {
		return Segment{}, errors.New("after a dot, a name has only letters, digits and _, and does not begin with a digit; write any other name as ['name']")
	}
	return Segment{Kind: Name, Name: name}, nil
}

func (p *pathParser) selector() (Segment, error) {
	switch {
	case p.take("*"):
		return Segment{Kind: Wildcard}, nil
	case p.take("'"):
		name, err := p.quoted('\'', "']")
		return Segment{Kind: Name, Name: name}, err
	case p.take(`"`):
		name, err := p.quoted('"', `"]`)
		return Segment{Kind: Name, Name: name}, err
	case p.take("?"):
		if p.nested {
			return Segment{}, errors.New("a filter inside of a filter is not supported; compare with a path of names, indexes and wildcards")
		}
		p.nested = true
		f, err := p.filter()
		p.nested = false
		return f.Segment(), err
	case p.take(":"):
		return Segment{}, errSlice
	}
	return p.index()
}

func (p *pathParser) index() (Segment, error) {
	digits := strings.TrimPrefix(p.rest(), "-")
	n := len(digits) - len(strings.TrimLeft(digits, "0123456789"))
	text := p.rest()[:len(p.rest())-len(digits)+n]
	if n == 0 || digits[0] == '0' && text != "0" {
		return Segment{}, errors.New("brackets take an index such as 0 or -1, a name in quotes, or *")
	}
	i, err := strconv.ParseInt(text, 10, 0)
	if err != nil || i > maxIndex || i < -maxIndex {
		return Segment{}, fmt.Errorf("index out of range; RFC 9535 ends at %d", int64(maxIndex))
	}
	p.pos += len(text)
	return Segment{Kind: Index, Index: int(i)}, nil
}

var errSlice = errors.New("slices [a:b] are not supported; use an index such as [0], or [*] with explode")

func (p *pathParser) closeBracket() error {
	switch {
	case p.take("]"):
		return nil
	case p.take(":"):
		return errSlice
	case p.take(","):
		return errors.New("several selectors in one bracket are not supported; write a column for each")
	}
	return errors.New("the bracket is not closed; add ]")
}

// quoted reads a string literal of RFC 9535 section 2.3.1.1 after its opening
// quote. end is what closes it.
func (p *pathParser) quoted(quote rune, end string) (string, error) {
	var b strings.Builder
	for p.rest() != "" {
		r, n := utf8.DecodeRuneInString(p.rest())
		p.pos += n
		switch {
		case r == quote:
			return b.String(), nil
		case r < ' ':
			return "", errors.New("control character in quotes; write it as \\n, \\t or \\u00XX")
		case r == '\\':
			var err error
			if r, err = p.escape(quote); err != nil {
				return "", err
			}
		}
		b.WriteRune(r)
	}
	return "", fmt.Errorf("the quote is not closed; add %s", end)
}

func (p *pathParser) escape(quote rune) (rune, error) {
	if p.take(string(quote)) {
		return quote, nil
	}
	if p.take("u") {
		r, err := p.hex4()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if p.take(`\u`) {
			low, err := p.hex4()
			if r = utf16.DecodeRune(r, low); err == nil && r != utf8.RuneError {
				return r, nil
			}
		}
		return 0, errors.New("half of a surrogate pair; write both halves or the character itself")
	}
	if p.rest() != "" {
		if i := strings.IndexByte(`bfnrt/\`, p.rest()[0]); i >= 0 {
			p.pos++
			return rune("\b\f\n\r\t/\\"[i]), nil
		}
	}
	return 0, fmt.Errorf(`unknown escape; use \b \f \n \r \t \/ \\ \%c or \uXXXX`, quote)
}

func (p *pathParser) hex4() (rune, error) {
	if len(p.rest()) >= 4 {
		if v, err := strconv.ParseUint(p.rest()[:4], 16, 16); err == nil {
			p.pos += 4
			return rune(v), nil
		}
	}
	return 0, errors.New(`\u needs four hexadecimal digits`)
}
