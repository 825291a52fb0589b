package lake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"

	"sluice/internal/ledger"
	"sluice/internal/parquetread"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/schema"
)

// Money compares the sums and rows that the ledger states with those of the published
// files, which are added up again.
//
// The ledger states them of the state of the object that was recorded last. If that
// state published nothing (it was rejected, or all its records are in quarantine, or it
// was deleted and the rows are kept), the rows are older, and the ledger has no sums of
// them, but the hash of each file. Then the hashes are compared.
type Money struct {
	Columns []MoneyColumn `json:"columns"`
	Rows    MoneyRows     `json:"rows"`
	// Objects are those that differ, each with every difference.
	Objects []MoneyDifference `json:"objects"`
	// Differing counts the objects that differ; Objects has at most 1,000 differences.
	Differing int `json:"differing"`
	Checked   int `json:"objects_checked"` // objects with rows or sums, those of Older too
	Older     int `json:"objects_older"`   // objects whose files were compared by hash
}

// MoneyColumn is a decimal column. What the ledger states is compared with the files of
// the same objects; Older is what the files of the other objects have, so Published and
// Older together are the sum over the table.
type MoneyColumn struct {
	Table     string `json:"table"`
	Column    string `json:"column"`
	Ledger    string `json:"ledger"`
	Published string `json:"published"`
	Older     string `json:"older"`
	Equal     bool   `json:"equal"` // also of each object
}

// MoneyRows is the same of rows, of all tables.
type MoneyRows struct {
	Ledger    int64 `json:"ledger"`
	Published int64 `json:"published"`
	Older     int64 `json:"older"`
	Equal     bool  `json:"equal"`
}

// MoneyDifference is what differs in an object. Without a column it is the rows, or a
// file: What then says what is wrong with it.
type MoneyDifference struct {
	ID        string `json:"id"`
	Key       string `json:"key"`
	Table     string `json:"table"`
	Column    string `json:"column"`
	What      string `json:"what"` // sum, rows, missing, damaged, content or ledger
	Ledger    string `json:"ledger"`
	Published string `json:"published"`
}

// maxDifferences bounds the differences that are listed.
const maxDifferences = 1000

// moneyName names a decimal column.
type moneyName struct{ table, column string }

// amount is a sum without its point.
type amount struct {
	unscaled *big.Int
	scale    int
}

// add adds an amount, whose scale may differ.
func (a *amount) add(b amount) {
	if a.unscaled == nil {
		a.unscaled = new(big.Int)
	}
	if b.unscaled == nil {
		return
	}
	n := b.unscaled
	if b.scale > a.scale {
		a.unscaled = new(big.Int).Mul(a.unscaled, tenTo(b.scale-a.scale))
		a.scale = b.scale
	} else if b.scale < a.scale {
		n = new(big.Int).Mul(n, tenTo(a.scale-b.scale))
	}
	a.unscaled.Add(a.unscaled, n)
}

func (a amount) equal(b amount) bool {
	var x, y amount
	x.add(a)
	y.add(b)
	x.add(amount{new(big.Int), y.scale})
	y.add(amount{new(big.Int), x.scale})
	return x.unscaled.Cmp(y.unscaled) == 0
}

func (a amount) String() string {
	if a.unscaled == nil {
		return "0"
	}
	return parquetread.Decimal(a.unscaled.String(), a.scale)
}

// parseAmount reads a sum of the ledger.
func parseAmount(text string) (amount, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	return amount{n, len(fraction)}, ok
}

// entryMoney is what was found in the files of an entry.
type entryMoney struct {
	of    string // the state of the entry and of its files
	older bool   // the ledger states nothing of these rows
	rows  [2]int64
	sums  map[moneyName]*[2]amount // of ledger and files
	bad   []MoneyDifference        // of files
}

// Money compares ledger and files. What was compared is not read again until it
// changes.
func (l *Lake) Money(ctx context.Context) (m *Money, err error) {
	err = l.settled(ctx, func(s *State) error {
		return l.work(ctx, func() error {
			entries, found, err := l.rows.money(ctx, s)
			if err == nil {
				m = add(entries, found)
			}
			return err
		})
	})
	return m, err
}

func (o *objects) money(ctx context.Context, s *State) ([]*Entry, []*entryMoney, error) {
	files := map[*Entry][]*File{}
	for _, t := range s.Tables {
		for _, f := range t.Files {
			files[f.Entry] = append(files[f.Entry], f)
		}
	}
	found := make([]*entryMoney, len(s.Entries))
	err := Each(ctx, atOnce, len(s.Entries), func(ctx context.Context, i int) (err error) {
		found[i], err = o.l.moneyOf(ctx, s.Entries[i], files[s.Entries[i]])
		return err
	})
	return s.Entries, found, err
}

// moneyOf compares the files of an entry; nil if there is nothing to compare.
func (l *Lake) moneyOf(ctx context.Context, e *Entry, files []*File) (*entryMoney, error) {
	lost := slices.ContainsFunc(e.Outputs, isLost)
	if e.State == nil || len(files) == 0 && !lost {
		return nil, nil
	}
	of := e.ETag
	for _, f := range files {
		of += "\n" + f.Output.Key + "\n" + f.Info.ETag
	}
	l.mu.Lock()
	known := l.money[e.ID]
	l.mu.Unlock()
	if known != nil && known.of == of {
		return known, nil
	}
	m := &entryMoney{of: of, sums: map[moneyName]*[2]amount{}}
	m.older = slices.ContainsFunc(files, func(f *File) bool { return isOlder(e, f.Output) })
	if !m.older {
		if err := m.state(e); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		if err := l.addFile(ctx, m, f); err != nil {
			return nil, err
		}
	}
	for _, o := range e.Outputs {
		if isLost(o) {
			m.bad = append(m.bad, difference(e, o.Table, "missing", "no file"))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.money[e.ID] = m
	return m, nil
}

// state adds what the ledger states of an object.
func (m *entryMoney) state(e *Entry) error {
	m.rows[0] = e.State.RowsWritten
	for name, text := range e.State.Sums {
		table, column, _ := strings.Cut(name, ".")
		a, ok := parseAmount(text)
		if !ok {
			return fmt.Errorf("compare sums: ledger entry of %q: the sum of %s is no number", e.Key, name)
		}
		m.sum(moneyName{table, column})[0].add(a)
	}
	return nil
}

// isLost reports whether the ledger says that an output should show a state, and that
// it is gone.
func isLost(o ledger.Output) bool {
	return o.ETag == "" && o.Identity != "" && o.Identity != ledger.Absent
}

func difference(e *Entry, table, what, published string) MoneyDifference {
	return MoneyDifference{ID: e.ID.String(), Key: e.Key, Table: table, What: what, Ledger: "the file as it was published", Published: published}
}

// isOlder reports whether the sums of an entry are of another state than the rows of
// its output.
func isOlder(e *Entry, o ledger.Output) bool {
	return o.Identity == runs.Unknown || o.Identity != e.State.Identity || o.Mapping != e.State.Mapping && o.Identity != ledger.Absent
}

func (m *entryMoney) sum(name moneyName) *[2]amount {
	if m.sums[name] == nil {
		m.sums[name] = new([2]amount)
	}
	return m.sums[name]
}

// addFile adds up the decimals of a file. That it is missing or damaged is a finding,
// not an error.
func (l *Lake) addFile(ctx context.Context, m *entryMoney, f *File) error {
	bad := func(what, published string) {
		m.bad = append(m.bad, difference(f.Entry, f.Output.Table, what, published))
	}
	if f.Missing() {
		bad("missing", "no file")
		return nil
	}
	rows, sums, err := l.sumsOf(ctx, f)
	if errors.Is(err, store.ErrNotFound) {
		bad("missing", "no file")
		return nil
	}
	if outside(err) {
		return fmt.Errorf("compare sums: %w", err)
	}
	if err != nil {
		bad("damaged", "a damaged file")
		return nil
	}
	m.rows[1] += rows
	for column, a := range sums {
		m.sum(moneyName{f.Output.Table, column})[1].add(a)
	}
	if !m.older || f.Output.SHA256 == "" {
		return nil
	}
	switch sum, err := l.hash(ctx, f); {
	case err != nil:
		return fmt.Errorf("compare sums: %w", err)
	case sum != f.Output.SHA256:
		bad("content", "a file with another content")
	}
	return nil
}

// sumsOf adds up the decimal columns of a file.
func (l *Lake) sumsOf(ctx context.Context, f *File) (rows int64, sums map[string]amount, err error) {
	file, err := l.open(ctx, f)
	if err != nil {
		return 0, nil, err
	}
	var columns []int
	for i, c := range file.Schema().Columns {
		if c.Type.Kind == schema.Decimal {
			columns = append(columns, i)
		}
	}
	totals := make([]total, len(columns))
	for g := range file.NumRowGroups() {
		for i, c := range columns {
			t := file.Schema().Columns[c].Type
			if err := file.Scan(g, []int{c}, 0, file.RowGroupRows(g), func(batch [][]parquetread.Value) error {
				for _, v := range batch[0] {
					if !v.Null {
						totals[i].add(v, t)
					}
				}
				return ctx.Err()
			}); err != nil {
				return 0, nil, err
			}
		}
	}
	sums = map[string]amount{}
	for i, c := range columns {
		column := file.Schema().Columns[c]
		sums[column.Name] = amount{totals[i].unscaled(), column.Type.Scale}
	}
	return file.NumRows(), sums, nil
}

// hash is the SHA-256 of a file, in hex.
func (l *Lake) hash(ctx context.Context, f *File) (string, error) {
	r := &reader{ctx: ctx, store: l.at().Pipeline.Sink, info: f.Info}
	h := sha256.New()
	if _, err := io.CopyBuffer(h, io.NewSectionReader(r, 0, f.Info.Size), make([]byte, wholeBytes)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// add adds up what was found in all entries.
func add(entries []*Entry, found []*entryMoney) *Money {
	m := &Money{Columns: []MoneyColumn{}, Objects: []MoneyDifference{}, Rows: MoneyRows{Equal: true}}
	type column struct {
		amounts [3]amount // of ledger, files, older files
		differs bool
	}
	columns := map[moneyName]*column{}
	for i, e := range entries {
		r := found[i]
		if e.Err != nil {
			r = &entryMoney{older: true, bad: []MoneyDifference{{ID: e.ID.String(), What: "ledger", Ledger: "an entry that cannot be read", Published: "not known"}}}
		}
		if r == nil {
			continue
		}
		m.Checked++
		differences := slices.Clone(r.bad)
		differs := func(name moneyName, what, inLedger, published string) {
			differences = append(differences, MoneyDifference{e.ID.String(), e.Key, name.table, name.column, what, inLedger, published})
		}
		if r.older {
			m.Older++
			m.Rows.Older += r.rows[1]
		} else {
			m.Rows.Ledger += r.rows[0]
			m.Rows.Published += r.rows[1]
			if r.rows[0] != r.rows[1] {
				differs(moneyName{}, "rows", fmt.Sprint(r.rows[0]), fmt.Sprint(r.rows[1]))
			}
		}
		m.Rows.Equal = m.Rows.Equal && len(differences) == 0
		for _, name := range slices.SortedFunc(maps.Keys(r.sums), moneyName.compare) {
			c := columns[name]
			if c == nil {
				c = new(column)
				columns[name] = c
			}
			sums := r.sums[name]
			if r.older {
				c.amounts[2].add(sums[1])
				continue
			}
			c.amounts[0].add(sums[0])
			c.amounts[1].add(sums[1])
			if !sums[0].equal(sums[1]) {
				c.differs = true
				differs(name, "sum", sums[0].String(), sums[1].String())
			}
		}
		if len(differences) > 0 {
			m.Differing++
			m.Objects = append(m.Objects, differences[:min(len(differences), maxDifferences-len(m.Objects))]...)
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(columns), moneyName.compare) {
		c := columns[name]
		scale := max(c.amounts[0].scale, c.amounts[1].scale, c.amounts[2].scale)
		for i := range c.amounts {
			c.amounts[i].add(amount{new(big.Int), scale})
		}
		m.Columns = append(m.Columns, MoneyColumn{name.table, name.column, c.amounts[0].String(), c.amounts[1].String(), c.amounts[2].String(), !c.differs})
	}
	return m
}

func (n moneyName) compare(o moneyName) int {
	return cmp.Or(strings.Compare(n.table, o.table), strings.Compare(n.column, o.column))
}
