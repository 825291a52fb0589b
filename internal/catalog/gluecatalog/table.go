package gluecatalog

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"sluice/internal/catalog"
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

func newTable(t catalog.Table) *types.TableInput {
	return &types.TableInput{
		Name:      &t.Schema.Table,
		TableType: aws.String("EXTERNAL_TABLE"), // dropping the table keeps the files
		Parameters: map[string]string{
			"EXTERNAL":       "TRUE",
			"classification": "parquet", // Glue jobs look for it
			mappingParameter: t.MappingHash,
		},
		StorageDescriptor: &types.StorageDescriptor{
			Columns:      toGlue(nil, catalog.Columns(t.Schema)),
			Location:     aws.String(folder(t.Location)),
			InputFormat:  aws.String(inputFormat),
			OutputFormat: aws.String(outputFormat),
			SerdeInfo: &types.SerDeInfo{
				SerializationLibrary: aws.String(serde),
				Parameters:           map[string]string{"serialization.format": "1"},
			},
		},
	}
}

// folder ends a location with a slash: without it s3://b/orders would also be
// the beginning of s3://b/orders_old/.
func folder(location string) string { return strings.TrimRight(location, "/") + "/" }

// asInput is a table as it was found, in the form that UpdateTable takes. What is
// not sent is deleted. The fields of views are left out: views are not updated.
func asInput(t *types.Table) *types.TableInput {
	return &types.TableInput{
		Name:              t.Name,
		Description:       t.Description,
		Owner:             t.Owner,
		LastAccessTime:    t.LastAccessTime,
		LastAnalyzedTime:  t.LastAnalyzedTime,
		Retention:         t.Retention,
		StorageDescriptor: t.StorageDescriptor,
		PartitionKeys:     t.PartitionKeys,
		TableType:         t.TableType,
		Parameters:        t.Parameters,
		TargetTable:       t.TargetTable,
	}
}

func fromGlue(columns []types.Column) []catalog.Column {
	all := make([]catalog.Column, len(columns))
	for i, c := range columns {
		all[i] = catalog.Column{Name: aws.ToString(c.Name), Type: aws.ToString(c.Type), Comment: aws.ToString(c.Comment)}
	}
	return all
}

// toGlue is the reverse of fromGlue. The merged columns begin with those of the
// table; these keep what else the catalog has for them, such as parameters.
func toGlue(have []types.Column, merged []catalog.Column) []types.Column {
	all := make([]types.Column, len(merged))
	copy(all, have)
	for i, c := range merged {
		all[i].Name, all[i].Type = aws.String(c.Name), aws.String(c.Type)
		if c.Comment != "" {
			all[i].Comment = aws.String(c.Comment)
		}
	}
	return all
}
