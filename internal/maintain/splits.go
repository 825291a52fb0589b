package maintain

import (
	"context"
	"hash/maphash"

	"sluice/internal/pipeline"
	"sluice/internal/store"
)

// Swept is what was removed. Its JSON names are a contract.
type Swept struct {
	Removed int64 `json:"objects_removed"`
	Bytes   int64 `json:"bytes_removed"`
}

// Splits removes the plans and parts of splits that nobody has finished. Their data files are
// removed with all others of the table. The URIs are those of the data files of other
// parts, for [Options.Keeps].
func Splits(ctx context.Context, t *pipeline.Tables, o Options) (swept Swept, keeps []string, err error) {
	if swept, err = sweep(ctx, t, t.Tables[0].Ledger, t.SplitFolder(), pipeline.IsOfSplit, o); err != nil {
		return swept, nil, err
	}
	keeps, err = t.SplitFiles(ctx)
	return swept, keeps, err
}

// SplitQuarantine removes what parts of such splits have quarantined. It lists the
// quarantine, which the function may not.
func SplitQuarantine(ctx context.Context, t *pipeline.Tables, o Options) (Swept, error) {
	return sweep(ctx, t, t.Quarantine, t.QuarantinePrefix, pipeline.IsHeldBySplit, o)
}

// sweep removes the objects below a folder that isLeft chooses by their keys, and that are
// as old as the options say, by the clock of the store. They are not of one table.
func sweep(ctx context.Context, t *pipeline.Tables, s store.Store, folder string, isLeft func(key string) bool, o Options) (Swept, error) {
	o.OlderThan = max(o.OlderThan, pipeline.SplitKept)
	m := &maintenance{t: t.Tables[0], o: o, seed: maphash.MakeSeed()}
	err := m.sweep(ctx, s, folder, func(name string) bool { return isLeft(folder + name) })
	return Swept{m.Removed, m.Bytes}, err
}
