package lake

import (
	"math"
	"math/big"
	"time"

	"sluice/internal/parquetread"
	"sluice/schema"
)

// axis puts numbers or times into bins, whose borders are round.
type axis struct {
	bins  int
	width string                      // of each bin: a number, or seconds; empty: they differ
	unit  string                      // of the calendar, if its bins are such
	at    func(parquetread.Value) int // the bin of a value; it may lie outside
	edge  func(bin int) string        // where a bin begins, as text of the column
}

// bin is the bin of a value: the first or the last for one outside.
func (a *axis) bin(v parquetread.Value) int { return min(max(a.at(v), 0), a.bins-1) }

// evenly makes an axis of two or more bins of equal width, up to most, for values of a
// type from low to high; nil if there is none, as for infinite numbers.
func evenly(t schema.Type, low, high parquetread.Value, most int) *axis {
	most = max(most, 2) // there is always a border at zero
	switch t.Kind {
	case schema.Double:
		return floatAxis(low.Float, high.Float, most)
	case schema.Timestamp:
		return wholeAxis(t, big.NewInt(low.Int), big.NewInt(high.Int), most, timeSteps)
	case schema.Date:
		return wholeAxis(t, big.NewInt(low.Int), big.NewInt(high.Int), most, []int64{1, 2, 7, 14})
	}
	return wholeAxis(t, low.Unscaled(), high.Unscaled(), most, nil)
}

const (
	second = int64(1e6) // in microseconds
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// timeSteps are round times from a second to two weeks.
var timeSteps = []int64{
	second, 2 * second, 5 * second, 10 * second, 15 * second, 30 * second,
	minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
	hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day,
}

// wholeAxis is for numbers without a point. A step is the first that needs no more
// than most bins: of steps, then 1, 2 or 5 with zeros, of times in days.
func wholeAxis(t schema.Type, low, high *big.Int, most int, steps []int64) *axis {
	step := new(big.Int)
	count := func() *big.Int {
		n := new(big.Int).Sub(floorDiv(high, step), floorDiv(low, step))
		return n.Add(n, big.NewInt(1))
	}
	fits := func() bool { return count().Cmp(big.NewInt(int64(most))) <= 0 }
	found := false
	unit := int64(1)
	if t.Kind == schema.Timestamp {
		unit = day
	}
	for _, s := range steps {
		if step.SetInt64(s); fits() {
			found = true
			break
		}
	}
	for ten := big.NewInt(unit); !found; ten.Mul(ten, big.NewInt(10)) {
		for _, m := range []int64{1, 2, 5} {
			if step.Mul(ten, big.NewInt(m)); fits() && (steps == nil || step.Cmp(big.NewInt(steps[len(steps)-1])) > 0) {
				found = true
				break
			}
		}
	}
	origin := floorDiv(low, step)
	origin.Mul(origin, step)
	a := &axis{bins: int(count().Int64())}
	text := func(n *big.Int) string {
		if kindOf(t) == kindTime {
			return parquetread.Value{Int: n.Int64()}.Text(t)
		}
		return parquetread.Decimal(n.String(), t.Scale) // a border may lie where no value of the type does
	}
	a.edge = func(bin int) string {
		n := new(big.Int).Mul(step, big.NewInt(int64(bin)))
		return text(n.Add(n, origin))
	}
	switch t.Kind {
	case schema.Timestamp:
		a.width = parquetread.Decimal(step.String(), 6)
	case schema.Date:
		a.width = new(big.Int).Mul(step, big.NewInt(day/second)).String()
	default:
		a.width = text(step)
	}
	// Most columns fit into 64 bits, also the distances in them.
	top := new(big.Int).Sub(high, origin)
	if origin.IsInt64() && high.IsInt64() && top.IsInt64() && step.IsInt64() {
		from, width := origin.Int64(), step.Int64()
		a.at = func(v parquetread.Value) int {
			n := v.Int
			if v.Bytes != nil {
				n = v.Unscaled().Int64()
			}
			if n < from {
				return 0
			}
			return int(uint64(n-from) / uint64(width))
		}
		return a
	}
	a.at = func(v parquetread.Value) int {
		return int(floorDiv(new(big.Int).Sub(v.Unscaled(), origin), step).Int64())
	}
	return a
}

// floorDiv is the greatest whole number that is not above a/b; b is above zero.
func floorDiv(a, b *big.Int) *big.Int {
	q, _ := new(big.Int).DivMod(a, b, new(big.Int)) // rounds down, as b is above zero
	return q
}

// floatAxis is for doubles.
func floatAxis(low, high float64, most int) *axis {
	if math.IsNaN(low) || math.IsInf(low, 0) || math.IsInf(high-low, 0) || math.IsNaN(high-low) {
		return nil
	}
	// A step is 1, 2 or 5 with a power of ten. So borders are whole numbers of the
	// power, and can be written without a rest.
	exponent := -300
	if high > low {
		exponent = int(math.Floor(math.Log10((high-low)/float64(most)))) - 1
	} else if low != 0 {
		exponent = int(math.Floor(math.Log10(math.Abs(low)))) - 2
	} else {
		exponent = 0
	}
	for ; ; exponent++ {
		for _, m := range []int64{1, 2, 5} {
			step := float64(m) * math.Pow10(exponent)
			if step == 0 || math.IsInf(low/step, 0) || math.IsInf(high/step, 0) {
				continue
			}
			first := math.Floor(low / step)
			if n := math.Floor(high/step) - first + 1; n > float64(most) {
				continue
			}
			a := &axis{bins: int(math.Floor(high/step)-first) + 1}
			a.width = powered(big.NewInt(m), exponent)
			a.at = func(v parquetread.Value) int {
				if math.IsNaN(v.Float) {
					return -1
				}
				return int(math.Floor(v.Float/step) - first)
			}
			start, _ := big.NewFloat(first).Int(nil)
			a.edge = func(bin int) string {
				n := new(big.Int).Add(start, big.NewInt(int64(bin)))
				return powered(n.Mul(n, big.NewInt(m)), exponent)
			}
			return a
		}
	}
}

// powered writes n times a power of ten.
func powered(n *big.Int, exponent int) string {
	if exponent < 0 {
		return parquetread.Decimal(n.String(), -exponent)
	}
	return new(big.Int).Mul(n, tenTo(exponent)).String()
}

// unit is a unit of the calendar that times are grouped by.
type unit struct {
	name   string
	number func(microseconds int64) int64 // of the unit that a time lies in
	begin  func(number int64) int64       // in microseconds
}

// fixed is a unit of equal lengths. offset is where one begins.
func fixed(name string, length, offset int64) unit {
	return unit{
		name:   name,
		number: func(at int64) int64 { return down(at-offset, length) },
		begin:  func(n int64) int64 { return n*length + offset },
	}
}

// down divides and rounds down.
func down(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// months is a unit of length months.
func months(name string, length int64) unit {
	return unit{
		name: name,
		number: func(at int64) int64 {
			t := time.UnixMicro(at).UTC()
			return down(int64(t.Year())*12+int64(t.Month())-1, length)
		},
		begin: func(n int64) int64 {
			m := n * length
			return time.Date(int(down(m, 12)), time.Month(m-12*down(m, 12)+1), 1, 0, 0, 0, 0, time.UTC).UnixMicro()
		},
	}
}

// units from the smallest on. 1970-01-05 was a Monday.
var units = []unit{
	fixed("minute", minute, 0), fixed("hour", hour, 0), fixed("day", day, 0), fixed("week", 7*day, 4*day), months("month", 1), months("quarter", 3),
	months("year", 12), months("decade", 120), months("century", 1200), months("millennium", 12000), months("", 120000),
}

// calendar makes an axis of two or more units of the calendar, up to most, of the
// smallest unit for which they suffice; nil if there is none.
func calendar(t schema.Type, low, high parquetread.Value, most int) *axis {
	length := int64(1)
	all := units
	if t.Kind == schema.Date {
		length, all = day, units[2:]
	}
	most = max(most, 2) // two times that are near each other may have a border of every unit between them
	const far = math.MaxInt64 / 4
	if low.Int < -far/length || high.Int > far/length {
		return nil
	}
	for _, u := range all {
		first := u.number(low.Int * length)
		n := u.number(high.Int*length) - first + 1
		if n > int64(most) {
			continue
		}
		return &axis{
			bins: int(n),
			unit: u.name,
			at:   func(v parquetread.Value) int { return int(u.number(v.Int*length) - first) },
			edge: func(bin int) string {
				return parquetread.Value{Int: down(u.begin(first+int64(bin)), length)}.Text(t)
			},
		}
	}
	return nil
}
