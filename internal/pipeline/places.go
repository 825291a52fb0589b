package pipeline

import (
	"slices"
	"strings"

	"sluice/internal/ledger"
)

// folder is where the outputs of a table are.
func (p *Pipeline) folder(table string) string {
	if len(p.Mapping.Tables) == 1 {
		return p.SinkPrefix
	}
	return p.SinkPrefix + table + "/"
}

// place gives the entry an output for each table of the mapping, first and in
// the mapping's order. What an earlier configuration had made follows.
//
// An output that was published stays where it is as long as that is in the
// sink, since moving it is more than a look at one key may do: only Redo moves
// outputs.
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
	name := ledger.OutputName(e.Bucket, e.Key, e.FirstSeen)
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

// inSink reports whether an output stands in the sink of the configuration. An
// earlier sink is another's by now: it is not touched.
func (p *Pipeline) inSink(o ledger.Output) bool { return strings.HasPrefix(o.Key, p.SinkPrefix) }

// mayRetire reports whether an output that the configuration does not name any
// more may be emptied by this pipeline.
func (p *Pipeline) mayRetire(o ledger.Output) bool {
	return p.inSink(o) && (p.Redo != RedoNothing || p.RemoveDeleted)
}

// written reports whether all of the outputs stand, made with this mapping.
func written(outputs []ledger.Output, mapping string) bool {
	return !slices.ContainsFunc(outputs, func(o ledger.Output) bool { return o.ETag == "" || o.Mapping != mapping })
}

// torn reports whether the outputs of the tables of one mapping show different
// source states, or lack the one that they should show: what is damaged shows
// none, and what is lost has no ETag. An output that was never published counts
// if the mapping that made its neighbours names it too.
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
