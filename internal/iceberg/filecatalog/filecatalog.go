// Package filecatalog is a catalog that needs nothing but a folder or a bucket: the
// states of a table are the files metadata/v1.metadata.json, v2 and so on, and each
// is made once. This is the layout of Iceberg's own Hadoop tables, so Spark, Trino,
// DuckDB and pyiceberg read such a table by its path.
package filecatalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/iceberg"
	"sluice/internal/store"
)

// Catalog keeps tables in a store: the table orders under the prefix lake/ has the
// folder lake/orders.
type Catalog struct {
	Files  iceberg.Files
	Prefix string // empty, or with a slash at its end
}

// Location is where a table is, as its metadata says.
func (c *Catalog) Location(name string) string { return c.Files.URI(c.Prefix + name) }

func (c *Catalog) file(name string, version int) string {
	return fmt.Sprintf("%s%s/metadata/v%d.metadata.json", c.Prefix, name, version)
}

// hint is a file with a version that was the newest when it was written: where to
// begin the search.
func (c *Catalog) hint(name string) string {
	return c.Prefix + name + "/metadata/version-hint.text"
}

// Load implements [iceberg.Catalog]. From the hint on, versions are tried until one
// is missing. Old versions are removed oldest first, so if that of the hint is there,
// so are those after it.
func (c *Catalog) Load(ctx context.Context, name string) (*iceberg.Table, error) {
	table, err := c.load(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("load table %s: %w", name, err)
	}
	return table, nil
}

func (c *Catalog) load(ctx context.Context, name string) (*iceberg.Table, error) {
	version := 0
	data, _, err := store.Get(ctx, c.Files.Store, c.hint(name), 100)
	if err == nil {
		version, _ = strconv.Atoi(strings.TrimSpace(string(data)))
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	var newest []byte
	if version > 0 {
		if newest, version, err = c.last(ctx, name, version); err != nil {
			return nil, err
		}
	}
	if newest == nil { // no hint, or one to a version that is gone
		if version, err = c.listed(ctx, name); err != nil {
			return nil, err
		}
		if version == 0 {
			return nil, iceberg.ErrNoTable
		}
		if newest, version, err = c.last(ctx, name, version); err != nil {
			return nil, err
		}
	}
	if newest == nil {
		return nil, iceberg.ErrNoTable
	}
	m, err := iceberg.Parse(newest)
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", version, err)
	}
	return &iceberg.Table{Name: name, File: c.Files.URI(c.file(name, version)), Metadata: m, Version: strconv.Itoa(version)}, nil
}

// last reads the last version without a gap after one; nil if that is not there.
func (c *Catalog) last(ctx context.Context, name string, version int) (newest []byte, _ int, err error) {
	for ; ; version++ {
		data, err := c.Files.Read(ctx, c.Files.URI(c.file(name, version)))
		if errors.Is(err, store.ErrNotFound) {
			return newest, version - 1, nil
		}
		if err != nil {
			return nil, 0, err
		}
		newest = data
	}
}

// listed is the newest version in a listing.
func (c *Catalog) listed(ctx context.Context, name string) (newest int, err error) {
	prefix := c.Prefix + name + "/metadata/v"
	err = c.Files.Store.List(ctx, prefix, func(i store.Info) error {
		number, ok := strings.CutSuffix(strings.TrimPrefix(i.Key, prefix), ".metadata.json")
		if n, err := strconv.Atoi(number); ok && err == nil {
			newest = max(newest, n)
		}
		return nil
	})
	return newest, err
}

// Create implements [iceberg.Catalog].
func (c *Catalog) Create(ctx context.Context, name string, first *iceberg.Metadata) (*iceberg.Table, error) {
	table, err := c.publish(ctx, name, first, 1)
	if store.IsRace(err) {
		err = iceberg.ErrTableExists
	}
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", name, err)
	}
	return table, nil
}

// Commit implements [iceberg.Catalog].
func (c *Catalog) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	table, err := c.commit(ctx, base, change)
	if store.IsRace(err) {
		err = iceberg.ErrConflict
	}
	if err != nil {
		return nil, fmt.Errorf("commit to table %s: %w", base.Name, err)
	}
	return table, nil
}

func (c *Catalog) commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	version, err := strconv.Atoi(base.Version)
	if err != nil {
		return nil, fmt.Errorf("%q is no version of a table of files", base.Version)
	}
	// A table that was removed and made again has versions of the same names.
	data, err := c.Files.Read(ctx, base.File)
	if err != nil {
		return nil, err
	}
	if there, err := iceberg.Parse(data); err != nil || there.UUID != base.Metadata.UUID {
		return nil, cmp.Or(err, error(iceberg.ErrConflict))
	}
	m, err := change.Apply(base.Metadata, base.File)
	if err != nil {
		return nil, err
	}
	return c.publish(ctx, base.Name, m, version+1)
}

// publish is the compare-and-set: a version appears once.
func (c *Catalog) publish(ctx context.Context, name string, m *iceberg.Metadata, version int) (*iceberg.Table, error) {
	data, err := m.JSON()
	if err != nil {
		return nil, err
	}
	uri, err := c.Files.Write(ctx, c.file(name, version), data)
	if err != nil {
		return nil, err
	}
	// An old hint only makes the search longer: whether this succeeds does not matter.
	_, _ = store.Put(ctx, c.Files.Store, c.hint(name), []byte(strconv.Itoa(version)), store.CreateOptions{}, store.Unconditional())
	return &iceberg.Table{Name: name, File: uri, Metadata: m, Version: strconv.Itoa(version)}, nil
}
