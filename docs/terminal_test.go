package docs_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

const picture = "terminal.svg"

// The picture of the terminal is what the demo prints now, but for the bytes of the
// input and what else to try. After a change: go test ./docs -run TestPicture -update
func TestPicture(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the documents show commands for a POSIX shell")
	}
	shown, code := console(t, t.TempDir(), "$ sluice demo --dir demo\n")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, shown)
	}
	shown, _, _ = strings.Cut(shown, "\n\nMore to try:")
	want := terminal(strings.Split(shown, "\n"))
	if *update {
		if err := os.WriteFile(picture, want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(picture); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the demo prints (%v); -update makes it", picture, err)
	}
}

// Sizes in the picture, in its pixels.
const (
	cell, line = 8, 17 // of a character
	margin     = 20
	bar        = 34 // above the lines, with the three buttons of a window
	columns    = 80
)

var blocksOfBars = regexp.MustCompile(`[█▉▊▋▌▍▎▏]+`)

// terminal draws a terminal with lines. Each line has the width of its characters,
// whatever font the reader has; bars are drawn, so that they have no gaps.
func terminal(lines []string) []byte {
	var b bytes.Buffer
	width, height := 2*margin+columns*cell, bar+len(lines)*line+margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="A terminal with the output of sluice demo">
<style>
.window { fill: #fbfbfa; stroke: #d5d5d2 } .button { fill: #d5d5d2 } .bar { fill: #2c8a4b }
text { font: 13px ui-monospace, "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-variant-ligatures: none; fill: #24292f; white-space: pre }
.command { font-weight: bold }
@media (prefers-color-scheme: dark) {
.window { fill: #16181c; stroke: #34373d } .button { fill: #43474e } .bar { fill: #4ec077 } text { fill: #d6d9de }
}
</style>
<rect class="window" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>
`, width, height, width-1, height-1)
	for i := range 3 {
		fmt.Fprintf(&b, `<circle class="button" cx="%d" cy="18" r="5.5"/>`+"\n", margin+6+18*i)
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;")
	for i, text := range lines {
		top := bar + i*line
		if at := blocksOfBars.FindStringIndex(text); at != nil {
			drawn := text[at[0]:at[1]]
			text = text[:at[0]]
			eighths := 0
			for _, r := range drawn {
				eighths += 8 - int(r-'█') // the block elements stand in this order
			}
			fmt.Fprintf(&b, `<rect class="bar" x="%d" y="%d" width="%d" height="%d"/>`+"\n", margin+utf8.RuneCountInString(text)*cell, top+3, eighths*cell/8, line-5)
		}
		text = strings.TrimRight(text, " ")
		if text == "" {
			continue
		}
		class := ""
		if strings.HasPrefix(text, "$ ") {
			class = ` class="command"`
		}
		fmt.Fprintf(&b, `<text%s x="%d" y="%d" textLength="%d" xml:space="preserve">%s</text>`+"\n", class, margin, top+13, utf8.RuneCountInString(text)*cell, escape.Replace(text))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
