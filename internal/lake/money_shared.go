package lake

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"sluice/internal/parquetread"
	"sluice/internal/runs"
	"sluice/internal/tables"
	"sluice/schema"
)

// money adds up the rows of all tables by the objects that they are of, wherever the rows
// are now. Rows of no object, and files that are missing, are those of an entry that has
// no ID.
func (s *shared) money(ctx context.Context, state *State) ([]*Entry, []*entryMoney, error) {
	others := &Entry{}
	others.Key = "(of no object)"
	entries := append(slices.Clone(state.Entries), others)
	found := make([]*entryMoney, len(entries))
	ids := make(map[string]int, len(entries)) // of rows
	for i, e := range entries {
		m := &entryMoney{sums: map[moneyName]*[2]amount{}}
		if e == others {
			found[i] = m
			continue
		}
		ids[tables.SourceID(runs.Key{Bucket: e.Bucket, Key: e.Key}, e.FirstSeen)] = i
		shows := false
		for _, o := range e.Outputs {
			shows = shows || o.Identity != ""
			m.older = m.older || o.Identity != "" && isOlder(e, o)
		}
		if !shows {
			continue // nothing of it was ever accepted
		}
		found[i] = m
		if m.older {
			continue
		}
		if err := m.state(e); err != nil {
			return nil, nil, err
		}
	}
	for _, t := range state.Tables {
		if err := s.addTable(ctx, t, ids, found); err != nil {
			return nil, nil, fmt.Errorf("compare sums: %w", err)
		}
	}
	for i, e := range entries[:len(entries)-1] {
		rows := int64(0) // that are shown of an older state
		for _, shown := range e.Shown {
			rows += shown.Rows
		}
		if m := found[i]; m != nil && m.older && m.rows[1] != rows {
			m.bad = append(m.bad, MoneyDifference{ID: e.ID.String(), Key: e.Key, What: "rows", Ledger: fmt.Sprint(rows), Published: fmt.Sprint(m.rows[1])})
		}
	}
	if m := found[len(found)-1]; m.rows[1] == 0 && len(m.bad) == 0 {
		found[len(found)-1] = nil
	}
	return entries, found, nil
}

// addTable adds up the decimal columns of a table.
func (s *shared) addTable(ctx context.Context, t *Table, ids map[string]int, found []*entryMoney) error {
	v, err := s.l.view(ctx, t)
	if err != nil {
		return err
	}
	others := found[len(found)-1]
	for _, f := range t.Files {
		footer, err := s.l.footer(ctx, f)
		if err != nil {
			return err
		}
		if what, says := "missing", "no file"; footer.err != nil {
			if !f.Missing() {
				what, says = "damaged", "a damaged file"
			}
			others.bad = append(others.bad, MoneyDifference{Key: f.Output.Key, Table: v.Name, What: what, Ledger: "a file of the table", Published: says})
		}
	}
	var columns []int
	for i, c := range v.Columns {
		if c.Type.Kind == schema.Decimal {
			columns = append(columns, i)
		}
	}
	id, err := v.Column(tables.SourceColumn)
	if err != nil {
		return err
	}
	sums := make([][]total, len(found))
	var mu sync.Mutex
	err = v.scan(ctx, v.parts(), append([]int{id}, columns...), func(batch [][]parquetread.Value) error {
		mu.Lock()
		defer mu.Unlock()
		for row, source := range batch[0] {
			of, known := ids[string(source.Bytes)]
			if !known || found[of] == nil {
				of = len(found) - 1
			}
			found[of].rows[1]++
			if sums[of] == nil {
				sums[of] = make([]total, len(columns))
			}
			for i, c := range columns {
				if value := batch[i+1][row]; !value.Null {
					sums[of][i].add(value, v.Columns[c].Type)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for of, totals := range sums {
		for i := range totals {
			c := v.Columns[columns[i]]
			found[of].sum(moneyName{v.Name, c.Name})[1].add(amount{totals[i].unscaled(), c.Type.Scale})
		}
	}
	return nil
}
