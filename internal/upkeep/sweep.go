package upkeep

import (
	"context"
	"hash/maphash"

	"sluice/internal/store"
	"sluice/internal/tables"
)

// Swept is what was removed. Its JSON names are a contract.
type Swept struct {
	Removed int64 `json:"objects_removed"`
	Bytes   int64 `json:"bytes_removed"`
}

// Sweep removes the objects below a folder that isLeft chooses by their keys, and that are
// as old as the options say, by the clock of the store. They are not of one table.
func Sweep(ctx context.Context, t *tables.Table, s store.Store, folder string, isLeft func(key string) bool, o MaintainOptions) (Swept, error) {
	m := &maintenance{t: t, o: o, seed: maphash.MakeSeed()}
	err := m.sweep(ctx, s, folder, func(name string) bool { return isLeft(folder + name) })
	return Swept{m.Removed, m.Bytes}, err
}
