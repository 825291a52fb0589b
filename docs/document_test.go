package docs_test

import (
	"regexp"
	"strings"
)

// block is a fenced block of a document that shows commands.
type block struct {
	line       int    // of the fence
	lang       string // sh, console or sql
	text       string // without the indentation
	start, end int    // of the text in the document

	// From the comments before the block, which a reader does not see:
	notRun string // why it cannot be run here
	needs  string // tools that only .ci/run has
	first  string // commands to run before
	in     string // folder to run it in
	gives  string // "no rows": what the last statement of sql must give
	exits  string // exit code of the last command of console, if it is neither 0 nor 3
}

var fence = regexp.MustCompile("(?m)^([ \t]*)```(sh|console|sql)\n((?s:.*?))^[ \t]*```$")

// blocks are the blocks of a document that can be run, in order.
func blocks(doc string) (all []block) {
	for _, m := range fence.FindAllStringSubmatchIndex(doc, -1) {
		b := block{line: 1 + strings.Count(doc[:m[0]], "\n"), lang: doc[m[4]:m[5]], start: m[6], end: m[7]}
		indent := doc[m[2]:m[3]]
		b.text = strings.ReplaceAll("\n"+doc[b.start:b.end], "\n"+indent, "\n")[1:]
		for before := strings.TrimRight(doc[:m[0]], " \t"); strings.HasSuffix(before, " -->\n"); {
			begin := strings.LastIndex(before, "<!-- ")
			word, value, _ := strings.Cut(strings.TrimSuffix(before[begin+5:], " -->\n"), ": ")
			if of := b.comment(word); of != nil {
				*of = value
			}
			before = strings.TrimRight(before[:begin], " \t")
		}
		all = append(all, b)
	}
	return all
}

// comment is where the value of a comment belongs, or nil.
func (b *block) comment(word string) *string {
	switch word {
	case "not run":
		return &b.notRun
	case "needs":
		return &b.needs
	case "first":
		return &b.first
	case "in":
		return &b.in
	case "gives":
		return &b.gives
	case "exits":
		return &b.exits
	}
	return nil
}

// What varies from run to run: time and speed, and names that hold a time.
var varies = []struct {
	is   *regexp.Regexp
	mask string
}{
	{regexp.MustCompile(`(?m)^  time .*$`), "  time"},
	{regexp.MustCompile(`orders_\d{8}T\d{6}\.\d{3}Z_`), "orders_TIME_"},
	{regexp.MustCompile(`[0-9a-f]{16}\.(report|records)\.`), "STATE.$1."},
}

func masked(text string) string {
	for _, v := range varies {
		text = v.is.ReplaceAllString(text, v.mask)
	}
	return text
}

const elided = "…\n" // a line that stands for any number of lines

// shows reports whether a document shows what was printed.
func shows(shown, printed string) bool {
	parts := strings.Split("\n"+masked(shown), "\n"+elided)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`^` + strings.Join(parts, `\n(?s:.*)`) + `$`).MatchString("\n" + masked(printed))
}
