package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"sluice/internal/ledger"
)

// A run that has nothing to do must not read a million ledger entries to find that
// out. So one object, the index of the ledger, keeps what a run compares with the
// listings, for all entries. It cannot be wrong, only old: what it says of an entry
// counts as long as the entry has the ETag that it had then.

// indexed is the part of a ledger entry that a run compares with the listings.
type indexed struct {
	ID      ledger.IndexID
	ETag    uint64 // of the entry
	Listed  uint64 // of the source state that was accounted for
	Outputs uint64 // see sumOf
	Held    uint64 // see heldOf
	Flags   flags
}

// flags say how an entry differs from what the configuration asks for.
type flags uint16

const (
	claimed      flags = 1 << iota // nothing is accounted for yet
	absent                         // the source was deleted
	isTorn                         // the tables show different states
	otherMapping                   // the state was accounted for with another mapping
	elsewhere                      // a table has its rows only where an earlier configuration put them
	dropped                        // an output that the configuration does not name has rows
	kept                           // the source was deleted, but its rows are still there
	outside                        // the key is not in the source
	current                        // all outputs exist, with the columns of the mapping
	rowsStand                      // at least one output has rows
)

// outdated reports whether the configuration asks for other outputs.
func (f flags) outdated(p *Pipeline) bool {
	return f&(otherMapping|elsewhere|dropped) != 0 || f&kept != 0 && p.RemoveDeleted
}

// flagsOf compares an entry with the configuration.
func flagsOf(p *Pipeline, e *ledger.Entry) (f flags) {
	if e.State == nil {
		return claimed
	}
	stays, _ := p.placed(e, RedoNothing)
	moved, past := p.placed(e, RedoAll)
	rows := func(o ledger.Output) bool { return o.HasRows() && p.inSink(o) }
	if slices.ContainsFunc(e.Outputs, rows) {
		f |= rowsStand
	}
	switch {
	case e.State.Identity == ledger.Absent:
		f |= absent
		if f&rowsStand != 0 {
			f |= kept
		}
	case e.State.Mapping != p.Mapping.Hash():
		f |= otherMapping
	}
	if torn(stays, p.Mapping.Hash()) {
		f |= isTorn
	}
	if p.written(stays) {
		f |= current
	}
	for _, old := range past {
		same := func(o ledger.Output) bool { return o.Table == old.Table }
		switch {
		case !old.HasRows():
		case slices.ContainsFunc(moved, func(o ledger.Output) bool { return o.ETag == "" && (same(o) || !p.inSink(old)) }):
			f |= elsewhere
		case p.inSink(old):
			f |= dropped
		}
	}
	return f
}

// placed returns the outputs of an entry that the configuration names, and those
// that it does not.
func (p *Pipeline) placed(e *ledger.Entry, redo Redo) (wanted, past []ledger.Output) {
	then, at := *p, *e
	then.Redo = redo
	then.place(&at)
	return at.Outputs[:len(p.Mapping.Tables)], at.Outputs[len(p.Mapping.Tables):]
}

func (p *Pipeline) indexedOf(e *ledger.Entry, etag string, isOutside bool) indexed {
	r := indexed{ID: e.ID().Index(), ETag: digest(etag), Outputs: p.sumOf(e), Held: heldOf(e.State), Flags: flagsOf(p, e)}
	if e.State != nil {
		r.Listed = digest(e.State.Listed)
	}
	if isOutside {
		r.Flags |= outside
	}
	return r
}

// indexVersion changes with the meaning of what the index keeps.
const indexVersion = "sluice index 3\n"

// fingerprint identifies the configuration for which the flags were computed.
func (p *Pipeline) fingerprint(o *RunOptions) [sha256.Size]byte {
	h := sha256.New()
	for _, s := range []string{indexVersion, p.Mapping.Hash(), p.SinkPrefix, o.Bucket, o.Prefix} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// encodeIndex writes what the index keeps of entries, sorted by ID, between a
// fingerprint and a sum.
func encodeIndex(fingerprint [sha256.Size]byte, entries []indexed) []byte {
	var b bytes.Buffer
	b.Grow(sha256.Size*2 + len(entries)*binary.Size(indexed{}))
	b.Write(fingerprint[:])
	binary.Write(&b, binary.LittleEndian, entries) //nolint:errcheck // a buffer takes everything
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	return b.Bytes()
}

// decodeIndex returns what an index keeps, by ID. It returns nothing if the index
// is damaged or of another configuration.
func decodeIndex(fingerprint [sha256.Size]byte, data []byte) []indexed {
	size := len(data) - 2*sha256.Size
	if size < 0 || size%binary.Size(indexed{}) != 0 || !bytes.HasPrefix(data, fingerprint[:]) {
		return nil
	}
	if sum := sha256.Sum256(data[:len(data)-sha256.Size]); !bytes.Equal(sum[:], data[len(data)-sha256.Size:]) {
		return nil
	}
	entries := make([]indexed, size/binary.Size(indexed{}))
	if _, err := binary.Decode(data[sha256.Size:], binary.LittleEndian, entries); err != nil {
		return nil
	}
	return entries
}
