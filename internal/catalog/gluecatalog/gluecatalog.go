// Package gluecatalog writes tables directly into the Glue Data Catalog. The
// columns come from the mapping, not from a crawler's guess, and a new table can
// be queried as soon as its first file is committed.
package gluecatalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/glue"
)

// Catalog is a Glue Data Catalog.
type Catalog struct{ client *glue.Client }

var _ catalog.Catalog = (*Catalog)(nil)

// New returns the catalog of the client's account. Its databases must exist: if we
// created missing ones, a misspelt name would go unnoticed.
func New(client *glue.Client) *Catalog { return &Catalog{client} }

// Refresh creates or evolves the tables.
func (c *Catalog) Refresh(ctx context.Context, tables []catalog.Table) (catalog.Result, error) {
	return catalog.RefreshEach(ctx, tables, c.refresh)
}

// FollowUp is Refresh: what failed shows in the tables themselves.
func (c *Catalog) FollowUp(ctx context.Context, tables []catalog.Table) (catalog.Result, error) {
	return c.Refresh(ctx, tables)
}

func (c *Catalog) refresh(ctx context.Context, t catalog.Table) (catalog.Change, error) {
	table, err := c.client.GetTable(ctx, t.Database, t.Schema.Table)
	switch {
	case catalog.CodeOf(err) == notFound: // the table, or the database with it
		return c.create(ctx, t)
	case err != nil:
		return catalog.Unchanged, err
	}
	return c.evolve(ctx, t, table)
}

func (c *Catalog) create(ctx context.Context, t catalog.Table) (catalog.Change, error) {
	err := c.client.CreateTable(ctx, t.Database, newTable(t))
	switch {
	case catalog.CodeOf(err) == notFound:
		return catalog.Unchanged, fmt.Errorf("database %s does not exist; create it: %w", t.Database, err)
	case err != nil:
		return catalog.Unchanged, conflict(err)
	}
	return catalog.Created, nil
}

// evolve adds to a table what it lacks of the mapping. If it lacks nothing, nothing
// is written, even if the mapping's hash differs: every write makes a version of
// the table, and two mappings in use at once would write in turns.
func (c *Catalog) evolve(ctx context.Context, t catalog.Table, table *glue.Table) (catalog.Change, error) {
	merged, changed, err := merge(t, table)
	if err != nil || !changed {
		return catalog.Unchanged, err
	}
	storage := table.StorageDescriptor
	storage.Columns = toGlue(storage.Columns, merged)
	if table.Parameters == nil {
		table.Parameters = map[string]string{}
	}
	table.Parameters[mappingParameter] = t.MappingHash
	if err := c.client.UpdateTable(ctx, t.Database, table); err != nil {
		return catalog.Unchanged, conflict(err)
	}
	return catalog.Updated, nil
}

// merge returns the columns of the table, and after them those that only the
// mapping has.
func merge(t catalog.Table, table *glue.Table) (merged []catalog.Column, changed bool, err error) {
	if err = suits(t, table); err == nil {
		merged, changed, err = catalog.Merge(fromGlue(table.StorageDescriptor.Columns), catalog.Columns(t.Schema))
	}
	if err != nil {
		err = &catalog.RefusedError{Table: t.Name(), Err: err}
	}
	return merged, changed, err
}

// Look says what Refresh would do about a table, and changes nothing.
func (c *Catalog) Look(ctx context.Context, t catalog.Table) (catalog.Change, error) {
	table, err := c.client.GetTable(ctx, t.Database, t.Schema.Table)
	switch {
	case catalog.CodeOf(err) == notFound:
		return catalog.Created, nil
	case err != nil:
		return catalog.Unchanged, err
	}
	if _, changed, err := merge(t, table); err != nil || !changed {
		return catalog.Unchanged, err
	}
	return catalog.Updated, nil
}

// suits checks that our files fit into the table that has our name.
func suits(t catalog.Table, table *glue.Table) error {
	storage := table.StorageDescriptor
	switch {
	case strings.EqualFold(table.Parameters["table_type"], "ICEBERG"):
		return errors.New("the catalog has an Iceberg table of this name")
	case table.TableType == "VIRTUAL_VIEW":
		return errors.New("the catalog has a view of this name")
	case storage == nil || storage.InputFormat != inputFormat:
		return errors.New("the catalog has a table of this name whose files are not Parquet")
	case folder(storage.Location) != folder(t.Location):
		return fmt.Errorf("the catalog has a table of this name at %s, but the files are at %s", storage.Location, t.Location)
	}
	for _, key := range table.PartitionKeys {
		for _, column := range t.Schema.Columns {
			if strings.EqualFold(key.Name, column.Name) {
				return fmt.Errorf("%s is a partition key in the catalog and a column in the mapping", column.Name)
			}
		}
	}
	return nil
}
