package gluecatalog_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"sluice/internal/catalog/catalogtest"
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
}

func create(t *testing.T, client *glue.Client, database string) {
	t.Helper()
	if _, err := client.CreateDatabase(t.Context(), &glue.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: &database}}); err != nil {
		t.Fatal(err)
	}
}
