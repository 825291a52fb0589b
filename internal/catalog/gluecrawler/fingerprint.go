package gluecrawler

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/catalog"
)

// fingerprints are what a crawl must find out about each table. They map its name
// to the SHA-256, in hex, of its location and its columns.
type fingerprints map[string]string

// fingerprintsOf are the fingerprints of the tables that have files. They leave
// out the comments of columns, which files do not have, and the order of columns,
// which the crawler keeps as it first found it.
func fingerprintsOf(tables []catalog.Table) fingerprints {
	all := make(fingerprints, len(tables))
	for _, t := range tables {
		if !t.Written {
			continue // a crawl would not find these columns
		}
		var columns []string
		for _, c := range catalog.Columns(t.Schema) {
			columns = append(columns, fmt.Sprintf("%q %q\n", c.Name, c.Type))
		}
		slices.Sort(columns)
		h := sha256.New()
		fmt.Fprintf(h, "%q\n", strings.TrimRight(t.Location, "/"))
		h.Write([]byte(strings.Join(columns, "")))
		all[t.Schema.Table] = hex.EncodeToString(h.Sum(nil))
	}
	return all
}

// in reports whether others has each of these tables with the same fingerprint.
func (f fingerprints) in(others fingerprints) bool {
	for name, sum := range f {
		if others[name] != sum {
			return false
		}
	}
	return true
}
