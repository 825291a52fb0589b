package cli

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluice/internal/awsconfig"
	"sluice/internal/config"
	"sluice/internal/setup"
)

// placeFlags say where the buckets or folders are, for all commands that work
// on them.
type placeFlags struct {
	config, lake, mapping string
	table                 bool
	partition             []string
}

func (f *placeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.config, "config", "c", "", "configuration `file`, see docs/config.md (default the SLUICE_* variables)")
	cmd.Flags().StringVar(&f.lake, "lake", "", "local `folder` to use instead of the buckets")
	mappingFlag(cmd, &f.mapping)
	cmd.Flags().BoolVar(&f.table, "table", false, "of a new --lake, and for --partition: the rows of many objects share the files of Iceberg tables")
	cmd.Flags().StringArrayVar(&f.partition, "partition", nil, "with --table: divide the rows of tables by a `column`, or by day(column), month(column), bucket(16, column), …; may be repeated")
	complete(cmd, "config", completeExtension("yaml", "yml"))
	complete(cmd, "lake", completeFolder)
}

// load reads the configuration. With --lake alone, the folders have the names that
// they have by default in a bucket.
func (f *placeFlags) load(cmd *cobra.Command, getenv func(string) string) (config.Config, error) {
	if f.lake != "" && f.config == "" {
		c := setup.Lake(f.lake)
		if len(f.partition) > 0 && !f.table {
			return c, usage(cmd, "--partition needs --table")
		}
		if f.table {
			var err error
			if c.Table, err = config.FileTable(f.partition); err != nil {
				return c, usage(cmd, "--partition: %w", err)
			}
		}
		c.Mapping = cmp.Or(f.mapping, getenv("SLUICE_MAPPING"), ownMapping(f.lake))
		key, err := config.LoadHashKey(getenv)
		if err != nil {
			return c, usage(cmd, "%w", err)
		}
		c.HashKey = key
		return c, nil
	}
	if f.table || len(f.partition) > 0 {
		return config.Config{}, usage(cmd, "--table and --partition are for --lake without -c; the configuration has the section table")
	}
	c, err := config.Load(f.config, getenv)
	if err != nil {
		return c, usage(cmd, "%w", err)
	}
	c.Mapping = cmp.Or(f.mapping, c.Mapping)
	for _, l := range []config.Location{c.Source, c.Sink, c.Ledger, c.Quarantine} {
		if f.lake != "" && l.Bucket == "" {
			return c, usage(cmd, "the configuration names the folder %s of the disk, and --lake has folders in the place of buckets only: leave out --lake, or name buckets, as s3://bucket/folder/", l)
		}
	}
	return c, nil
}

// lakeMapping is the mapping of a lake in a folder, if it has one of its own.
const lakeMapping = "mapping.yaml"

// ownMapping is the mapping file in a lake; empty if there is none.
func ownMapping(lake string) string {
	name := filepath.Join(lake, lakeMapping)
	if _, err := os.Lstat(name); err != nil {
		return ""
	}
	return name
}

// setup opens what the flags name.
func (a *app) setup(cmd *cobra.Command, f placeFlags) (*setup.Setup, error) {
	c, err := f.load(cmd, a.getenv)
	if err != nil {
		return nil, err
	}
	return setup.New(cmd.Context(), c, f.lake, awsconfig.Load)
}
