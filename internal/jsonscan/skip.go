package jsonscan

import "sluice/reason"

// Skipper skips values that feed no column, but checks them as if they did:
// syntax, UTF-8, surrogates and duplicate keys. It can be reused; the zero
// value with MaxDepth set is ready.
type Skipper struct {
	MaxDepth int

	// What was found in strings and keys of the values skipped so far, with
	// the position of the first finding. The caller resets it.
	Found   reason.Code
	FoundAt int

	// TooDeep is set when a value was too deep for MaxDepth.
	TooDeep bool

	keys    []key
	scratch [2][]byte
	table   keyTable
}

// key is a member name of an object that is being read.
type key struct {
	hash       uint64
	start, end int // of the raw bytes between the quotes
	escaped    bool
}

// Find notes a finding, unless there is one already.
func (s *Skipper) Find(code reason.Code, at int) {
	if s.Found == "" {
		s.Found, s.FoundAt = code, at
	}
}

// FindFlags notes what [String] saw in the string at position at.
func (s *Skipper) FindFlags(f Flags, at int) {
	switch {
	case f&BadUTF8 != 0:
		s.Find(reason.InvalidUTF8, at)
	case f&BadSurrogate != 0:
		s.Find(reason.InvalidUnicode, at)
	}
}

// Value skips the value at p, which is nested in depth containers.
func (s *Skipper) Value(b []byte, p, depth int) int {
	switch c := b[p]; {
	case c == '"':
		end, f := SkipString(b, p+1)
		if end < 0 {
			return end
		}
		if f&^Escaped != 0 {
			s.FindFlags(f, p)
		}
		return end + 1
	case c == '{':
		return s.object(b, p, depth+1)
	case c == '[':
		return s.array(b, p, depth+1)
	case c == 't':
		return Literal(b, p, "true")
	case c == 'f':
		return Literal(b, p, "false")
	case c == 'n':
		return Literal(b, p, "null")
	case c == '-' || c-'0' <= 9:
		return SkipNumber(b, p)
	}
	return -1 - p
}

func (s *Skipper) array(b []byte, p, depth int) int {
	if depth > s.MaxDepth {
		s.TooDeep = true
		return -1 - p
	}
	p = Space(b, p+1)
	if b[p] == ']' {
		return p + 1
	}
	for {
		if p = s.Value(b, p, depth); p < 0 {
			return p
		}
		p = Space(b, p)
		switch b[p] {
		case ',':
			p = Space(b, p+1)
		case ']':
			return p + 1
		default:
			return -1 - p
		}
	}
}

func (s *Skipper) object(b []byte, p, depth int) int {
	if depth > s.MaxDepth {
		s.TooDeep = true
		return -1 - p
	}
	first := len(s.keys)
	p = Space(b, p+1)
	if b[p] == '}' {
		return p + 1
	}
	for {
		if p = s.Key(b, p); p < 0 {
			return p
		}
		if p = s.Value(b, p, depth); p < 0 {
			return p
		}
		p = Space(b, p)
		switch b[p] {
		case ',':
			p = Space(b, p+1)
		case '}':
			s.EndKeys(b, first)
			return p + 1
		default:
			return -1 - p
		}
	}
}

// Key reads a member name and its colon at p, remembers the name and returns
// the position of the value.
func (s *Skipper) Key(b []byte, p int) int {
	if b[p] != '"' {
		return -1 - p
	}
	end, hash, f := String(b, p+1)
	if end < 0 {
		return end
	}
	value := Space(b, end+1)
	if b[value] != ':' {
		return -1 - value
	}
	s.Push(hash, p+1, end, f)
	return Space(b, value+1)
}

// Push remembers a member name whose raw bytes are b[start:end].
func (s *Skipper) Push(hash uint64, start, end int, f Flags) {
	if f&^Escaped != 0 {
		s.FindFlags(f, start)
	}
	s.keys = append(s.keys, key{hash, start, end, f&Escaped != 0})
}

// Keys is the number of names remembered, which [Skipper.EndKeys] takes.
func (s *Skipper) Keys() int { return len(s.keys) }

// Reset forgets findings and names, for a new record.
func (s *Skipper) Reset() {
	s.Found, s.FoundAt, s.TooDeep = "", 0, false
	s.keys = s.keys[:0]
}

// EndKeys looks for duplicates among the names remembered since there were
// first of them, and forgets these.
func (s *Skipper) EndKeys(b []byte, first int) {
	keys := s.keys[first:]
	s.keys = s.keys[:first]
	if len(keys) < 2 || s.Found != "" {
		return
	}
	for i := range keys {
		if !keys[i].escaped {
			continue
		}
		// Names are compared by their value: "\u0061" is "a".
		s.scratch[0] = Unescape(s.scratch[0][:0], b[keys[i].start:keys[i].end])
		keys[i].hash = Hash(s.scratch[0])
	}
	if len(keys) > 16 {
		s.table.reset(len(keys))
		for i := range keys {
			if j := s.table.add(keys, i, func(i, j int) bool { return s.same(b, keys[i], keys[j]) }); j {
				s.Find(reason.DuplicateKey, keys[i].start-1)
				return
			}
		}
		return
	}
	for i := 1; i < len(keys); i++ {
		for j := 0; j < i; j++ {
			if keys[i].hash == keys[j].hash && s.same(b, keys[i], keys[j]) {
				s.Find(reason.DuplicateKey, keys[i].start-1)
				return
			}
		}
	}
}

func (s *Skipper) same(b []byte, x, y key) bool {
	return string(s.name(0, b, x)) == string(s.name(1, b, y))
}

func (s *Skipper) name(slot int, b []byte, k key) []byte {
	raw := b[k.start:k.end]
	if !k.escaped {
		return raw
	}
	s.scratch[slot] = Unescape(s.scratch[slot][:0], raw)
	return s.scratch[slot]
}

// keyTable is an open-addressing set of indexes, for objects with many names.
type keyTable struct {
	slots []int32 // index + 1
}

func (t *keyTable) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	if cap(t.slots) < size {
		t.slots = make([]int32, size)
		return
	}
	t.slots = t.slots[:size]
	clear(t.slots)
}

// add puts keys[i] in and reports whether an equal one was there.
func (t *keyTable) add(keys []key, i int, same func(i, j int) bool) bool {
	mask := uint64(len(t.slots) - 1)
	for h := keys[i].hash; ; h++ {
		switch j := t.slots[h&mask]; {
		case j == 0:
			t.slots[h&mask] = int32(i + 1)
			return false
		case keys[j-1].hash == keys[i].hash && same(int(j-1), i):
			return true
		}
	}
}
