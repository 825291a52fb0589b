package gluecrawler

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/catalog"
)

// fingerprints are what a crawl has to find out of each table: by its name, the
// SHA-256, in hex, of where its files are and of its columns.
type fingerprints map[string]string

// fingerprintsOf are those of the tables that have files. It leaves out the
// comments of columns, which files do not have, and their order, which the
// crawler keeps as it found it first.
func fingerprintsOf(tables []catalog.Table) fingerprints {
	all := make(fingerprints, len(tables))
	for _, t := range tables {
		if !t.Written {
			continue // a crawl would not find these columns
		}
		columns := catalog.Columns(t.Schema)
		slices.SortFunc(columns, func(a, b catalog.Column) int { return cmp.Compare(a.Name, b.Name) })
		h := sha256.New()
		fmt.Fprintf(h, "%q\n", strings.TrimRight(t.Location, "/"))
		for _, c := range columns {
			fmt.Fprintf(h, "%q %q\n", c.Name, c.Type)
		}
		all[t.Schema.Table] = hex.EncodeToString(h.Sum(nil))
	}
	return all
}

// in reports whether others has each of these tables just so.
func (f fingerprints) in(others fingerprints) bool {
	for name, sum := range f {
		if others[name] != sum {
			return false
		}
	}
	return true
}
