package runs

import (
	"context"
	"fmt"
	"slices"

	"sluice/internal/parquetcolumn"
)

// A scan goes through all runs at once. What it holds does not grow with the number of
// keys: of each run whose keys come, a page, what the footer of its file says, and what was
// read ahead of it, which is the less the more runs there are. Their number is bounded by
// merges.

// aheadBytes is what a scan reads ahead of all runs together, as long as each has a block.
const aheadBytes = 8 << 20

// Scan calls fn with the entries of all keys, in the order of the keys.
func (f Files) Scan(ctx context.Context, root *Root, fn func(*Entry) error) error {
	return f.scanEntries(ctx, root, colCount, fn)
}

// ScanBrief is Scan for those who compare states: entries lack the files of their rows
// and, of their state, what has no column of its own. It takes a small part of the time.
func (f Files) ScanBrief(ctx context.Context, root *Root, fn func(*Entry) error) error {
	return f.scanEntries(ctx, root, briefCount, fn)
}

func (f Files) scanEntries(ctx context.Context, root *Root, columns int, fn func(*Entry) error) error {
	f.Cache = nil // it sees the files
	var last Entry
	return f.scan(ctx, root.Runs, columns, func(c *cursor) error {
		last.Key = c.key
		if err := c.entries.entry(c.row, &last); err != nil {
			return c.failed(err)
		}
		e := last
		return fn(&e)
	})
}

// scan calls fn with a cursor at each key of runs, which has the first columns of its run.
// A run is open only while its keys come: of keys with a date in their names, few are.
func (f Files) scan(ctx context.Context, files []Info, columns int, fn func(*cursor) error) error {
	var later []*cursor
	for age, s := range spans(files) {
		later = append(later, &cursor{files: f, left: files[s.from:s.to], age: age, columns: columns, ctx: ctx})
	}
	slices.SortStableFunc(later, func(a, b *cursor) int { return a.left[0].First.Compare(b.left[0].First) })
	piece := pieceOf(later)
	var open []*cursor // the newest comes first, and wins
	for {
		var least *cursor
		for _, c := range open {
			if least == nil || c.key.Compare(least.key) < 0 {
				least = c
			}
		}
		if len(later) > 0 && (least == nil || later[0].left[0].First.Compare(least.key) <= 0) {
			c := later[0]
			later = later[1:]
			c.piece = piece
			if err := c.next(); err != nil {
				return err
			}
			if c.entries != nil {
				at, _ := slices.BinarySearchFunc(open, c.age, func(c *cursor, age int) int { return c.age - age })
				open = slices.Insert(open, at, c)
			}
			continue
		}
		if least == nil {
			return nil
		}
		if err := fn(least); err != nil {
			return err
		}
		key, ended := least.key, false
		for _, c := range open {
			if c.key != key {
				continue
			}
			if err := c.next(); err != nil {
				return err
			}
			ended = ended || c.entries == nil
		}
		if ended {
			open = slices.DeleteFunc(open, func(c *cursor) bool { return c.entries == nil })
		}
	}
}

// pieceOf is the size of what is read at a time of runs, which are sorted by their first
// keys: each of those that are open at once has two pieces.
func pieceOf(runs []*cursor) int64 {
	most := 1
	for i, c := range runs {
		open := 1
		for _, before := range runs[:i] {
			if before.left[len(before.left)-1].Last.Compare(c.left[0].First) >= 0 {
				open++
			}
		}
		most = max(most, open)
	}
	return max(1, aheadBytes/int64(2*most)/blockBytes) * blockBytes
}

// cursor goes through a run.
type cursor struct {
	files   Files
	left    []Info // files that were not gone through; the first one is open, if one is
	age     int    // place in the root
	columns int    // that are read
	piece   int64
	ctx     context.Context
	run     *run // that is open
	group   int  // that comes next
	chunks  []*parquetcolumn.Chunk
	entries *entries // nil after the last one
	row     int
	key     Key
}

func (c *cursor) failed(err error) error {
	return fmt.Errorf("read ledger run %s: %w", c.left[0].Name, err)
}

// next goes to the next key.
func (c *cursor) next() error {
	c.row++
	for c.entries == nil || c.row >= c.entries.rows {
		if len(c.left) == 0 {
			c.entries = nil
			return nil
		}
		if err := c.fill(); err != nil {
			return c.failed(err)
		}
		c.row = 0
		if c.entries == nil { // the file ends
			c.left, c.run, c.chunks, c.group = c.left[1:], nil, nil, 0
		}
	}
	c.key = c.entries.key(c.row, c.key)
	return nil
}

// fill reads the next page of a file; after the last one, entries is nil.
func (c *cursor) fill() (err error) {
	opened := c.run == nil
	if opened {
		if c.run, err = c.files.open(c.ctx, c.left[0], c.piece, c.piece, 2); err != nil {
			return err
		}
	}
	if all := c.run.all; all != nil {
		if c.entries = nil; opened {
			c.entries = &entries{all.rows, all.columns[:c.columns]}
		}
		return nil
	}
	for {
		if c.chunks == nil {
			if c.group == c.run.file.Groups() {
				c.entries = nil
				return nil
			}
			if c.chunks, err = c.run.chunks(c.group, c.columns); err != nil {
				return err
			}
			c.group++
		}
		if c.entries, err = nextPage(c.ctx, c.chunks); err != nil || c.entries != nil {
			return err
		}
		c.chunks = nil
	}
}
