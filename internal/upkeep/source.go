package upkeep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"sluice/internal/parquetcolumn"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

// source is what the column _source_id says: the beginning of the ID of a key, and when
// the key was first seen. The key itself is not in it.
type source struct {
	hash uint64
	seen int64 // milliseconds since 1970
}

const (
	seenLayout   = "20060102T150405.000Z"
	sourceLength = len(seenLayout) + 1 + 16
)

// parseSource is the reverse of [tables.SourceID].
func parseSource(text []byte) (source, bool) {
	if len(text) != sourceLength || text[len(seenLayout)] != '_' {
		return source{}, false
	}
	seen, err := time.Parse(seenLayout, string(text[:len(seenLayout)]))
	hash, ok := parseDigits(text[len(seenLayout)+1:])
	return source{hash, seen.UnixMilli()}, err == nil && ok
}

func (s source) String() string {
	return fmt.Sprintf("%s_%016x", time.UnixMilli(s.seen).UTC().Format(seenLayout), s.hash)
}

// parseDigits parses 16 hexadecimal digits in lower case.
func parseDigits(text []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(text), 16, 64)
	return n, err == nil && len(text) == 16 && bytes.Equal(text, bytes.ToLower(text))
}

// sourceOf is the source of an entry.
func sourceOf(e *runs.Entry) source {
	s, _ := parseSource([]byte(tables.SourceID(e.Key, e.FirstSeen)))
	return s
}

// parseState is what the column _source_state says. What is not of our form equals no
// state of ours, but for an accident of 2^-64.
func parseState(text []byte) uint64 {
	if n, ok := parseDigits(text); ok {
		return n
	}
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()
}

// rowRange is rows of a file that are of one source, in one state.
type rowRange struct {
	tables.Rows
	source source
	state  uint64
	ours   bool // they have a source
}

// rowsOf calls fn with the rows of a file that count, in their order: those that stand
// beside one another and are alike, together. It returns how many rows the file has.
func rowsOf(ctx context.Context, t *tables.Table, h *tables.Head, f *tables.LiveFile, fn func(rowRange) error) (int64, error) {
	info, err := t.Files.Store.Head(ctx, f.Key)
	if err != nil {
		return 0, err
	}
	file, err := parquetcolumn.Open(ctx, func(ctx context.Context, p []byte, offset int64) error {
		return t.Files.Store.ReadAt(ctx, info, p, offset)
	}, info.Size)
	if err != nil {
		return 0, err
	}
	ids, states := find(h, file, tables.SourceColumn), find(h, file, tables.StateColumn)
	masked := f.Masked
	first := int64(0)
	for g := range file.Groups() {
		var ranges []rowRange // without their states
		if err := runsOf(ctx, file, g, ids, f.Constants[tables.SourceColumn], func(rows tables.Rows, text []byte) error {
			r := rowRange{Rows: rows}
			r.source, r.ours = parseSource(text)
			ranges = append(ranges, r)
			return nil
		}); err != nil {
			return 0, err
		}
		err := runsOf(ctx, file, g, states, f.Constants[tables.StateColumn], func(rows tables.Rows, text []byte) error {
			state := parseState(text)
			for rows.From < rows.To && len(ranges) > 0 {
				r := ranges[0]
				r.From, r.To, r.state = rows.From, min(r.To, rows.To), state
				if rows.From = r.To; r.To == ranges[0].To {
					ranges = ranges[1:]
				}
				if err := unmasked(r, &masked, fn); err != nil {
					return err
				}
			}
			if rows.From < rows.To {
				return errColumns
			}
			return nil
		})
		if err == nil && len(ranges) > 0 {
			err = errColumns
		}
		if err != nil {
			return 0, err
		}
		first += file.GroupRows(g)
	}
	return first, nil
}

var errColumns = errors.New("its columns have different numbers of rows")

// find is a column of a file; -1 if it has none.
func find(h *tables.Head, file *parquetcolumn.File, name string) int {
	id := 0
	if c := h.Metadata().CurrentSchema().Field(name); c != nil {
		id = c.ID
	}
	return file.Find(id, name)
}

// runsOf calls fn with each text of a column in a row group, and the rows beside one
// another that have it; all rows have constant if there is no column.
func runsOf(ctx context.Context, file *parquetcolumn.File, group, column int, constant string, fn func(rows tables.Rows, text []byte) error) error {
	first := int64(0)
	for g := range group {
		first += file.GroupRows(g)
	}
	rows := tables.Rows{From: first, To: first}
	var text []byte
	if column < 0 {
		if rows.To += file.GroupRows(group); rows.From == rows.To {
			return nil
		}
		return fn(rows, []byte(constant))
	}
	err := file.Column(ctx, group, column, func(p *parquetcolumn.Page) error {
		for i := range p.Rows {
			var next []byte
			if !p.Null(i) {
				next = p.Bytes(i)
			}
			if rows.From < rows.To && bytes.Equal(text, next) {
				rows.To++
				continue
			}
			if rows.From < rows.To {
				if err := fn(rows, text); err != nil {
					return err
				}
			}
			rows = tables.Rows{From: rows.To, To: rows.To + 1}
			text = append(text[:0], next...)
		}
		return nil
	})
	if err != nil || rows.From == rows.To {
		return err
	}
	return fn(rows, text)
}

// unmasked calls fn with the parts of a range that count. masked are the rows that do
// not, from the range on.
func unmasked(r rowRange, masked *[]tables.Rows, fn func(rowRange) error) error {
	for r.From < r.To {
		for len(*masked) > 0 && (*masked)[0].To <= r.From {
			*masked = (*masked)[1:]
		}
		part := r
		if len(*masked) > 0 {
			m := (*masked)[0]
			if m.From <= r.From {
				r.From = min(m.To, r.To)
				continue
			}
			part.To = min(m.From, r.To)
		}
		if r.From = part.To; part.From < part.To {
			if err := fn(part); err != nil {
				return err
			}
		}
	}
	return nil
}
