package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"sluice/internal/ledger"
	"sluice/schema"
)

// folder is where the outputs of a table are.
func (p *Pipeline) folder(table string) string {
	if len(p.Mapping.Tables) == 1 {
		return p.SinkPrefix
	}
	return p.SinkPrefix + table + "/"
}

// place gives the entry an output for each table of the mapping, in the mapping's
// order. The outputs of an earlier configuration follow.
//
// A published output stays where it is as long as that is in the sink: only Redo
// moves outputs, since a look at one key must not do more than that.
func (p *Pipeline) place(e *ledger.Entry) {
	past := slices.Clone(e.Outputs)
	take := func(wanted func(ledger.Output) bool) (ledger.Output, bool) {
		i := slices.IndexFunc(past, wanted)
		if i < 0 {
			return ledger.Output{}, false
		}
		out := past[i]
		past = slices.Delete(past, i, i+1)
		return out, true
	}
	name := ledger.OutputName(e.ID().Short(), e.FirstSeen)
	var outputs []ledger.Output
	for _, t := range p.Mapping.Tables {
		key := p.folder(t.Name) + name
		stays := p.Redo == RedoNothing
		out, ok := take(func(o ledger.Output) bool {
			return stays && o.Table == t.Name && o.ETag != "" && p.inSink(o)
		})
		if !ok {
			if out, ok = take(func(o ledger.Output) bool { return o.Key == key }); !ok {
				out = ledger.Output{Key: key}
			}
			out.Table = t.Name
		}
		outputs = append(outputs, out)
	}
	past = slices.DeleteFunc(past, func(o ledger.Output) bool { return o.ETag == "" })
	e.Outputs = append(outputs, past...)
}

// inSink reports whether an output is in the sink of the configuration. An earlier
// sink is not touched: it may belong to another pipeline by now.
func (p *Pipeline) inSink(o ledger.Output) bool { return strings.HasPrefix(o.Key, p.SinkPrefix) }

// mayRetire reports whether this pipeline may empty an output that the
// configuration no longer names.
func (p *Pipeline) mayRetire(o ledger.Output) bool {
	return p.inSink(o) && (p.Redo != RedoNothing || p.RemoveDeleted)
}

// written reports whether all outputs of the mapping's tables exist with its
// columns, even if they were made with another mapping.
func (p *Pipeline) written(outputs []ledger.Output) bool {
	mapping := p.Mapping.Hash()
	for i, o := range outputs {
		if o.ETag == "" || o.Mapping != mapping && o.Columns != p.columns(i) {
			return false
		}
	}
	return true
}

// columns names the columns that the mapping gives the files of a table.
func (p *Pipeline) columns(table int) string {
	return columnsOf(p.Mapping.Schema(&p.Mapping.Tables[table]))
}

// columnsOf names the columns of a table, in any order.
func columnsOf(s schema.Schema) string {
	var columns []string
	for _, c := range s.Columns {
		columns = append(columns, c.Name+" "+c.Type.String()+"\n")
	}
	slices.Sort(columns)
	sum := sha256.Sum256([]byte(strings.Join(columns, "")))
	return hex.EncodeToString(sum[:])
}

// torn reports whether the outputs of one mapping's tables show different source
// states, or one lacks the state that it should show: a damaged output shows none,
// and a lost one has no ETag. An output that was never published counts if the
// mapping that made its neighbours also names it.
func torn(outputs []ledger.Output, mapping string) bool {
	lacks := func(o ledger.Output) bool { return (o.ETag == "") != (o.Identity == "") }
	if slices.ContainsFunc(outputs, lacks) {
		return true
	}
	i := slices.IndexFunc(outputs, func(o ledger.Output) bool { return o.ETag != "" })
	if i < 0 {
		return false
	}
	lead := outputs[i]
	return slices.ContainsFunc(outputs, func(o ledger.Output) bool {
		if o.ETag == "" {
			return lead.Mapping == mapping
		}
		return o.Identity != lead.Identity
	})
}

// Published are the outputs of an entry that count in queries: of each table the
// first that was published in the sink, so that a key never counts twice. The
// tables may be others than those of the mapping.
func (p *Pipeline) Published(e *ledger.Entry) (outputs []ledger.Output) {
	for _, o := range e.Outputs {
		same := func(other ledger.Output) bool { return other.Table == o.Table }
		if o.ETag != "" && p.inSink(o) && !slices.ContainsFunc(outputs, same) {
			outputs = append(outputs, o)
		}
	}
	return outputs
}
