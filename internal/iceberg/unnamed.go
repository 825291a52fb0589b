package iceberg

import (
	"fmt"
	"maps"
	"slices"
)

// Manifests of files that no snapshot names yet: whoever keeps them for a later commit has
// all that the commit says of them, with the types of their partitions.

// Unnamed is such a manifest. Its files follow one partition spec.
type Unnamed struct {
	SpecID   int32  `json:"spec_id"`
	Manifest []byte `json:"manifest"`
}

// EncodeFiles makes manifests of data files, one for each partition spec.
func (m *Metadata) EncodeFiles(files []SpecFile) (all []Unnamed, err error) {
	entries := map[int32][]Entry{}
	for i := range files {
		entries[files[i].SpecID] = append(entries[files[i].SpecID], Entry{Status: Added, File: files[i].DataFile})
	}
	for _, spec := range slices.Sorted(maps.Keys(entries)) {
		u := Unnamed{SpecID: spec}
		if u.Manifest, _, err = writeManifest(m, spec, DataManifest, 0, 0, entries[spec]); err != nil {
			return nil, fmt.Errorf("write manifest: %w", err)
		}
		all = append(all, u)
	}
	return all, nil
}

// DecodeFiles are the files of such manifests.
func (m *Metadata) DecodeFiles(all []Unnamed) (files []SpecFile, err error) {
	for i := range all {
		u := &all[i]
		err := readManifest(m, &Manifest{SpecID: u.SpecID}, u.Manifest, func(e *Entry) error {
			files = append(files, SpecFile{u.SpecID, e.File})
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
	}
	return files, nil
}
