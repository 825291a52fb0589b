package gluecatalog_test

import (
	"testing"

	"sluice/internal/catalog/catalogtest"
	"sluice/internal/servertest"
)

// The concurrent part of the suite is not run on moto: it takes every VersionId.
func TestMoto(t *testing.T) {
	endpoint := servertest.Moto(t).Endpoint
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture {
		servertest.Glue(t, endpoint, "DeleteDatabase", object{"Name": "sales"}, "EntityNotFoundException")
		servertest.Glue(t, endpoint, "CreateDatabase", object{"DatabaseInput": object{"Name": "sales"}})
		return fixture(t, endpoint)
	})
}
