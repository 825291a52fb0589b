package erase

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"sluice/mapping"
)

// Of a record that has rows of others too, only the elements of arrays go that gave the
// person's rows: each row of a table is that of an element of its explode. Whether the
// record then gives the rows of the others, and no more, is for a conversion to say.

// element is an element of an array: where it begins and ends in the text of its record.
type element struct {
	begin, end int64
	inner      []element // of the array inside that is exploded, too
}

// errElements says that rows cannot be told to be of elements.
var errElements = errors.New("its rows are not those of elements of an array")

// elementsOf are the elements of a record that gave rows of a person. hits says of each
// table which of its rows these are; nil: none.
func elementsOf(text []byte, tables []mapping.Table, hits [][]bool) ([]element, error) {
	var cuts []element
	for i := range tables {
		if !slices.Contains(hits[i], true) {
			continue
		}
		if len(tables[i].Explode) == 0 || len(tables[i].Zip) > 0 {
			return nil, errElements
		}
		w := walker{text: text, tokens: json.NewDecoder(bytes.NewReader(text))}
		w.tokens.UseNumber()
		all, err := w.walk(tables[i].Explode)
		if err != nil {
			return nil, err
		}
		left, gone := chosen(all, tables[i].Explode.Wildcards(), hits[i])
		if len(left) > 0 { // rows that no element gave, as of a filter
			return nil, errElements
		}
		cuts = append(cuts, gone...)
	}
	slices.SortFunc(cuts, func(a, b element) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(b.end, a.end)) })
	end := int64(0)
	return slices.DeleteFunc(cuts, func(e element) bool { // it is inside of another, or the same
		if e.begin < end {
			return true
		}
		end = e.end
		return false
	}), nil
}

// chosen are the elements whose rows are all a person's. Those of the innermost level have a
// row each; left is what is left of the rows.
func chosen(all []element, levels int, hits []bool) (left []bool, gone []element) {
	for _, e := range all {
		if levels > 1 {
			rows := len(hits)
			var inner []element
			hits, inner = chosen(e.inner, levels-1, hits)
			if rows -= len(hits); rows > 0 && len(inner) == len(e.inner) {
				inner = []element{e} // none of its rows is left
			}
			gone = append(gone, inner...)
			continue
		}
		if len(hits) == 0 {
			return []bool{true}, nil // an element without a row
		}
		if hits[0] {
			gone = append(gone, e)
		}
		hits = hits[1:]
	}
	return hits, gone
}

// walker goes through the text of a record along a path.
type walker struct {
	text   []byte
	tokens *json.Decoder
}

// walk returns the elements of the arrays at the wildcards of a path.
func (w *walker) walk(path mapping.Path) (all []element, err error) {
	token, err := w.tokens.Token()
	if err != nil {
		return nil, err
	}
	open, _ := token.(json.Delim)
	switch {
	case open != '{' && open != '[':
		return nil, nil
	case len(path) > 0 && path[0].Kind != mapping.Name && path[0].Kind != mapping.Wildcard:
		return nil, errElements
	}
	for w.tokens.More() {
		var rest mapping.Path
		is := false
		if open == '{' {
			name, err := w.tokens.Token()
			if err != nil {
				return nil, err
			}
			is = len(path) > 0 && path[0].Kind == mapping.Name && name == path[0].Name
		} else {
			is = len(path) > 0 && path[0].Kind == mapping.Wildcard
		}
		if is {
			rest = path[1:]
		}
		begin := w.next()
		inner, err := w.walk(rest)
		switch {
		case err != nil:
			return nil, err
		case is && open == '[':
			all = append(all, element{begin, w.tokens.InputOffset(), inner})
		case is:
			all = inner
		}
	}
	_, err = w.tokens.Token()
	return all, err
}

// next is where the next value begins.
func (w *walker) next() int64 {
	at := w.tokens.InputOffset()
	for at < int64(len(w.text)) && (isSpace(w.text[at]) || w.text[at] == ',' || w.text[at] == ':') {
		at++
	}
	return at
}

// mixedRecord is a record that has rows of others too.
type mixedRecord struct {
	offset int64
	hits   [][]bool // by table: which of its rows are a person's
	// What is lost with these.
	rows  int64
	state uint64
}

// shortener reads a text for the elements of mixed records.
type shortener struct {
	tables []mapping.Table
	mixed  []mixedRecord // that come, in order
	at     int64
	skip   skipper
	inside bool
	text   []byte // of the record

	cuts  []span
	done  int // records that can be shortened
	rows  int64
	state uint64 // of the rows that go
}

// Write implements [io.Writer].
func (s *shortener) Write(p []byte) (int, error) {
	for _, b := range p {
		s.take(b)
	}
	return len(p), nil
}

func (s *shortener) take(b byte) {
	if len(s.mixed) > 0 && s.at == s.mixed[0].offset {
		s.inside, s.skip, s.text = true, skipper{}, s.text[:0]
	}
	s.at++
	if !s.inside {
		return
	}
	ended, took := s.skip.take(b)
	if took {
		s.text = append(s.text, b)
	}
	if !ended {
		return
	}
	s.inside = false
	m := s.mixed[0]
	s.mixed = s.mixed[1:]
	found, err := elementsOf(s.text, s.tables, m.hits)
	if err != nil {
		return // it stays as it is
	}
	for _, e := range found {
		s.cuts = append(s.cuts, span{offset: m.offset + e.begin})
	}
	s.done, s.rows, s.state = s.done+1, s.rows+m.rows, s.state+m.state
}
