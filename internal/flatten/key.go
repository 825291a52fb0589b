package flatten

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// Source is the object that records come from: its key, and what the columns
// hold that parts of the key feed.
type Source struct {
	text  []byte   // the key, then the texts of the parts
	key   int      // length of the key
	hash  uint64   // of the key
	parts [][]part // of each table; nil: the mapping has no key
}

// part is the value of a column that a part of the source key feeds: 64 bits, or
// for a type with Type.Bytes(), bytes in the text of the Source.
type part struct {
	column int
	fixed  uint64
	off, n int
	hash   uint64
}

// NewSource reads the key of a source object as the mapping says. An error says
// why its records cannot be read.
func NewSource(m *mapping.Mapping, key string) (Source, error) {
	text := []byte(string([]rune(key))) // U+FFFD for each byte that is not UTF-8, because it becomes text
	s := Source{text: text, key: len(text), hash: jsonscan.Hash(text)}
	if m.Key == "" {
		return s, nil
	}
	if !utf8.ValidString(key) {
		return s, errors.New("the source key is not UTF-8")
	}
	pattern, err := mapping.ParseKey(m.Key)
	if err != nil {
		return s, fmt.Errorf("mapping: key: %w", err)
	}
	parts, err := pattern.Match(key)
	if err != nil {
		return s, fmt.Errorf("the source key %w key: %q", err, m.Key)
	}
	s.parts = make([][]part, len(m.Tables))
	for i := range m.Tables {
		if err := s.read(m, i, parts); err != nil {
			return s, err
		}
	}
	return s, nil
}

// read reads the parts that feed columns of a table, as a Flattener reads
// strings.
func (s *Source) read(m *mapping.Mapping, table int, parts map[string]string) error {
	var leaves []leaf
	var columns []schema.Column
	for i, c := range m.Tables[table].Columns {
		if c.Key != "" {
			leaves, columns = append(leaves, newLeaf(m, table, i)), append(columns, c.Column)
		}
	}
	f := &Flattener{limits: m.Limits}
	if m.NeedsHashKey() {
		f.hmac = m.HMAC()
	}
	b := batch.New(schema.Schema{Columns: columns}, make([]int, len(columns)), 0)
	for i := range leaves {
		l := &leaves[i]
		l.c = &b.Columns[i]
		off := len(f.scratch)
		f.scratch = append(append(f.scratch, parts[l.Key]...), 0)
		text := f.scratch[off : len(f.scratch)-1]
		f.fromString(l, &node{}, &token{text: text, hash: jsonscan.Hash(text), off: off, scratch: true})
		if f.code == "" && l.Required && l.c.Index[0] == batch.Null {
			f.code = reason.MissingField
		}
		if f.code != "" {
			return fmt.Errorf("the part {%s} of the source key does not fit column %s: %s", l.Key, l.Name, f.code)
		}
	}
	b.EndElement(0, 1)
	b.EndRecord()
	b.Flush(nil, f.scratch)
	for i := range leaves {
		c := leaves[i].c
		p := part{column: leaves[i].column, off: len(s.text)}
		switch e := c.Index[0]; {
		case e == batch.Null:
			continue
		case c.Type.Bytes():
			text := c.Entry(e)
			s.text = append(s.text, text...)
			p.n, p.hash = len(text), jsonscan.Hash(text)
		default:
			p.fixed = c.Fixed[e]
		}
		s.parts[table] = append(s.parts[table], p)
	}
	return nil
}

// Key is the key as text: U+FFFD stands for each byte that is not UTF-8.
func (s *Source) Key() string { return string(s.text[:s.key]) }

// SetSource says where the records after it come from. Batches must be flushed.
func (f *Flattener) SetSource(s Source) {
	f.source = s
	f.scratch = append(f.scratch[:0], s.text...)
}

// Renew makes f read the records of another source as one that New gives. The memos
// stay: sources of one kind have the same catalogue.
func (f *Flattener) Renew(s Source) {
	f.strayed, f.path = nil, nil
	f.SetSource(s)
}

// sourceOf fills the columns of the record that say which object it comes from.
func (f *Flattener) sourceOf(t *table) {
	s, columns := &f.source, t.b.Columns
	if t.extra.source >= 0 {
		columns[t.extra.source].AddScratch(s.hash, 0, s.key)
	}
	if s.parts == nil {
		return
	}
	for _, p := range s.parts[t.ordinal] {
		if c := &columns[p.column]; c.Type.Bytes() {
			c.AddScratch(p.hash, p.off, p.n)
		} else {
			c.AddFixed(p.fixed)
		}
	}
}
