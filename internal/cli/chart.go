package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"sluice/internal/query"
)

// The kinds of charts. auto draws a line over times, and else bars.
const (
	chartAuto = "auto"
	chartBar  = "bar"
	chartLine = "line"
)

const (
	maxPoints  = 10_000
	maxLabel   = 30 // characters beside a bar
	chartWidth = 80 // where there is no terminal
	lineHeight = 12 // lines of a terminal
)

// point is a row of a result that is drawn. The texts are exact; y is only for the
// length of bars.
type point struct {
	label, text string
	y           float64 // NaN: nothing to draw
}

// printChart draws the second column of a result over its first.
func printChart(w *printer, rows query.Rows, kind string) error {
	columns := rows.Columns()
	if len(columns) < 2 || !columns[1].Number() {
		return errors.New("a chart needs a first column of labels and a second column of numbers")
	}
	var points []point
	more := false
	err := each(rows, func(row []*string) error {
		if len(points) == maxPoints {
			more = true
			return io.EOF
		}
		p := point{null, null, math.NaN()}
		if row[0] != nil {
			p.label = value(*row[0], maxLabel)
		}
		if row[1] != nil {
			p.text = *row[1]
			if y, err := strconv.ParseFloat(p.text, 64); err == nil && !math.IsInf(y, 0) {
				p.y = y
			}
		}
		points = append(points, p)
		return nil
	})
	if err != nil && !more {
		return err
	}
	width := chartWidth
	if w.width > 0 {
		width = w.width
	}
	fmt.Fprintf(w, "%s by %s\n", visible(columns[1].Name), visible(columns[0].Name))
	isTime := columns[0].Type == "DATE" || strings.HasPrefix(columns[0].Type, "TIMESTAMP")
	if kind == chartLine || kind == chartAuto && isTime {
		printLine(w, points, columns[0], width)
	} else {
		printBars(w, points, width)
	}
	if more {
		fmt.Fprintf(w, "these are the first %s\n", plural(maxPoints, "row"))
	}
	return nil
}

// span is the range of what is drawn; ok is false if that is nothing.
func span(points []point) (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, p := range points {
		if !math.IsNaN(p.y) {
			low, high = min(low, p.y), max(high, p.y)
		}
	}
	return low, high, low <= high
}

// printBars draws a bar for each point, to the right of zero or to the left.
func printBars(w *printer, points []point, width int) {
	low, high, _ := span(points)
	low, high = min(low, 0), max(high, 0)
	labels, numbers := 0, 0
	for _, p := range points {
		labels = max(labels, text.StringWidthWithoutEscSequences(p.label))
		numbers = max(numbers, len(p.text))
	}
	room := max(width-labels-numbers-4, minWrapped)
	zero := int(math.Round(-low / (high - low) * float64(room)))
	for _, p := range points {
		bar := ""
		switch {
		case p.y > 0:
			eighths := max(int(p.y/high*float64(8*(room-zero))), 1)
			bar = strings.Repeat(" ", zero) + strings.Repeat("█", eighths/8) + strings.TrimSpace(string([]rune(" ▏▎▍▌▋▊▉")[eighths%8]))
		case p.y < 0:
			cells := min(max(int(math.Round(p.y/low*float64(zero))), 1), zero)
			bar = strings.Repeat(" ", zero-cells) + strings.Repeat("█", cells)
		}
		line := fmt.Sprintf("%s │ %s%s %s", text.Pad(p.label, labels, ' '), strings.Repeat(" ", numbers-len(p.text)), p.text, w.paint(green, bar))
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// printLine draws a line through the points, in dots of braille: two columns and
// four rows of them in each character. Numbers and times have their place on the
// axis, other labels follow one another.
func printLine(w *printer, points []point, x query.Column, width int) {
	low, high, ok := span(points)
	if !ok {
		fmt.Fprintln(w, "there is nothing to draw")
		return
	}
	top, bottom := strconv.FormatFloat(high, 'g', 6, 64), strconv.FormatFloat(low, 'g', 6, 64)
	margin := max(len(top), len(bottom))
	columns := max(width-margin-3, minWrapped)
	places, first, last := placesOf(points, x)
	var dots [lineHeight][]rune
	for i := range dots {
		dots[i] = []rune(strings.Repeat("⠀", columns))
	}
	set := func(x, y float64) { // 0 to 1, from the left and from below
		column, row := int(math.Round(x*float64(2*columns-1))), int(math.Round((1-y)*(4*lineHeight-1)))
		dots[row/4][column/2] |= [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}[row%4][column%2]
	}
	scale := func(v, low, high float64) float64 {
		if high == low {
			return 0.5
		}
		return (v/2 - low/2) / (high/2 - low/2) // halves do not overflow
	}
	before := math.NaN() // the place of the point before
	var height float64
	for i, p := range points {
		if math.IsNaN(p.y) || math.IsNaN(places[i]) {
			before = math.NaN()
			continue
		}
		x, y := scale(places[i], places[first], places[last]), scale(p.y, low, high)
		set(x, y)
		if !math.IsNaN(before) {
			steps := 1 + int(max(math.Abs(x-before)*2*float64(columns), math.Abs(y-height)*4*lineHeight))
			for s := range steps {
				part := float64(s) / float64(steps)
				set(before+(x-before)*part, height+(y-height)*part)
			}
		}
		before, height = x, y
	}
	for i, line := range dots {
		label := map[int]string{0: top, lineHeight - 1: bottom}[i]
		fmt.Fprintf(w, "%*s │%s\n", margin, label, w.paint(green, string(line)))
	}
	begin, end := points[first].label, points[last].label
	gap := max(columns-text.StringWidthWithoutEscSequences(begin)-text.StringWidthWithoutEscSequences(end), 1)
	fmt.Fprintf(w, "%s └%s\n%s  %s%s%s\n", strings.Repeat(" ", margin), strings.Repeat("─", columns), strings.Repeat(" ", margin), begin, strings.Repeat(" ", gap), end)
}

// placesOf are the places of points on the axis, NaN for those that have none, and
// which points are the first and the last there.
func placesOf(points []point, x query.Column) (places []float64, first, last int) {
	places = make([]float64, len(points))
	found := false
	for i, p := range points {
		places[i] = placeOf(p.label, float64(i), x)
		if math.IsNaN(places[i]) || math.IsNaN(p.y) {
			continue
		}
		if !found || places[i] < places[first] {
			first = i
		}
		if !found || places[i] > places[last] {
			last = i
		}
		found = true
	}
	if !found {
		for i := range places { // times without numbers: nothing is drawn
			places[i] = float64(i)
		}
	}
	return places, first, last
}

func placeOf(label string, ordinal float64, x query.Column) float64 {
	switch {
	case x.Number():
		v, err := strconv.ParseFloat(label, 64)
		if err != nil || math.IsInf(v, 0) {
			return math.NaN()
		}
		return v
	case x.Type == "DATE" || strings.HasPrefix(x.Type, "TIMESTAMP"):
		for _, layout := range []string{time.DateOnly, time.RFC3339Nano, "2006-01-02 15:04:05.999999999"} {
			if at, err := time.Parse(layout, label); err == nil {
				return float64(at.Unix())
			}
		}
		return math.NaN()
	}
	return ordinal
}
