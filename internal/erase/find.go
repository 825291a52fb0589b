package erase

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strings"
	"sync"

	"sluice"
	"sluice/internal/batch"
	"sluice/internal/conversion"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetread"
	"sluice/internal/quarantine"
	"sluice/internal/upkeep"
	"sluice/mapping"
	"sluice/schema"
)

// records are what was found in the JSON of an object.
type records struct {
	cut      []span        // records that are a person's, in order
	byText   int           // of these: they do not fit the mapping, and were found by their text
	mixed    []mixedRecord // that have rows of others too, in order; they are not in cut
	rejected bool          // it cannot be trusted, or records of it are too large to be read
	hasText  bool          // of a rejected one: it has a value somewhere

	kept  int64  // rows and quarantined records that are not cut
	state uint64 // what these are, in any order
}

// finder looks for the records of persons in objects.
type finder struct {
	mapping    *mapping.Mapping // of the tables, with the offsets of records
	matchers   []*upkeep.Matcher
	conditions []upkeep.Condition
	texts      *texts
}

func newFinder(m *mapping.Mapping, conditions []upkeep.Condition) (*finder, error) {
	located := *m
	located.Provenance = true
	// Records of an object that is rejected for their number are records all the same.
	located.Limits.QuarantineShare, located.Limits.QuarantineBytes = 1, math.MaxInt64
	f := &finder{mapping: &located, conditions: conditions, texts: newTexts(m, conditions)}
	for i := range located.Tables {
		match, err := upkeep.NewMatcher(located.Schema(&located.Tables[i]).Columns, conditions)
		if err != nil {
			return nil, err
		}
		f.matchers = append(f.matchers, match)
	}
	return f, nil
}

// find converts an object, and says which of its records give rows that meet a condition.
// It is converted a second time if there are some, to know what the others give.
func (f *finder) find(ctx context.Context, key string, open func() (io.ReadCloser, error)) (*records, error) {
	first := &look{f: f, of: map[int64]*rows{}}
	if err := first.convert(ctx, key, open); err != nil {
		return nil, err
	}
	r := &records{rejected: first.rejected}
	if r.rejected {
		in, err := open()
		if err != nil {
			return nil, err
		}
		defer in.Close()
		r.hasText, err = f.searched(ctx, in)
		return r, err
	}
	if len(first.of) == 0 {
		return r, nil
	}
	second := &look{f: f, of: first.of, again: true}
	if err := second.convert(ctx, key, open); err != nil {
		return nil, err
	}
	for offset, record := range first.of {
		switch {
		case record.others > 0: // it stays
			r.mixed = append(r.mixed, mixedRecord{offset, record.hits, record.matches, record.matchState})
			second.kept, second.state = second.kept+record.rows, second.state+record.state
			continue
		case record.text:
			r.byText++
		}
		r.cut = append(r.cut, span{offset, record.length})
	}
	slices.SortFunc(r.cut, func(a, b span) int { return cmp.Compare(a.offset, b.offset) })
	slices.SortFunc(r.mixed, func(a, b mixedRecord) int { return cmp.Compare(a.offset, b.offset) })
	r.kept, r.state = second.kept, second.state
	return r, nil
}

// check is what an object gives without the records that were cut: for comparison.
func (f *finder) check(ctx context.Context, key string, in io.Reader) (kept int64, state uint64, rejected bool, err error) {
	l := &look{f: f, of: map[int64]*rows{}, again: true}
	err = l.convert(ctx, key, func() (io.ReadCloser, error) { return io.NopCloser(in), nil })
	return l.kept, l.state, l.rejected, err
}

// searched reports whether a text of any kind has one of the values.
func (f *finder) searched(ctx context.Context, in io.Reader) (bool, error) {
	plain := decompressed(ctx, in, f.mapping)
	defer plain.Close()
	t := f.texts.fresh()
	// What does not decompress to its end has no more than that to say.
	_, err := io.Copy(t, plain)
	t.end()
	if err != nil && ctx.Err() != nil {
		return false, err
	}
	return t.Found, nil
}

// rows are those of a record.
type rows struct {
	matches, others int64    // in the tables that have a column of a condition
	hits            [][]bool // of each table, which of its rows are matches
	rows            int64    // in all tables
	state           uint64
	matchState      uint64
	length          int64 // of one that is no JSON; else 0
	text            bool
}

// look is a conversion for its records.
type look struct {
	f *finder

	mu       sync.Mutex      // of the rest: quarantined records are read beside the rows
	of       map[int64]*rows // by the offset of the record; in the first pass those with matches
	again    bool            // the second pass
	rejected bool
	kept     int64
	state    uint64
}

// convert converts an object, and gives its rows to the tables of the look.
func (l *look) convert(ctx context.Context, key string, open func() (io.ReadCloser, error)) error {
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	held, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := l.quarantined(ctx, held)
		held.CloseWithError(err)
		done <- err
	}()
	_, err = sluice.Convert(ctx, nil, in, l.f.mapping, &sluice.Options{
		Source: key, AcceptDrift: true, Quarantine: write,
		Table: func(name string) (io.Writer, error) {
			i := slices.IndexFunc(l.f.mapping.Tables, func(t mapping.Table) bool { return t.Name == name })
			return &tableRows{l: l, table: i}, nil
		},
	})
	write.Close()
	read := <-done
	if errors.As(err, new(*sluice.RejectError)) {
		l.rejected, err = true, nil
	}
	return errors.Join(err, read)
}

// quarantined looks at records that do not fit.
func (l *look) quarantined(ctx context.Context, in io.Reader) error {
	w := jsonscan.NewWindow(ctx, in)
	if begins, err := quarantine.Begins(w, int(l.f.mapping.Limits.RecordBytes)); err != nil || !begins {
		return err
	}
	r := quarantine.NewReader(w, int(l.f.mapping.Limits.RecordBytes))
	for {
		e, raw, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, quarantine.ErrTooLarge):
			if err := r.Discard(func([]byte) error { return nil }); err != nil {
				return err
			}
			l.mu.Lock()
			l.rejected = true
			l.mu.Unlock()
			continue
		case err != nil:
			return fmt.Errorf("read quarantined records: %w", err)
		}
		l.misfit(e.Offset, raw)
	}
}

// misfit looks at a record that does not fit.
func (l *look) misfit(offset int64, raw []byte) {
	is := !l.again && l.f.texts.has(raw)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case is:
		length := int64(0)
		if !isJSON(raw) {
			length = int64(len(raw))
		}
		l.of[offset] = &rows{length: length, text: true}
	case l.again && l.of[offset] == nil:
		h := fnv.New64a()
		h.Write(raw)
		l.kept, l.state = l.kept+1, l.state+h.Sum64()
	}
}

// isJSON reports whether the end of a record can be found from its text.
func isJSON(raw []byte) bool {
	var s skipper
	for i, b := range raw {
		ended, took := s.take(b)
		if ended {
			return took && i == len(raw)-1
		}
	}
	return s.ends()
}

// tableRows takes the rows of a table. It is an [io.Writer] because the library asks for one.
type tableRows struct {
	io.Writer
	l      *look
	table  int
	schema schema.Schema
}

// Output implements [conversion.Rows].
func (t *tableRows) Output(mapped schema.Schema) (conversion.Output, error) {
	t.schema = mapped
	return conversion.Output{Schema: mapped, Take: func(b *batch.Batch) (*batch.Batch, error) { return b, t.take(b) }}, nil
}

func (t *tableRows) take(b *batch.Batch) error {
	t.l.mu.Lock()
	defer t.l.mu.Unlock()
	offsets := make([]int64, b.Rows)
	at := slices.IndexFunc(t.schema.Columns, func(c schema.Column) bool { return c.Name == mapping.SourceOffset })
	entries := make([]uint32, b.Rows)
	rowEntries(b, &b.Columns[at], entries)
	for row, entry := range entries {
		offsets[row] = int64(b.Columns[at].Fixed[entry])
	}
	matches, err := t.matches(b, entries)
	if err != nil {
		return err
	}
	if !t.l.again {
		for row, is := range matches {
			if is && t.l.of[offsets[row]] == nil {
				t.l.of[offsets[row]] = &rows{}
			}
		}
		return nil
	}
	sums := t.hashes(b, entries)
	searched := len(t.l.f.matchers[t.table].Columns) > 0
	for row, offset := range offsets {
		record := t.l.of[offset]
		if record == nil {
			t.l.kept, t.l.state = t.l.kept+1, t.l.state+sums[row]
			continue
		}
		record.rows, record.state = record.rows+1, record.state+sums[row]
		if record.hits == nil {
			record.hits = make([][]bool, len(t.l.f.matchers))
		}
		record.hits[t.table] = append(record.hits[t.table], matches[row])
		switch {
		case matches[row]:
			record.matches, record.matchState = record.matches+1, record.matchState+sums[row]
		case searched:
			record.others++
		}
	}
	return nil
}

// rowEntries gives each row its entry of a column; batch.Null: none.
func rowEntries(b *batch.Batch, c *batch.Column, entries []uint32) {
	var runs []uint32
	if c.Level < b.Depth {
		runs = b.Runs[c.Level]
	}
	row := 0
	for element, entry := range c.Index {
		n := 1
		if runs != nil {
			n = int(runs[element])
		}
		for range n {
			if row < len(entries) {
				entries[row] = entry
				row++
			}
		}
	}
}

// matches says which rows meet a condition.
func (t *tableRows) matches(b *batch.Batch, entries []uint32) ([]bool, error) {
	match := t.l.f.matchers[t.table]
	rows := make([]bool, b.Rows)
	for n, column := range match.Columns {
		c := &b.Columns[column]
		rowEntries(b, c, entries)
		known := map[uint32]bool{}
		for row, entry := range entries {
			if entry == batch.Null {
				continue
			}
			is, seen := known[entry]
			if !seen {
				var err error
				if is, err = entryHas(match, n, c, entry); err != nil {
					return nil, err
				}
				known[entry] = is
			}
			rows[row] = rows[row] || is
		}
	}
	return rows, nil
}

func entryHas(match *upkeep.Matcher, n int, c *batch.Column, entry uint32) (bool, error) {
	if c.List == nil {
		return match.Is(n, valueOf(c, entry)), nil
	}
	for _, item := range c.List.Values(entry) {
		if item != batch.Null && match.Is(n, valueOf(&c.List.Items, item)) {
			return true, nil
		}
	}
	return false, nil
}

// valueOf is an entry of a column as a reader of files has it.
func valueOf(c *batch.Column, entry uint32) parquetread.Value {
	if c.Type.Bytes() {
		return parquetread.Value{Bytes: c.Entry(entry)}
	}
	if c.Type.Kind == schema.Double {
		return parquetread.Value{Float: math.Float64frombits(c.Fixed[entry])}
	}
	if c.Type.Kind == schema.Int32 || c.Type.Kind == schema.Date {
		return parquetread.Value{Int: int64(int32(c.Fixed[entry]))}
	}
	return parquetread.Value{Int: int64(c.Fixed[entry])}
}

// hashes is a number for each row, of the values of all its columns but those that say
// where in the object it is from.
func (t *tableRows) hashes(b *batch.Batch, entries []uint32) []uint64 {
	sums := make([]uint64, b.Rows)
	for i := range b.Columns {
		c := &b.Columns[i]
		switch c.Name {
		case mapping.SourceOffset, mapping.RecordNumber, mapping.LineNumber, mapping.SublineNumber:
			continue
		}
		rowEntries(b, c, entries)
		for row, entry := range entries {
			h := fnv.New64a()
			var n [16]byte
			binary.LittleEndian.PutUint64(n[:], sums[row])
			binary.LittleEndian.PutUint64(n[8:], uint64(i))
			h.Write(n[:])
			switch {
			case entry == batch.Null:
			case c.List != nil:
				for _, item := range c.List.Values(entry) {
					h.Write([]byte{'['})
					if item != batch.Null {
						writeEntry(h, &c.List.Items, item)
					}
				}
			default:
				writeEntry(h, c, entry)
			}
			sums[row] = h.Sum64()
		}
	}
	for row := range sums {
		sums[row] += uint64(t.table+1) * 0x9e3779b97f4a7c15
	}
	return sums
}

func writeEntry(h io.Writer, c *batch.Column, entry uint32) {
	if c.Type.Bytes() {
		h.Write([]byte{1})      //nolint:errcheck // a hash takes everything
		h.Write(c.Entry(entry)) //nolint:errcheck // as above
		return
	}
	var n [9]byte
	n[0] = 1
	binary.LittleEndian.PutUint64(n[1:], c.Fixed[entry])
	h.Write(n[:]) //nolint:errcheck // as above
}

// wrapped reports whether each document has one record inside, so that the document goes
// with it.
func (f *finder) wrapped() bool {
	return slices.ContainsFunc(f.mapping.Records, func(p mapping.Path) bool {
		return len(p) > 0 && !p[len(p)-1].Wild()
	})
}

// contains reports whether a text has the value of a condition on texts, as it is or as
// JSON writes it.
func (f *finder) contains(text []byte) bool {
	for value := range f.texts.strings {
		if len(value) >= leastText && (bytes.Contains(text, []byte(value)) || bytes.Contains(text, quoted(value))) {
			return true
		}
	}
	return false
}

// leastText is the length of a text below which finding it somewhere says nothing.
const leastText = 3

func quoted(value string) []byte {
	text := jsonscan.AppendQuoted(nil, value)
	return text[1 : len(text)-1]
}

// keyContains is contains for the key of an object.
func (f *finder) keyContains(key string) bool {
	return f.contains([]byte(key)) || slices.ContainsFunc(f.conditions, func(c upkeep.Condition) bool {
		return len(c.Value) >= leastText && strings.Contains(key, c.Value)
	})
}
