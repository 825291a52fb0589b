package parquetfile

import (
	"encoding/binary"

	"sluice/internal/batch"
)

// The pages of a column of lists (spec, Nested Encoding). Each value, and each
// row whose list is empty or NULL, has two levels: the repetition level is 0
// where a row begins, and the definition level says what is there.
const (
	nullList = iota
	emptyList
	nullValue
	someValue

	repetitionBits = 1
	definitionBits = 2
)

// lists are the lists of a column.
type lists struct {
	*batch.Column
	runs []uint32 // rows of each element; nil: one each
}

// rows is the number of rows of an element.
func (l *lists) rows(element int) int {
	if l.runs == nil {
		return 1
	}
	return int(l.runs[element])
}

// values are the entries of the values that an element has, and what its row
// is if there are none: nullList or emptyList.
func (l *lists) values(element int) (entries []uint32, none uint32) {
	list := l.Index[element]
	if list == batch.Null {
		return nil, nullList
	}
	return l.List.Values(list), emptyList
}

// eachList measures a column of lists. Its pages end where its own values
// fill them, at a border of elements, as rows may have many values or few.
func (m *measurer) eachList(c *column) {
	var p page
	row := 0
	for i := range c.list.Index {
		rows := c.list.rows(i)
		if rows == 0 {
			continue
		}
		entries, _ := c.list.values(i)
		m.list(&p, entries, rows)
		row += rows
		if p.to = i + 1; p.levels >= batch.PageRows {
			m.add(c, p)
			p = page{firstRow: row, from: i + 1}
		}
	}
	if p.levels > 0 {
		m.add(c, p)
	}
}

// list adds the list of an element to a page.
func (m *measurer) list(p *page, entries []uint32, rows int) {
	if len(entries) == 0 {
		p.levels += rows
		p.nulls += rows
		return
	}
	nulls, changes, plain := 0, 0, 0
	last := uint32(batch.Null)
	for _, entry := range entries {
		if entry == batch.Null {
			nulls++
			continue
		}
		if entry != last {
			changes++
		}
		last = entry
		m.onPage[entry] = 1
		plain += int(m.sizes[entry])
	}
	p.levels += rows * len(entries)
	p.nulls += rows * nulls
	p.changes += rows * changes
	p.plain += rows * plain
}

// appendListLevels appends the repetition levels and the definition levels,
// each after their length.
func (g *pager) appendListLevels(dst []byte, c *column, p *page) []byte {
	g.levels = c.list.appendRepetition(g.levels[:0], p)
	dst = appendLengthAndLevels(dst, g.levels, repetitionBits)
	g.levels = c.list.appendDefinition(g.levels[:0], p)
	return appendLengthAndLevels(dst, g.levels, definitionBits)
}

func appendLengthAndLevels(dst []byte, levels []uint32, width int) []byte {
	start := len(dst)
	dst = appendHybrid(append(dst, 0, 0, 0, 0), levels, width)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

func (l *lists) appendRepetition(levels []uint32, p *page) []uint32 {
	for i := p.from; i < p.to; i++ {
		entries, _ := l.values(i)
		for range l.rows(i) {
			levels = append(levels, 0)
			for range len(entries) - 1 {
				levels = append(levels, 1)
			}
		}
	}
	return levels
}

func (l *lists) appendDefinition(levels []uint32, p *page) []uint32 {
	for i := p.from; i < p.to; i++ {
		entries, none := l.values(i)
		for range l.rows(i) {
			if len(entries) == 0 {
				levels = append(levels, none)
			}
			for _, entry := range entries {
				if entry == batch.Null {
					levels = append(levels, nullValue)
				} else {
					levels = append(levels, someValue)
				}
			}
		}
	}
	return levels
}

// appendValues appends the entry of each value of a page that is not NULL.
func (l *lists) appendValues(all []uint32, p *page) []uint32 {
	for i := p.from; i < p.to; i++ {
		entries, _ := l.values(i)
		for range l.rows(i) {
			for _, entry := range entries {
				if entry != batch.Null {
					all = append(all, entry)
				}
			}
		}
	}
	return all
}
