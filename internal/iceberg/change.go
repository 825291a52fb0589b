package iceberg

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Change is what a commit does to a table's metadata: in one step, or not at all.
type Change struct {
	Snapshot   *Snapshot         // becomes that of main
	Properties map[string]string // set; others stay
	Expire     []int64           // snapshots that leave the metadata
	Schema     *Schema           // becomes the current one: that of [Metadata.Evolve]
	LastColumn int               // last ID that Schema uses
	Spec       *PartitionSpec    // files may follow it: that of [Metadata.Divide], or one with new IDs
	Divides    bool              // new files follow Spec, also those of other engines
}

// Apply is the metadata after the change. previous is the file of m, which readers may
// still have; it goes into the log.
func (c Change) Apply(m *Metadata, previous string) (*Metadata, error) {
	next := *m
	next.Properties = orEmpty(maps.Clone(m.Properties))
	maps.Copy(next.Properties, c.Properties)
	if c.Schema != nil {
		switch old := m.Schema(c.Schema.ID); {
		case old == nil:
			next.Schemas = append(slices.Clip(m.Schemas), *c.Schema)
		case !old.same(c.Schema):
			return nil, fmt.Errorf("the table has another schema %d already", c.Schema.ID)
		}
		next.SchemaID, next.LastColumnID = c.Schema.ID, max(m.LastColumnID, c.LastColumn)
	}
	if c.Spec != nil {
		switch old := m.Spec(c.Spec.ID); {
		case old == nil:
			next.Specs = append(slices.Clip(m.Specs), *c.Spec)
		case !c.Divides || !slices.Equal(old.Fields, c.Spec.Fields):
			return nil, fmt.Errorf("the table has a partition spec %d already", c.Spec.ID)
		}
		if c.Divides {
			next.SpecID = c.Spec.ID
		}
		for _, f := range c.Spec.Fields {
			next.LastPartition = max(next.LastPartition, f.ID)
		}
	}
	at := m.Updated
	next.Refs = orEmpty(maps.Clone(m.Refs))
	if s := c.Snapshot; s != nil {
		if s.Sequence <= m.LastSequence {
			return nil, fmt.Errorf("snapshot %d has the sequence number %d, and the table is at %d", s.ID, s.Sequence, m.LastSequence)
		}
		next.Snapshots = append(slices.Clip(m.Snapshots), *s)
		next.LastSequence, next.Current = s.Sequence, s.ID
		next.Log = append(slices.Clip(m.Log), LogEntry{s.Time, s.ID})
		ref := next.Refs[Main]
		ref.ID, ref.Type = s.ID, "branch"
		next.Refs[Main] = ref
		at = time.UnixMilli(s.Time).UTC()
	}
	next.expire(c.Expire)
	if previous != "" {
		next.MetadataLog = append(slices.Clip(m.MetadataLog), MetadataLogEntry{m.Updated.UnixMilli(), previous})
		if most := next.number("write.metadata.previous-versions-max", 100); len(next.MetadataLog) > most {
			next.MetadataLog = slices.Clone(next.MetadataLog[len(next.MetadataLog)-most:])
		}
	}
	if at.After(next.Updated) {
		next.Updated = at
	}
	return &next, nil
}

// number is a property that is a number.
func (m *Metadata) number(property string, usual int) int {
	if n, err := strconv.Atoi(m.Properties[property]); err == nil && n > 0 {
		return n
	}
	return usual
}

// expire takes snapshots out. The log keeps what comes after the last gap: Spec,
// Snapshot log.
func (m *Metadata) expire(ids []int64) {
	if len(ids) == 0 {
		return
	}
	gone := func(id int64) bool { return slices.Contains(ids, id) }
	m.Snapshots = slices.DeleteFunc(slices.Clone(m.Snapshots), func(s Snapshot) bool { return gone(s.ID) })
	last := -1
	for i, entry := range m.Log {
		if gone(entry.ID) {
			last = i
		}
	}
	m.Log = slices.Clone(m.Log[last+1:])
}

// Retention says which snapshots stay.
type Retention struct {
	Snapshots int           // the newest of main, at least this number
	Age       time.Duration // and those that are not older
}

// Expired are the snapshots that may go at a time: none that a branch or tag names,
// and of main only those beyond the retention.
func (m *Metadata) Expired(r Retention, now time.Time) (ids []int64) {
	keep := map[int64]bool{}
	for _, ref := range m.Refs {
		id := ref.ID
		if ref.ID == m.Current {
			continue
		}
		for s := m.Snapshot(id); s != nil && !keep[s.ID]; s = m.parent(s) {
			keep[s.ID] = true
		}
	}
	n := 0
	for s := m.Head(); s != nil; s = m.parent(s) {
		if n++; n > r.Snapshots && now.Sub(time.UnixMilli(s.Time)) > r.Age {
			break
		}
		keep[s.ID] = true
	}
	for _, s := range m.Snapshots {
		if !keep[s.ID] {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func (m *Metadata) parent(s *Snapshot) *Snapshot {
	if s.Parent == nil {
		return nil
	}
	return m.Snapshot(*s.Parent)
}
