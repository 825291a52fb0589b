// Package suggest finds what somebody may have meant by a mistyped word.
package suggest

import "strings"

// OneOf is the words as a sentence has them: "a, b or c".
func OneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Near is the known word that differs least from word, by at most two letters
// that were added, left out, changed or swapped with their neighbour; empty if
// there is none.
func Near(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		// A short word is near others that have nothing to do with it.
		if d := distance([]rune(word), []rune(k)); d < least && d > 0 && d*2 <= len([]rune(k)) {
			best, least = k, d
		}
	}
	return best
}

// DidYouMean is Near as the end of a sentence: "; did you mean X?", or nothing.
func DidYouMean(word string, known []string) string {
	if near := Near(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// distance is the number of edits between two words (optimal string alignment).
func distance(a, b []rune) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
