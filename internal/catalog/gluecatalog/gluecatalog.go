// Package gluecatalog writes tables directly into the Glue Data Catalog. The
// columns come from the mapping, not from a crawler's guess, and a new table
// can be queried as soon as its first file stands.
package gluecatalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"sluice/internal/catalog"
)

// Catalog is a Glue Data Catalog.
type Catalog struct{ client *glue.Client }

var _ catalog.Catalog = (*Catalog)(nil)

// New is the catalog the client leads to. Its databases must be there: a function
// that could create one would hide that a name is misspelt.
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
	got, err := c.client.GetTable(ctx, &glue.GetTableInput{DatabaseName: &t.Database, Name: &t.Schema.Table})
	switch {
	case catalog.CodeOf(err) == notFound: // the table, or the database with it
		return c.create(ctx, t)
	case err != nil:
		return catalog.Unchanged, err
	case got.Table == nil:
		return catalog.Unchanged, errNoTable
	}
	return c.evolve(ctx, t, got.Table)
}

func (c *Catalog) create(ctx context.Context, t catalog.Table) (catalog.Change, error) {
	_, err := c.client.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: &t.Database, TableInput: newTable(t)})
	switch {
	case catalog.CodeOf(err) == notFound:
		return catalog.Unchanged, fmt.Errorf("database %s does not exist; create it: %w", t.Database, err)
	case err != nil:
		return catalog.Unchanged, conflict(err)
	}
	return catalog.Created, nil
}

// evolve adds to a table what the mapping has more. Nothing is written when
// nothing is: not for another mapping hash alone, since every write is a
// version of the table, and two mappings in use at once would write in turns.
func (c *Catalog) evolve(ctx context.Context, t catalog.Table, table *types.Table) (catalog.Change, error) {
	merged, changed, err := merge(t, table)
	if err != nil || !changed {
		return catalog.Unchanged, err
	}
	have := table.StorageDescriptor.Columns
	input := asInput(table)
	storage := *table.StorageDescriptor
	storage.Columns = toGlue(have, merged)
	input.StorageDescriptor = &storage
	input.Parameters = maps.Clone(table.Parameters)
	if input.Parameters == nil {
		input.Parameters = map[string]string{}
	}
	input.Parameters[mappingParameter] = t.MappingHash
	_, err = c.client.UpdateTable(ctx, &glue.UpdateTableInput{
		DatabaseName: &t.Database,
		TableInput:   input,
		// Without it, the last of several writers would win in silence.
		VersionId: table.VersionId,
		// An archived version per change counts against a limit of the account.
		SkipArchive: aws.Bool(true),
	})
	if err != nil {
		return catalog.Unchanged, conflict(err)
	}
	return catalog.Updated, nil
}

// merge gives the columns of the table with those that the mapping has more.
func merge(t catalog.Table, table *types.Table) (merged []catalog.Column, changed bool, err error) {
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
	got, err := c.client.GetTable(ctx, &glue.GetTableInput{DatabaseName: &t.Database, Name: &t.Schema.Table})
	switch {
	case catalog.CodeOf(err) == notFound:
		return catalog.Created, nil
	case err != nil:
		return catalog.Unchanged, err
	case got.Table == nil:
		return catalog.Unchanged, errNoTable
	}
	if _, changed, err := merge(t, got.Table); err != nil || !changed {
		return catalog.Unchanged, err
	}
	return catalog.Updated, nil
}

// suits checks that a table found under our name is one our files fit into.
func suits(t catalog.Table, table *types.Table) error {
	storage := table.StorageDescriptor
	switch {
	case strings.EqualFold(table.Parameters["table_type"], "ICEBERG"):
		return errors.New("the catalog has an Iceberg table of this name")
	case aws.ToString(table.TableType) == "VIRTUAL_VIEW":
		return errors.New("the catalog has a view of this name")
	case storage == nil || aws.ToString(storage.InputFormat) != inputFormat:
		return errors.New("the table of this name in the catalog is not one of Parquet files")
	case folder(aws.ToString(storage.Location)) != folder(t.Location):
		return fmt.Errorf("the table of this name in the catalog is at %s, the files are at %s", aws.ToString(storage.Location), t.Location)
	}
	for _, key := range table.PartitionKeys {
		for _, column := range t.Schema.Columns {
			if strings.EqualFold(aws.ToString(key.Name), column.Name) {
				return fmt.Errorf("%s is a partition key in the catalog and a column in the mapping", column.Name)
			}
		}
	}
	return nil
}
