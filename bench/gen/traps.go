package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"sluice/internal/gen"
)

// late is the record from which on some members change: DuckDB's sample ends there.
const late = 20_480

// traps are members that make the types of a document hard to find. Each
// appends its member to the order with that ordinal.
var traps = []struct {
	name   string
	append func(b []byte, r *rand.Rand, n int64, last bool) []byte
}{
	{"gift_message", func(b []byte, _ *rand.Rand, _ int64, last bool) []byte {
		if !last {
			return b
		}
		return append(b, `,"gift_message":"Happy birthday"`...)
	}},
	{"total", func(b []byte, r *rand.Rand, _ int64, _ bool) []byte {
		return money(append(b, `,"total":`...), r)
	}},
	{"tax", func(b []byte, r *rand.Rand, _ int64, _ bool) []byte {
		return append(money(append(b, `,"tax":"`...), r), '"')
	}},
	{"payment_id", func(b []byte, r *rand.Rand, _ int64, _ bool) []byte {
		return strconv.AppendInt(append(b, `,"payment_id":`...), 1<<53+r.Int64N(1<<60), 10)
	}},
	{"session_id", func(b []byte, r *rand.Rand, _ int64, _ bool) []byte { // Above 2^64.
		b = strconv.AppendInt(append(b, `,"session_id":`...), 100+r.Int64N(900), 10)
		return fmt.Appendf(b, "%018d", r.Int64N(1e18))
	}},
	{"customer_number", func(b []byte, r *rand.Rand, _ int64, _ bool) []byte {
		return fmt.Appendf(b, `,"customer_number":"%08d"`, r.Int64N(10_000_000))
	}},
	{"reference", func(b []byte, r *rand.Rand, n int64, _ bool) []byte {
		if n >= late && n%100 == 0 {
			return fmt.Appendf(b, `,"reference":"R-%d"`, n)
		}
		return strconv.AppendInt(append(b, `,"reference":`...), r.Int64N(1_000_000), 10)
	}},
	{"weight", func(b []byte, r *rand.Rand, n int64, _ bool) []byte {
		b = strconv.AppendInt(append(b, `,"weight":`...), 1+r.Int64N(30), 10)
		if n >= late && n%100 == 0 {
			b = append(b, ".25"...)
		}
		return b
	}},
	{"coupon", func(b []byte, r *rand.Rand, n int64, _ bool) []byte {
		if n < late || r.IntN(2) == 0 {
			return append(b, `,"coupon":null`...)
		}
		return fmt.Appendf(b, `,"coupon":"SAVE-%d"`, r.IntN(50))
	}},
	{"refunds", func(b []byte, r *rand.Rand, n int64, _ bool) []byte {
		b = append(b, `,"refunds":[`...)
		if n >= 10_000 && n%10 == 0 {
			b = append(money(append(b, `{"reason":"damaged","amount":`...), r), '}')
		}
		return append(b, ']')
	}},
	{"taxes", func(b []byte, r *rand.Rand, _ int64, _ bool) []byte { // Beside the products.
		b = append(b, `,"taxes":[`...)
		for i := range 1 + r.IntN(2) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(money(append(b, `{"name":"VAT","amount":`...), r), '}')
		}
		return append(b, ']')
	}},
	{"placed_at", func(b []byte, r *rand.Rand, n int64, _ bool) []byte {
		offset := [...]string{"+02:00", "-05:00", "+05:30", "Z"}[r.IntN(4)]
		return fmt.Appendf(b, `,"placed_at":"2024-%02d-%02dT%02d:%02d:%02d%s"`, 1+n/28%12, 1+n%28, r.IntN(24), r.IntN(60), r.IntN(60), offset)
	}},
}

// money appends an amount with two to four digits after the point.
func money(b []byte, r *rand.Rand) []byte {
	b = strconv.AppendInt(b, r.Int64N(100_000), 10)
	for i := range 2 + r.IntN(3) {
		if i == 0 {
			b = append(b, '.')
		}
		b = append(b, byte('0'+r.IntN(10)))
	}
	return b
}

// errFull ends the generation of orders: the document has its size.
var errFull = errors.New("the document has its size")

// trapWriter adds the traps to each order of NDJSON that it is given. An order
// goes to w when the next one is there: the last one has a member of its own.
type trapWriter struct {
	w       io.Writer
	rngs    []*rand.Rand // one for each trap: alone it has the same values
	only    string       // the one trap to add; "": all
	most    int64        // bytes
	rest    []byte       // of a line that is not complete
	held    []byte       // the order before, not yet written
	out     []byte
	records int64
	bytes   int64
}

func (t *trapWriter) Write(p []byte) (int, error) {
	t.rest = append(t.rest, p...)
	lines := t.rest
	for {
		line, rest, found := bytes.Cut(lines, []byte{'\n'})
		if !found {
			break
		}
		if t.held != nil {
			if err := t.order(false); err != nil {
				return 0, err
			}
		}
		t.held, lines = append(t.held[:0], line...), rest
		if t.bytes >= t.most {
			return 0, errFull
		}
	}
	t.rest = append(t.rest[:0], lines...)
	return len(p), nil
}

// order writes the order that is held.
func (t *trapWriter) order(last bool) error {
	t.out = append(t.out[:0], t.held[:len(t.held)-1]...)
	for i, trap := range traps {
		if t.only == "" || t.only == trap.name {
			t.out = trap.append(t.out, t.rngs[i], t.records, last)
		}
	}
	t.out = append(t.out, "}\n"...)
	t.records++
	t.bytes += int64(len(t.out))
	_, err := t.w.Write(t.out)
	return err
}

// writeTraps writes orders with traps, until there are as many bytes or orders
// as o says.
func writeTraps(w io.Writer, o gen.Options, only string) (gen.Counts, error) {
	t := &trapWriter{w: w, only: only, most: o.Bytes}
	known := only == ""
	for i, trap := range traps {
		t.rngs = append(t.rngs, rand.New(rand.NewPCG(o.Seed, uint64(i+1))))
		known = known || trap.name == only
	}
	if !known {
		return gen.Counts{}, fmt.Errorf("unknown trap %q", only)
	}
	if _, err := gen.Write(t, o); err != nil && !errors.Is(err, errFull) {
		return gen.Counts{}, err
	}
	if t.held == nil {
		return gen.Counts{}, errors.New("no orders: -mb is too small")
	}
	if err := t.order(true); err != nil {
		return gen.Counts{}, fmt.Errorf("write generated orders: %w", err)
	}
	return gen.Counts{Orders: t.records, Bytes: t.bytes}, nil
}
