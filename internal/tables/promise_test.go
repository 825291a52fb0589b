package tables_test

import (
	"context"
	"fmt"
	"maps"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

// promise compares snapshots, in the order of their commits, with what the sources were:
// each key shows one version, whole, which was a state of its source, and what it shows
// never goes back.
type promise struct {
	s      *simulation
	source map[string]runs.Key        // by ID
	last   map[runs.Key]int           // place of what is shown in the source's history; absent: nothing was
	known  map[int64]map[runs.Key]int // last by snapshot: people may set the table back
}

func newPromise(s *simulation) *promise {
	p := &promise{s: s, source: map[string]runs.Key{}, last: map[runs.Key]int{}, known: map[int64]map[runs.Key]int{}}
	for k, all := range s.sources {
		for n := range len(all) + 4 { // the first version that was seen may have any number
			p.source[tables.SourceID(k, start.Add(time.Duration(n)*time.Second))] = k
		}
	}
	return p
}

// snapshot checks the next snapshot.
func (p *promise) snapshot(m *iceberg.Metadata) error {
	if before, ok := p.known[m.Current]; ok { // set back
		p.last = maps.Clone(before)
	}
	shown, live, _, err := p.s.read(m, m.Head())
	if err != nil {
		return err
	}
	if len(p.known) > 0 && len(live) == 0 {
		p.s.counts["dropped files"]++
	}
	keys, err := p.byKey(shown)
	if err != nil {
		return err
	}
	for k := range p.s.sources {
		if err := p.key(k, keys[k]); err != nil {
			return err
		}
	}
	p.known[m.Current] = maps.Clone(p.last)
	if m.Head() == nil {
		return nil
	}
	if name, ours := m.Head().Summary["sluice.root"]; ours {
		files := runs.Files{Store: p.s.store, Folder: "ledger/" + m.UUID + "/"}
		if root, err := files.Read(context.Background(), name); err != nil || root.Rows != int64(len(shown)) {
			return fmt.Errorf("its ledger has not the %d rows that it shows: %+v, %v", len(shown), root, err)
		}
	}
	return nil
}

func (p *promise) byKey(shown []row) (map[runs.Key]map[sourceRow]int, error) {
	keys := map[runs.Key]map[sourceRow]int{}
	for _, r := range shown {
		k, ok := p.source[r.source]
		if !ok {
			return nil, fmt.Errorf("a row of nobody")
		}
		if keys[k] == nil {
			keys[k] = map[sourceRow]int{}
		}
		keys[k][sourceRow{version: r.version, n: r.n}]++
	}
	return keys, nil
}

// key checks the rows that a key shows.
func (p *promise) key(k runs.Key, rows map[sourceRow]int) error {
	number := int64(-1)
	for r, n := range rows {
		if n != 1 {
			return fmt.Errorf("%s shows row %d of version %d %d times", k.Key, r.n, r.version, n)
		}
		if number >= 0 && number != r.version {
			return fmt.Errorf("%s shows versions %d and %d", k.Key, number, r.version)
		}
		number = r.version
	}
	last, shown := p.last[k]
	if number < 0 && !shown {
		return nil // not seen yet
	}
	all := p.s.sources[k]
	for n := last; n < len(all); n++ {
		if v := all[n]; !v.broken && (int64(v.number) == number || number < 0 && v.rows == 0) {
			if len(rows) != v.rows {
				return fmt.Errorf("%s shows %d of %d rows of version %d", k.Key, len(rows), v.rows, number)
			}
			p.last[k] = n
			return nil
		}
	}
	return fmt.Errorf("%s went back to version %d, or lost its rows", k.Key, number)
}

// end checks the state after a calm run: each key shows its newest version that is sound,
// or, if the newest is not, any before it that was seen.
func (p *promise) end(m *iceberg.Metadata) error {
	shown, _, _, err := p.s.read(m, m.Head())
	if err != nil {
		return err
	}
	keys, err := p.byKey(shown)
	if err != nil {
		return err
	}
	for k, all := range p.s.sources {
		if len(all) == 0 || all[len(all)-1].broken {
			continue
		}
		want := all[len(all)-1]
		if len(keys[k]) != want.rows {
			return fmt.Errorf("in the end %s shows %d rows, and not the %d of version %d", k.Key, len(keys[k]), want.rows, want.number)
		}
		for r := range keys[k] {
			if int(r.version) != want.number {
				return fmt.Errorf("in the end %s shows version %d, and not %d", k.Key, r.version, want.number)
			}
		}
	}
	head, err := p.s.table.Load(context.Background())
	if err != nil {
		return err
	}
	if head.Rows() != int64(len(shown)) {
		return fmt.Errorf("the ledger has %d rows, and the table shows %d", head.Rows(), len(shown))
	}
	if err := p.s.sameRows(tables.NewLive(p.s.table.Files)); err != nil {
		return err
	}
	return nil
}
