package profiler

import (
	"slices"
	"strings"

	"sluice/internal/profile"
	"sluice/mapping"
)

// Unwrap goes from what was counted to the record, if each of these objects is
// only a wrapper around it, as {"order":{…}} is: a path leads to an object in all
// of them, and nothing stands beside it but what describes the request. Call it
// when all that belongs together is merged.
func Unwrap(p *profile.Profile) {
	if p.BrokenFirst {
		return // it may lack what all others have, and would have the input rejected
	}
	const deepest = 3
	var path mapping.Path
	var beside []string
	for len(path) < deepest {
		name, others := alone(p.Root)
		if name == "" || len(path) > 0 && !leadsTo(path[len(path)-1].Name, name) {
			break
		}
		path = append(path, mapping.Segment{Kind: mapping.Name, Name: name})
		p.Root = p.Root.Members[name]
		beside = append(beside, others...)
	}
	for i := range p.Places {
		at := &p.Places[i]
		at.Path += strings.TrimPrefix(path.String(), "$")
		at.Beside = append(at.Beside, beside...)
	}
	p.Places = profile.MergePlaces(p.Places)
}

// alone is the member of an object that is an object too, each time, and has
// nothing of its own beside it; empty if there is none.
func alone(n *profile.Node) (name string, others []string) {
	if n.Object.Count == 0 || n.Values() != n.Object.Count {
		return "", nil
	}
	for other, m := range n.Members {
		switch {
		case around[joined(other)] || m.Null.Count == m.Values():
			others = append(others, other)
		case name != "":
			return "", nil
		default:
			name = other
		}
	}
	m := n.Members[name]
	if m == nil || m.Object.Count != n.Object.Count || m.Values() != m.Object.Count || len(m.Members) == 0 ||
		strings.ContainsFunc(name, notInWord) || tags[name] || !isRecord(m) {
		return "", nil
	}
	slices.Sort(others)
	return name, others
}

// leadsTo reports whether a name may stand inside another: {"orders":{"A":{…}}}
// has orders by their ids, even if there is one.
func leadsTo(outer, inner string) bool { return inner == "node" || !strings.HasSuffix(outer, "s") }

func notInWord(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// isRecord reports whether an object has names as a record has, and neither ids
// nor the type of a value, as DynamoDB writes them.
func isRecord(n *profile.Node) bool {
	tagged := true
	for name := range n.Members {
		if !isWord(name) && !strings.HasPrefix(name, "$") {
			return false
		}
		tagged = tagged && tags[name]
	}
	return !tagged
}
