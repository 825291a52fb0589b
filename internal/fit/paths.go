package fit

import (
	"slices"

	"sluice/mapping"
)

// fed are the paths that feed columns, each once.
func fed(m *mapping.Mapping) []mapping.Path {
	var all paths
	for i := range m.Tables {
		for j := range m.Tables[i].Columns {
			all.add(sources(&m.Tables[i].Columns[j])...)
		}
	}
	return all.list
}

// named are the paths whose members the mapping knows.
func named(m *mapping.Mapping) []mapping.Path {
	all := fed(m)
	for i := range m.Tables {
		for _, c := range m.Tables[i].Where {
			all = append(all, c.Path)
		}
	}
	for _, p := range all {
		all = append(all, p.Keys()...)
		for step, s := range p {
			for _, c := range s.Filter() {
				all = append(all, append(slices.Clone(p[:step+1]), c.Member...))
			}
		}
	}
	return append(all, m.Drop...)
}

// required are the paths that must lead to a value in every record, each once.
func required(m *mapping.Mapping) []mapping.Path {
	var all paths
	for i := range m.Tables {
		t := &m.Tables[i]
		if t.Levels() > 0 && t.WhenEmpty == mapping.Quarantine {
			for _, p := range t.Exploded() {
				all.add(p[:len(p)-1])
			}
		}
		for j := range t.Columns {
			if from := sources(&t.Columns[j]); t.Columns[j].Required && len(from) == 1 {
				all.add(from[0])
			}
		}
	}
	return all.list
}

// sources are the paths that feed a column: none if it is a constant or a part
// of the key.
func sources(c *mapping.Column) []mapping.Path {
	if c.Const != nil || c.Empty || c.Key != "" {
		return nil
	}
	return append([]mapping.Path{c.Path}, c.Else...)
}

// paths is a list of paths, each once.
type paths struct {
	list []mapping.Path
	seen map[string]bool
}

func (p *paths) add(more ...mapping.Path) {
	for _, path := range more {
		if text := path.String(); !p.seen[text] {
			if p.seen == nil {
				p.seen = map[string]bool{}
			}
			p.seen[text] = true
			p.list = append(p.list, path)
		}
	}
}
