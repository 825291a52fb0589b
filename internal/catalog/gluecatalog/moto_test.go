package gluecatalog_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"sluice/internal/catalog"
	"sluice/internal/catalog/catalogtest"
	"sluice/internal/catalog/gluecatalog"
	"sluice/internal/servertest"
)

// The concurrent part of the suite is not run on moto: it takes every VersionId.
func TestMoto(t *testing.T) {
	client := newClient(servertest.Moto(t).Endpoint)
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture {
		_, err := client.DeleteDatabase(t.Context(), &glue.DeleteDatabaseInput{Name: aws.String("sales")})
		var missing *types.EntityNotFoundException
		if err != nil && !errors.As(err, &missing) {
			t.Fatal(err)
		}
		create(t, client, "sales")
		return fixture(client)
	})
	t.Run("partitions", func(t *testing.T) { testMotoPartitions(t, client) })
}

func create(t *testing.T, client *glue.Client, database string) {
	t.Helper()
	if _, err := client.CreateDatabase(t.Context(), &glue.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: &database}}); err != nil {
		t.Fatal(err)
	}
}

func testMotoPartitions(t *testing.T, client *glue.Client) {
	create(t, client, "partitioned")
	c := gluecatalog.New(client)
	other := table("a")
	other.Database = "partitioned"
	if _, err := c.Refresh(t.Context(), []catalog.Table{other}); err != nil {
		t.Fatal(err)
	}
	name := aws.String("partitioned")
	got, err := client.GetTable(t.Context(), &glue.GetTableInput{DatabaseName: name, Name: aws.String("t")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateTable(t.Context(), &glue.UpdateTableInput{DatabaseName: name, TableInput: &types.TableInput{
		Name: aws.String("t"), StorageDescriptor: got.Table.StorageDescriptor, TableType: got.Table.TableType,
		PartitionKeys: []types.Column{{Name: aws.String("day"), Type: aws.String("string")}},
	}}); err != nil {
		t.Fatal(err)
	}
	for _, partitions := range [][]gluecatalog.Partition{days(0, 30), days(20, 150)} {
		if err := c.AddPartitions(t.Context(), "partitioned", "t", partitions); err != nil {
			t.Fatal(err)
		}
	}
	all, err := client.GetPartitions(t.Context(), &glue.GetPartitionsInput{DatabaseName: name, TableName: aws.String("t")})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Partitions) != 150 {
		t.Errorf("%d partitions are registered, want 150", len(all.Partitions))
	}
}
