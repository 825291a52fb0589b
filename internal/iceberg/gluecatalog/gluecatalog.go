// Package gluecatalog is a catalog of Iceberg tables in the AWS Glue Data Catalog: a
// table of Glue names the current metadata file, as Athena, EMR, Redshift and the Glue
// catalogs of Iceberg's libraries have it.
package gluecatalog

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"sluice/internal/glue"
	"sluice/internal/iceberg"
)

// Catalog is the tables of a database of Glue. The database must exist: if we created
// missing ones, a misspelt name would go unnoticed.
type Catalog struct {
	// Client may repeat calls. Those that change a table are made once, whatever it does.
	Client   *glue.Client
	Database string
	Files    iceberg.Files
	Prefix   string // of the keys of new tables; empty, or with a slash at its end
}

// Location is where a new table is to be: the table orders with the prefix lake/ in
// lake/orders.
func (c *Catalog) Location(name string) string { return c.Files.URI(c.Prefix + name) }

// The parameters of an Iceberg table in Glue, as Iceberg's own GlueCatalog has them.
const (
	tableType        = "table_type"
	icebergTable     = "ICEBERG"
	metadataLocation = "metadata_location"
	previousLocation = "previous_metadata_location"
)

// Load implements [iceberg.Catalog].
func (c *Catalog) Load(ctx context.Context, name string) (*iceberg.Table, error) {
	table, err := c.load(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("load table %s.%s: %w", c.Database, name, err)
	}
	return table, nil
}

func (c *Catalog) load(ctx context.Context, name string) (*iceberg.Table, error) {
	table, err := c.get(ctx, name)
	if err != nil {
		return nil, err
	}
	file := table.Parameters[metadataLocation]
	data, err := c.Files.Read(ctx, file)
	if err != nil {
		return nil, err
	}
	m, err := iceberg.Parse(data)
	if err != nil {
		return nil, err
	}
	return &iceberg.Table{Name: name, File: file, Metadata: m}, nil
}

// get reads the table of Glue.
func (c *Catalog) get(ctx context.Context, name string) (*glue.Table, error) {
	table, err := c.Client.GetTable(ctx, c.Database, name)
	switch {
	case codeOf(err) == "EntityNotFoundException": // the table, or the database with it
		return nil, fmt.Errorf("%w: %w", iceberg.ErrNoTable, err)
	case err != nil:
		return nil, err
	case !strings.EqualFold(table.Parameters[tableType], icebergTable):
		return nil, errors.New("the table of this name in Glue is no Iceberg table")
	case table.Parameters[metadataLocation] == "":
		return nil, errors.New("the table in Glue names no metadata file")
	}
	return table, nil
}

// Create implements [iceberg.Catalog].
func (c *Catalog) Create(ctx context.Context, name string, first *iceberg.Metadata) (*iceberg.Table, error) {
	table, err := c.create(ctx, name, first)
	if err != nil {
		return nil, fmt.Errorf("create table %s.%s: %w", c.Database, name, err)
	}
	return table, nil
}

func (c *Catalog) create(ctx context.Context, name string, first *iceberg.Metadata) (*iceberg.Table, error) {
	table, err := c.write(ctx, name, first, 0)
	if err != nil {
		return nil, err
	}
	input := &glue.TableInput{
		Name:              name,
		TableType:         "EXTERNAL_TABLE", // dropping the table keeps the files
		Parameters:        map[string]string{tableType: icebergTable, metadataLocation: table.File},
		StorageDescriptor: &glue.StorageDescriptor{},
	}
	describe(input.StorageDescriptor, first)
	err = c.Client.Once().CreateTable(ctx, c.Database, input)
	switch codeOf(err) {
	case "AlreadyExistsException":
		return nil, fmt.Errorf("%w: %w", iceberg.ErrTableExists, err)
	case "EntityNotFoundException":
		return nil, fmt.Errorf("database %s does not exist; create it: %w", c.Database, err)
	}
	return table, err
}

// Commit implements [iceberg.Catalog]. The name of a metadata file is never used twice,
// so the table is in the state of the base as long as it names the file of the base.
//
// Glue compares no more than the version of its own record, which begins anew in a table
// that is made again. So a commit can land in such a table only if that is made after
// GetTable and before UpdateTable arrives, and is at the same version then.
func (c *Catalog) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	table, err := c.commit(ctx, base, change)
	if err != nil {
		return nil, fmt.Errorf("commit to table %s.%s: %w", c.Database, base.Name, err)
	}
	return table, nil
}

func (c *Catalog) commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	m, err := change.Apply(base.Metadata, base.File)
	if err != nil {
		return nil, err
	}
	there, err := c.get(ctx, base.Name)
	if err != nil {
		return nil, err
	}
	if there.Parameters[metadataLocation] != base.File {
		return nil, iceberg.ErrConflict
	}
	if there.VersionID == "" {
		return nil, errors.New("the table in Glue has no version, so its changes cannot be compared")
	}
	table, err := c.write(ctx, base.Name, m, numberOf(base.File)+1)
	if err != nil {
		return nil, err
	}
	there.Parameters[previousLocation], there.Parameters[metadataLocation] = base.File, table.File
	if there.StorageDescriptor == nil {
		there.StorageDescriptor = &glue.StorageDescriptor{}
	}
	describe(there.StorageDescriptor, m)
	// Once: a second try could find the change of the first, and would report it as that
	// of somebody else.
	err = c.Client.Once().UpdateTable(ctx, c.Database, there)
	switch codeOf(err) {
	case "ConcurrentModificationException", "VersionMismatchException":
		return nil, fmt.Errorf("%w: %w", iceberg.ErrConflict, err)
	case "EntityNotFoundException":
		return nil, fmt.Errorf("%w: %w", iceberg.ErrNoTable, err)
	}
	return table, err
}

// write makes a metadata file, with a name that is never used again.
func (c *Catalog) write(ctx context.Context, name string, m *iceberg.Metadata, number int) (*iceberg.Table, error) {
	data, err := m.JSON()
	if err != nil {
		return nil, err
	}
	folder, err := c.Files.Folder(m)
	if err != nil {
		return nil, err
	}
	uri, err := c.Files.Write(ctx, fmt.Sprintf("%smetadata/%05d-%s.metadata.json", folder, number, iceberg.NewUUID()), data)
	if err != nil {
		return nil, err
	}
	return &iceberg.Table{Name: name, File: uri, Metadata: m}, nil
}

// numberOf is the number in the name of a metadata file; 0 if others named it in
// another way.
func numberOf(file string) int {
	number, _, _ := strings.Cut(path.Base(file), "-")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// codeOf is the code of an error of AWS, or nothing.
func codeOf(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
