// Package dircatalog is the catalog of a local lake: a JSON file per table,
// <database>/<table>.json, in a folder of the lake. From it,
// readers of the lake learn which tables there are, with which columns, and where.
//
// It uses store.Store and not files, since that contract has what a catalog needs:
// objects appear whole, and only if no other writer was faster.
package dircatalog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/store"
)

// formatVersion is the version of the files that this code writes and reads.
const formatVersion = 1

// maxFileBytes is far more than a table of ten thousand columns needs.
const maxFileBytes = 16 << 20

// Definition is the content of a file. docs/catalog.md describes it.
type Definition struct {
	Version     int              `json:"sluice_table"`
	Database    string           `json:"database"`
	Table       string           `json:"table"`
	Location    string           `json:"location"` // as catalog.Table.Location, with the slash at its end
	Format      string           `json:"format"`   // "parquet"
	MappingHash string           `json:"mapping_sha256"`
	Columns     []catalog.Column `json:"columns"`
}

// Catalog is the files under a prefix of a store.
type Catalog struct {
	store  store.Store
	prefix string
}

var _ catalog.Catalog = (*Catalog)(nil)

// New returns the catalog in s under prefix, which ends with a slash or is empty.
func New(s store.Store, prefix string) *Catalog { return &Catalog{store: s, prefix: prefix} }

// Refresh creates or evolves the tables.
func (c *Catalog) Refresh(ctx context.Context, tables []catalog.Table) (catalog.Result, error) {
	return catalog.RefreshEach(ctx, tables, c.refresh)
}

// FollowUp is Refresh: what failed shows in the files themselves.
func (c *Catalog) FollowUp(ctx context.Context, tables []catalog.Table) (catalog.Result, error) {
	return c.Refresh(ctx, tables)
}

// Tables reads all tables, in the order of their databases and names.
func (c *Catalog) Tables(ctx context.Context) ([]Definition, error) {
	var all []Definition
	err := c.store.List(ctx, c.prefix, func(info store.Info) error {
		database, file, inside := strings.Cut(strings.TrimPrefix(info.Key, c.prefix), "/")
		table, isTable := strings.CutSuffix(file, ".json")
		if !inside || !isTable || strings.Contains(table, "/") {
			return nil
		}
		d, _, err := c.read(ctx, database, table)
		if err == nil {
			all = append(all, d)
		}
		if errors.Is(err, store.ErrNotFound) {
			return nil // removed since it was listed
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return all, nil
}

func (c *Catalog) refresh(ctx context.Context, t catalog.Table) (catalog.Change, error) {
	for _, name := range []string{t.Database, t.Schema.Table} {
		if name == "" || strings.ContainsAny(name, `/\`) {
			return catalog.Unchanged, &catalog.RefusedError{Table: t.Name(), Err: fmt.Errorf("%q cannot be the name of a file", name)}
		}
	}
	d, etag, err := c.read(ctx, t.Database, t.Schema.Table)
	change, condition := catalog.Updated, store.IfMatch(etag)
	switch {
	case errors.Is(err, store.ErrNotFound):
		change, condition = catalog.Created, store.IfNoneMatch()
		d = Definition{
			Version: formatVersion, Database: t.Database, Table: t.Schema.Table,
			Location: folder(t.Location), Format: "parquet",
		}
	case err != nil:
		return catalog.Unchanged, err
	}
	changed, err := d.merge(t)
	if err != nil {
		return catalog.Unchanged, &catalog.RefusedError{Table: t.Name(), Err: err}
	}
	if !changed && change == catalog.Updated {
		return catalog.Unchanged, nil
	}
	if err := c.write(ctx, d, condition); err != nil {
		return catalog.Unchanged, err
	}
	return change, nil
}

// Look says what Refresh would do about a table, and changes nothing.
func (c *Catalog) Look(ctx context.Context, t catalog.Table) (catalog.Change, error) {
	d, _, err := c.read(ctx, t.Database, t.Schema.Table)
	if errors.Is(err, store.ErrNotFound) {
		return catalog.Created, nil
	}
	if err != nil {
		return catalog.Unchanged, err
	}
	changed, err := d.merge(t)
	switch {
	case err != nil:
		return catalog.Unchanged, &catalog.RefusedError{Table: t.Name(), Err: err}
	case changed:
		return catalog.Updated, nil
	}
	return catalog.Unchanged, nil
}

// merge adds what the definition lacks of the table, and reports whether it
// changed.
func (d *Definition) merge(t catalog.Table) (bool, error) {
	if d.Location != folder(t.Location) {
		return false, fmt.Errorf("the catalog has a table of this name at %s, but the files are at %s", d.Location, t.Location)
	}
	columns, changed, err := catalog.Merge(d.Columns, catalog.Columns(t.Schema))
	if err != nil {
		return false, err
	}
	if changed {
		d.Columns, d.MappingHash = columns, t.MappingHash
	}
	return changed, nil
}

func folder(location string) string { return strings.TrimRight(location, "/") + "/" }

func (c *Catalog) key(database, table string) string {
	return c.prefix + database + "/" + table + ".json"
}

// read reads a file. If it is not understood it is refused and left as it is: it
// may be of a newer version, or written by hand.
func (c *Catalog) read(ctx context.Context, database, table string) (Definition, string, error) {
	data, info, err := store.Get(ctx, c.store, c.key(database, table), maxFileBytes)
	if err != nil {
		return Definition{}, "", err
	}
	var d Definition
	err = json.Unmarshal(data, &d)
	switch {
	case err != nil || d.Version < 1:
		err = fmt.Errorf("%s is damaged, or not a file of sluice; delete it, and the next run writes it again", c.key(database, table))
	case d.Version > formatVersion:
		err = fmt.Errorf("%s: sluice_table is %d, but this version of sluice only reads %d", c.key(database, table), d.Version, formatVersion)
	case d.Database != database || d.Table != table:
		err = fmt.Errorf("%s: the file names table %s.%s; delete it, and the next run writes it again", c.key(database, table), d.Database, d.Table)
	default:
		return d, info.ETag, nil
	}
	return Definition{}, "", &catalog.RefusedError{Table: database + "." + table, Err: err}
}

func (c *Catalog) write(ctx context.Context, d Definition, condition store.Precondition) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("encode table: %w", err)
	}
	_, err := store.Put(ctx, c.store, c.key(d.Database, d.Table), b.Bytes(), store.CreateOptions{ContentType: "application/json"}, condition)
	if store.IsRace(err) {
		return fmt.Errorf("%w: %w", catalog.ErrConflict, err)
	}
	return err
}
