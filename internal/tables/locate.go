package tables

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/parquetcolumn"
	"sluice/internal/runs"
	"sluice/internal/store"
)

// mask is rows of one data file that go out of sight.
type mask struct {
	file   iceberg.DataFile
	specID int32
	ranges []datafile.Range
	rows   int64
}

// located are the rows that entries show, in the files of a snapshot.
type located struct {
	masks   map[string]*mask // by path
	missing int64            // rows that are not there: somebody deleted them
}

func (l *located) add(f *liveFile, first, rows int64) {
	m := l.masks[f.Path]
	if m == nil {
		m = &mask{file: f.DataFile, specID: f.specID}
		l.masks[f.Path] = m
	}
	m.ranges = append(m.ranges, datafile.Range{Path: f.Path, First: first, Rows: rows})
	m.rows += rows
}

// liveFile is a data file of a snapshot.
type liveFile struct {
	iceberg.DataFile
	specID   int32
	sequence int64 // of its rows
}

// locate finds the rows that entries show. First their own files are looked up by name,
// which reads only manifests that may have them. Rows that are in none of them were moved
// by others: files that may have the key's ID are read. What is not found then was
// deleted by somebody, and cannot be doubled.
func (h *Head) locate(ctx context.Context, entries []runs.Entry) (*located, error) {
	l := &located{masks: map[string]*mask{}}
	wanted := map[string][]runs.FileRange{} // by path
	sequences := map[int64]struct{}{}       // of the files
	oldest := int64(-1)
	unplaced := false // there are rows that no file is known of
	for _, e := range entries {
		left := e.Shown.Rows
		for _, r := range e.Shown.Files {
			wanted[r.Path] = append(wanted[r.Path], r)
			left -= r.Rows
		}
		unplaced = unplaced || left > 0
		if e.Shown.Rows > 0 {
			sequences[e.Shown.Sequence] = struct{}{}
			if oldest < 0 || e.Shown.Sequence < oldest {
				oldest = e.Shown.Sequence
			}
		}
	}
	if oldest < 0 {
		return l, nil
	}
	lines, err := h.place.Manifests(ctx, h.Metadata().Head())
	if err != nil {
		return nil, err
	}
	// Manifests whose range of sequence numbers has that of a file.
	own := func(m *iceberg.Manifest) bool {
		for s := range sequences {
			if m.MinSequence <= s && s <= m.Sequence {
				return true
			}
		}
		return false
	}
	for i := range lines {
		line := &lines[i]
		if len(wanted) == 0 {
			break
		}
		if line.Content != iceberg.DataManifest || !own(line) {
			continue
		}
		err := h.place.Entries(ctx, h.Metadata(), line, func(e *iceberg.Entry) error {
			f := liveFile{e.File, line.SpecID, *e.Sequence}
			for _, r := range wanted[f.Path] {
				l.add(&f, r.First, r.Rows)
			}
			delete(wanted, f.Path)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(wanted) == 0 && !unplaced {
		return l, nil
	}
	return l, h.locateMoved(ctx, entries, wanted, lines, oldest, l)
}

// movedError says that nobody can tell where the rows of some keys are. Commits of other keys
// do not need to know.
type movedError struct {
	path  string
	cause error
}

func (e *movedError) Error() string { return fmt.Sprintf("find moved rows in %s: %v", e.path, e.cause) }
func (e *movedError) Unwrap() error { return e.cause }

// locateMoved looks for rows by the column of their keys, in files that are not older
// than the rows. Of a state that is known there are so many rows. Of an unknown one all rows
// go that are not out of sight yet.
func (h *Head) locateMoved(ctx context.Context, entries []runs.Entry, gone map[string][]runs.FileRange, lines []iceberg.Manifest, oldest int64, l *located) error {
	type search struct {
		sequence int64
		left     int64
		all      bool
	}
	searches := map[string]*search{} // by source ID
	for i := range entries {
		e := &entries[i]
		s := search{sequence: e.Shown.Sequence, left: e.Shown.Rows, all: e.Shown.Identity == runs.Unknown}
		for _, r := range e.Shown.Files {
			if _, moved := gone[r.Path]; !moved {
				s.left -= r.Rows
			}
		}
		if s.left > 0 {
			searches[SourceID(e.Key, e.FirstSeen)] = &s
		}
	}
	column := h.Metadata().CurrentSchema().Field(SourceColumn)
	if column == nil {
		return fmt.Errorf("find moved rows: the table has no column %s", SourceColumn)
	}
	files, err := h.filesSince(ctx, lines, iceberg.DataManifest, oldest)
	if err != nil {
		return err
	}
	out := outOfSight{h: h, lines: lines, oldest: oldest}
	for i := range files {
		f := &files[i]
		own := l.masks[f.Path] // rows of known states were found by their places then
		low, high := bounds(&f.DataFile, column.ID)
		may := false
		for id, s := range searches {
			may = may || (s.all || own == nil && s.left > 0) && f.sequence >= s.sequence && (low == nil || id >= string(low)) && (high == nil || id <= string(high))
		}
		if !may {
			continue
		}
		masked, err := out.of(ctx, f)
		if own != nil {
			masked = joined(append(masked, own.rowRanges()...), f.Rows)
		}
		if err == nil {
			err = h.scan(ctx, f, column.ID, func(row int64, id string) {
				s := searches[id]
				if s != nil && f.sequence >= s.sequence && (s.all || own == nil && s.left > 0) && !has(masked, row) {
					l.add(f, row, 1)
					s.left--
				}
			})
		}
		if err != nil {
			return &movedError{f.Path, err}
		}
	}
	for _, s := range searches {
		l.missing += max(0, s.left)
	}
	for _, m := range l.masks {
		m.join()
	}
	return nil
}

// filesSince are the files of a sequence number and later ones: data files, or delete files.
func (h *Head) filesSince(ctx context.Context, lines []iceberg.Manifest, content iceberg.ManifestContent, oldest int64) (files []liveFile, err error) {
	for i := range lines {
		line := &lines[i]
		if line.Content != content || line.Sequence < oldest {
			continue // all its files are older
		}
		err := h.place.Entries(ctx, h.Metadata(), line, func(e *iceberg.Entry) error {
			if *e.Sequence >= oldest {
				files = append(files, liveFile{e.File, line.SpecID, *e.Sequence})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// outOfSight reads which rows of files do not count already. Such rows may have the ID of a
// key, and come after the rows that it shows: of a staged state that was not the one, or
// rows that came back and that were taken out of sight again.
type outOfSight struct {
	h       *Head
	lines   []iceberg.Manifest
	oldest  int64
	deletes []liveFile // nil: not read
	masks   []masks    // of each of these; nil: not read
}

func (o *outOfSight) of(ctx context.Context, f *liveFile) ([]Rows, error) {
	if o.masks == nil {
		var err error
		if o.deletes, err = o.h.filesSince(ctx, o.lines, iceberg.DeleteManifest, o.oldest); err != nil {
			return nil, err
		}
		o.masks = make([]masks, len(o.deletes))
	}
	key, err := o.h.place.Key(f.Path)
	if err != nil {
		return nil, err
	}
	var rows []Rows
	for i := range o.deletes {
		d := &o.deletes[i]
		low, high := bounds(&d.DataFile, iceberg.DeletePathID)
		if d.Content != iceberg.PositionDeletes || d.sequence < f.sequence || low != nil && f.Path < string(low) || high != nil && f.Path > string(high) {
			continue
		}
		if o.masks[i] == nil {
			name, err := o.h.place.Key(d.Path)
			if err != nil {
				return nil, err
			}
			if o.masks[i], err = NewLive(o.h.place).readMasks(ctx, name); err != nil {
				return nil, fmt.Errorf("read delete file %s: %w", d.Path, err)
			}
		}
		rows = append(rows, o.masks[i][key]...)
	}
	return joined(rows, f.Rows), nil
}

// has reports whether rows, in order, have one.
func has(rows []Rows, row int64) bool {
	i, _ := slices.BinarySearchFunc(rows, row, func(r Rows, row int64) int { return cmp.Compare(r.To, row+1) })
	return i < len(rows) && rows[i].From <= row
}

// rowRanges are the rows of a mask.
func (m *mask) rowRanges() (all []Rows) {
	for _, r := range m.ranges {
		all = append(all, Rows{r.First, r.First + r.Rows})
	}
	return all
}

// join joins ranges that touch.
func (m *mask) join() {
	slices.SortFunc(m.ranges, func(a, b datafile.Range) int { return cmp.Compare(a.First, b.First) })
	joined := m.ranges[:1]
	for _, r := range m.ranges[1:] {
		if last := &joined[len(joined)-1]; last.First+last.Rows == r.First {
			last.Rows += r.Rows
		} else {
			joined = append(joined, r)
		}
	}
	m.ranges = joined
}

// bounds are those of a column, or nil. An upper bound that may be cut is none: engines
// differ in how they cut it.
func bounds(f *iceberg.DataFile, id int) (low, high []byte) {
	const whole = len("20060102T150405.000Z_0123456789abcdef")
	for _, b := range f.Lower {
		if b.ID == int32(id) {
			low = b.Value
		}
	}
	for _, b := range f.Upper {
		if b.ID == int32(id) && len(b.Value) >= whole {
			high = b.Value
		} else if b.ID == int32(id) {
			high = append(append([]byte(nil), b.Value...), 0xff) // not below any text that begins so
		}
	}
	return low, high
}

// scan calls fn with the key's ID in each row of a file.
func (h *Head) scan(ctx context.Context, f *liveFile, id int, fn func(row int64, source string)) error {
	key, err := h.place.Key(f.Path)
	if err != nil {
		return err
	}
	at, err := h.place.Store.Head(ctx, key)
	if err != nil {
		return err
	}
	file, err := parquetcolumn.Open(ctx, readAt(h.place.Store, at), at.Size)
	if err != nil {
		return err
	}
	column := file.Find(id, SourceColumn)
	if column < 0 {
		return nil // written without the column: it has no rows of ours
	}
	for g := range file.Groups() {
		err := file.Column(ctx, g, column, func(p *parquetcolumn.Page) error {
			for i := range p.Rows {
				if !p.Null(i) {
					fn(p.First+int64(i), string(p.Bytes(i)))
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func readAt(s store.Store, at store.Info) parquetcolumn.ReadAt {
	return func(ctx context.Context, p []byte, offset int64) error { return s.ReadAt(ctx, at, p, offset) }
}

// group is what a delete file may have masks of: data files of one partition.
type group struct {
	specID    int32
	partition string
}

func groupOf(m *mask) group { return group{m.specID, partitionText(m.file.Partition)} }

func partitionText(values map[string]any) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic(err) // values of partitions are simple
	}
	return string(text)
}
