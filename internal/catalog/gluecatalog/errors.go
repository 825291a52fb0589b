package gluecatalog

import (
	"fmt"

	"sluice/internal/catalog"
)

const (
	notFound      = "EntityNotFoundException"
	alreadyExists = "AlreadyExistsException"
)

// conflict marks the errors after which the table must be read again.
func conflict(err error) error {
	switch catalog.CodeOf(err) {
	case alreadyExists, // between our GetTable and CreateTable
		notFound, // between our GetTable and UpdateTable
		"ConcurrentModificationException", "VersionMismatchException":
		return fmt.Errorf("%w: %w", catalog.ErrConflict, err)
	}
	return err
}
