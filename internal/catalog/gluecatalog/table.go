package gluecatalog

import (
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/glue"
)

// The classes by which Hive, and with it Athena, Spectrum and Spark, recognise a
// table of Parquet files
// (https://docs.aws.amazon.com/athena/latest/ug/parquet-serde.html).
const (
	inputFormat  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
	outputFormat = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
	serde        = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
)

// mappingParameter is the table parameter with the hash of the mapping that last
// changed the table.
const mappingParameter = "sluice.mapping_sha256"

func newTable(t catalog.Table) *glue.TableInput {
	return &glue.TableInput{
		Name:      t.Schema.Table,
		TableType: "EXTERNAL_TABLE", // dropping the table keeps the files
		Parameters: map[string]string{
			"EXTERNAL":       "TRUE",
			"classification": "parquet", // Glue jobs look for it
			mappingParameter: t.MappingHash,
		},
		StorageDescriptor: &glue.StorageDescriptor{
			Columns:      toGlue(nil, catalog.Columns(t.Schema)),
			Location:     folder(t.Location),
			InputFormat:  inputFormat,
			OutputFormat: outputFormat,
			SerdeInfo: &glue.SerDeInfo{
				SerializationLibrary: serde,
				Parameters:           map[string]string{"serialization.format": "1"},
			},
		},
	}
}

// folder ends a location with a slash: without it s3://b/orders would also be
// the beginning of s3://b/orders_old/.
func folder(location string) string { return strings.TrimRight(location, "/") + "/" }

func fromGlue(columns []glue.Column) []catalog.Column {
	all := make([]catalog.Column, len(columns))
	for i, c := range columns {
		all[i] = catalog.Column{Name: c.Name, Type: c.Type, Comment: c.Comment}
	}
	return all
}

// toGlue is the reverse of fromGlue. The merged columns begin with those of the
// table; these keep what else the catalog has for them, such as parameters.
func toGlue(have []glue.Column, merged []catalog.Column) []glue.Column {
	all := make([]glue.Column, len(merged))
	copy(all, have)
	for i, c := range merged {
		all[i].Name, all[i].Type = c.Name, c.Type
		if c.Comment != "" {
			all[i].Comment = c.Comment
		}
	}
	return all
}
