package profile

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strings"

	"sluice/mapping"
)

// The JSON form of a profile is a list of paths with what was seen at each,
// sorted by its text; docs/profile.md describes it. It holds no value of the data:
// the least and the greatest integer are rounded outward to a power of two, and a
// sketch holds registers, or up to 16 hashes.

// Version is the version of the JSON form.
const Version = 1

// head is the JSON form without the paths.
type head struct {
	Version     int      `json:"sluice_profile"`
	Sources     []string `json:"sources"`
	Places      []Place  `json:"places"`
	Others      []Place  `json:"others,omitempty"`
	Records     int64    `json:"records"`
	Broken      int64    `json:"broken"`
	BrokenFirst bool     `json:"broken_first,omitempty"`
	Bytes       int64    `json:"bytes"`
}

// entry is what was seen at one path.
type entry struct {
	Path string `json:"path"`
	*Node
	Names *Node `json:"names,omitempty"` // of an object that is a map
}

// Write writes the JSON form, each path on a line of its own.
func (p *Profile) Write(to io.Writer) error {
	w := bufio.NewWriter(to)
	text, err := json.Marshal(head{Version, notNil(p.Sources), notNil(p.Places), p.Others, p.Records, p.Broken, p.BrokenFirst, p.Bytes})
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	fmt.Fprintf(w, "%s,\"paths\":[", text[:len(text)-1])
	separator := ""
	entries := p.Root.entries(nil, nil)
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	for _, e := range entries {
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write profile: %w", err)
		}
		fmt.Fprintf(w, "%s\n%s", separator, text)
		separator = ","
	}
	fmt.Fprint(w, "\n]}\n") // Flush has the error of each
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// entries appends the node at a path, and all below it.
func (n *Node) entries(to []entry, path mapping.Path) []entry {
	to = append(to, entry{path.String(), n, n.Names})
	below := func(s mapping.Segment, child *Node) {
		if child != nil {
			to = child.entries(to, append(path[:len(path):len(path)], s))
		}
	}
	for name, child := range n.Members {
		below(mapping.Segment{Kind: mapping.Name, Name: name}, child)
	}
	below(mapping.Segment{Kind: mapping.Members}, n.Map)
	below(mapping.Segment{Kind: mapping.Wildcard}, n.Element)
	return to
}

// Read reads the JSON form, a path at a time.
func Read(from io.Reader) (*Profile, error) {
	p := New()
	if err := p.read(json.NewDecoder(from)); err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	if !slices.IsSorted(p.Sources) || len(slices.Compact(slices.Clone(p.Sources))) != len(p.Sources) {
		return nil, errors.New("read profile: sources must be sorted, each once")
	}
	if !p.Root.sound(len(p.Sources)) {
		return nil, errors.New("read profile: a position, or the names of an object, are not those of a profile")
	}
	return p, nil
}

func (p *Profile) read(d *json.Decoder) error {
	noProfile := fmt.Errorf("it has no sluice_profile: %d, which this version of sluice reads", Version)
	version := 0
	to := map[string]any{
		"sluice_profile": &version, "sources": &p.Sources, "places": &p.Places, "others": &p.Others,
		"records": &p.Records, "broken": &p.Broken, "broken_first": &p.BrokenFirst, "bytes": &p.Bytes,
	}
	if err := expect(d, '{'); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		switch {
		case err != nil:
			return err
		case version != Version && name != "sluice_profile": // it comes first
			return noProfile
		case name == "paths":
			err = p.readPaths(d)
		case to[name.(string)] != nil:
			err = d.Decode(to[name.(string)])
		default:
			err = d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return err
		}
	}
	if version != Version {
		return noProfile
	}
	return expect(d, '}')
}

func (p *Profile) readPaths(d *json.Decoder) error {
	if err := expect(d, '['); err != nil {
		return err
	}
	for d.More() {
		var e struct {
			Path string `json:"path"`
			Node
			Names *Node `json:"names"`
		}
		if err := d.Decode(&e); err != nil {
			return err
		}
		path, err := mapping.ParsePath(e.Path)
		if err != nil {
			return err
		}
		at := p.Root
		for _, s := range path {
			if at = at.at(s); at == nil {
				return fmt.Errorf("path %q: a profile has names, [*] and .* alone", e.Path)
			}
		}
		e.Node.Members, e.Node.Element, e.Node.Map = at.Members, at.Element, at.Map
		e.Node.Names = e.Names
		*at = e.Node
	}
	return expect(d, ']')
}

// expect reads a bracket.
func expect(d *json.Decoder, bracket json.Delim) error {
	t, err := d.Token()
	if err == nil && t != bracket {
		err = fmt.Errorf("at byte %d there is no %s", d.InputOffset(), bracket)
	}
	return err
}

// at is the node one step below, made if there is none; nil if no profile has
// such a step.
func (n *Node) at(s mapping.Segment) *Node {
	var to **Node
	switch s.Kind {
	case mapping.Name:
		if n.Members == nil {
			n.Members = map[string]*Node{}
		}
		if n.Members[s.Name] == nil {
			n.Members[s.Name] = &Node{}
		}
		return n.Members[s.Name]
	case mapping.Members:
		to = &n.Map
	case mapping.Wildcard:
		to = &n.Element
	default:
		return nil
	}
	if *to == nil {
		*to = &Node{}
	}
	return *to
}

// sound reports whether the node can be merged with others.
func (n *Node) sound(sources int) bool {
	if n == nil {
		return true
	}
	for _, s := range n.seen() {
		if s.Count < 0 || s.First.Source < 0 || s.Count > 0 && s.First.Source >= sources {
			return false
		}
	}
	for _, f := range n.Strings.Forms {
		if f.First.Source < 0 || f.First.Source >= sources {
			return false
		}
	}
	if n.Map != nil && n.Members != nil || (n.Map == nil) != (n.Names == nil) {
		return false
	}
	for _, child := range n.Members {
		if !child.sound(sources) {
			return false
		}
	}
	return n.Element.sound(sources) && n.Map.sound(sources) && n.Names.sound(sources)
}

// MarshalJSON writes the forms that were seen, by their words.
func (c FormCounts) MarshalJSON() ([]byte, error) {
	by := map[string]Seen{}
	for _, s := range c {
		by[formWords[s.Form]] = s.Seen
	}
	return json.Marshal(by)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *FormCounts) UnmarshalJSON(text []byte) error {
	var by map[string]Seen
	if err := json.Unmarshal(text, &by); err != nil {
		return err
	}
	for word, seen := range by {
		form := slices.Index(formWords[:], word)
		if form < 0 {
			return fmt.Errorf("%q is no form of strings", word)
		}
		if seen.Count > 0 {
			c.Add(Form(form), seen)
		}
	}
	return nil
}

// MarshalJSON rounds the extremes, so that no value of the data is written.
func (n Numbers) MarshalJSON() ([]byte, error) {
	type plain Numbers
	n.Least, n.Greatest = -above(-n.Least), above(n.Greatest)
	return json.Marshal(plain(n))
}

// above is the least 2^k-1 that is not below n or, for a negative n, the
// least -2^k.
func above(n int64) int64 {
	switch {
	case n == math.MinInt64:
		return n
	case n >= 0:
		return 1<<bits.Len64(uint64(n)) - 1
	default:
		return -1 << (bits.Len64(uint64(-n)) - 1)
	}
}

type sketchJSON struct {
	Estimate int64  `json:"estimate"`
	Sketch   []byte `json:"sketch"`
}

// MarshalJSON writes the estimate, for people, and the sketch.
func (s Sketch) MarshalJSON() ([]byte, error) {
	b, err := s.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return json.Marshal(sketchJSON{s.Estimate(), b})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Sketch) UnmarshalJSON(text []byte) error {
	var v sketchJSON
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	return s.UnmarshalBinary(v.Sketch)
}
