package flatten

import (
	"math"
	"time"

	"sluice/mapping"
	"sluice/reason"
)

// zone turns what clocks of a place show into moments.
type zone struct {
	*time.Location
	ambiguous mapping.Ambiguous

	day           int64 // of the last time
	before, after int64 // seconds east of UTC a day before it begins, and a day after it ends
}

func newZone(l *time.Location, a mapping.Ambiguous) *zone {
	return &zone{Location: l, ambiguous: a, day: math.MinInt64}
}

// utc is the second in which clocks of the zone show wall. No zone is as much
// as a day from UTC, and none changes twice in three days (a test of the
// package zones says so for all of them): so one of two offsets holds.
func (z *zone) utc(wall int64) (int64, reason.Code) {
	if day := floorDiv(wall, daySeconds); day != z.day {
		z.day = day
		z.before, z.after = z.east((day-1)*daySeconds), z.east((day+2)*daySeconds)
	}
	first, second := wall-z.before, wall-z.after
	if z.before == z.after {
		return first, ""
	}
	isFirst, isSecond := z.east(first) == z.before, z.east(second) == z.after
	switch {
	case !isFirst && !isSecond:
		return 0, reason.NoSuchTime
	case !isSecond:
		return first, ""
	case !isFirst:
		return second, ""
	case z.ambiguous == mapping.Earlier: // clocks were turned back: the first offset gives the earlier moment
		return first, ""
	case z.ambiguous == mapping.Later:
		return second, ""
	}
	return 0, reason.AmbiguousTime
}

// east is how many seconds the zone is east of UTC at a moment.
func (z *zone) east(second int64) int64 {
	_, offset := time.Unix(second, 0).In(z.Location).Zone()
	return int64(offset)
}
