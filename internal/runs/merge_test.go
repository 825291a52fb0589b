package runs

import (
	"strconv"
	"testing"
)

// Runs of the lowest level are left to commits, and a large one to when the newer ones
// have grown.
func TestMergeDue(t *testing.T) {
	for _, c := range []struct {
		levels, bytes []int64
		from, to      int
	}{
		{nil, nil, 0, 0},
		{[]int64{0, 0, 0}, []int64{1, 1, 1}, 0, 0},
		{[]int64{0, 1}, []int64{1, 8}, 0, 0},
		{[]int64{0, 0, 1, 1}, []int64{1, 1, 8, 8}, 2, 4},
		{[]int64{1, 1, 1, 2, 3}, []int64{3, 3, 3, 60, 400}, 0, 3},
		{[]int64{1, 2, 2, 3}, []int64{30, 60, 64, 300}, 0, 4},
		{[]int64{1, 2, 3}, []int64{1, 60, 100}, 0, 3}, // the two together are worth the third
		{[]int64{1, 2}, []int64{1, 60}, 0, 0},
	} {
		r := &Root{}
		for i := range c.levels {
			r.Runs = append(r.Runs, Info{Level: int(c.levels[i]), Bytes: c.bytes[i]})
		}
		for i := range r.Runs {
			r.Runs[i].Name = strconv.Itoa(i)
		}
		files, runs := r.MergeDue()
		if runs != c.to-c.from || runs > 0 && files[0].Name != strconv.Itoa(c.from) {
			t.Errorf("%v, %v: %d of %v, and not %d to %d", c.levels, c.bytes, runs, files, c.from, c.to)
		}
	}
}
