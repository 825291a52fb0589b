package profiler

import (
	"fmt"
	"maps"
	"slices"

	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/mapping"
)

// The first document of an input says where its records are. What stands around
// them in each later document is judged too, so that no member of its own is lost.

// surroundings are what stands around the records of an input's documents.
type surroundings struct {
	reader *reader
	names  []string // that lead to the array of records
	most   int64    // bytes that a record may have

	text   []byte // of the document so far, without its records
	start  int64  // of the document
	before int64  // records of earlier documents
	inside bool   // the document has begun
	cut    bool   // there was more text than is held

	beside map[string]bool // names of what stands beside the records
	why    string          // the documents are the records; empty if they are not
	large  bool            // a document is larger than a record may be
}

const (
	mostAround = 1 << 20 // bytes of a document around its records that are judged
	mostBeside = 1000    // names of members that are known
)

// surroundings are those of the input's records; nil if nothing stands around
// them, or it was said where they are.
func (r *reader) surroundings() *surroundings {
	path := r.paths[0]
	if r.opts.Records != nil || len(path) < 2 || path[len(path)-1].Kind != mapping.Wildcard {
		return nil
	}
	return &surroundings{reader: r, names: flatten.Places([]mapping.Path{path})[0].Names, most: r.opts.Limits.RecordBytes, beside: map[string]bool{}}
}

// add takes text around an array of records; see [jsonscan.Records].
func (s *surroundings) add(text []byte, end bool) {
	w := s.reader.window
	n := max(0, min(len(text), mostAround-len(s.text)))
	s.text = append(s.text, text[:n]...)
	s.cut = s.cut || n < len(text)
	if !s.inside {
		s.inside, s.start = true, w.Offset(w.Pos)
		s.text = append(s.text, "[]"...)
	}
	if end {
		s.document()
		s.large = s.large || w.Offset(w.Pos)-s.start > s.most
		s.before, s.inside, s.cut, s.text = s.reader.result.records+s.reader.result.broken, false, false, s.text[:0]
	}
}

// document judges a document.
func (s *surroundings) document() {
	o := new(outline)
	r := outliner{append(s.text, make([]byte, jsonscan.Padding)...), jsonscan.Skipper{MaxDepth: s.reader.opts.Limits.Depth}}
	r.value(0, 0, o)
	a := arrayIn{outline: &outline{elements: int(s.reader.result.records + s.reader.result.broken - s.before)}}
	for _, name := range s.names {
		s.cut = s.cut || len(o.members) == outlineWidth
		list := saysList(o)
		for _, m := range o.members {
			if m.name != name {
				a.add(m, list)
			}
		}
		if o = o.find([]string{name}); o == nil {
			break
		}
	}
	for _, name := range a.beside {
		if len(s.beside) < mostBeside {
			s.beside[name] = true
		}
	}
	if _, wraps := a.wraps(); s.why == "" && (!wraps || s.cut) {
		s.why = whyLaterOwn
	}
}

// conclude notes all that is left out, and says why the documents are the records;
// empty if they are not. In a document that a fault ends, what stands before the
// fault counts.
func (s *surroundings) conclude(f *finding) string {
	if s.inside {
		s.document()
	}
	f.chosen.beside = append(f.chosen.beside, slices.Sorted(maps.Keys(s.beside))...)
	if s.large && s.why != "" {
		f.chosen.why, s.why = whyLarge, ""
	}
	return s.why
}

// deny denies the places of inputs in which a document has members of its own
// beside the records, or lacks the array of them.
func (r *run) deny(results []result) (again bool, err error) {
	for i, res := range results {
		if res.denied == "" {
			continue
		}
		again = true
		path := res.finding.chosen.path.String()
		r.denied[path] = res.denied
		for _, in := range r.inputs {
			if in.Once {
				return false, fmt.Errorf("profile %s: its records seemed to be at %s, but %s; %s is a stream that cannot be read again: write it to a file, and give that",
					r.inputs[i].Name, path, res.denied, in.Name)
			}
		}
	}
	return again, nil
}
