package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// sinkListing is what the sink lists: the outputs of source keys, some 32 bytes for
// each.
type sinkListing struct {
	folders []string
	outputs []listedOutput // sorted by id and time
	foreign int64          // objects that by their names are not outputs, and not hidden
}

// listedOutput is an output in a listing.
type listedOutput struct {
	id     ledger.ShortID // which its name has
	at     int64          // the time in its name, in milliseconds
	state  uint64
	folder uint32
}

// digest is eight bytes that stand for a text of a listing. The probability that
// any two of a million texts have the same digest is below 10^-7, and then an
// object is only looked at later.
func digest(parts ...string) uint64 {
	h := sha256.New()
	for _, s := range parts {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// listSink lists the outputs in the sink, in all of its folders.
func (p *Pipeline) listSink(ctx context.Context) (*sinkListing, error) {
	l := &sinkListing{}
	err := p.Sink.List(ctx, p.SinkPrefix, func(info store.Info) error {
		slash := strings.LastIndexByte(info.Key, '/') + 1
		id, at, ok := ledger.ParseOutputName(info.Key[slash:])
		if !ok {
			if !hidden(strings.TrimPrefix(info.Key, p.SinkPrefix)) {
				l.foreign++
			}
			return ledger.CheckMark(p.SinkPrefix, info.Key)
		}
		folder := info.Key[:slash]
		i := slices.Index(l.folders, folder)
		if i < 0 {
			i = len(l.folders)
			l.folders = append(l.folders, folder)
		}
		l.outputs = append(l.outputs, listedOutput{id, at.UnixMilli(), digest(info.Key, info.ETag), uint32(i)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list sink: %w", err)
	}
	slices.SortFunc(l.outputs, func(a, b listedOutput) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.at, b.at), cmp.Compare(a.folder, b.folder))
	})
	return l, nil
}

// hidden reports whether readers of a table ignore an object of this name: the name
// of it, or of a folder on the way, begins with a dot or "_"
// (https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html),
// or it is the marker of a folder.
func hidden(name string) bool {
	name = "/" + name
	return strings.Contains(name, "/.") || strings.Contains(name, "/_") || strings.HasSuffix(name, "/")
}

// of returns the outputs of a source key.
func (l *sinkListing) of(id ledger.ShortID) []listedOutput {
	begin, found := slices.BinarySearchFunc(l.outputs, id, func(o listedOutput, id ledger.ShortID) int { return cmp.Compare(o.id, id) })
	if !found {
		return nil
	}
	end := begin
	for end < len(l.outputs) && l.outputs[end].id == id {
		end++
	}
	return l.outputs[begin:end]
}

// sum is one number for all outputs of a key and their states.
func (l *sinkListing) sum(id ledger.ShortID) (sum uint64) {
	for _, o := range l.of(id) {
		sum += o.state
	}
	return sum
}

// sumOf is the sum of a sink listing that agrees with the entry.
func (p *Pipeline) sumOf(e *ledger.Entry) (sum uint64) {
	for _, out := range e.Outputs {
		if out.ETag != "" && p.inSink(out) {
			sum += digest(out.Key, out.ETag)
		}
	}
	return sum
}

// compare says how the sink differs from an entry: whether it lacks a state that
// the entry names, and how many outputs it has that the entry does not name.
func (p *Pipeline) compare(e *ledger.Entry, l *sinkListing) (differs bool, extra int64) {
	listed := map[uint64]bool{}
	keys := map[string]uint64{}
	for _, o := range l.of(e.ID().Short()) {
		listed[o.state] = true
		keys[l.key(o)] = o.state
	}
	for _, out := range e.Outputs {
		if !p.inSink(out) {
			continue
		}
		if _, stands := keys[out.Key]; stands || out.ETag != "" {
			differs = differs || out.ETag == "" || !listed[digest(out.Key, out.ETag)]
		}
		delete(keys, out.Key)
	}
	return differs, int64(len(keys))
}

// key is the key of a listed output.
func (l *sinkListing) key(o listedOutput) string {
	return l.folders[o.folder] + ledger.OutputName(o.id, time.UnixMilli(o.at))
}

// adopted is a new entry for a key whose entry is lost or damaged. The lost entry
// must have named the outputs that are in the sink. If there are several names, an
// output with rows is preferred, then the one written last. The time is zero if no
// output is this key's.
func (p *Pipeline) adopted(ctx context.Context, bucket, key string, l *sinkListing) (ledger.Entry, error) {
	e := ledger.Entry{Bucket: bucket, Key: key}
	tables := map[string]string{}
	for _, t := range p.Mapping.Tables {
		tables[p.folder(t.Name)] = t.Name
	}
	var last store.Info
	for _, o := range l.of(e.ID().Short()) {
		name := l.key(o)
		info, err := p.Sink.Head(ctx, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
			continue
		case err != nil:
			return e, fmt.Errorf("look at output: %w", err)
		case info.Meta[metaSource] != e.ID().String():
			continue // its name begins like ours
		}
		at := time.UnixMilli(o.at).UTC()
		rows, had := info.Meta[metaIdentity] != ledger.Absent, last.Meta[metaIdentity] != ledger.Absent
		if e.FirstSeen.IsZero() || rows && !had || rows == had && !info.Modified.Before(last.Modified) {
			if !e.FirstSeen.Equal(at) {
				e.FirstSeen, e.Outputs = at, nil
			}
			last = info
		}
		if e.FirstSeen.Equal(at) {
			e.Outputs = append(e.Outputs, ledger.Output{
				Table: tables[l.folders[o.folder]], Key: name, ETag: info.ETag, Identity: info.Meta[metaIdentity], Mapping: info.Meta[metaMapping], Columns: info.Meta[metaColumns],
			})
		}
	}
	return e, nil
}
