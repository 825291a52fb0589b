package sluice

import (
	"fmt"

	"sluice/internal/batch"
	"sluice/internal/flatten"
	"sluice/internal/parquetfile"
	"sluice/mapping"
)

// rowGroupBytes is the decompressed input that makes a row group: the border
// is the first record at or behind each multiple. Borders that depend on
// nothing else give the same file for any number of threads. Smaller groups
// cost size (8 MiB: 5 %), larger ones memory.
const rowGroupBytes = 16 << 20

// rowGroupRows ends a row group early, if its rows are tiny.
const rowGroupRows = 1 << 20

// rowGroups are the batches that are filled, encoded and written, in turn:
// while one is filled, the others are encoded, and they are written in order.
type rowGroups struct {
	slots   []*slot
	current int
	writers []*parquetfile.Writer
	sums    [][]batch.Sum // of each column of each table
}

// slot is one row group of every table, on its way through.
type slot struct {
	batches  []*batch.Batch
	encoders []*parquetfile.Encoder
	groups   []*parquetfile.RowGroup
	running  bool
	done     chan error
}

func newRowGroups(m *mapping.Mapping, codec Codec, threads int, writers []*parquetfile.Writer) (*rowGroups, error) {
	g := &rowGroups{writers: writers}
	for i := range m.Tables {
		g.sums = append(g.sums, make([]batch.Sum, len(m.Schema(&m.Tables[i]).Columns)))
	}
	for range max(threads, 1) {
		s := &slot{done: make(chan error, 1), groups: make([]*parquetfile.RowGroup, len(m.Tables))}
		for i := range m.Tables {
			t := &m.Tables[i]
			e, err := parquetfile.NewEncoder(string(codec))
			if err != nil {
				return nil, err
			}
			s.encoders = append(s.encoders, e)
			s.batches = append(s.batches, batch.New(m.Schema(t), flatten.Levels(m, t), t.Levels()))
		}
		g.slots = append(g.slots, s)
	}
	return g, nil
}

// batches are those to fill.
func (g *rowGroups) batches() []*batch.Batch { return g.slots[g.current].batches }

// next begins a new row group; the batches before it must be flushed.
func (g *rowGroups) next() error {
	s := g.slots[g.current]
	for _, b := range s.batches {
		b.Finish()
	}
	s.running = true
	if len(g.slots) == 1 {
		s.done <- s.encode()
	} else {
		go func() { s.done <- s.encode() }()
	}
	g.current = (g.current + 1) % len(g.slots)
	return g.write(g.slots[g.current])
}

// encode makes the row groups. A panic of a library below ends this conversion
// only, and not the process.
func (s *slot) encode() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("encode row group: internal error: %v", r)
		}
	}()
	for i, b := range s.batches {
		if s.groups[i], err = s.encoders[i].Encode(b); err != nil {
			return err
		}
	}
	return nil
}

// write waits for the row groups of s, writes them and empties the batches.
func (g *rowGroups) write(s *slot) error {
	if !s.running {
		return nil
	}
	err := <-s.done
	s.running = false
	for i, group := range s.groups {
		if err == nil && group.Rows() > 0 {
			err = g.writers[i].Write(group)
		}
		b := s.batches[i]
		for c := range b.Columns {
			g.sums[i][c].AddDecimals(b, &b.Columns[c])
		}
		b.Reset()
	}
	return err
}

// finish writes all that is under way, and the footers.
func (g *rowGroups) finish() error {
	if err := g.next(); err != nil {
		return err
	}
	for i := range g.slots {
		if err := g.write(g.slots[(g.current+i)%len(g.slots)]); err != nil {
			return err
		}
	}
	for _, w := range g.writers {
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}

// abandon waits for what is under way, so that nothing runs on.
func (g *rowGroups) abandon() {
	for _, s := range g.slots {
		if s.running {
			<-s.done
			s.running = false
		}
	}
}
