package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"pgregory.net/rapid"
)

func TestValue(t *testing.T) {
	long := strings.Repeat("ä", 1000)
	if got, want := value(long, maxValue), strings.Repeat("ä", maxValue-1)+"…"; got != want {
		t.Errorf("value of 1000 letters = %q, want %q", got, want)
	}
	if got := value(long[:2*maxValue], maxValue); got != long[:2*maxValue] {
		t.Errorf("value of %d letters was cut: %q", maxValue, got)
	}
}

// A table is never wider than its terminal, if that has room for its columns;
// and whole: of what it was given no character is missing.
func TestTableFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 5).Draw(t, "columns")
		cell := rapid.StringMatching(`[a-z/=_.-]{0,90}|[äöü]{0,40}`)
		headings := rapid.SliceOfN(rapid.StringMatching(`[a-z ]{1,12}`), columns, columns).Draw(t, "headings")
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, columns, columns), 0, 5).Draw(t, "rows")
		width := rapid.SampledFrom([]int{0, 60, 80, 120}).Draw(t, "width")
		for _, print := range []func(*printer){
			func(c *printer) { printTable(c, headings, rows) },
			func(c *printer) { printValues(c, headings, rows, c.width) },
		} {
			var out bytes.Buffer
			print(&printer{Writer: &out, width: width})
			for line := range strings.Lines(out.String()) {
				line = strings.TrimSuffix(line, "\n")
				if w := text.StringWidthWithoutEscSequences(line); width > 0 && w > max(width, columns*(minWrapped+3)+1) {
					t.Fatalf("a line is %d wide, the terminal %d:\n%s", w, width, out.String())
				}
			}
			for _, row := range rows {
				for _, cell := range row {
					if width == 0 && len(cell) <= maxValue && !strings.Contains(out.String(), cell) {
						t.Fatalf("%q is not in\n%s", cell, out.String())
					}
				}
			}
		}
		var out bytes.Buffer
		printTable(&printer{Writer: &out, width: width}, headings, rows)
		letters := func(s string) (n int) {
			for _, r := range s {
				if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz/=_.-äöü", r) {
					n++
				}
			}
			return n
		}
		want := letters(strings.Join(headings, ""))
		for _, row := range rows {
			want += letters(strings.Join(row, ""))
		}
		if got := letters(out.String()); got != want {
			t.Fatalf("%d of %d characters are in\n%s", got, want, out.String())
		}
	})
}

// Values never make a row two lines; columns are left out in their place.
func TestValuesFit(t *testing.T) {
	names := make([]string, 71)
	row := make([]string, 71)
	for i := range names {
		names[i], row[i] = fmt.Sprintf("column_with_name_%d", i), strings.Repeat("v", i)
	}
	for _, c := range []struct{ width, shown int }{{0, 71}, {30, 1}, {80, 3}, {200, 9}, {5000, 71}} {
		var out bytes.Buffer
		hidden := printValues(&printer{Writer: &out, width: c.width}, names, [][]string{row, row}, c.width)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if shown := strings.Count(out.String(), "column_with_name_"); len(lines) != 6 || shown != c.shown || hidden != 71-c.shown {
			t.Errorf("width %d: %d columns, %d hidden, want %d; %d lines\n%s", c.width, shown, hidden, c.shown, len(lines), out.String())
		}
		for _, line := range lines {
			if w := text.StringWidthWithoutEscSequences(line); c.width > 0 && w > c.width {
				t.Errorf("a line is %d wide, the terminal %d", w, c.width)
			}
		}
		out.Reset()
		printRecords(&printer{Writer: &out, width: c.width}, names, [][]string{row, row})
		if n := strings.Count(out.String(), "\n"); n != 2*72 {
			t.Errorf("%d lines of two records with 71 values", n)
		}
		for line := range strings.Lines(out.String()) {
			if w := text.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")); c.width > 30 && w > c.width {
				t.Errorf("a line is %d wide, the terminal %d", w, c.width)
			}
		}
	}
}

// In a pipe a name stands on one line, whatever its length.
func TestTableOfLongNames(t *testing.T) {
	key := "raw/" + strings.Repeat("year=2024/", 30) + "orders.json"
	var out bytes.Buffer
	printTable(&out, []string{"object"}, [][]string{{key}})
	if !strings.Contains(out.String(), "│ "+key+" │") {
		t.Errorf("the key is not in one piece:\n%s", out.String())
	}
	out.Reset()
	printValues(&out, []string{"_source_key", strings.Repeat("long_name_", 10)}, [][]string{{key, key}}, 0)
	if !strings.Contains(out.String(), "│ "+key+" │") || !strings.Contains(out.String(), strings.Repeat("long_name_", 10)) {
		t.Errorf("the key or the name of a column is not in one piece:\n%s", out.String())
	}
	if strings.Count(out.String(), key) != 1 {
		t.Errorf("the value is not cut:\n%s", out.String())
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		widths []int
		width  int
		want   []int
	}{
		{[]int{100, 5}, 0, []int{100, 5}}, {[]int{100, 5}, 80, []int{68, 5}}, {[]int{40, 60, 3}, 80, []int{33, 34, 3}},
		{[]int{20, 20}, 80, []int{20, 20}}, {[]int{50, 50}, 10, []int{10, 10}},
	} {
		got := narrow(c.widths, c.width)
		for i := range c.want {
			if got[i] != c.want[i] {
				t.Errorf("narrow(%v, %d) = %v, want %v", c.widths, c.width, got, c.want)
				break
			}
		}
	}
}

// Colours are for terminals that have them.
func TestColors(t *testing.T) {
	c := &printer{color: true}
	if got := c.paint(red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("painted %q", got)
	}
	if got := (&printer{}).paint(red, "x"); got != "x" {
		t.Errorf("without colours %q", got)
	}
}

// A message is as it was, but for line ends between words on a terminal.
func TestSentence(t *testing.T) {
	const told = "convert  a file.json: object rejected at byte 6: truncated_json: the input ends inside a record"
	var out bytes.Buffer
	(&printer{Writer: &out}).sentence("sluice:", red, told)
	if out.String() != "sluice: "+told+"\n" {
		t.Errorf("got %q", out.String())
	}
	out.Reset()
	(&printer{Writer: &out, width: 40}).sentence("sluice:", red, told+"\nsecond line")
	want := "sluice: convert  a file.json: object\n    rejected at byte 6: truncated_json:\n    the input ends inside a record\nsecond line\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
