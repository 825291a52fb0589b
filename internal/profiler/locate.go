package profiler

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/profile"
	"sluice/mapping"
)

const (
	// enough is how much of a document that is not held whole is looked at, if it
	// looks like a wrapper. A record of that size that begins with an array is
	// rarer than a long list.
	enough = 8 << 20
	// further is how much text after the first document is looked at.
	further = 64 << 10
)

// locate finds out where the records of the window's input are. It looks at the
// first document, and at some that follow.
func locate(w *jsonscan.Window, limits *mapping.Limits) (finding, error) {
	start := 0 // of the document, after w.Pos
	if err := w.Fill(16); err != nil {
		return finding{}, err
	}
	if strings.HasPrefix(string(w.Buf[w.Pos:w.End]), "\xef\xbb\xbf") {
		start = 3
	}
	for {
		c, err := w.At(start)
		if err != nil {
			return finding{}, err
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' || int64(start) > limits.RecordBytes {
			break
		}
		start++
	}
	most := int(limits.RecordBytes)
	for size := 128 << 10; ; size *= 4 {
		size = min(size, most+1)
		if err := w.Fill(start + size); err != nil {
			return finding{}, err
		}
		first := new(outline)
		r := outliner{w.Buf, jsonscan.Skipper{MaxDepth: limits.Depth}}
		end := r.value(w.Pos+start, 0, first)
		cut := end < 0 && -1-end >= w.End && !w.EOF
		large := max(end, -1-end)-w.Pos-start > most
		if cut && !large && first.kind != '[' && size < most {
			if size < enough {
				continue
			}
			if f := judge(first, false); f.chosen.path == nil {
				continue
			}
		}
		f := judge(first, large)
		f.lists(first, nil)
		if end >= 0 && len(f.chosen.path) > 1 {
			return f, f.confirm(w, end-w.Pos, limits)
		}
		return f, nil
	}
}

// confirm looks for the chosen array in the documents after the first, which
// ends n bytes after the window's position. If one lacks it, the documents are
// the records.
func (f *finding) confirm(w *jsonscan.Window, n int, limits *mapping.Limits) error {
	if err := w.Fill(n + further); err != nil {
		return err
	}
	last := min(w.Pos+n+further, w.End)
	names := flatten.Places([]mapping.Path{f.chosen.path})[0].Names
	r := outliner{w.Buf, jsonscan.Skipper{MaxDepth: limits.Depth}}
	for p := w.Pos + n; ; {
		if p = jsonscan.Space(w.Buf, p); p >= last || w.Buf[p] != '{' {
			return nil
		}
		doc := new(outline)
		if p = r.value(p, 0, doc); p < 0 || p > last {
			return nil
		}
		if at := doc.find(names); at == nil || at.kind != '[' && at.kind != 'n' {
			f.deny(whyLater)
			return nil
		}
	}
}

// deny takes the documents for the records.
func (f *finding) deny(why string) {
	f.others = append(f.others, place{f.chosen.path, why, f.chosen.beside})
	f.chosen = place{nil, why, nil}
}

// unite puts the places of all inputs together. A mapping tries its paths in
// their order, $ last, so an input's own path must be the first of them that its
// document has.
func (r *run) unite(p *profile.Profile, results []result) error {
	owner := map[string]string{} // the first input that has the path
	for i, res := range results {
		f := &res.finding
		for _, o := range f.others {
			p.Others = append(p.Others, o.profile())
		}
		if res.records+res.broken == 0 && f.chosen.path == nil {
			continue
		}
		at := f.chosen.profile()
		p.Places = append(p.Places, at)
		if owner[at.Path] == "" {
			owner[at.Path] = r.inputs[i].Name
		}
	}
	p.Places, p.Others = profile.MergePlaces(p.Places), profile.MergePlaces(p.Others)
	for i, res := range results {
		own := res.finding.chosen.path.String()
		for _, place := range p.Places {
			taken := slices.Contains(res.finding.arrays, place.Path) || own == "$" && slices.Contains(res.finding.nulls, place.Path)
			if own != "$" && place.Path >= own || !taken {
				continue
			}
			return fmt.Errorf("profile %s: its records are at %s, but those of %s at %s, which it has too: they need mappings of their own",
				r.inputs[i].Name, own, owner[place.Path], place.Path)
		}
	}
	return nil
}
