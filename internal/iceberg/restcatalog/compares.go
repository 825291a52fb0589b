package restcatalog

import (
	"context"
	"errors"
	"net/http"

	"sluice/internal/iceberg"
)

// notCompared is a property of tables whose catalog does not compare what it should. A
// request that the catalog should refuse sets it.
const notCompared = "sluice.catalog-does-not-compare"

var errNotCompared = errors.New("the catalog does not compare the head of a table (assert-ref-snapshot-id) before it commits, so commits of several writers replace each other: use another catalog, or a newer version (Nessie: 0.101.1)")

// compares finds out whether the catalog keeps the promise that all else rests on. It is
// called once in the life of a table, after its first snapshot. Nessie 0.99 compares
// any head with the current one, but takes none for the current one always.
func (c *Catalog) compares(ctx context.Context, where string, table *iceberg.Table) error {
	other := table.Metadata.Head().ID ^ 1
	for _, wrong := range []*int64{nil, &other} {
		request := object{
			"requirements": requirements(table.Metadata, wrong),
			"updates":      []object{{"action": "set-properties", "updates": object{notCompared: "true"}}},
		}
		err := c.post(ctx, where, request, new(answer))
		if err == nil {
			return errNotCompared
		}
		if !isStatus(err, http.StatusConflict) {
			return err
		}
	}
	return nil
}
